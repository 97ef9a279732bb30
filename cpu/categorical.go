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
	x, index := matrix[float32](op.X, 0), matrix[int32](op.Index, 0)
	scale := exact.Recip(op.Temperature.Real(1))
	if d.fault == faultCategoricalTemperature {
		scale = 1
	}
	return d.forRows(ctx, index.Rows*index.Cols, x.Cols, func(r int, spread spreader) error {
		i, draw := r/index.Cols, r%index.Cols
		best, err := drawRow(d.mac, position(op.Draws, i, draw), x.Row(i), scale, spread)
		index.Set(i, draw, best)
		return err
	})
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
func drawRow(mac exact.Mac, at exact.Position, x []float32, scale float32, spread spreader) (int32, error) {
	if len(x) <= exact.SumBlock {
		return drawBlock(mac, at, x, 0, scale).index, nil
	}
	bests := make([]candidate, (len(x)+exact.SumBlock-1)/exact.SumBlock)
	err := spread(len(x), func(from, to int) {
		bests[from/exact.SumBlock] = drawBlock(mac, at, x[from:to], from, scale)
	})
	best := candidate{-1, negInf}
	for _, c := range bests {
		if c.index >= 0 && !(c.score <= best.score) {
			best = c
			if c.score != c.score {
				break
			}
		}
	}
	return best.index, err
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
