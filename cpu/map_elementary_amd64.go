package cpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

// elementaryRow returns a function over rows of any length, by way of the
// vectors of exp, log, log1p, sin and cos, or nil where fn or this processor has none.
// scratch is as long as y, which may be a.
func elementaryRow(mac exact.Mac, fn backend.Fn) func(y, a, scratch []float32) {
	if !simd {
		return nil
	}
	plain := elementFunction(mac, fn)
	// around computes before, vector, after on all but the last few elements.
	around := func(before, after kernelFunc, vector func(mac exact.Mac, y, x []float32)) func(y, a, scratch []float32) {
		return func(y, a, scratch []float32) {
			full := len(y) / 8 * 8
			if full > 0 {
				e := scratch[:full]
				before(&e[0], &a[0], nil, nil, full/8)
				vector(mac, e, e)
				after(&y[0], &a[0], &e[0], nil, full/8)
			}
			for i := full; i < len(y); i++ {
				y[i] = plain(a[i], 0, 0)
			}
		}
	}
	direct := func(vector func(mac exact.Mac, y, x []float32)) func(y, a, scratch []float32) {
		return func(y, a, _ []float32) { vector(mac, y, a) }
	}
	switch fn {
	case backend.FnExp:
		return direct(vecExp)
	case backend.FnLog:
		return direct(vecLog)
	case backend.FnLog1p:
		return direct(vecLog1p)
	case backend.FnSin:
		return direct(vecSin)
	case backend.FnCos:
		return direct(vecCos)
	case backend.FnSigmoid:
		return around(minusAbsAVX2, sigmoidEndAVX2, vecExp)
	case backend.FnSoftplus:
		return around(minusAbsAVX2, softplusEndAVX2, func(mac exact.Mac, y, x []float32) {
			vecExp(mac, y, x)
			vecLog1p(mac, y, x)
		})
	case backend.FnTanh:
		if mac == exact.Split {
			return around(twiceAbsAVX2, tanhEndSplitAVX2, vecExp)
		}
		return around(twiceAbsAVX2, tanhEndFusedAVX2, vecExp)
	}
	return nil
}

// kernelFunc is a kernel over 8·steps elements, steps ≥ 1. Arguments that it
// lacks may be nil; y may be any argument.
type kernelFunc = func(y, a, b, c *float32, steps int)

// minusAbsAVX2 is y = −|a|.
//
//go:noescape
func minusAbsAVX2(y, a, b, c *float32, steps int)

// twiceAbsAVX2 is y = 2·|a|.
//
//go:noescape
func twiceAbsAVX2(y, a, b, c *float32, steps int)

// sigmoidEndAVX2 is y = sigmoid(a) from b = exp(−|a|).
//
//go:noescape
func sigmoidEndAVX2(y, a, b, c *float32, steps int)

// softplusEndAVX2 is y = softplus(a) from b = log1p(exp(−|a|)).
//
//go:noescape
func softplusEndAVX2(y, a, b, c *float32, steps int)

// tanhEndFusedAVX2 is y = tanh(a) from b = exp(2·|a|).
//
//go:noescape
func tanhEndFusedAVX2(y, a, b, c *float32, steps int)

// expm1FusedAVX2 is y = expm1(a).
//
//go:noescape
func expm1FusedAVX2(y, a, b, c *float32, steps int)

// tanhEndSplitAVX2 is y = tanh(a) from b = exp(2·|a|).
//
//go:noescape
func tanhEndSplitAVX2(y, a, b, c *float32, steps int)

// expm1SplitAVX2 is y = expm1(a).
//
//go:noescape
func expm1SplitAVX2(y, a, b, c *float32, steps int)
