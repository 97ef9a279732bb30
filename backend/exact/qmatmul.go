package exact

import "math"

// QMatMul stores acc[i,j] = Σ_k (A[i,k] − zeroA)·(B[k,j] − zeroB) + bias[j] in
// int32, modulo 2³², through put. op(A) is M×K and op(B) K×N; bias is nil or
// has N elements.
func QMatMul(rows, cols int, a, b View[int8], transA, transB bool, zeroA, zeroB int32, bias []int32,
	put func(i, j int, acc int32)) {
	opA, opB, n := operand(a, transA), operand(b, transB), inner(a, transA)
	for i := range rows {
		for j := range cols {
			var acc int32
			for k := range n {
				acc += (int32(opA(i, k)) - zeroA) * (int32(opB(k, j)) - zeroB)
			}
			if bias != nil {
				acc += bias[j]
			}
			put(i, j, acc)
		}
	}
}

// Requant is the integer epilogue of an int8 product. Multiplier and Shift
// hold one entry a column, or one for all. The real scale of a column is
// Multiplier·2^(Shift−31).
type Requant struct {
	Multiplier, Shift []int32
	Zero              int32 // the zero point added
	Min, Max          int32 // the range clamped to, within [−128, 127]
}

// Apply returns the int8 of column j that follows from acc. The zero point is
// added without overflow, so that a saturated product stays at its end of the
// range.
func (q *Requant) Apply(acc int32, j int) int8 {
	if len(q.Multiplier) == 1 {
		j = 0
	}
	v := int64(MultiplyByQuantizedMultiplier(acc, q.Multiplier[j], q.Shift[j])) + int64(q.Zero)
	return int8(min(max(v, int64(q.Min)), int64(q.Max)))
}

// MultiplyByQuantizedMultiplier returns x·multiplier·2^(shift−31) in double
// rounding: x·2^shift modulo 2³² where shift is positive, then
// SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT by −shift where
// it is negative. shift is taken as the nearest number in [−31, 30].
// Source: Jacob et al. 2018, arXiv 1712.05877, section 2.2, and the kernels of
// TensorFlow Lite.
func MultiplyByQuantizedMultiplier(x, multiplier, shift int32) int32 {
	shift = min(max(shift, -31), 30)
	left, right := max(shift, 0), max(-shift, 0)
	return RoundingDivideByPOT(SaturatingRoundingDoublingHighMul(x<<uint32(left), multiplier), right)
}

// SaturatingRoundingDoublingHighMul returns a·b/2³¹ rounded to nearest, halves
// upwards; the one product that does not fit, −2³¹·−2³¹, gives 2³¹−1.
// Source: gemmlowp, fixedpoint.h.
func SaturatingRoundingDoublingHighMul(a, b int32) int32 {
	if a == math.MinInt32 && b == math.MinInt32 {
		return math.MaxInt32
	}
	ab := int64(a) * int64(b)
	nudge := int64(1) << 30
	if ab < 0 {
		nudge = 1 - nudge
	}
	return int32((ab + nudge) / (1 << 31)) // towards zero
}

// RoundingDivideByPOT returns x/2^exponent rounded to nearest, halves away
// from zero; 0 ≤ exponent ≤ 31. Source: gemmlowp, fixedpoint.h.
func RoundingDivideByPOT(x, exponent int32) int32 {
	mask := int32(1)<<uint32(exponent) - 1
	remainder := x & mask
	threshold := mask >> 1
	if x < 0 {
		threshold++
	}
	q := x >> uint32(exponent)
	if remainder > threshold {
		q++
	}
	return q
}
