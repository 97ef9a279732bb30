package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/cluster"
	"samebits/backend"
	"samebits/backend/exact"
	"samebits/cpu"
)

// work is one thing that both sides do, on the same data, and whose results
// must agree before either is timed.
type work struct {
	name    string
	title   string    // in prose
	kind    string    // names a group of works
	request string    // as the workers' protocol calls it, where that is not the kind
	numbers []float64 // the protocol's arguments, sizes first
	unit    string
	amount  float64   // in unit·seconds: 10⁹ operations or 10⁶ elements
	threads int       // the only thread count that it is measured on; 0 is any
	bound   cpu.Bound // whose ceiling a share of means something; none where it is empty
	peers   []string
	operand func(s *backend.Scope) map[string]*backend.Tensor // by the name of the file that workers read
	// prepare returns what runs the work once, outputs allocated, and what
	// reads the result of the last run.
	prepare func(s *backend.Scope, in map[string]*backend.Tensor) (run func(ctx context.Context) error, result func() (any, error))
	// compare returns how far a peer's result is from ours and the most that
	// two honest computations of the same thing may differ by.
	compare func(in map[string]*backend.Tensor, ours any, theirs values) (difference, allowed float64, err error)
}

const elements = "M elements/s"

var flops, integers = cpu.Compute.Unit(), cpu.Integer.Unit()

// sizes are the shapes of all works; tests use smaller ones.
type sizes struct {
	products              []int
	complexProduct        int
	rows, columns, centre int // of the clustering works
	iterations            int
	softmaxRows, softmax  int
	intProduct            int
	few                   [][3]int // M, N and K of products of few outputs
}

// fullSizes are the shapes that the goals speak of.
var fullSizes = sizes{products: []int{64, 128, 256, 512, 1024, 2048}, complexProduct: 1024,
	rows: 200_000, columns: 64, centre: 256, iterations: 5, softmaxRows: 4096, softmax: 8192, intProduct: 2048,
	few: [][3]int{{4, 4, 4096}, {1, 16, 4096}, {16, 1, 4096}, {8, 8, 4096}, {16, 16, 4096}, {64, 64, 4096}}}

// works lists everything that is compared.
func (z sizes) works() []work {
	var all []work
	for _, n := range z.products {
		all = append(all, product("matmul", backend.Float32, n, n, n))
	}
	n := z.complexProduct
	all = append(all, product("cmatmul", backend.Complex64, n, n, n), nearestCentre(z), lloyd(z), softmax(z), draw(z), intProduct(z.intProduct))
	for _, s := range z.few {
		all = append(all, fewOutputs(s[0], s[1], s[2]))
	}
	return all
}

// seed of all data and draws.
const seed = 1

// normals returns rows×cols normal numbers of their own stream.
func normals(s *backend.Scope, rows, cols int, stream uint16) *backend.Tensor {
	t := s.New(backend.Float32, rows, cols)
	s.Run(&backend.Fill{Y: t, Distribution: backend.Normal, Draws: backend.Draws{Seed: seed, Use: exact.UseTest, Sub: stream}})
	return t
}

// onDevice is a work of one operation.
func onDevice(s *backend.Scope, op backend.Op) func(context.Context) error {
	if s.Err() != nil {
		return func(context.Context) error { return s.Err() }
	}
	dev := backend.Operands(op)[0].Tensor.Device()
	return func(ctx context.Context) error {
		if s.Err() != nil {
			return s.Err()
		}
		if err := dev.Run(ctx, op); err != nil {
			return err
		}
		return dev.Sync(ctx)
	}
}

// product is m×k by k×n, all row-major.
func product(kind string, dtype backend.DType, m, n, k int) work {
	numbers, shape := []float64{float64(m), float64(n), float64(k)}, fmt.Sprintf("%d×%d×%d", m, n, k)
	if m == n && n == k {
		shape = fmt.Sprintf("%d³", n)
	}
	w := work{name: fmt.Sprintf("%s-%dx%dx%d", kind, m, n, k), title: fmt.Sprintf("%v product %s", dtype, shape), kind: kind, numbers: numbers, unit: flops,
		amount: 2 * numbers[0] * numbers[1] * numbers[2] / 1e9, bound: cpu.Compute, peers: []string{"openblas", "numpy", "torch"}, compare: closeFloats(float32Tolerance(k))}
	if m == n && n == k {
		w.name = fmt.Sprintf("%s-%d", kind, n)
	}
	if dtype == backend.Complex64 {
		w.amount *= 4
	}
	w.operand = func(s *backend.Scope) map[string]*backend.Tensor {
		if dtype == backend.Float32 {
			return map[string]*backend.Tensor{"a": normals(s, m, k, 1), "b": normals(s, k, n, 2)}
		}
		return map[string]*backend.Tensor{"a": complexNormals(s, m, k, 1), "b": complexNormals(s, k, n, 2)}
	}
	w.prepare = func(s *backend.Scope, in map[string]*backend.Tensor) (func(context.Context) error, func() (any, error)) {
		c := s.New(dtype, m, n)
		return onDevice(s, &backend.MatMul{C: c, A: in["a"], B: in["b"]}), func() (any, error) {
			if dtype == backend.Float32 {
				v := backend.Get[float32](s, c)
				return v, s.Err()
			}
			v := backend.Get[complex64](s, c)
			return pairs(v), s.Err()
		}
	}
	return w
}

func complexNormals(s *backend.Scope, rows, cols int, stream uint16) *backend.Tensor {
	parts := backend.Get[float32](s, normals(s, rows, 2*cols, stream))
	z := make([]complex64, len(parts)/2)
	for i := range z {
		z[i] = complex(parts[2*i], parts[2*i+1])
	}
	return backend.Put(s, rows, cols, z)
}

func pairs(z []complex64) []float32 {
	out := make([]float32, 0, 2*len(z))
	for _, v := range z {
		out = append(out, real(v), imag(v))
	}
	return out
}

// points are the data and the centres of the clustering works: the first rows
// of the data, which a peer can start from as well.
func (z sizes) points(s *backend.Scope) map[string]*backend.Tensor {
	x := normals(s, z.rows, z.columns, 3)
	return map[string]*backend.Tensor{"x": x, "c": s.View(x, 0, z.centre, 0, z.columns)}
}

// pass is the 2·n·k·d operations of a look at all pairs of row and centre, by
// which every side's rate is reckoned, whatever it really does.
func (z sizes) pass() float64 {
	return 2 * float64(z.rows) * float64(z.columns) * float64(z.centre) / 1e9
}

func nearestCentre(z sizes) work {
	return work{name: "nearest", title: fmt.Sprintf("nearest centroid %d×%d, k = %d", z.rows, z.columns, z.centre), kind: "nearest", numbers: []float64{float64(z.rows), float64(z.columns), float64(z.centre)},
		unit: flops, amount: z.pass(), bound: cpu.Compute, peers: []string{"faiss", "sklearn"}, operand: z.points,
		prepare: func(s *backend.Scope, in map[string]*backend.Tensor) (func(context.Context) error, func() (any, error)) {
			index, distance := s.New(backend.Int32, z.rows, 1), s.New(backend.Float32, z.rows, 1)
			shift := backend.Put(s, 1, z.columns, make([]float32, z.columns))
			op := &backend.Nearest{Index: index, Distance: distance, X: in["x"], C: in["c"], Shift: shift}
			return onDevice(s, op), func() (any, error) { v := backend.Get[int32](s, index); return v, s.Err() }
		},
		compare: sameLabels(1e-3)}
}

func lloyd(z sizes) work {
	return work{name: "lloyd", title: fmt.Sprintf("Lloyd, %d iterations, same data", z.iterations), kind: "lloyd",
		numbers: []float64{float64(z.rows), float64(z.columns), float64(z.centre), float64(z.iterations)},
		unit:    flops, amount: z.pass() * float64(z.iterations), bound: cpu.Compute, peers: []string{"faiss", "sklearn"}, operand: z.points,
		prepare: func(s *backend.Scope, in map[string]*backend.Tensor) (func(context.Context) error, func() (any, error)) {
			dev := in["x"].Device()
			data := blas32.General{Rows: z.rows, Cols: z.columns, Stride: z.columns, Data: backend.Get[float32](s, in["x"])}
			start := blas32.General{Rows: z.centre, Cols: z.columns, Stride: z.columns, Data: backend.Get[float32](s, in["c"])}
			var last *cluster.Result
			return func(ctx context.Context) (err error) {
				if s.Err() != nil {
					return s.Err()
				}
				last, err = cluster.Fit(ctx, dev, data, cluster.Config{K: z.centre, Centers: &start, MaxIter: z.iterations, Tol: -1})
				return err
			}, func() (any, error) { return last.Centers.Data, nil }
		},
		// A row whose two nearest centres are equally far, to rounding, may go
		// to either; it then moves a centre by its distance over the size.
		compare: closeFloats(0.02)}
}

func softmax(z sizes) work {
	return work{name: "softmax", title: fmt.Sprintf("softmax %d×%d", z.softmaxRows, z.softmax), kind: "softmax", numbers: []float64{float64(z.softmaxRows), float64(z.softmax)},
		unit: elements, amount: float64(z.softmaxRows) * float64(z.softmax) / 1e6, peers: []string{"torch"}, operand: z.logits,
		prepare: func(s *backend.Scope, in map[string]*backend.Tensor) (func(context.Context) error, func() (any, error)) {
			y := s.New(backend.Float32, z.softmaxRows, z.softmax)
			return onDevice(s, &backend.Softmax{Y: y, X: in["x"]}), func() (any, error) { v := backend.Get[float32](s, y); return v, s.Err() }
		},
		compare: closeFloats(1e-5)}
}

func (z sizes) logits(s *backend.Scope) map[string]*backend.Tensor {
	return map[string]*backend.Tensor{"x": normals(s, z.softmaxRows, z.softmax, 4)}
}

func draw(z sizes) work {
	return work{name: "draw", title: fmt.Sprintf("softmax + categorical draw %d×%d", z.softmaxRows, z.softmax), kind: "draw", numbers: []float64{float64(z.softmaxRows), float64(z.softmax)},
		unit: elements, amount: float64(z.softmaxRows) * float64(z.softmax) / 1e6, peers: []string{"torch"}, operand: z.logits,
		prepare: func(s *backend.Scope, in map[string]*backend.Tensor) (func(context.Context) error, func() (any, error)) {
			index := s.New(backend.Int32, z.softmaxRows, 1)
			op := &backend.Categorical{Index: index, X: in["x"], Draws: backend.Draws{Seed: seed, Use: exact.UseCategorical}}
			return onDevice(s, op), func() (any, error) { v := backend.Get[int32](s, index); return v, s.Err() }
		},
		compare: drawsFollow(z)}
}

// The scales of the int8 product: operands of unit variance, and an output
// whose spread, √K, is 32 steps, so that it fills int8 and is rarely clamped.
const scaleA, scaleB = 1.0 / 32, 1.0 / 32

func scaleC(k int) float64 { return math.Sqrt(float64(k)) / 32 }

func intProduct(n int) work {
	d := float64(n)
	return work{name: fmt.Sprintf("qmatmul-%d", n), title: fmt.Sprintf("int8 product %d³, requantised", n), kind: "qmatmul", numbers: []float64{d, d, d, scaleA, scaleB, scaleC(n)},
		unit: integers, amount: 2 * d * d * d / 1e9, bound: cpu.Integer, peers: []string{"onednn", "torch"},
		operand: func(s *backend.Scope) map[string]*backend.Tensor {
			return map[string]*backend.Tensor{"a": smallIntegers(s, n, 5), "b": smallIntegers(s, n, 6)}
		},
		prepare: func(s *backend.Scope, in map[string]*backend.Tensor) (func(context.Context) error, func() (any, error)) {
			c := s.New(backend.Int8, n, n)
			multiplier, shift := quantizeMultiplier(scaleA * scaleB / scaleC(n))
			op := &backend.QMatMul{C: c, A: in["a"], B: in["b"], Requant: &backend.Requant{Min: -128, Max: 127,
				Multiplier: backend.Put(s, 1, 1, []int32{multiplier}), Shift: backend.Put(s, 1, 1, []int32{shift})}}
			return onDevice(s, op), func() (any, error) { v := backend.Get[int8](s, c); return v, s.Err() }
		},
		compare: closeQuantized(scaleC(n))}
}

// smallIntegers returns n×n numbers of variance 32², clamped to ±127.
func smallIntegers(s *backend.Scope, n int, stream uint16) *backend.Tensor {
	z := backend.Get[float32](s, normals(s, n, n, stream))
	q := make([]int8, len(z))
	for i, v := range z {
		q[i] = int8(min(max(v*32, -127), 127))
	}
	return backend.Put(s, n, n, q)
}

// choose returns the works whose names, or kinds, are in a list separated by
// commas; "all" is all of them.
func choose(all []work, list string) ([]work, error) {
	if list == "all" {
		return all, nil
	}
	wanted := map[string]bool{}
	for _, name := range strings.Split(list, ",") {
		wanted[strings.TrimSpace(name)] = false
	}
	var out []work
	for _, w := range all {
		for _, name := range []string{w.name, w.kind} {
			if _, ok := wanted[name]; ok {
				wanted[name] = true
				if len(out) == 0 || out[len(out)-1].name != w.name {
					out = append(out, w)
				}
			}
		}
	}
	for name, found := range wanted {
		if !found {
			var names []string
			for _, w := range all {
				names = append(names, w.name)
			}
			return nil, usagef("--work %q: want all or some of %s, or a kind such as matmul", name, strings.Join(names, ", "))
		}
	}
	return out, nil
}
