//go:build gl && cgo

package gpu

import (
	"context"
	"fmt"
	"testing"

	"samebits/backend"
)

// What follows takes more loop iterations than a software renderer lets an invocation make (loops.go), or a budget so
// small that every kernel goes on over several dispatches. The results must be those of one.

// openFast opens the CPU's fast kernels, for shapes too large for the reference's pace.
func openFast(t *testing.T, profile backend.ProfileRequest) *backend.Device {
	t.Helper()
	dev, err := backend.Open(context.Background(), "cpu", backend.Config{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

// floats32 is one matrix of float32.
func floats32(rows, cols int, words func(int) uint32) shape {
	return shape{dtype: backend.Float32, batch: 1, rows: rows, cols: cols, words: words}
}

// indices is one matrix of int32, without content.
func indices(rows, cols int) shape {
	return shape{dtype: backend.Int32, batch: 1, rows: rows, cols: cols}
}

func TestLongProducts(t *testing.T) {
	gl, fast := openGL(t, backend.ProfileSplit), openFast(t, backend.ProfileSplit)
	s := product{batch: 1, m: 1, n: 1, k: 300_000}
	sameBits(t, s.String(), s.on(t, gl, backend.Float32), s.on(t, fast, backend.Float32))
	s = product{batch: 1, m: 2, n: 1, k: 300_001, ta: true, scaled: true, alpha: 2, beta: -1, bias: true, gap: 1}
	sameBits(t, s.String()+" complex", s.on(t, gl, backend.Complex64), s.on(t, fast, backend.Complex64))
	on := func(place, out func(shape) *backend.Tensor) backend.Op {
		bytes := func(rows, cols int) shape {
			return shape{dtype: backend.Int8, batch: 1, rows: rows, cols: cols, words: func(i int) uint32 { return hash(uint32(i)) }}
		}
		return &backend.QMatMul{A: place(bytes(1, 124_000)), B: place(bytes(124_000, 1)), C: out(indices(1, 1)), ZeroA: 3, ZeroB: -5}
	}
	twin(t, "int8 product", gl, fast, on)
}

func TestProductsGoOnOverDispatches(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		withLoops(t, 1)
		for _, s := range []product{
			{batch: 1, m: 3, n: 2, k: 8200, ta: true},
			{batch: 2, m: 2, n: 17, k: 4097, gap: 1, bias: true, act: backend.Relu},
			{batch: 1, m: 17, n: 19, k: 8192, scaled: true, alpha: 0.7, beta: -1.3, gap: 2},
			{batch: 1, m: 1, n: 1, k: 4100, words: special},
			{batch: 1, m: 1, n: 1, k: 0, bias: true},
		} {
			sameBits(t, s.String(), s.on(t, gl, backend.Float32), s.on(t, plain, backend.Float32))
			s.act = backend.NoActivation
			sameBits(t, s.String()+" complex", s.on(t, gl, backend.Complex64), s.on(t, plain, backend.Complex64))
		}
	})
	withLoops(t, 50)
	TestQMatMulGivesTheBitsOfExact(t)
}

// distanceOps runs every operation on distances of one shape and compares them.
func distanceOps(t *testing.T, gl, plain *backend.Device, n, d, k int, metrics ...backend.Metric) {
	t.Helper()
	x, c := floats32(n, d, mixed(1)), floats32(k, d, mixed(2))
	for _, metric := range metrics {
		what := fmt.Sprintf("%v, %d×%d, %d rows", metric, n, d, k)
		for _, m := range []int{1, min(2, k)} {
			twin(t, fmt.Sprintf("nearest %d, %s", m, what), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
				op := &backend.Nearest{Metric: metric, X: place(x), C: place(c), Index: out(indices(n, m)), Distance: out(floats32(n, m, nil))}
				if metric == backend.Euclidean {
					op.Shift = place(floats32(1, d, mixed(3)))
				}
				return op
			})
		}
		twin(t, "distances, "+what, gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
			return &backend.Distances{Metric: metric, X: place(x), C: place(c), D: out(floats32(n, k, nil))}
		})
		twin(t, "pairwise sum, "+what, gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
			return &backend.PairwiseSum{Metric: metric, X: place(x), C: place(c), Y: out(floats32(n, 1, nil))}
		})
	}
}

func TestLongDistances(t *testing.T) {
	gl, fast := openGL(t, backend.ProfileSplit), openFast(t, backend.ProfileSplit)
	distanceOps(t, gl, fast, 2, 80_000, 3, metrics...)
	distanceOps(t, gl, fast, 3, 784, 2048, backend.Euclidean)
}

func TestDistancesGoOnOverDispatches(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		withLoops(t, 1) // cut by cut, through scores
		distanceOps(t, gl, plain, 2, 4097, 17, metrics...)
		distanceOps(t, gl, plain, 3, 8192, 2, metrics...)
		withLoops(t, 100) // panel by panel
		distanceOps(t, gl, plain, 65, 7, 40, metrics...)
		distanceOps(t, gl, plain, 3, 0, 33, backend.SquaredEuclidean)
		inSmallChunks(t)
		distanceOps(t, gl, plain, 23, 3, 100, metrics...)
	})
}

// pickOps runs the operations that take the best of rows and compares them.
func pickOps(t *testing.T, gl, plain *backend.Device, rows, cols, m int, words func(int) uint32) {
	t.Helper()
	x := floats32(rows, cols, words)
	what := fmt.Sprintf("%d of %d×%d", m, rows, cols)
	twin(t, "top "+what, gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.TopK{X: place(x), Index: out(indices(rows, m))}
	})
	twin(t, "without replacement "+what, gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.WithoutReplacement{X: place(x), Index: out(indices(rows, m)), Draws: somewhere}
	})
}

// filterOps runs every filter on one shape, in place and not, and compares them.
func filterOps(t *testing.T, gl, plain *backend.Device, rows, cols int, words func(int) uint32) {
	t.Helper()
	x := floats32(rows, cols, words)
	for _, op := range []backend.Filter{
		{Kind: backend.FilterTopK, K: (cols + 1) / 2}, {Kind: backend.FilterTopP, P: 0.9}, {Kind: backend.FilterMinP, P: 0.1},
	} {
		twin(t, fmt.Sprintf("%v of %d×%d", op.Kind, rows, cols), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
			op := op
			op.Y = out(x)
			op.X = op.Y
			if op.Kind == backend.FilterMinP {
				op.X = place(x)
			}
			return &op
		})
	}
}

func TestLongPicks(t *testing.T) {
	gl, fast := openGL(t, backend.ProfileSplit), openFast(t, backend.ProfileSplit)
	pickOps(t, gl, fast, 1, 200_000, 1000, coarse(1))
	pickOps(t, gl, fast, 2, 50_257, 100, logits(2))
	pickOps(t, gl, fast, 1, 3000, 3000, coarse(3))
	filterOps(t, gl, fast, 1, 200_000, logits(4))
}

func TestPicksOfShortRowsBySelection(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		withLoops(t, 1) // never by topk.comp
		for _, words := range []func(int) uint32{coarse(1), special(2), logits(3), func(int) uint32 { return 0xff800000 }} {
			for _, size := range [][3]int{{1, 1, 1}, {3, 2, 2}, {2, 65, 3}, {2, 300, 5}, {1, 300, 300}, {2, 4097, 33}} {
				pickOps(t, gl, plain, size[0], size[1], size[2], words)
			}
		}
		inSmallChunks(t)
		pickOps(t, gl, plain, 7, 20, 9, coarse(4))
		filterOps(t, gl, plain, 7, 20, coarse(5))
	})
}

func TestLongRows(t *testing.T) {
	gl, fast := openGL(t, backend.ProfileSplit), openFast(t, backend.ProfileSplit)
	const cols = 4<<20 + 5
	x := floats32(1, cols, logits(1))
	twin(t, "softmax", gl, fast, func(place, out func(shape) *backend.Tensor) backend.Op {
		y := out(x)
		return &backend.Softmax{Y: y, X: y}
	})
	twin(t, "log-sum-exp", gl, fast, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.LogSumExp{X: place(x), Y: out(floats32(1, 1, nil))}
	})
	twin(t, "categorical", gl, fast, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.Categorical{X: place(x), Index: out(indices(1, 1)), Draws: somewhere}
	})
	twin(t, "Gumbel-softmax", gl, fast, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.GumbelSoftmax{X: place(x), OneHot: out(floats32(1, cols, nil)), Draws: somewhere}
	})
}

func TestLongColumns(t *testing.T) {
	gl, fast := openGL(t, backend.ProfileSplit), openFast(t, backend.ProfileSplit)
	const rows = 256*65536 + 300 // more blocks than a loop has iterations
	for _, r := range []backend.Reduction{backend.Sum, backend.ArgMax} {
		got := reduceOn(t, gl, r, backend.AlongColumn, 1, rows, 1, 0, mixed(1))
		sameBits(t, r.String(), got, reduceOn(t, fast, r, backend.AlongColumn, 1, rows, 1, 0, mixed(1)))
	}
}

func TestColumnsGoOnOverDispatches(t *testing.T) {
	gl, plain := openGL(t, backend.ProfileSplit), openPlain(t, backend.ProfileSplit)
	withLoops(t, 3)
	for _, rows := range []int{0, 1, 7, 256, 257, 2000} {
		for _, r := range reductions {
			if rows == 0 && r != backend.Sum && r != backend.MaxAbsFinite {
				continue
			}
			for _, words := range []func(int) uint32{mixed(1), special(2)} {
				sameBits(t, fmt.Sprintf("%v of %d rows", r, rows), reduceOn(t, gl, r, backend.AlongColumn, 2, rows, 3, 1, words),
					reduceOn(t, plain, r, backend.AlongColumn, 2, rows, 3, 1, words))
			}
		}
	}
}
