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
	c := gumbelSoftmaxCalls.take()
	defer gumbelSoftmaxCalls.give(c)
	a := &c.args
	a.k, a.draws, a.x = d.softmaxKernel(op.Tau.Real(1)), op.Draws, matrix[float32](op.X, 0)
	a.y, a.hasY = optional[float32](op.Y)
	a.oneHot, a.hasOneHot = optional[float32](op.OneHot)
	a.stream = a.hasY && d.streams(op.Y)
	return c.forRows(ctx, d, a.x.Rows, a.x.Cols, (*gumbelSoftmaxCall).row)
}

type gumbelSoftmaxCall struct {
	k               softmaxKernel
	draws           backend.Draws
	x, y, oneHot    exact.View[float32]
	hasY, hasOneHot bool
	stream          bool
}

var gumbelSoftmaxCalls calls[gumbelSoftmaxCall]

func (c *gumbelSoftmaxCall) row(i int, s spreader) error {
	at, logits := position(c.draws, i, 0), c.x.Row(i)
	if !c.hasY {
		best, err := drawRow(c.k.mac, at, logits, 1, s)
		if err != nil {
			return err
		}
		return storeOneHot(s.ctx, c.oneHot.Row(i), best)
	}
	t := c.y.Row(i)
	if err := perturbRow(c.k.mac, at, t, logits, s); err != nil {
		return err
	}
	if c.hasOneHot {
		best, err := argMaxDrawn(s.ctx, t)
		if err != nil {
			return err
		}
		if err := storeOneHot(s.ctx, c.oneHot.Row(i), best); err != nil {
			return err
		}
	}
	return c.k.row(t, t, false, c.stream, s)
}

// perturbRow stores x + gumbel for all elements of a row.
func perturbRow(mac exact.Mac, at exact.Position, t, x []float32, s spreader) error {
	if len(t) <= exact.SumBlock {
		perturb(mac, at, t, x, 0)
		return nil
	}
	c := perturbedRows.take()
	defer perturbedRows.give(c)
	c.args = perturbedRow{mac, at, t, x}
	return c.spread(s, len(t), (*perturbedRow).block)
}

// perturbedRow is a row of several blocks.
type perturbedRow struct {
	mac  exact.Mac
	at   exact.Position
	t, x []float32
}

var perturbedRows calls[perturbedRow]

func (r *perturbedRow) block(from, to int) { perturb(r.mac, r.at, r.t[from:to], r.x[from:to], from) }

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
func argMaxDrawn(ctx context.Context, t []float32) (int32, error) {
	best, top := 0, negInf // where the piece of the largest begins
	for from, to := range longPieces(ctx, len(t)) {
		if v := vecTop(t[from:to], 1); v > top || v != v {
			if best, top = from, v; v != v {
				break
			}
		}
	}
	if ended(ctx, len(t)) {
		return -1, ctx.Err()
	}
	if top == negInf {
		return -1, nil
	}
	for j, v := range t[best:] {
		if v == top || v != v {
			return int32(best + j), nil
		}
	}
	return -1, nil
}

func storeOneHot(ctx context.Context, row []float32, index int32) error {
	for from, to := range longPieces(ctx, len(row)) {
		clear(row[from:to])
	}
	if ended(ctx, len(row)) {
		return ctx.Err()
	}
	if index >= 0 {
		row[index] = 1
	}
	return nil
}
