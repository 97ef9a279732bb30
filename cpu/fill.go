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
	var piece func(i, from, to int)
	if op.Distribution == backend.Bits {
		y := matrix[uint32](op.Y, 0)
		piece = func(i, from, to int) { fillWords(y.Row(i)[from:to], position(op.Draws, i, 0), from, rounds) }
	} else {
		variates, err := variatesOf(d.mac, op)
		if err != nil {
			return err
		}
		y := matrix[float32](op.Y, 0)
		piece = func(i, from, to int) {
			fillFloats(y.Row(i)[from:to], position(op.Draws, i, 0), from, rounds, variates)
		}
	}
	cols := op.Y.Cols()
	return d.forRows(ctx, op.Y.Rows(), cols, func(i int, spread spreader) error {
		if cols <= exact.SumBlock {
			piece(i, 0, cols)
			return nil
		}
		return spread(cols, func(from, to int) { piece(i, from, to) })
	})
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

func fillFloats(y []float32, at exact.Position, from, rounds int, variates func(y []float32, words []uint32)) {
	s := takeRowScratch()
	defer s.give()
	s.source.set(at, rounds)
	words := s.words(wordsAtOnce)
	for c := 0; c < len(y); c += wordsAtOnce {
		part := y[c:min(c+wordsAtOnce, len(y))]
		n := (len(part) + 3) &^ 3
		s.source.words(words[:n], uint32((from+c)>>2))
		variates(part, words[:n])
	}
}

// variatesOf returns the function that turns whole Philox blocks of words into
// an operation's numbers.
func variatesOf(mac exact.Mac, op *backend.Fill) (func(y []float32, words []uint32), error) {
	loc, scale := op.Loc.Real(0), op.Scale.Real(1)
	var plain func(y []float32, words []uint32)
	switch op.Distribution {
	case backend.Constant:
		loc = exact.CanonNaN(loc)
		return func(y []float32, _ []uint32) {
			for j := range y {
				y[j] = loc
			}
		}, nil
	case backend.Uniform:
		plain = vecUniform
	case backend.Exponential:
		plain = func(y []float32, words []uint32) { vecExponential(mac, y, words) }
	case backend.Gumbel:
		plain = func(y []float32, words []uint32) { vecGumbel(mac, y, words) }
	case backend.Normal:
		plain = func(y []float32, words []uint32) { vecNormal(mac, y, words) }
	default:
		return nil, fmt.Errorf("fill with %v: %w", op.Distribution, backend.ErrNotSupported)
	}
	if op.Plain() {
		return plain, nil
	}
	return func(y []float32, words []uint32) {
		plain(y, words)
		vecAffine(mac, y, loc, scale)
	}, nil
}

// wordsAtOnce is how many random words a kernel draws before it uses them:
// four kilobytes, which stay in the nearest cache.
const wordsAtOnce = 1024
