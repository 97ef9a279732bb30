package cpu

import (
	"context"
	"fmt"
	"testing"

	"samebits/backend"
)

// tensors makes operands for a test.
type tensors struct {
	t   *testing.T
	dev *backend.Device
}

// of returns a float32 tensor of normal numbers.
func (m tensors) of(rows, cols int) *backend.Tensor {
	m.t.Helper()
	x := m.empty(backend.Float32, rows, cols)
	if err := m.dev.Run(m.t.Context(), &backend.Fill{Y: x, Distribution: backend.Normal, Draws: samplingDraws}); err != nil {
		m.t.Fatal(err)
	}
	return x
}

func (m tensors) empty(dtype backend.DType, rows, cols int) *backend.Tensor {
	m.t.Helper()
	x, err := m.dev.NewTensor(dtype, rows, cols)
	if err != nil {
		m.t.Fatal(err)
	}
	return x
}

// constantOf returns a tensor of one number.
func constantOf[T int8 | int32](m tensors, rows, cols int, v T) *backend.Tensor {
	m.t.Helper()
	all := make([]T, rows*cols)
	for i := range all {
		all[i] = v
	}
	x, err := backend.FromSlice(m.t.Context(), m.dev, rows, cols, all)
	if err != nil {
		m.t.Fatal(err)
	}
	return x
}

// steadyOps returns operations over rows×cols elements: every map, reduction,
// movement, pairwise sum, integer product and member of the softmax-sampling
// family.
func steadyOps(m tensors, rows, cols int) (ops []backend.Op) {
	x, y := m.of(rows, cols), m.empty(backend.Float32, rows, cols)
	draws := m.empty(backend.Int32, rows, 3)
	column, row := m.empty(backend.Float32, rows, 1), m.empty(backend.Float32, 1, cols)
	columnIndex, rowIndex := m.empty(backend.Int32, rows, 1), m.empty(backend.Int32, 1, cols)
	for _, fn := range backend.Fns() {
		o := &backend.Map{Fn: fn, Y: y, A: x}
		if fn.Args() > 1 {
			o.B = m.of(1, cols)
		}
		if fn.Args() > 2 {
			o.C = m.of(rows, 1)
		}
		ops = append(ops, o)
	}
	for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
		along, down := &backend.Reduce{Y: column, X: x, Reduction: r, Axis: backend.AlongRow},
			&backend.Reduce{Y: row, X: x, Reduction: r, Axis: backend.AlongColumn}
		if r == backend.ArgMax || r == backend.ArgMin {
			along.Y, down.Y = columnIndex, rowIndex
		}
		ops = append(ops, along, down)
	}
	for _, log := range []bool{false, true} {
		ops = append(ops, &backend.Softmax{Y: y, X: x, Log: log})
	}
	ops = append(ops, &backend.LogSumExp{Y: column, X: x},
		&backend.Categorical{Index: draws, X: x, Draws: samplingDraws},
		&backend.WithoutReplacement{Index: draws, X: x, Draws: samplingDraws},
		&backend.GumbelSoftmax{Y: y, OneHot: m.empty(backend.Float32, rows, cols), X: x, Draws: samplingDraws},
		&backend.GumbelSoftmax{OneHot: y, X: x, Draws: samplingDraws},
		&backend.TopK{Index: draws, X: x},
		&backend.Fill{Y: m.empty(backend.Uint32, rows, cols), Distribution: backend.Bits, Draws: samplingDraws},
		&backend.Gather{Y: y, X: x, Index: constantOf[int32](m, rows, 1, 1)},
		&backend.Transpose{Y: m.empty(backend.Float32, cols, rows), X: x})
	for kind := backend.FilterTopK; kind <= backend.FilterMinP; kind++ {
		ops = append(ops, &backend.Filter{Y: y, X: x, Kind: kind, K: 2, P: 0.5})
	}
	for dist := backend.Constant; dist < backend.Bits; dist++ {
		ops = append(ops, &backend.Fill{Y: y, Distribution: dist, Draws: samplingDraws, Loc: backend.Scalar(1), Scale: backend.Scalar(2)})
	}
	for _, label := range []*backend.Tensor{nil, constantOf[int32](m, rows, 1, 0)} {
		ops = append(ops, &backend.PairwiseSum{Y: m.empty(backend.Float32, 7, 1), X: m.of(7, 5), C: m.of(rows, 5), Label: label})
	}
	a := constantOf[int8](m, rows, cols, 3)
	b := constantOf[int8](m, cols, 40, 5)
	ops = append(ops, &backend.QMatMul{C: m.empty(backend.Int32, rows, 40), A: a, B: b},
		&backend.QMatMul{C: m.empty(backend.Int8, rows, 40), A: a, B: b, ZeroA: 1, Bias: constantOf[int32](m, 1, 40, 7),
			Requant: &backend.Requant{Multiplier: constantOf[int32](m, 1, 40, 1<<30), Shift: constantOf[int32](m, 1, 40, -8),
				Min: -128, Max: 127}})
	return ops
}

// In a steady state no operation allocates, on one thread or several, neither
// where rows are many nor where a row is cut into blocks.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	ctx := context.Background()
	for _, threads := range []int{1, 2, 3} {
		dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer dev.Close()
		for _, s := range [][2]int{{40, 70}, {300, 500}, {1, 50_001}, {2, 40_000}} {
			for _, op := range steadyOps(tensors{t, dev}, s[0], s[1]) {
				run := func() {
					if err := dev.Run(ctx, op); err != nil {
						t.Error(err)
					}
				}
				if raceDetector {
					run()
					continue
				}
				// A collection of garbage empties the pools, once; what a run allocates itself it allocates again.
				n := testing.AllocsPerRun(10, run)
				for again := 0; again < 2 && n != 0; again++ {
					n = testing.AllocsPerRun(10, run)
				}
				if n != 0 {
					t.Errorf("%s of %d×%d on %d threads: %v allocations", describe(op), s[0], s[1], threads, n)
				}
			}
		}
	}
}

// describe names an operation and what distinguishes it.
func describe(op backend.Op) string {
	switch o := op.(type) {
	case *backend.Map:
		return "map " + o.Fn.String()
	case *backend.Reduce:
		return fmt.Sprintf("reduce %v, axis %d", o.Reduction, o.Axis)
	case *backend.Fill:
		return "fill " + o.Distribution.String()
	}
	return op.Name()
}
