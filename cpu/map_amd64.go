package cpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

// simdRow returns fn over 8·steps elements, steps ≥ 1, or nil where this
// processor or fn has no kernel. Arguments that fn lacks may be nil; y may be
// any argument.
func simdRow(mac exact.Mac, fn backend.Fn) kernelFunc {
	if !simd {
		return nil
	}
	switch fn {
	case backend.FnNeg:
		return negAVX2
	case backend.FnAbs:
		return absAVX2
	case backend.FnSquare:
		return squareAVX2
	case backend.FnSqrt:
		return sqrtAVX2
	case backend.FnRecip:
		return recipAVX2
	case backend.FnRelu:
		return reluAVX2
	case backend.FnAdd:
		return addAVX2
	case backend.FnSub:
		return subAVX2
	case backend.FnMul:
		return mulAVX2
	case backend.FnDiv:
		return divAVX2
	case backend.FnMax:
		return maxAVX2
	case backend.FnMin:
		return minAVX2
	case backend.FnMac:
		if mac == exact.Split {
			return macSplitAVX2
		}
		return macFusedAVX2
	case backend.FnExpm1:
		if mac == exact.Split {
			return expm1SplitAVX2
		}
		return expm1FusedAVX2
	case backend.FnSelect:
		return selectAVX2
	}
	return nil
}

// The kernels: y = fn(a, b, c) over 8·steps elements, steps ≥ 1, with canonical
// NaN.

//go:noescape
func negAVX2(y, a, b, c *float32, steps int)

//go:noescape
func absAVX2(y, a, b, c *float32, steps int)

//go:noescape
func squareAVX2(y, a, b, c *float32, steps int)

//go:noescape
func sqrtAVX2(y, a, b, c *float32, steps int)

//go:noescape
func recipAVX2(y, a, b, c *float32, steps int)

//go:noescape
func reluAVX2(y, a, b, c *float32, steps int)

//go:noescape
func addAVX2(y, a, b, c *float32, steps int)

//go:noescape
func subAVX2(y, a, b, c *float32, steps int)

//go:noescape
func mulAVX2(y, a, b, c *float32, steps int)

//go:noescape
func divAVX2(y, a, b, c *float32, steps int)

//go:noescape
func maxAVX2(y, a, b, c *float32, steps int)

//go:noescape
func minAVX2(y, a, b, c *float32, steps int)

//go:noescape
func macFusedAVX2(y, a, b, c *float32, steps int)

//go:noescape
func macSplitAVX2(y, a, b, c *float32, steps int)

//go:noescape
func selectAVX2(y, a, b, c *float32, steps int)
