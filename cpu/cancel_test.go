package cpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"

	"samebits/backend"
)

// endsAfter is a context that ends after some looks at it.
type endsAfter struct {
	context.Context
	looks, limit atomic.Int64
}

func newEndsAfter(ctx context.Context, limit int64) *endsAfter {
	c := &endsAfter{Context: ctx}
	c.limit.Store(limit)
	return c
}

func (c *endsAfter) Err() error {
	if c.looks.Add(1) > c.limit.Load() {
		return context.Canceled
	}
	return nil
}

func opened(t *testing.T, name string, threads int) *backend.Device {
	t.Helper()
	dev, err := backend.Open(t.Context(), name, backend.Config{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

// A one-hot draw that is cancelled stores nothing that an operation on longer
// rows has left behind.
func TestCancelledDrawForgetsOtherRows(t *testing.T) {
	ctx := t.Context()
	dev := opened(t, "cpu", 2)
	oneHot := func(n int) *backend.GumbelSoftmax {
		x := make([]float32, n)
		x[min(n-1, 45_000)] = 1000 // wins
		logits, err := backend.FromSlice(ctx, dev, 1, n, x)
		if err != nil {
			t.Fatal(err)
		}
		return &backend.GumbelSoftmax{OneHot: tensors{t, dev}.empty(backend.Float32, 1, n), X: logits}
	}
	long, short := oneHot(1_000_000), oneHot(40_000)
	cancelled := 0
	for looks := range int64(12) {
		if err := dev.Run(ctx, long); err != nil {
			t.Fatal(err)
		}
		switch err := dev.Run(newEndsAfter(ctx, looks), short); {
		case errors.Is(err, context.Canceled):
			cancelled++
		case err != nil:
			t.Errorf("context ends after %d looks: %v", looks, err)
		}
	}
	if cancelled == 0 {
		t.Error("no draw was cancelled")
	}
}

// rowOps are the operations that move elements and those of steadyOps that
// work along rows.
func rowOps(m tensors, rows, cols int) []backend.Op {
	x, y := m.of(rows, cols), m.empty(backend.Float32, rows, cols)
	sums := m.empty(backend.Uint32, 2, 5*cols+1)
	ops := []backend.Op{&backend.Copy{Y: y, X: x},
		&backend.Filter{Y: y, X: x, Kind: backend.FilterTopP, P: 0.5},
		&backend.ScatterSum{Sums: sums, X: x, Exponent: constantOf[int32](m, 1, cols, 20)}}
	for _, op := range steadyOps(m, rows, cols) {
		switch op.(type) {
		case *backend.PairwiseSum, *backend.QMatMul, *backend.Map:
		default:
			ops = append(ops, op)
		}
	}
	return ops
}

// Whenever its context ends, an operation returns the context's error, and the
// next run of it succeeds.
func TestOperationsEndWithTheirContexts(t *testing.T) {
	for _, threads := range []int{1, 3} {
		dev := opened(t, "cpu", threads)
		for _, s := range [][2]int{{1, 150_001}, {40, 70}, {2, 20_000}} {
			for _, op := range rowOps(tensors{t, dev}, s[0], s[1]) {
				for looks := range int64(7) {
					err := dev.Run(newEndsAfter(t.Context(), looks), op)
					if err != nil && !errors.Is(err, context.Canceled) {
						t.Errorf("%s of %d×%d on %d threads, context ends after %d looks: %v", describe(op), s[0], s[1], threads, looks, err)
					}
				}
				if err := dev.Run(t.Context(), op); err != nil {
					t.Errorf("%s of %d×%d on %d threads: %v", describe(op), s[0], s[1], threads, err)
				}
			}
		}
	}
}

// A single long row, and a column, is done in pieces with looks at the context
// in between.
func TestLongRowsLookAtTheContext(t *testing.T) {
	const n = 20*longPiece + 5
	dev := opened(t, "cpu", 1)
	m := tensors{t, dev}
	ops := rowOps(m, 1, n)
	column := m.of(n, 1)
	for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
		y := m.empty(backend.Float32, 1, 1)
		if r == backend.ArgMax || r == backend.ArgMin {
			y = m.empty(backend.Int32, 1, 1)
		}
		ops = append(ops, &backend.Reduce{Y: y, X: column, Reduction: r, Axis: backend.AlongColumn})
	}
	for _, op := range ops {
		switch o := op.(type) {
		case *backend.ScatterSum:
			continue // cut between rows
		case *backend.Transpose:
			if o.Y.Rows() == 1 {
				continue
			}
		}
		c := newEndsAfter(t.Context(), math.MaxInt64)
		if err := dev.Run(c, op); err != nil {
			t.Fatal(err)
		}
		if looks := c.looks.Load(); looks < n/longPiece {
			t.Errorf("%s looks at its context %d times", describe(op), looks)
		}
	}
}

// Copies between host and device look at the context, too.
func TestTransfersEndWithTheirContexts(t *testing.T) {
	dev := opened(t, "cpu", 1)
	host := make([]int8, 20<<20)
	for i := range host {
		host[i] = int8(i % 127)
	}
	wide := tensors{t, dev}.empty(backend.Int8, 1, len(host))
	rows, err := tensors{t, dev}.empty(backend.Int8, len(host)/1000, 1001).Slice(0, len(host)/1000, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]*backend.Tensor{"one row": wide, "rows with gaps": rows} {
		host, back := host[:x.Len()], make([]int8, x.Len())
		if err := errors.Join(backend.Upload(t.Context(), x, host), backend.Download(t.Context(), back, x)); err != nil || !slices.Equal(back, host) {
			t.Errorf("%s came back changed, error %v", name, err)
		}
		if err := backend.Upload(newEndsAfter(t.Context(), 3), x, host); !errors.Is(err, context.Canceled) {
			t.Errorf("uploading %s: %v", name, err)
		}
		if err := backend.Download(newEndsAfter(t.Context(), 3), back, x); !errors.Is(err, context.Canceled) {
			t.Errorf("downloading %s: %v", name, err)
		}
	}
}

// Rows cut into pieces have the reference's bits, wherever the largest elements,
// zeros of either sign, equals and NaNs stand.
func TestPiecesOfLongRowsEqualTheReference(t *testing.T) {
	const n = 2*longPiece + 1003
	ctx := t.Context()
	minusZero := float32(math.Copysign(0, -1))
	filled := func(v float32) []float32 { return slices.Repeat([]float32{v}, n) }
	rows := map[string][]float32{"zeros": filled(0), "minus zeros": filled(minusZero), "equal": filled(2), "none": filled(float32(math.Inf(-1)))}
	with := func(name string, of string, v float32, at ...int) {
		x := slices.Clone(rows[of])
		for _, i := range at {
			x[i] = v
		}
		rows[name] = x
	}
	with("zeros of both signs", "zeros", minusZero, 0, longPiece-1, longPiece)
	with("zero past minus zeros", "minus zeros", 0, longPiece+7, 2*longPiece+1)
	with("two largest", "equal", 3, longPiece+9, 2*longPiece+9)
	with("largest in the last", "none", 1, n-1)
	with("NaN in the second", "equal", float32(math.NaN()), longPiece+1, n-1)
	normal := make([]float32, n)
	for i := range normal {
		normal[i] = float32(math.Sin(float64(i)))
	}
	rows["many"] = normal
	results := map[string][][]byte{}
	for _, name := range []string{"reference", "cpu"} {
		for _, threads := range []int{1, 2} {
			dev := opened(t, name, threads)
			for what, row := range rows {
				for _, shape := range [][2]int{{1, n}, {n, 1}} {
					x, err := backend.FromSlice(ctx, dev, shape[0], shape[1], row)
					if err != nil {
						t.Fatal(err)
					}
					for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
						y := tensors{t, dev}.empty(backend.Float32, 1, 1)
						if r == backend.ArgMax || r == backend.ArgMin {
							y = tensors{t, dev}.empty(backend.Int32, 1, 1)
						}
						op := &backend.Reduce{Y: y, X: x, Reduction: r}
						if shape[1] == 1 {
							op.Axis = backend.AlongColumn
						}
						compareRun(t, dev, name, fmt.Sprintf("%v of %s %v", r, what, shape), op, y, results)
					}
				}
				x, err := backend.FromSlice(ctx, dev, 1, n, row)
				if err != nil {
					t.Fatal(err)
				}
				y, index := tensors{t, dev}.empty(backend.Float32, 1, n), tensors{t, dev}.empty(backend.Int32, 1, 9)
				for i, op := range []backend.Op{
					&backend.Filter{Y: y, X: x, Kind: backend.FilterTopK, K: longPiece + 3},
					&backend.Filter{Y: y, X: x, Kind: backend.FilterTopK, K: n - 1},
					&backend.Filter{Y: y, X: x, Kind: backend.FilterTopP, P: 0.7},
					&backend.Filter{Y: y, X: x, Kind: backend.FilterMinP, P: 0.7},
					&backend.GumbelSoftmax{OneHot: y, Y: tensors{t, dev}.empty(backend.Float32, 1, n), X: x, Draws: samplingDraws},
					&backend.Copy{Y: y, X: x},
				} {
					compareRun(t, dev, name, fmt.Sprintf("%s %d of %s", op.Name(), i, what), op, y, results)
				}
				compareRun(t, dev, name, "topk of "+what, &backend.TopK{Index: index, X: x}, index, results)
				compareRun(t, dev, name, "withoutreplacement of "+what, &backend.WithoutReplacement{Index: index, X: x, Draws: samplingDraws}, index, results)
			}
		}
	}
}

// compareRun runs op, whose output is y, and compares y with what the runs
// before it under the same description gave.
func compareRun(t *testing.T, dev *backend.Device, name, what string, op backend.Op, y *backend.Tensor, results map[string][][]byte) {
	t.Helper()
	if err := dev.Run(t.Context(), op); err != nil {
		t.Errorf("%s on %s: %v", what, name, err)
		return
	}
	got := slices.Clone(y.Buffer().(*buffer).bytes)
	for _, want := range results[what] {
		if !slices.Equal(got, want) {
			t.Errorf("%s on %s differs from the reference", what, name)
		}
	}
	if len(results[what]) == 0 {
		results[what] = append(results[what], got)
	}
}
