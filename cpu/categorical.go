package cpu

import (
	"context"
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

// Categorical draws by Gumbel-max. A Gumbel number costs two logarithms, and
// nearly all of them lose: a word bounds its Gumbel number in a few steps
// (gumbelBound), and rounding is monotone, so an element whose bound does not
// pass the best score so far cannot win and needs no logarithm. What is left
// is one Philox block every four elements.

var faultCategoricalTemperature = addFault("categorical-temperature-ignored")

func init() { register("categorical", categoricalFast, categoricalReference) }

func categoricalReference(d *driver, op *backend.Categorical) error {
	x, index := matrix[float32](op.X, 0), matrix[int32](op.Index, 0)
	for i := range index.Rows {
		for draw := range index.Cols {
			index.Set(i, draw, d.mac.CategoricalDraw(position(op.Draws, i, draw), x.Row(i), op.Temperature.Real(1)))
		}
	}
	return nil
}

func categoricalFast(ctx context.Context, d *driver, op *backend.Categorical) error {
	c := categoricalCalls.take()
	defer categoricalCalls.give(c)
	c.args = categoricalCall{d.mac, op.Draws, matrix[float32](op.X, 0), matrix[int32](op.Index, 0),
		exact.Recip(op.Temperature.Real(1))}
	if d.fault == faultCategoricalTemperature {
		c.args.scale = 1
	}
	return c.forRows(ctx, d, op.Index.Len(), op.X.Cols(), (*categoricalCall).row)
}

type categoricalCall struct {
	mac   exact.Mac
	draws backend.Draws
	x     exact.View[float32]
	index exact.View[int32]
	scale float32
}

var categoricalCalls calls[categoricalCall]

// row draws once from a row.
func (c *categoricalCall) row(r int, s spreader) error {
	i, draw := r/c.index.Cols, r%c.index.Cols
	best, err := drawRow(c.mac, position(c.draws, i, draw), c.x.Row(i), c.scale, s)
	if err != nil {
		return err
	}
	c.index.Set(i, draw, best)
	return nil
}

// position is where row i of a tensor draws for the step-th time.
func position(d backend.Draws, i, step int) exact.Position {
	return exact.Position{Seed: d.Seed, Use: d.Use, Sub: d.Sub, Step: d.Step + uint32(step), Row: d.Row + uint32(i)}
}

// candidate is the best of some elements of a row: its index, −1 if none
// scores above −Inf, and its score.
type candidate struct {
	index int32
	score float32
}

// drawRow is exact.CategoricalDraw for scale 1/T.
func drawRow(mac exact.Mac, at exact.Position, x []float32, scale float32, s spreader) (int32, error) {
	if len(x) <= exact.SumBlock {
		return drawBlock(mac, at, x, 0, scale).index, nil
	}
	c := drawnRows.take()
	defer drawnRows.give(c)
	scratch := takeRowScratch()
	defer scratch.give()
	bests := scratch.candidates(ceil(len(x), exact.SumBlock))
	c.args = drawnRow{mac, at, x, scale, bests}
	if err := c.spread(s, len(x), (*drawnRow).block); err != nil {
		return -1, err // bests holds another row's
	}
	best := candidate{-1, negInf}
	for _, b := range bests {
		if b.index >= 0 && !(b.score <= best.score) {
			best = b
			if b.score != b.score {
				break
			}
		}
	}
	return best.index, nil
}

// drawnRow is a row of several blocks.
type drawnRow struct {
	mac   exact.Mac
	at    exact.Position
	x     []float32
	scale float32
	bests []candidate // of each block
}

var drawnRows calls[drawnRow]

func (r *drawnRow) block(from, to int) {
	r.bests[from/exact.SumBlock] = drawBlock(r.mac, r.at, r.x[from:to], from, r.scale)
}

// drawBlock returns the winner of the elements from, from+1, … of a row, whose
// logits are x; from is a multiple of 4.
func drawBlock(mac exact.Mac, at exact.Position, x []float32, from int, scale float32) candidate {
	s := takeRowScratch()
	defer s.give()
	s.source.set(at, philoxRounds)
	return s.source.draw(mac, x, from, scale)
}

var negInf = float32(math.Inf(-1))
