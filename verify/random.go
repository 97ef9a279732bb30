package verify

import (
	"math"
	"math/bits"

	"samebits/backend"
)

// philox is Philox4x32-10 written a second time, so that the oracle of the
// draws does not rest on the generator under test.
func philox(counter [4]uint32, key [2]uint32) [4]uint32 {
	for r := range uint32(10) {
		hi0, lo0 := bits.Mul32(0xd2511f53, counter[0])
		hi1, lo1 := bits.Mul32(0xcd9e8d57, counter[2])
		k0, k1 := key[0]+r*0x9e3779b9, key[1]+r*0xbb67ae85
		counter = [4]uint32{hi1 ^ counter[1] ^ k0, lo1, hi0 ^ counter[3] ^ k1, lo0}
	}
	return counter
}

// wordOf returns the random word of element j in row i of a tensor, draw
// steps after the first.
func wordOf(d backend.Draws, draw, i, j int) uint32 {
	block := philox([4]uint32{uint32(j >> 2), d.Row + uint32(i), d.Step + uint32(draw), uint32(d.Use)<<16 | uint32(d.Sub)},
		[2]uint32{uint32(d.Seed), uint32(d.Seed >> 32)})
	return block[j&3]
}

// uniformOf is min(hi·2⁻¹⁶ + (2·lo+1)·2⁻³³, 1−2⁻²⁴) of a word's halves,
// rounded once to float32; it has no error.
func uniformOf(word uint32) float64 {
	v := float64(word>>16)*0x1p-16 + float64(2*(word&0xffff)+1)*0x1p-33
	return min(float64(float32(v)), 1-0x1p-24)
}

func exponentialOf(word uint32) ball { return known(-uniformOf(word)).log1p().neg() }

func gumbelOf(word uint32) ball { return exponentialOf(word).log().neg() }

// normalOf is the Box–Muller pair of two words: radius √(−2·log v) of the
// first, the angle 2π·(w+½)/2³² of the second.
func normalOf(w0, w1 uint32) (x, y ball) {
	radius := known(uniformOf(w0)).log().times(known(-2)).sqrt()
	angle := 2 * math.Pi * (float64(w1) + 0.5) * 0x1p-32
	// The kernels reduce the angle to |rest| ≤ π/4, with three roundings of
	// the rest, before the sine and cosine.
	turn := func(v float64) ball {
		return ball{v: v, e: 4*unit*math.Pi/4 + 2*ulp(1)}
	}
	return radius.mul(turn(math.Cos(angle))), radius.mul(turn(math.Sin(angle)))
}
