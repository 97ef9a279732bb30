package exact

import (
	"math"
	"math/bits"
)

// roundedQuotient returns (hi·2³⁰ + lo)/den · 2^exp, rounded once, to even, to
// float32 (prec 24) or float64 (prec 53). den is at least 1. It is the
// arithmetic of big.Rat for the sizes a scatter sum has, without its cost: k·d
// means are taken in every step of a clustering.
//
// A float64 result must not be subnormal; those of scatter sums never are.
func roundedQuotient(hi, lo int64, den uint64, exp, prec int) float64 {
	if prec == 24 {
		if q, sure := quickQuotient(hi, lo, den, exp); sure {
			return q
		}
	}
	// n = |hi·2³⁰ + lo| in 128 bits.
	n0, carry := bits.Add64(uint64(hi)<<30, uint64(lo), 0)
	n1 := uint64(hi>>34) + uint64(lo>>63) + carry
	negative := n1>>63 != 0
	if negative {
		var borrow uint64
		n0, borrow = bits.Sub64(0, n0, 0)
		n1, _ = bits.Sub64(0, n1, borrow)
	}
	if n1|n0 == 0 {
		return 0
	}
	// With n's first bit at 127 the quotient q has at least 64 bits.
	n1, n0, s := normalize128(n1, n0)
	exp -= s
	q1, r := bits.Div64(0, n1, den)
	q0, r := bits.Div64(r, n0, den)
	q1, q0, s = normalize128(q1, q0)
	exp += 64 - s
	// The value is q1·2^exp, and more where rest is set.
	rest := q0 != 0 || r != 0

	const minExp32 = -149
	drop := 64 - prec // bits below the result's last
	if prec == 24 {
		drop = max(drop, minExp32-exp)
	}
	switch {
	case drop > 64: // less than half the smallest subnormal
		return signed(0, negative)
	case drop == 64: // 2⁶³ is a tie, whose even side is 0
		if q1 > 1<<63 || rest {
			return signed(math.Ldexp(1, exp+64), negative)
		}
		return signed(0, negative)
	}
	kept, below, half := q1>>drop, q1&(1<<drop-1), uint64(1)<<(drop-1)
	if below > half || (below == half && (rest || kept&1 == 1)) {
		kept++
	}
	return signed(math.Ldexp(float64(kept), exp+drop), negative)
}

// normalize128 shifts a number above 0 left until its first bit is bit 127.
func normalize128(hi, lo uint64) (uint64, uint64, int) {
	if hi == 0 {
		s := bits.LeadingZeros64(lo)
		return lo << s, 0, 64 + s
	}
	s := bits.LeadingZeros64(hi)
	return hi<<s | lo>>(64-s), lo << s, s
}

func signed(v float64, negative bool) float64 {
	if negative {
		return -v
	}
	return v
}

// quickQuotient is roundedQuotient to float32 by float64 arithmetic; sure says
// that its error cannot have changed the result. hi·2³⁰, lo, their sum, den and
// the division err by 2⁻⁵³ each, less than 2⁻⁵⁰·(|hi·2³⁰| + |lo|)/den together
// with what the bound and its use err by. Rounding is monotone: where both ends
// of the interval round to one float32, so does the quotient in between. Zeros,
// whose sign it cannot tell, and scales that float64 cannot carry are not sure.
func quickQuotient(hi, lo int64, den uint64, exp int) (q float64, sure bool) {
	if exp < -512 || exp > 512 {
		return 0, false
	}
	a, b, n := float64(hi)*(1<<30), float64(lo), float64(den)
	scale := math.Float64frombits(uint64(exp+1023) << 52)
	middle, bound := (a+b)/n, (math.Abs(a)+math.Abs(b))/n*0x1p-50
	low, high := float32((middle-bound)*scale), float32((middle+bound)*scale)
	return float64(low), low == high && low != 0
}
