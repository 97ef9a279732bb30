package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// The functions of backend/exact/elementary.go and variates.go, step by step.

func float(x float32) constant { return constant(math.Float32bits(x)) }

const (
	signBit       constant = 0x80000000
	magnitude     constant = 0x7fffffff
	inf           constant = 0x7f800000
	minusInf      constant = 0xff800000
	nan           constant = 0x7fc00000
	one           constant = 0x3f800000
	minNormal     constant = 0x00800000
	threeQuarters constant = 0x3f400000
	lowestExp     constant = 0xc2aeac4f // ln 2⁻¹²⁶
	highestExp    constant = 0x42b17217 // ln of the largest float32
)

var (
	log2e      = float(0x1.715476p+0)
	minusLn2Hi = float(-0x1.62e4p-1)
	minusLn2Lo = float(-0x1.7f7d1cp-20)
	ln2Hi      = float(0x1.62e4p-1)
	ln2Lo      = float(0x1.7f7d1cp-20)
	roundMagic = float(0x1.8p23)
)

// expCore overwrites x.
func (f simd) expCore(x group) group {
	n := f.set(roundMagic, len(x))
	f.macInto(n, x, log2e)
	nf := f.do(subPS, n, roundMagic)
	f.macInto(x, nf, minusLn2Hi)
	f.macInto(x, nf, minusLn2Lo)
	p := f.set(float(0x1.123decp-7), len(x))
	f.macInto(p, x, float(0x1.6ac832p-10))
	for _, c := range []float32{0x1.555858p-5, 0x1.55548cp-3, 0x1.fffffcp-2, 1, 1} {
		f.horner(p, x, float(c))
	}
	// The shift drops the bits of roundMagic.
	for i := range n {
		VPSLLD(U8(23), n[i], n[i])
	}
	f.doInto(addD, p, n)
	return p
}

// expNonPositive is exp for x ≤ 0 that is no NaN.
func (f simd) expNonPositive(x group) group {
	keep := f.compare(atLeast, x, lowestExp)
	return f.where(keep, f.expCore(x))
}

func (f simd) exp(x group) group {
	p := f.expCore(f.copy(x))
	p = f.where(f.compare(atLeast, x, lowestExp), p)
	p = f.blend(f.compare(greater, x, highestExp), inf, p)
	return f.blend(f.compare(unordered, x, x), nan, p)
}

// logPoly returns k·ln 2 + log(1+x); it overwrites both.
func (f simd) logPoly(k, x group) group {
	p := f.set(float(0x1.ac9336p-4), len(x))
	f.macInto(p, x, float(-0x1.7143a8p-5))
	for _, c := range []float32{-0x1.0d8ae8p-3, 0x1.288426p-3, -0x1.54ef94p-3, 0x1.99699cp-3, -0x1.000042p-2, 0x1.5555a4p-2, -0.5} {
		f.horner(p, x, float(c))
	}
	for i := range x {
		s := f.vec()
		VMULPS(x[i], x[i], s)
		f.macInto(x[i:i+1], group{s}, p[i:i+1])
	}
	f.macInto(x, k, ln2Lo)
	f.macInto(x, k, ln2Hi)
	return x
}

// logCore overwrites x; unit is the bits that stand for 1 in x, which are
// those of −1 where x holds negated arguments.
func (f simd) logCore(x group, unit constant) group {
	f.doInto(subD, x, unit-0x00400000)
	k := f.shift(VPSRAD, 23, x)
	f.toFloat(k)
	f.doInto(andD, x, constant(0x7fffff))
	f.doInto(addD, x, threeQuarters)
	f.doInto(subPS, x, one)
	return f.logPoly(k, x)
}

func (f simd) log(x group) group {
	y := f.logCore(f.copy(x), one)
	y = f.blend(f.compare(equal, x, inf), inf, y)
	y = f.blend(f.compare(less, x, minNormal), minusInf, y)
	// What is left has a negative sign and a normal magnitude, or is NaN.
	y = f.blend(f.compare(notAbove, x, minusNormal), nan, y)
	return y
}

// log1pCore overwrites x.
func (f simd) log1pCore(x group) group {
	e := f.do(addPS, x, one)
	f.doInto(subD, e, threeQuarters)
	f.doInto(andD, e, constant(0xff800000))
	f.doInto(subD, x, e)
	// 2⁻ᵏ − 1 from 4·2⁻ᵏ; the product is exact.
	scale := f.set(0x40800000, len(x))
	f.doInto(subD, scale, e)
	f.doInto(mulPS, scale, float(0.25))
	f.doInto(subPS, scale, one)
	f.doInto(addPS, x, scale)
	for i := range e {
		VPSRAD(U8(23), e[i], e[i])
	}
	f.toFloat(e)
	return f.logPoly(e, x)
}

func (f simd) log1p(x group) group {
	y := f.log1pCore(f.copy(x))
	zero := f.do(andD, x, signBit)
	size := f.do(andD, x, magnitude)
	y = f.blendGroup(f.compare(less, size, minNormal), zero, y)
	y = f.blend(f.compare(equal, x, inf), inf, y)
	y = f.blend(f.compare(equal, x, float(-1)), minusInf, y)
	return f.blend(f.compare(notAtLeast, x, float(-1)), nan, y)
}

// uniform turns words into (2w+1)·2⁻³³, rounded once, below 1.
func (f simd) uniform(w group) group {
	v := f.do(andD, w, constant(0xffff))
	f.toFloat(v)
	low := f.set(float(0x1p-33), len(v))
	f.exactMacInto(low, v, float(0x1p-32))
	for i := range w {
		VPSRLD(U8(16), w[i], v[i])
	}
	f.toFloat(v)
	f.exactMacInto(low, v, float(0x1p-16))
	f.doInto(minPS, low, float(1-0x1p-24))
	return low
}

// negativeExponential is log1p(−v).
func (f simd) negativeExponential(w group) group {
	v := f.uniform(w)
	f.doInto(xorD, v, signBit)
	return f.log1pCore(v)
}

func (f simd) exponential(w group) group {
	e := f.negativeExponential(w)
	f.doInto(xorD, e, signBit)
	return e
}

func (f simd) gumbel(w group) group {
	g := f.logCore(f.negativeExponential(w), 0xbf800000)
	f.doInto(xorD, g, signBit)
	return g
}

// The argument of the special cases of logarithms.
const (
	notAbove   = 0x1a // not greater, or unordered
	notAtLeast = 0x19 // less, or unordered

	minusNormal constant = 0x80800000
)

const mapSignature = "func(y, x *float32, n int)"

func (f simd) elementary() {
	f.mapKernel(f.macName("exp"), mapSignature, "stores the exponentials of n elements.", 2, f.exp)
	f.mapKernel(f.macName("log"), mapSignature, "stores the natural logarithms of n elements.", 2, f.log)
	f.mapKernel(f.macName("log1p"), mapSignature, "stores log(1+x) of n elements.", 2, f.log1p)
}

// normalPairs turns pairs of vectors of words into normal numbers, in place of
// the words: even words give radii, odd ones angles.
func (f simd) normalPairs(w group) group {
	n := len(w) / 2
	radius, turn := f.group(n), f.group(n)
	for i := range n {
		VSHUFPS(U8(0x88), w[2*i+1], w[2*i], radius[i])
		VSHUFPS(U8(0xdd), w[2*i+1], w[2*i], turn[i])
	}
	radius = f.logCore(f.uniform(radius), one)
	f.doInto(mulPS, radius, float(-2))
	for i := range radius {
		VSQRTPS(radius[i], radius[i])
	}
	// The nearest quarter turn q, and the rest as an odd multiple of π/2·2⁻³¹.
	q := f.do(addD, turn, constant(1<<29))
	for i := range q {
		VPSRLD(U8(30), q[i], q[i])
	}
	f.doInto(subD, turn, f.shift(VPSLLD, 30, q))
	for i := range turn {
		VPSLLD(U8(1), turn[i], turn[i])
	}
	f.doInto(orD, turn, constant(1))
	f.toFloat(turn)
	f.doInto(mulPS, turn, float(0x1.921fb6p-31))

	z := f.do(mulPS, turn, turn)
	c := f.set(float(-0x1.6c0e3p-10), n)
	f.macInto(c, z, float(0x1.9a686p-16))
	f.horner(c, z, float(0x1.55554ep-5))
	f.doInto(mulPS, c, f.do(mulPS, z, z))
	h := f.do(mulPS, z, float(0.5))
	w1 := f.set(one, n)
	f.doInto(subPS, w1, h)
	lost := f.set(one, n)
	f.doInto(subPS, lost, w1)
	f.doInto(subPS, lost, h)
	f.doInto(addPS, c, lost)
	f.doInto(addPS, c, w1)

	s := f.set(float(-0x1.555546p-3), n)
	p := f.set(float(0x1.110778p-7), n)
	f.macInto(p, z, float(-0x1.99540ap-13))
	f.macInto(s, z, p)
	f.doInto(mulPS, z, turn)
	f.doInto(mulPS, s, z)
	f.doInto(addPS, s, turn)

	// An odd q turns (s, c) into (c, −s); q&2 turns both signs.
	odd := f.shift(VPSLLD, 31, q)
	all := f.shift(VPSRAD, 31, odd)
	f.doInto(andD, all, f.do(xorD, s, c))
	f.doInto(xorD, s, all)
	f.doInto(xorD, c, all)
	f.doInto(xorD, c, odd)
	for i := range q {
		VPSRLD(U8(1), q[i], q[i])
		VPSLLD(U8(31), q[i], q[i])
	}
	f.doInto(xorD, s, q)
	f.doInto(xorD, c, q)
	f.doInto(mulPS, s, radius)
	f.doInto(mulPS, c, radius)
	y := f.group(2 * n)
	for i := range n {
		VUNPCKLPS(s[i], c[i], y[2*i])
		VUNPCKHPS(s[i], c[i], y[2*i+1])
	}
	return y
}
