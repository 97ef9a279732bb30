package exact

import "math"

// The elementwise functions that are no more than one rounded operation or a
// selection of bits. Every NaN result is canonical.

// Neg returns −x by its sign bit.
func Neg(x float32) float32 { return CanonNaN(math.Float32frombits(math.Float32bits(x) ^ signBit)) }

// Abs returns |x| by its sign bit.
func Abs(x float32) float32 { return CanonNaN(math.Float32frombits(math.Float32bits(x) &^ signBit)) }

// Square returns round(x·x).
func Square(x float32) float32 { return Mul(x, x) }

// Add returns round(a + b).
func Add(a, b float32) float32 { return CanonNaN(a + b) }

// Sub returns round(a − b).
func Sub(a, b float32) float32 { return CanonNaN(a - b) }

// Mul returns round(a·b).
func Mul(a, b float32) float32 { return CanonNaN(float32(a * b)) }

// Maximum returns the larger of a and b; NaN if either is; a if they are
// equal, so Maximum(−0, +0) = −0.
func Maximum(a, b float32) float32 {
	if OrderKey(b) > OrderKey(a) {
		return CanonNaN(b)
	}
	return CanonNaN(a)
}

// Minimum returns the smaller of a and b; NaN if either is; a if they are equal.
func Minimum(a, b float32) float32 {
	if OrderKeyMin(b) < OrderKeyMin(a) {
		return CanonNaN(b)
	}
	return CanonNaN(a)
}

// MultiplyAdd returns mac(a, b, c) = a + b·c with a canonical NaN.
func (m Mac) MultiplyAdd(a, b, c float32) float32 { return CanonNaN(m.Mac(a, b, c)) }

// Select returns b where a ≠ 0, else c. NaN counts as ≠ 0, subnormals do.
func Select(a, b, c float32) float32 {
	if math.Float32bits(a)&^signBit != 0 {
		return CanonNaN(b)
	}
	return CanonNaN(c)
}
