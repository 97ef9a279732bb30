package cpu

import (
	"context"
	"fmt"
	"math/bits"

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
	whole := len(y) &^ 3
	philoxWords(y[:whole], at, uint32(from>>2), rounds)
	if whole < len(y) {
		var rest [4]uint32
		philoxWords(rest[:], at, uint32((from+whole)>>2), rounds)
		copy(y[whole:], rest[:])
	}
}

func fillFloats(y []float32, at exact.Position, from, rounds int, variates func(y []float32, words []uint32)) {
	s := takeRowScratch()
	defer s.give()
	words := s.words(wordsAtOnce)
	for c := 0; c < len(y); c += wordsAtOnce {
		part := y[c:min(c+wordsAtOnce, len(y))]
		n := (len(part) + 3) &^ 3
		philoxWords(words[:n], at, uint32((from+c)>>2), rounds)
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
		plain = func(y []float32, words []uint32) {
			for j := range y {
				y[j] = exact.Uniform(words[j])
			}
		}
	case backend.Exponential:
		plain = func(y []float32, words []uint32) {
			for j := range y {
				y[j] = mac.Exponential(words[j])
			}
		}
	case backend.Gumbel:
		plain = func(y []float32, words []uint32) {
			for j := range y {
				y[j] = gumbel(mac, words[j])
			}
		}
	case backend.Normal:
		plain = func(y []float32, words []uint32) {
			for j := 0; j < len(y); j += 2 {
				a, b := mac.NormalPair(words[j], words[j+1])
				y[j] = a
				if j+1 < len(y) {
					y[j+1] = b
				}
			}
		}
	default:
		return nil, fmt.Errorf("fill with %v: %w", op.Distribution, backend.ErrNotSupported)
	}
	if op.Plain() {
		return plain, nil
	}
	return func(y []float32, words []uint32) {
		plain(y, words)
		for j, v := range y {
			y[j] = mac.MultiplyAdd(loc, scale, v)
		}
	}, nil
}

// wordsAtOnce is how many random words a kernel draws before it uses them: a
// kilobyte, which stays in the nearest cache.
const wordsAtOnce = 256

const philoxRounds = 10

// philoxWords stores the words of whole blocks, block, block+1, … of a
// position; len(words) is a multiple of 4.
func philoxWords(words []uint32, at exact.Position, block uint32, rounds int) {
	stream := uint32(at.Use)<<16 | uint32(at.Sub)
	for len(words) >= 4 {
		c0, c1, c2, c3 := block, at.Row, at.Step, stream
		k0, k1 := uint32(at.Seed), uint32(at.Seed>>32)
		for range rounds {
			hi0, lo0 := bits.Mul32(0xd2511f53, c0)
			hi1, lo1 := bits.Mul32(0xcd9e8d57, c2)
			c0, c1, c2, c3 = hi1^c1^k0, lo1, hi0^c3^k1, lo0
			k0 += 0x9e3779b9
			k1 += 0xbb67ae85
		}
		w := (*[4]uint32)(words)
		w[0], w[1], w[2], w[3] = c0, c1, c2, c3
		words = words[4:]
		block++
	}
}

// gumbel is Mac.Gumbel.
func gumbel(mac exact.Mac, word uint32) float32 {
	if mac == exact.Fused {
		return gumbelFused(word)
	}
	return mac.Gumbel(word)
}
