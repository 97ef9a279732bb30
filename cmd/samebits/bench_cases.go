package main

import (
	"context"
	"fmt"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
	"samebits/cpu"
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

// benchSize is one shape and its work in the case's unit: 10⁹ operations, 10⁶
// elements or 10⁹ bytes; flops is its arithmetic.
type benchSize struct {
	shape string
	work  float64
	flops float64
	build func(s *backend.Scope) backend.Op
}

// Operations for one element, counted in the contract's sequences: a
// multiply-add is two, any other step of float or integer arithmetic one.
const (
	expFlops     = 22
	gumbelFlops  = 90 // a quarter of a Philox block, log1p and log
	normalFlops  = 65 // a quarter of a Philox block, half a Box-Muller pair
	scatterFlops = 10 // scaling, two roundings, two integer sums
)

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

// square is the product of two n×n matrices, flops operations a step.
func square(dtype backend.DType, n int, flops float64) benchSize {
	work := flops * float64(n) * float64(n) * float64(n) / 1e9
	return benchSize{fmt.Sprintf("%d×%d · %d×%d", n, n, n, n), work, work, func(s *backend.Scope) backend.Op {
		if dtype != backend.Int8 {
			return &backend.MatMul{C: s.New(dtype, n, n), A: normals(s, dtype, n, n), B: normals(s, dtype, n, n)}
		}
		// The variance of a sum, √n·73², times 2⁻¹² stays within int8 for the sizes here.
		r := &backend.Requant{Min: -128, Max: 127, Multiplier: backend.Put(s, 1, 1, []int32{1 << 30}), Shift: backend.Put(s, 1, 1, []int32{-11})}
		return &backend.QMatMul{C: s.New(dtype, n, n), A: integers(s, n), B: integers(s, n), Requant: r}
	}}
}

// integers returns an n×n matrix of all int8 values.
func integers(s *backend.Scope, n int) *backend.Tensor {
	q := make([]int8, n*n)
	for i := range q {
		q[i] = int8(exact.Word(0, exact.UseTest, 0, 0, 0, uint64(i)))
	}
	return backend.Put(s, n, n, q)
}

// matrix is a size rows×cols whose work is weight and whose arithmetic is
// flops a number.
func matrix(rows, cols int, weight, flops float64, build func(s *backend.Scope, x *backend.Tensor) backend.Op) benchSize {
	n := float64(rows) * float64(cols)
	return benchSize{fmt.Sprintf("%d×%d", rows, cols), weight * n, flops * n / 1e9,
		func(s *backend.Scope) backend.Op { return build(s, normals(s, backend.Float32, rows, cols)) }}
}

// pairs is n points against k others in d dimensions, flops operations for
// each coordinate of a pair.
func pairs(n, d, k int, flops float64, build func(s *backend.Scope, x, c *backend.Tensor) backend.Op) benchSize {
	work := flops * float64(n) * float64(d) * float64(k) / 1e9
	return benchSize{fmt.Sprintf("%d×%d, k = %d", n, d, k), work, work, func(s *backend.Scope) backend.Op {
		x := normals(s, backend.Float32, n, d)
		return build(s, x, s.View(x, 0, k, 0, d))
	}}
}

// scatterSum sums n rows into k by label.
func scatterSum(n, d, k int) benchSize {
	return benchSize{fmt.Sprintf("%d×%d, k = %d", n, d, k), float64(n) * float64(d) / 1e6, scatterFlops * float64(n) * float64(d) / 1e9,
		func(s *backend.Scope) backend.Op {
			exponents := make([]int32, d)
			for j := range exponents {
				exponents[j] = exact.ScatterExponent(16) // above every normal variate
			}
			return &backend.ScatterSum{Sums: s.New(backend.Uint32, k, exact.ScatterWords(d)), X: normals(s, backend.Float32, n, d),
				Label: indices(s, n, k), Exponent: backend.Put(s, 1, d, exponents)}
		}}
}

// indices returns n random numbers below k.
func indices(s *backend.Scope, n, k int) *backend.Tensor {
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = int32(exact.Word(0, exact.UseTest, 1, 0, 0, uint64(i)) % uint32(k))
	}
	return backend.Put(s, n, 1, labels)
}

// benchCases lists what bench times; op filters by operation, empty means all.
func benchCases(op string) []benchCase {
	like := func(s *backend.Scope, x *backend.Tensor) *backend.Tensor {
		return s.New(backend.Float32, x.Rows(), x.Cols())
	}
	drawn := backend.Draws{Use: exact.UseTest}
	softmax := func(s *backend.Scope, x *backend.Tensor) backend.Op { return &backend.Softmax{Y: like(s, x), X: x} }
	logSumExp := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.LogSumExp{Y: s.New(backend.Float32, x.Rows(), 1), X: x}
	}
	draw := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Categorical{Index: s.New(backend.Int32, x.Rows(), 1), X: x, Draws: drawn}
	}
	topP := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Filter{Y: like(s, x), X: x, Kind: backend.FilterTopP, P: 0.9}
	}
	relaxed := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.GumbelSoftmax{Y: like(s, x), X: x, Draws: drawn}
	}
	subset := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.WithoutReplacement{Index: s.New(backend.Int32, x.Rows(), 8), X: x, Draws: drawn}
	}
	fill := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Fill{Y: x, Distribution: backend.Normal, Draws: drawn}
	}
	nearest := func(s *backend.Scope, x, c *backend.Tensor) backend.Op {
		n := x.Rows()
		return &backend.Nearest{Index: s.New(backend.Int32, n, 1), Distance: s.New(backend.Float32, n, 1), X: x, C: c,
			Shift: s.View(x, 0, 1, 0, x.Cols())}
	}
	distances := func(s *backend.Scope, x, c *backend.Tensor) backend.Op {
		return &backend.Distances{D: s.New(backend.Float32, x.Rows(), c.Rows()), X: x, C: c}
	}
	pairwise := func(s *backend.Scope, x, c *backend.Tensor) backend.Op {
		return &backend.PairwiseSum{Y: s.New(backend.Float32, x.Rows(), 1), X: x, C: c}
	}
	exp := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Map{Fn: backend.FnExp, Y: like(s, x), A: x}
	}
	sum := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Reduce{Y: s.New(backend.Float32, x.Rows(), 1), X: x}
	}
	columns := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Reduce{Y: s.New(backend.Float32, 1, x.Cols()), X: x, Axis: backend.AlongColumn}
	}
	topK := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.TopK{Index: s.New(backend.Int32, x.Rows(), 8), X: x}
	}
	gather := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Gather{Y: like(s, x), X: x, Index: indices(s, x.Rows(), x.Rows())}
	}
	transpose := func(s *backend.Scope, x *backend.Tensor) backend.Op {
		return &backend.Transpose{Y: s.New(backend.Float32, x.Cols(), x.Rows()), X: x}
	}
	duplicate := func(s *backend.Scope, x *backend.Tensor) backend.Op { return &backend.Copy{Y: like(s, x), X: x} }

	flops, bytes := cpu.Compute.Unit(), cpu.Memory.Unit()
	const elements = "M elements/s"
	type building = func(s *backend.Scope, x *backend.Tensor) backend.Op
	// rows of 1000 logits; wide is data that no cache holds.
	rows := func(each float64, build building) []benchSize {
		return []benchSize{matrix(32, 1000, 1e-6, each, build), matrix(1024, 1000, 1e-6, each, build), matrix(16384, 1000, 1e-6, each, build)}
	}
	wide := func(weight, each float64, build building) []benchSize {
		return []benchSize{matrix(32, 1024, weight, each, build), matrix(4096, 1024, weight, each, build), matrix(32768, 1024, weight, each, build)}
	}
	all := []benchCase{
		{name: "matmul", op: "matmul", unit: flops, all: true, sizes: []benchSize{square(backend.Float32, 64, 2),
			square(backend.Float32, 256, 2), square(backend.Float32, 512, 2), square(backend.Float32, 1024, 2)}},
		{name: "matmul complex64", op: "matmul", unit: flops, sizes: []benchSize{square(backend.Complex64, 64, 8), square(backend.Complex64, 256, 8)}},
		{name: "qmatmul", op: "qmatmul", unit: cpu.Integer.Unit(), sizes: []benchSize{square(backend.Int8, 64, 2), square(backend.Int8, 256, 2), square(backend.Int8, 1024, 2)}},
		{name: "softmax", op: "softmax", unit: elements, sizes: rows(expFlops+4, softmax)},
		{name: "logsumexp", op: "logsumexp", unit: elements, sizes: rows(expFlops+3, logSumExp)},
		{name: "categorical", op: "categorical", unit: elements, sizes: rows(gumbelFlops+3, draw)},
		{name: "filter top-p", op: "filter", unit: elements, sizes: rows(expFlops+4, topP)},
		{name: "gumbelsoftmax", op: "gumbelsoftmax", unit: elements, sizes: rows(gumbelFlops+expFlops+5, relaxed)},
		{name: "withoutreplacement", op: "withoutreplacement", unit: elements, sizes: rows(gumbelFlops+3, subset)},
		{name: "fill normal", op: "fill", unit: elements, sizes: wide(1e-6, normalFlops, fill)},
		{name: "nearest", op: "nearest", unit: flops, sizes: []benchSize{pairs(1000, 32, 64, 2, nearest), pairs(100_000, 32, 64, 2, nearest)}},
		{name: "distances", op: "distances", unit: flops, sizes: []benchSize{pairs(1000, 32, 64, 3, distances), pairs(20_000, 32, 64, 3, distances)}},
		{name: "pairwisesum", op: "pairwisesum", unit: flops, sizes: []benchSize{pairs(100, 32, 100, 3, pairwise), pairs(2000, 32, 2000, 3, pairwise)}},
		{name: "scattersum", op: "scattersum", unit: elements, sizes: []benchSize{scatterSum(1000, 32, 64), scatterSum(100_000, 32, 64), scatterSum(1_000_000, 32, 64)}},
		{name: "map exp", op: "map", unit: elements, sizes: wide(1e-6, expFlops, exp)},
		{name: "reduce sum", op: "reduce", unit: bytes, sizes: wide(4e-9, 1, sum)},
		{name: "reduce columns", op: "reduce", unit: bytes, sizes: wide(4e-9, 1, columns)},
		{name: "topk", op: "topk", unit: elements, sizes: rows(1, topK)},
		{name: "gather", op: "gather", unit: bytes, sizes: wide(8e-9, 0, gather)},
		{name: "transpose", op: "transpose", unit: bytes, sizes: wide(8e-9, 0, transpose)},
		{name: "copy", op: "copy", unit: bytes, sizes: wide(8e-9, 0, duplicate)},
	}
	return slices.DeleteFunc(all, func(c benchCase) bool { return op != "" && c.op != op })
}
