package cpu

import (
	"context"
	"math"
	"math/bits"

	"samebits/backend"
	"samebits/backend/exact"
)

// Categorical draws by Gumbel-max. A Gumbel number costs two logarithms, and
// nearly all of them lose: a word with z leading zeros has a uniform of at
// least 2^−(z+1), hence a Gumbel number of at most (z+1)·ln 2, and rounding is
// monotone, so an element whose bound does not pass the best score so far
// cannot win and needs no logarithm. What is left is one Philox block every
// four elements.

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
	var words [wordsAtOnce]uint32
	best := candidate{-1, negInf}
	least := float64(negInf)
	for c := 0; c < len(x); c += wordsAtOnce {
		part := x[c:min(c+wordsAtOnce, len(x))]
		philoxWords(words[:(len(part)+3)&^3], at, uint32((from+c)>>2), philoxRounds)
		for j, v := range part {
			if scaledLogit(mac, v, scale)+gumbelBound[bits.LeadingZeros32(words[j])&63] <= least {
				continue
			}
			s := mac.Mac(gumbel(mac, words[j]), v, scale)
			if s <= best.score {
				continue
			}
			best = candidate{int32(from + c + j), s}
			if s != s {
				return best
			}
			least = float64(s)
		}
	}
	return best
}

// scaledLogit returns the product inside mac(gumbel, x, scale): exact under
// fused, rounded under split.
func scaledLogit(mac exact.Mac, x, scale float32) float64 {
	if mac == exact.Fused {
		return float64(x) * float64(scale)
	}
	return float64(float32(x * scale))
}

// gumbelBound[z] is no less than the Gumbel number of any word with z leading
// zeros: (z+1)·ln 2, and a part in a thousand more than any error of the
// logarithms.
var gumbelBound = func() (bound [64]float64) {
	for z := range bound {
		bound[z] = float64(z+1) * math.Ln2 * 1.001
	}
	return bound
}()

var negInf = float32(math.Inf(-1))
