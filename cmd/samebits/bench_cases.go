package main

import (
	"context"
	"fmt"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// benchCase is one operation to time. Its sizes ascend; the first exists to
// predict the next, so that a slow device is not asked for a minute's work.
type benchCase struct {
	name  string // the line's name; its first word is the operation's
	op    string
	unit  string
	all   bool // every size past the first gets its line; else the largest that fits
	sizes []benchSize
}

// benchSize is one shape and its work in the case's unit: 10⁹ floating-point
// operations, 10⁶ elements or 10⁹ bytes.
type benchSize struct {
	shape string
	work  float64
	build func(s *backend.Scope) backend.Op
}

// keep returns the sizes that get a line if time allows.
func (c benchCase) keep() []benchSize {
	if c.all {
		return c.sizes[1:]
	}
	return c.sizes[len(c.sizes)-1:]
}

// warm builds the operation and runs it until kernels are compiled and caches
// are warm; its one sample is the seconds of a run. The result is not nil
// where its scope must be closed.
func (c benchCase) warm(ctx context.Context, dev *backend.Device, size benchSize) (*running, error) {
	r := &running{name: c.name, size: size, unit: c.unit, scope: backend.NewScope(ctx, dev)}
	r.op = size.build(r.scope)
	if err := r.scope.Err(); err != nil {
		return r, err
	}
	if _, err := r.run(ctx, dev, 1); err != nil {
		return r, err
	}
	seconds, err := r.run(ctx, dev, 1)
	r.samples = []float64{max(seconds, 1e-9)}
	return r, err
}

// benchNames lists the operations that bench knows.
func benchNames() []string {
	var names []string
	for _, c := range benchCases("") {
		if !slices.Contains(names, c.op) {
			names = append(names, c.op)
		}
	}
	return names
}

// normals returns a matrix of normal numbers.
func normals(s *backend.Scope, dtype backend.DType, rows, cols int) *backend.Tensor {
	draws := backend.Draws{Use: exact.UseTest}
	if dtype == backend.Complex64 {
		parts := make([]complex64, rows*cols)
		for i := range parts {
			word := exact.Word(0, exact.UseTest, 0, 0, 0, uint64(i))
			parts[i] = complex(float32(word>>16)*0x1p-16, float32(word&0xffff)*0x1p-16)
		}
		return backend.Put(s, rows, cols, parts)
	}
	x := s.New(dtype, rows, cols)
	s.Run(&backend.Fill{Y: x, Distribution: backend.Normal, Draws: draws})
	return x
}

func square(dtype backend.DType, n int, flops float64) benchSize {
	return benchSize{fmt.Sprintf("%d×%d · %d×%d", n, n, n, n), flops * float64(n) * float64(n) * float64(n) / 1e9,
		func(s *backend.Scope) backend.Op {
			return &backend.MatMul{C: s.New(dtype, n, n), A: normals(s, dtype, n, n), B: normals(s, dtype, n, n)}
		}}
}

// matrix is a size rows×cols whose work is weight a number.
func matrix(rows, cols int, weight float64, build func(s *backend.Scope, x *backend.Tensor) backend.Op) benchSize {
	return benchSize{fmt.Sprintf("%d×%d", rows, cols), weight * float64(rows) * float64(cols),
		func(s *backend.Scope) backend.Op { return build(s, normals(s, backend.Float32, rows, cols)) }}
}

// nearest is n points against k centres in d dimensions, 2·n·k·d operations.
func nearest(n, d, k int) benchSize {
	return benchSize{fmt.Sprintf("%d×%d, k = %d", n, d, k), 2 * float64(n) * float64(d) * float64(k) / 1e9,
		func(s *backend.Scope) backend.Op {
			x := normals(s, backend.Float32, n, d)
			return &backend.Nearest{Index: s.New(backend.Int32, n, 1), Distance: s.New(backend.Float32, n, 1),
				X: x, C: s.View(x, 0, k, 0, d), Shift: s.View(x, 0, 1, 0, d)}
		}}
}

// scatterSum sums n rows into k by label.
func scatterSum(n, d, k int) benchSize {
	return benchSize{fmt.Sprintf("%d×%d, k = %d", n, d, k), float64(n) * float64(d) / 1e6,
		func(s *backend.Scope) backend.Op {
			labels, exponents := make([]int32, n), make([]int32, d)
			for i := range labels {
				labels[i] = int32(exact.Word(0, exact.UseTest, 1, 0, 0, uint64(i)) % uint32(k))
			}
			for j := range exponents {
				exponents[j] = exact.ScatterExponent(16) // above every normal variate
			}
			return &backend.ScatterSum{Sums: s.New(backend.Uint32, k, exact.ScatterWords(d)), X: normals(s, backend.Float32, n, d),
				Label: backend.Put(s, n, 1, labels), Exponent: backend.Put(s, 1, d, exponents)}
		}}
}

// benchCases lists what bench times; op filters by operation, empty means all.
func benchCases(op string) []benchCase {
	like := func(s *backend.Scope, x *backend.Tensor) *backend.Tensor {
		return s.New(backend.Float32, x.Rows(), x.Cols())
	}
	softmax := func(s *backend.Scope, x *backend.Tensor) backend.Op { return &backend.Softmax{Y: like(s, x), X: x} }
	draw := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Categorical{Index: s.New(backend.Int32, x.Rows(), 1), X: x, Draws: backend.Draws{Use: exact.UseTest}}
	}
	exp := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Map{Fn: backend.FnExp, Y: like(s, x), A: x}
	}
	sum := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Reduce{Y: s.New(backend.Float32, x.Rows(), 1), X: x}
	}
	duplicate := func(s *backend.Scope, x *backend.Tensor) backend.Op { return &backend.Copy{Y: like(s, x), X: x} }
	const flops, elements, bytes = "GFLOP/s", "M elements/s", "GB/s"
	all := []benchCase{
		{name: "matmul", op: "matmul", unit: flops, all: true, sizes: []benchSize{square(backend.Float32, 64, 2),
			square(backend.Float32, 256, 2), square(backend.Float32, 512, 2), square(backend.Float32, 1024, 2)}},
		{name: "matmul complex64", op: "matmul", unit: flops, sizes: []benchSize{square(backend.Complex64, 64, 8), square(backend.Complex64, 256, 8)}},
		{name: "softmax", op: "softmax", unit: elements, sizes: []benchSize{matrix(32, 1000, 1e-6, softmax), matrix(1024, 1000, 1e-6, softmax)}},
		{name: "categorical", op: "categorical", unit: elements, sizes: []benchSize{matrix(32, 1000, 1e-6, draw), matrix(1024, 1000, 1e-6, draw)}},
		{name: "nearest", op: "nearest", unit: flops, sizes: []benchSize{nearest(1000, 32, 64), nearest(100_000, 32, 64)}},
		{name: "scattersum", op: "scattersum", unit: elements, sizes: []benchSize{scatterSum(1000, 32, 64), scatterSum(100_000, 32, 64)}},
		{name: "map exp", op: "map", unit: elements, sizes: []benchSize{matrix(32, 1024, 1e-6, exp), matrix(4096, 1024, 1e-6, exp)}},
		{name: "reduce sum", op: "reduce", unit: bytes, sizes: []benchSize{matrix(32, 1024, 4e-9, sum), matrix(4096, 1024, 4e-9, sum)}},
		{name: "copy", op: "copy", unit: bytes, sizes: []benchSize{matrix(32, 1024, 8e-9, duplicate), matrix(4096, 1024, 8e-9, duplicate)}},
	}
	return slices.DeleteFunc(all, func(c benchCase) bool { return op != "" && c.op != op })
}
