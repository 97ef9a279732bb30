package cpu

import (
	"context"
	"fmt"

	"samebits/backend"
	"samebits/backend/exact"
)

// Fills take their words a few Philox blocks at a time and turn them into
// variates in a second loop.

var faultFillRound = addFault("fill-philox-round-missing")

func init() { register("fill", fillFast, fillReference) }

func fillReference(d *driver, op *backend.Fill) error {
	if op.Distribution == backend.Bits {
		y := matrix[uint32](op.Y, 0)
		for i := range y.Rows {
			for j := range y.Cols {
				y.Set(i, j, position(op.Draws, i, 0).Word(uint64(j)))
			}
		}
		return nil
	}
	y := matrix[float32](op.Y, 0)
	for i := range y.Rows {
		at := position(op.Draws, i, 0)
		for j := range y.Cols {
			var v float32
			switch op.Distribution {
			case backend.Constant:
				y.Set(i, j, exact.CanonNaN(op.Loc.Real(0)))
				continue
			case backend.Uniform:
				v = exact.UniformAt(at, uint64(j))
			case backend.Normal:
				v = d.mac.NormalAt(at, uint64(j))
			case backend.Exponential:
				v = d.mac.ExponentialAt(at, uint64(j))
			case backend.Gumbel:
				v = d.mac.GumbelAt(at, uint64(j))
			default:
				return fmt.Errorf("fill with %v: %w", op.Distribution, backend.ErrNotSupported)
			}
			if !op.Plain() {
				v = d.mac.MultiplyAdd(op.Loc.Real(0), op.Scale.Real(1), v)
			}
			y.Set(i, j, v)
		}
	}
	return nil
}

func fillFast(ctx context.Context, d *driver, op *backend.Fill) error {
	rounds := philoxRounds
	if d.fault == faultFillRound {
		rounds--
	}
	c := fillCalls.take()
	defer fillCalls.give(c)
	c.args = fillCall{draws: op.Draws, rounds: rounds, variates: variates{d.mac, op.Distribution,
		exact.CanonNaN(op.Loc.Real(0)), op.Scale.Real(1), op.Plain()}}
	switch op.Distribution {
	case backend.Bits:
		c.args.words = matrix[uint32](op.Y, 0)
	case backend.Constant, backend.Uniform, backend.Normal, backend.Exponential, backend.Gumbel:
		c.args.floats = matrix[float32](op.Y, 0)
	default:
		return fmt.Errorf("fill with %v: %w", op.Distribution, backend.ErrNotSupported)
	}
	return c.forRows(ctx, d, op.Y.Rows(), op.Y.Cols(), (*fillCall).wholeRow)
}

// fillCall is a fill, or its row i in several blocks.
type fillCall struct {
	draws    backend.Draws
	rounds   int
	variates variates
	words    exact.View[uint32] // for backend.Bits
	floats   exact.View[float32]
	i        int
}

var fillCalls calls[fillCall]

func (c *fillCall) wholeRow(i int, s spreader) error {
	n := max(c.words.Cols, c.floats.Cols)
	if n <= exact.SumBlock {
		c.part(i, 0, n)
		return nil
	}
	row := fillCalls.take()
	defer fillCalls.give(row)
	row.args = *c
	row.args.i = i
	return row.spread(s, n, (*fillCall).block)
}

func (c *fillCall) block(from, to int) { c.part(c.i, from, to) }

func (c *fillCall) part(i, from, to int) {
	at := position(c.draws, i, 0)
	if c.variates.distribution == backend.Bits {
		fillWords(c.words.Row(i)[from:to], at, from, c.rounds)
		return
	}
	fillFloats(c.floats.Row(i)[from:to], at, from, c.rounds, &c.variates)
}

// fillWords stores the words of the elements from, from+1, … of a row; from is
// a multiple of 4.
func fillWords(y []uint32, at exact.Position, from, rounds int) {
	s := takeRowScratch()
	defer s.give()
	s.source.set(at, rounds)
	whole := len(y) &^ 3
	s.source.words(y[:whole], uint32(from>>2))
	if whole < len(y) {
		rest := s.words(4)
		s.source.words(rest, uint32((from+whole)>>2))
		copy(y[whole:], rest)
	}
}

func fillFloats(y []float32, at exact.Position, from, rounds int, v *variates) {
	s := takeRowScratch()
	defer s.give()
	s.source.set(at, rounds)
	words := s.words(wordsAtOnce)
	for c := 0; c < len(y); c += wordsAtOnce {
		part := y[c:min(c+wordsAtOnce, len(y))]
		n := (len(part) + 3) &^ 3
		s.source.words(words[:n], uint32((from+c)>>2))
		v.from(part, words[:n])
	}
}

// variates says what numbers the words become.
type variates struct {
	mac          exact.Mac
	distribution backend.Distribution
	loc, scale   float32
	plain        bool // loc is 0 and scale 1
}

// from turns whole Philox blocks of words into numbers.
func (v *variates) from(y []float32, words []uint32) {
	switch v.distribution {
	case backend.Constant:
		for j := range y {
			y[j] = v.loc
		}
		return
	case backend.Uniform:
		vecUniform(y, words)
	case backend.Exponential:
		vecExponential(v.mac, y, words)
	case backend.Gumbel:
		vecGumbel(v.mac, y, words)
	default:
		vecNormal(v.mac, y, words)
	}
	if !v.plain {
		vecAffine(v.mac, y, v.loc, v.scale)
	}
}

// wordsAtOnce is how many random words a kernel draws before it uses them:
// four kilobytes, which stay in the nearest cache.
const wordsAtOnce = 1024
