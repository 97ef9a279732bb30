package exact

import "math"

// Uniform returns the uniform number of a random word, in [2⁻³³, 1): from the
// word's halves, v = min(hi·2⁻¹⁶ + (2·lo+1)·2⁻³³, 1−2⁻²⁴). Both terms are
// exact and their sum is rounded once, so v is the same in every profile; it
// keeps 24 bits however small it is, down to 2⁻³³.
func Uniform(word uint32) float32 {
	hi := float32(float32(word>>16) * 0x1p-16)
	lo := float32(float32(word<<1&0x1ffff|1) * 0x1p-33)
	v := hi + lo
	if v >= 1 {
		v = 1 - 0x1p-24
	}
	return v
}

// Exponential returns a draw from the exponential distribution with mean 1,
// −log1p(−v) of the word's uniform v, in [2⁻³³, 16.64]. It is dense near 0,
// where the logarithm in Gumbel looks; the upper tail past 16.64, of
// probability 6·10⁻⁸, is never drawn. Its error is that of Log1p: it is
// −Log1p(−v) to the bit.
func (m Mac) Exponential(word uint32) float32 {
	return -m.log1pCore(-Uniform(word))
}

// Gumbel returns a draw from the standard Gumbel distribution (mean 0.5772,
// variance π²/6), −log of the word's exponential, in [−2.82, 22.88]. Its error
// is that of Log at the exponential drawn: it is −Log(E) to the bit.
func (m Mac) Gumbel(word uint32) float32 {
	return -m.logCore(m.Exponential(word))
}

// NormalPair returns two independent standard normal draws by the method of
// Box and Muller (1958) in its trigonometric form: radius √(−2·log v) from w0,
// a whole turn from w1. In a Philox block words 0 and 1 give elements 0 and 1,
// words 2 and 3 elements 2 and 3. The radius reaches √(66·ln 2) = 6.76; past
// it lies a probability of 10⁻¹⁰. Neither draw lies further than
// 2.9·2⁻²⁴·radius from the same formula in float64 (worst of a sample of 4 million
// pairs: 2.856 in both profiles).
func (m Mac) NormalPair(w0, w1 uint32) (x, y float32) {
	radius := Sqrt(-2 * m.logCore(Uniform(w0)))
	// The nearest quarter turn, and the rest as an odd multiple of π/2·2⁻³¹.
	q := (w1 + 1<<29) >> 30
	rest := int32(w1-q<<30)<<1 | 1
	angle := float32(float32(rest) * 0x1.921fb6p-31)
	s, c := m.sinPoly(angle, 0), m.cosPoly(angle, 0)
	if q&1 != 0 {
		s, c = c, -s
	}
	flip := q & 2 << 30
	x = float32(radius * math.Float32frombits(math.Float32bits(c)^flip))
	y = float32(radius * math.Float32frombits(math.Float32bits(s)^flip))
	return x, y
}

// Normal returns the standard normal draw of element, whose Block is words.
func (m Mac) Normal(words [4]uint32, element uint64) float32 {
	pair := element & 2
	x, y := m.NormalPair(words[pair], words[pair+1])
	if element&1 != 0 {
		return y
	}
	return x
}
