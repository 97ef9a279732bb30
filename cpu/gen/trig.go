package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Sine and cosine (backend/exact/trig.go). The reduction takes 64-bit products
// from even and odd lanes apart and weaves their words together: high words in
// one vector, low words in another.

var (
	mulD  = lanewise{VPMULLD, VPMULLD, VPMULLD_BCST}
	minUD = lanewise{VPMINUD, VPMINUD, VPMINUD_BCST}
	sllvD = lanewise{VPSLLVD, VPSLLVD, VPSLLVD_BCST}
	srlvD = lanewise{VPSRLVD, VPSRLVD, VPSRLVD_BCST}

	// On 64-bit lanes, hence without constants.
	mulQ = lanewise{narrow: VPMULUDQ, wide: VPMULUDQ} // of their low words
	addQ = lanewise{narrow: VPADDQ, wide: VPADDQ}
)

const (
	overQuarterPi constant = 0x3f490fdb // the next float32 above π/4

	notLess = 0x15 // not less, or unordered
)

// turnBits holds exact.turnBits, and zeros up to a whole vector.
func turnBits() Mem {
	if turnBitsGlobal == nil {
		m := GLOBL("turnBits", attr.RODATA|attr.NOPTR)
		for i, w := range [16]uint32{0, 0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770, 0x36d8a566, 0x4f10e410, 0x7f9458ea} {
			DATA(4*i, U32(w))
		}
		turnBitsGlobal = &m
	}
	return *turnBitsGlobal
}

var turnBitsGlobal *Mem

// weave returns the even lanes of even and the odd lanes of odd.
func (f simd) weave(even, odd group) group {
	d := f.group(len(even))
	if !f.wide {
		for i := range d {
			VPBLENDD(U8(0xaa), odd[i], even[i], d[i])
		}
		return d
	}
	bits, k := GP32(), K()
	MOVL(U32(0xaaaa), bits)
	KMOVW(bits, k)
	for i := range d {
		VPBLENDMD(odd[i], even[i], k, d[i])
	}
	return d
}

// oddLanes brings the odd lanes into the even ones.
func (f simd) oddLanes(a group) group { return f.shift(VPSRLQ, 32, a) }

// window returns the 32 bits from bit s on of two words that follow each
// other; t is 32 − s.
func (f simd) window(high, low, s, t group) group {
	return f.do(orD, f.do(sllvD, high, s), f.do(srlvD, low, t))
}

// reduceAngle returns x as q·π/2 + r + tail for |r| ≤ π/4. What lanes hold that
// are not finite or are subnormal has no meaning.
func (f simd) reduceAngle(x group) (q, r, tail group) {
	n := len(x)
	e := f.do(andD, x, magnitude)
	for i := range e {
		VPSRLD(U8(23), e[i], e[i])
	}
	f.doInto(subD, e, constant(126))
	sig := f.shift(VPSLLD, 8, x)
	f.doInto(orD, sig, signBit)
	at := f.shift(VPSRLD, 5, e)
	s := f.do(andD, e, constant(31))
	t := f.set(32, n)
	f.doInto(subD, t, s)
	word := func() group {
		w := f.group(n)
		for i := range w {
			VPERMD(turnBits(), at[i], w[i])
		}
		f.doInto(addD, at, constant(1))
		return w
	}
	w0, w1 := word(), word()
	top := f.do(mulD, sig, f.window(w0, w1, s, t))
	w2 := word()
	mid := f.window(w1, w2, s, t)
	low := f.window(w2, word(), s, t)

	// The turn, and the nearest quarter.
	even := f.do(mulQ, sig, low)
	even = f.oddLanes(even)
	f.doInto(addQ, even, f.do(mulQ, sig, mid))
	oddSig := f.oddLanes(sig)
	odd := f.do(mulQ, oddSig, f.oddLanes(low))
	odd = f.oddLanes(odd)
	f.doInto(addQ, odd, f.do(mulQ, oddSig, f.oddLanes(mid)))
	high := f.weave(f.oddLanes(even), odd)
	f.doInto(addD, high, top)
	low = f.weave(even, f.shift(VPSLLQ, 32, odd))
	f.doInto(addD, high, constant(1<<29))
	q = f.shift(VPSRLD, 30, high)
	f.doInto(andD, high, constant(1<<30-1))
	f.doInto(subD, high, constant(1<<29))

	// The magnitude of what is left: where it is negative, −(high:low) is
	// ^high:−low, and one more where low is 0.
	sign := f.shift(VPSRAD, 31, high)
	carry := f.do(minUD, low, constant(1))
	f.doInto(subD, carry, constant(1))
	f.doInto(andD, carry, sign)
	f.doInto(xorD, high, sign)
	f.doInto(subD, high, carry)
	f.doInto(xorD, low, sign)
	f.doInto(subD, low, sign)
	f.doInto(andD, sign, signBit)

	// Its leading zeros from the exponent of its bits from 31 on as a float32.
	// At least one of them is set for every float32. They are cut short so
	// that they do not round up to a power of two.
	lead := f.do(addD, high, high)
	f.doInto(orD, lead, f.shift(VPSRLD, 31, low))
	f.doInto(subD, lead, f.do(andD, lead, f.shift(VPSRLD, 8, lead)))
	f.toFloat(lead)
	f.doInto(andD, lead, inf)
	s = f.set(159, n)
	f.doInto(subD, s, f.shift(VPSRLD, 23, lead))
	t = f.set(32, n)
	f.doInto(subD, t, s)
	high = f.window(high, low, s, t)

	factor := f.set(0xc90fdaa2, n) // π/2·2³¹
	even = f.do(mulQ, high, factor)
	odd = f.do(mulQ, f.oddLanes(high), factor)
	w := f.weave(f.oddLanes(even), odd)
	scale := f.do(subD, lead, constant(61<<23))
	f.doInto(orD, scale, sign)
	tail = f.do(andD, w, constant(0xff))
	f.toFloat(tail)
	f.doInto(mulPS, tail, scale)
	r = f.shift(VPSRLD, 8, w)
	f.toFloat(r)
	f.doInto(addD, scale, constant(8<<23))
	f.doInto(mulPS, r, scale)

	size := f.do(andD, x, magnitude)
	above := f.compare(notLess, size, overQuarterPi)
	q = f.where(above, q)
	tail = f.where(above, tail)
	r = f.blendGroup(above, r, size)
	return q, r, tail
}

// quadrant returns sin(q·π/2 + r + tail); it overwrites q.
func (f simd) quadrant(q, r, tail group) group {
	n := len(q)
	z := f.do(mulPS, r, r)
	s := f.set(float(0x1.110778p-7), n)
	f.macInto(s, z, float(-0x1.99540ap-13))
	f.horner(s, z, float(-0x1.555546p-3))
	sin := f.copy(tail)
	f.macInto(sin, f.do(mulPS, r, z), s)
	f.doInto(addPS, sin, r)

	p := f.set(float(-0x1.6c0e3p-10), n)
	f.macInto(p, z, float(0x1.9a686p-16))
	f.horner(p, z, float(0x1.55554ep-5))
	cos := f.do(mulPS, r, tail)
	f.doInto(xorD, cos, signBit)
	f.macInto(cos, f.do(mulPS, z, z), p)
	h := f.do(mulPS, z, float(0.5))
	w := f.set(one, n)
	f.doInto(subPS, w, h)
	lost := f.set(one, n)
	f.doInto(subPS, lost, w)
	f.doInto(subPS, lost, h)
	f.doInto(addPS, cos, lost)
	f.doInto(addPS, cos, w)

	odd := f.shift(VPSLLD, 31, q)
	for i := range odd {
		VPSRAD(U8(31), odd[i], odd[i])
	}
	f.doInto(xorD, cos, sin)
	f.doInto(andD, cos, odd)
	f.doInto(xorD, sin, cos)
	for i := range q {
		VPSRLD(U8(1), q[i], q[i])
		VPSLLD(U8(31), q[i], q[i])
	}
	f.doInto(xorD, sin, q)
	return sin
}

func (f simd) sin(x group) group {
	y := f.quadrant(f.reduceAngle(x))
	sign := f.do(andD, x, signBit)
	f.doInto(xorD, y, sign)
	size := f.do(andD, x, magnitude)
	y = f.blendGroup(f.compare(less, size, minNormal), sign, y)
	return f.blend(f.compare(notLess, size, inf), nan, y)
}

func (f simd) cos(x group) group {
	q, r, tail := f.reduceAngle(x)
	f.doInto(addD, q, constant(1))
	y := f.quadrant(q, r, tail)
	size := f.do(andD, x, magnitude)
	y = f.blend(f.compare(less, size, minNormal), one, y)
	return f.blend(f.compare(notLess, size, inf), nan, y)
}

// One vector at a time: with AVX2 there are no registers for more.
func (f simd) trigonometric() {
	f.mapKernel(f.macName("sin"), mapSignature, "stores the sines of n elements.", 1, f.sin)
	f.mapKernel(f.macName("cos"), mapSignature, "stores the cosines of n elements.", 1, f.cos)
}
