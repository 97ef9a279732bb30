package cpu

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
)

// What operations keep for the next ones holds no operand: a borrowed matrix is
// collected as soon as its tensor is closed. (A pool that held it would keep it
// for one collection longer.)
func TestPoolsLetOperandsGo(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector sync.Pool drops memory at random")
	}
	const n = 96
	ctx := t.Context()
	dev := opened(t, "cpu", 1)
	m := tensors{t, dev}
	square, index, label := m.empty(backend.Float32, n, n), m.empty(backend.Int32, n, 1), constantOf[int32](m, n, 1, 0)
	for name, op := range map[string]func(x *backend.Tensor) backend.Op{
		"matmul": func(x *backend.Tensor) backend.Op { return &backend.MatMul{C: square, A: x, B: x} },
		"product of a row": func(x *backend.Tensor) backend.Op {
			return &backend.MatMul{C: view(t, square, 1, n), A: view(t, x, 1, n), B: x, TransB: true}
		},
		"thin product": func(x *backend.Tensor) backend.Op {
			return &backend.MatMul{C: view(t, square, 2, n), A: view(t, x, 2, n), B: x, Bias: view(t, x, 1, n)}
		},
		"nearest": func(x *backend.Tensor) backend.Op {
			return &backend.Nearest{Index: index, X: x, C: x, Shift: view(t, x, 1, n)}
		},
		"distances": func(x *backend.Tensor) backend.Op { return &backend.Distances{D: square, X: x, C: x} },
		"pairwise":  func(x *backend.Tensor) backend.Op { return &backend.PairwiseSum{Y: view(t, square, n, 1), X: x, C: x} },
		"scatter": func(x *backend.Tensor) backend.Op {
			return &backend.ScatterSum{Sums: m.empty(backend.Uint32, 2, 5*n+1), X: x, Label: label, Weight: view(t, x, n, 1), Exponent: constantOf[int32](m, 1, n, 0)}
		},
		"softmax": func(x *backend.Tensor) backend.Op { return &backend.Softmax{Y: square, X: x} },
		"filter": func(x *backend.Tensor) backend.Op {
			return &backend.Filter{Y: square, X: x, P: 0.5, Kind: backend.FilterTopP}
		},
		"reduce": func(x *backend.Tensor) backend.Op { return &backend.Reduce{Y: view(t, square, n, 1), X: x} },
		"copy":   func(x *backend.Tensor) backend.Op { return &backend.Copy{Y: square, X: x} },
		"map":    func(x *backend.Tensor) backend.Op { return &backend.Map{Fn: backend.FnExp, Y: square, A: x} },
	} {
		var freed atomic.Bool
		func() {
			data := make([]float32, n*n)
			runtime.AddCleanup(&data[0], func(int) { freed.Store(true) }, 0)
			x, err := backend.BorrowGeneral(ctx, dev, blas32.General{Rows: n, Cols: n, Stride: n, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			if err := dev.Run(ctx, op(x)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			x.Close()
		}()
		runtime.GC()
		for i := 0; i < 1000 && !freed.Load(); i++ { // the cleanup runs soon after
			time.Sleep(time.Millisecond)
		}
		if !freed.Load() {
			t.Errorf("%s: the matrix is still held", name)
		}
	}
}

func view(t *testing.T, x *backend.Tensor, rows, cols int) *backend.Tensor {
	t.Helper()
	v, err := x.Slice(0, rows, 0, cols)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
