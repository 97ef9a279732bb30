package cpu

import (
	"context"

	"samebits/backend"
	"samebits/backend/exact"
)

// Relaxed one-hot draws. The perturbed logits stand in y until the softmax
// takes their place; without y the row is a categorical draw at temperature 1,
// whose score mac(gumbel, x, 1) is the same sum.

func init() { register("gumbelsoftmax", gumbelSoftmaxFast, gumbelSoftmaxReference) }

func gumbelSoftmaxReference(d *driver, op *backend.GumbelSoftmax) error {
	x := matrix[float32](op.X, 0)
	y, hasY := optional[float32](op.Y)
	oneHot, hasOneHot := optional[float32](op.OneHot)
	for i := range x.Rows {
		var yRow, oneHotRow []float32
		if hasY {
			yRow = y.Row(i)
		}
		if hasOneHot {
			oneHotRow = oneHot.Row(i)
		}
		d.mac.GumbelSoftmaxRow(position(op.Draws, i, 0), yRow, oneHotRow, x.Row(i), op.Tau.Real(1))
	}
	return nil
}

func gumbelSoftmaxFast(ctx context.Context, d *driver, op *backend.GumbelSoftmax) error {
	x := matrix[float32](op.X, 0)
	y, hasY := optional[float32](op.Y)
	oneHot, hasOneHot := optional[float32](op.OneHot)
	k := d.softmaxKernel(op.Tau.Real(1))
	stream := hasY && d.streams(op.Y)
	return d.forRows(ctx, x.Rows, x.Cols, func(i int, spread spreader) error {
		at, logits := position(op.Draws, i, 0), x.Row(i)
		if !hasY {
			best, err := drawRow(d.mac, at, logits, 1, spread)
			storeOneHot(oneHot.Row(i), best)
			return err
		}
		t := y.Row(i)
		if len(t) <= exact.SumBlock {
			perturb(d.mac, at, t, logits, 0)
		} else if err := spread(len(t), func(from, to int) {
			perturb(d.mac, at, t[from:to], logits[from:to], from)
		}); err != nil {
			return err
		}
		if hasOneHot {
			storeOneHot(oneHot.Row(i), argMaxDrawn(t))
		}
		return k.row(t, t, false, stream, spread)
	})
}

// perturb stores x + gumbel for the elements from, from+1, … of a row; from is
// a multiple of 4.
func perturb(mac exact.Mac, at exact.Position, t, x []float32, from int) {
	s := takeRowScratch()
	defer s.give()
	s.source.set(at, philoxRounds)
	words := s.words(wordsAtOnce)
	for c := 0; c < len(x); c += wordsAtOnce {
		part := x[c:min(c+wordsAtOnce, len(x))]
		out := t[c : c+len(part)]
		s.source.words(words[:(len(part)+3)&^3], uint32((from+c)>>2))
		vecScores(mac, out, words, part, 1)
	}
}

// argMaxDrawn returns the argmax of perturbed logits, −1 where all are −Inf.
func argMaxDrawn(t []float32) int32 {
	top := vecTop(t, 1)
	if top == negInf {
		return -1
	}
	for j, v := range t {
		if v == top || v != v {
			return int32(j)
		}
	}
	return -1
}

func storeOneHot(row []float32, index int32) {
	clear(row)
	if index >= 0 {
		row[index] = 1
	}
}
