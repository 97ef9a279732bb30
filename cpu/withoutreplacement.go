package cpu

import (
	"context"
	"math"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// Draws without replacement by Gumbel top-k. Candidates are collected as
// integers that order as the draws do; whenever twice as many as asked for
// have come together, the worse half is dropped and the last of the rest
// bounds what can still enter, as in a categorical draw.

func init() { register("withoutreplacement", withoutReplacementFast, withoutReplacementReference) }

func withoutReplacementReference(d *driver, op *backend.WithoutReplacement) error {
	x, index := matrix[float32](op.X, 0), matrix[int32](op.Index, 0)
	for i := range index.Rows {
		d.mac.WithoutReplacementRow(position(op.Draws, i, 0), index.Row(i), x.Row(i), op.Temperature.Real(1))
	}
	return nil
}

func withoutReplacementFast(ctx context.Context, d *driver, op *backend.WithoutReplacement) error {
	c := withoutReplacementCalls.take()
	defer withoutReplacementCalls.give(c)
	c.args.ctx, c.args.categoricalCall = ctx, categoricalCall{d.mac, op.Draws, matrix[float32](op.X, 0), matrix[int32](op.Index, 0),
		exact.Recip(op.Temperature.Real(1))}
	grain := max(1, exact.SumBlock/max(1, op.X.Cols()))
	return c.parallel(ctx, d, op.Index.Rows(), grain, (*withoutReplacementCall).rows)
}

type withoutReplacementCall struct {
	ctx context.Context
	categoricalCall
}

var withoutReplacementCalls calls[withoutReplacementCall]

func (c *withoutReplacementCall) rows(from, to int) {
	s := takeRowScratch()
	defer s.give()
	for i := from; i < to; i++ {
		withoutReplacementRow(c.ctx, c.mac, position(c.draws, i, 0), c.index.Row(i), c.x.Row(i), c.scale, s)
	}
}

// withoutReplacementRow leaves a long row unfinished when ctx ends.
func withoutReplacementRow(ctx context.Context, mac exact.Mac, at exact.Position, index []int32, x []float32, scale float32, s *rowScratch) {
	s.source.set(at, philoxRounds)
	words, scores := s.words(wordsAtOnce), s.floats(wordsAtOnce)
	room := min(len(x), 2*len(index)+16)
	drawn := s.keys(room)[:0]
	floor := negInf // the score that a candidate must pass
	for c := 0; c < len(x); c += wordsAtOnce {
		if c%longPiece == 0 && ended(ctx, len(x)) {
			return
		}
		part := x[c:min(c+wordsAtOnce, len(x))]
		s.source.words(words[:(len(part)+3)&^3], uint32(c>>2))
		vecScores(mac, scores, words, part, scale)
		for j, score := range scores[:len(part)] {
			if score <= floor {
				continue
			}
			if len(drawn) == room {
				slices.Sort(drawn)
				drawn = drawn[:len(index)]
				if floor = keyedScore(drawn[len(drawn)-1]); score <= floor {
					continue
				}
			}
			drawn = append(drawn, drawKey(score, c+j))
		}
	}
	slices.Sort(drawn)
	for i := range index {
		index[i] = -1
		if i < len(drawn) {
			index[i] = int32(uint32(drawn[i]))
		}
	}
}

// drawKey maps a score and its index to an integer whose order is that of the
// draws: NaN first, then by score descending, the lower index first on ties.
func drawKey(score float32, index int) uint64 {
	return uint64(^exact.OrderKey(score))<<32 | uint64(uint32(index))
}

// keyedScore returns the score of a drawKey, of equal order.
func keyedScore(key uint64) float32 {
	k := ^uint32(key >> 32)
	if k>>31 != 0 {
		return math.Float32frombits(k &^ (1 << 31))
	}
	return math.Float32frombits(^k)
}
