package cpu

import (
	"math"
	"math/bits"

	"samebits/backend/exact"
)

// The plain twins of the vector kernels, which processors without them run.

func expPlain(mac exact.Mac, y, x []float32) {
	if mac == exact.Fused {
		for j, v := range x {
			y[j] = expFused(v)
		}
		return
	}
	for j, v := range x {
		y[j] = mac.Exp(v)
	}
}

func logPlain(mac exact.Mac, y, x []float32) {
	for j, v := range x {
		y[j] = mac.Log(v)
	}
}

func log1pPlain(mac exact.Mac, y, x []float32) {
	for j, v := range x {
		y[j] = mac.Log1p(v)
	}
}

func sinPlain(mac exact.Mac, y, x []float32) {
	for j, v := range x {
		y[j] = mac.Sin(v)
	}
}

func cosPlain(mac exact.Mac, y, x []float32) {
	for j, v := range x {
		y[j] = mac.Cos(v)
	}
}

func topPlain(x []float32, scale float32) float32 {
	top := negInf
	for _, v := range x {
		z := float32(v * scale)
		if !(z <= top) {
			if z != z {
				return exact.CanonNaN(z)
			}
			top = z
		}
	}
	return top
}

func expSumPlain(mac exact.Mac, y, x []float32, scale, top float32) float32 {
	for j, v := range x {
		y[j] = float32(v*scale) - top
	}
	expPlain(mac, y, y)
	return blockSum(y)
}

func scalePlain(y, x []float32, factor float32) {
	for j, v := range x {
		y[j] = v * factor
	}
}

func logFinishPlain(y, x []float32, scale, top, logSum float32) {
	for j, v := range x {
		y[j] = exact.CanonNaN((float32(v*scale) - top) - logSum)
	}
}

func uniformPlain(y []float32, words []uint32) {
	for j := range y {
		y[j] = exact.Uniform(words[j])
	}
}

func exponentialPlain(mac exact.Mac, y []float32, words []uint32) {
	for j := range y {
		y[j] = mac.Exponential(words[j])
	}
}

func gumbelPlain(mac exact.Mac, y []float32, words []uint32) {
	for j := range y {
		y[j] = gumbel(mac, words[j])
	}
}

func normalPlain(mac exact.Mac, y []float32, words []uint32) {
	for j := 0; j < len(y); j += 2 {
		a, b := mac.NormalPair(words[j], words[j+1])
		y[j] = a
		if j+1 < len(y) {
			y[j+1] = b
		}
	}
}

func affinePlain(mac exact.Mac, y []float32, loc, scale float32) {
	for j, v := range y {
		y[j] = mac.MultiplyAdd(loc, scale, v)
	}
}

func scoresPlain(mac exact.Mac, y []float32, words []uint32, x []float32, scale float32) {
	for j, v := range x {
		y[j] = mac.Mac(gumbel(mac, words[j]), v, scale)
	}
}

func philoxPlain(words []uint32, at exact.Position, block uint32, rounds int) {
	stream := uint32(at.Use)<<16 | uint32(at.Sub)
	for len(words) >= 4 {
		c0, c1, c2, c3 := block, at.Row, at.Step, stream
		k0, k1 := uint32(at.Seed), uint32(at.Seed>>32)
		for range rounds {
			hi0, lo0 := bits.Mul32(philoxM0, c0)
			hi1, lo1 := bits.Mul32(philoxM1, c2)
			c0, c1, c2, c3 = hi1^c1^k0, lo1, hi0^c3^k1, lo0
			k0 += philoxW0
			k1 += philoxW1
		}
		w := (*[4]uint32)(words)
		w[0], w[1], w[2], w[3] = c0, c1, c2, c3
		words = words[4:]
		block++
	}
}

// plainWords is how many words a plain loop draws at a time.
const plainWords = 256

func drawPlain(mac exact.Mac, at exact.Position, x []float32, from int, scale float32) candidate {
	var words [plainWords]uint32
	best := candidate{-1, negInf}
	for c := 0; c < len(x); c += plainWords {
		part := x[c:min(c+plainWords, len(x))]
		philoxPlain(words[:(len(part)+3)&^3], at, uint32((from+c)>>2), philoxRounds)
		for j, v := range part {
			if !canPass(mac, words[j], v, scale, best.score) {
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
		}
	}
	return best
}

// canPass reports whether the score of a word and a logit may pass best. The
// score is a rounding of a sum, hence monotone in the Gumbel number, for which
// a bound stands here. (The rounding here is that to float64, past which no score
// comes that is rounded from a smaller sum.)
func canPass(mac exact.Mac, word uint32, x, scale, best float32) bool {
	z := float64(x) * float64(scale)
	if mac == exact.Split {
		z = float64(float32(x * scale))
	}
	return !(z+float64(gumbelBound(word)) <= float64(best))
}

// gumbelBound is no less than the Gumbel number of a word w, whose uniform is
// v ≥ 2u/2³² with u = w>>1: −log(−log1p(−v)) ≤ −log v ≤ (31 − log2 u)·ln 2. The bits of
// u as a float32, taken as a whole number, are 2²³·(127 + log2 u) or up to 0.087·2²³
// less, so a bound is linear in them; boundMargin covers what roundings lose.
func gumbelBound(word uint32) float32 {
	const (
		boundMargin = 1e-3
		start       = (31+127)*math.Ln2 + boundMargin
		slope       = -math.Ln2 / (1 << 23)
	)
	return float32(start) + float32(slope*float32(math.Float32bits(float32(word>>1))))
}
