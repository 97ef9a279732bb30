package exact

import "math"

// Recip returns 1/x, correctly rounded, subnormal operands and results
// included: 1/±0 = ±Inf, 1/±Inf = ±0, NaN is canonical.
func Recip(x float32) float32 { return CanonNaN(1 / x) }

// Div returns a/b, correctly rounded, subnormal operands and results included.
// 0/0 and Inf/Inf are the canonical NaN.
func Div(a, b float32) float32 { return CanonNaN(a / b) }

// Sqrt returns √x, correctly rounded: √−0 = −0, and the canonical NaN for
// x < 0. A float64 root rounded to float32 is right because 53 ≥ 2·24 + 2
// (Figueroa, "When is double rounding innocuous?", 1995).
func Sqrt(x float32) float32 { return CanonNaN(float32(math.Sqrt(float64(x)))) }
