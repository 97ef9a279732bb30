package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// scaled returns n vectors of x·scale.
func (f simd) scaled(x Mem, scale reg.VecVirtual, n int) group {
	z := f.group(n)
	for i := range z {
		VMULPS(x.Offset(i*f.bytes()), scale, z[i])
	}
	return z
}

// topKernel: the largest element, and the largest magnitude bits, by which the
// caller knows a NaN.
func (f simd) topKernel() {
	saved := begin(f.name("top"), "func(x *float32, n int, scale float32) (top float32, magnitude uint32)",
		"returns the largest x·scale that is no NaN, −Inf if there is none, and the largest of the bits of its magnitudes.")
	x, left, scale := pointer("x"), count("n"), f.broadcast("scale")
	top, size := f.set(minusInf, unroll), f.zeros(unroll)
	f.eachVector(unroll, left, []Mem{x}, func(n int, m *mask) {
		var z group
		if m == nil {
			z = f.scaled(x, scale, n)
		} else {
			z = f.do(mulPS, f.loadMasked(x, *m), scale)
			z = f.blendGroup([]mask{*m}, z, f.set(minusInf, 1))
		}
		for i := range z {
			// The second source comes through where one is NaN.
			VMAXPS(top[i], z[i], top[i])
		}
		f.doInto(andD, z, magnitude)
		f.doInto(maxD, size[:n], z)
	})
	t := f.across(maxPS, top)
	s := f.across(maxD, size)
	Store(t, ReturnIndex(0))
	r := GP32()
	VMOVD(s, r)
	Store(r, ReturnIndex(1))
	end(saved)
}

// across combines a group's lanes l and l+s, from the widest distance s to 1,
// and returns the register that holds lane 0.
func (f simd) across(in lanewise, g group) reg.VecVirtual {
	for len(g) > 1 {
		half := len(g) / 2
		f.doInto(in, g[:half], g[half:])
		g = g[:half]
	}
	y := YMM()
	if f.wide {
		high := YMM()
		VEXTRACTF32X8(U8(1), g[0], high)
		low := g[0].AsY()
		in.narrow(high, low, y)
	} else {
		y = g[0]
	}
	x, high := XMM(), XMM()
	VEXTRACTF128(U8(1), y, high)
	in.narrow(high, y.AsX(), x)
	for _, order := range []uint8{0xee, 0x55} { // lanes 2, 3 and then lane 1 come down
		VPERMILPS(U8(order), x, high)
		in.narrow(high, x, x)
	}
	return x
}

const rowLanes = 64

// laneSums is the memory for the lanes of a row sum, all +0.
func (f simd) laneSums() Mem {
	m := AllocLocal(4 * rowLanes)
	zero := f.zeros(1)[0]
	for i := 0; i < 4*rowLanes; i += f.bytes() {
		VMOVUPS(zero, m.Offset(i))
	}
	return m
}

// sumUp stores the sum over the lanes as the kernel's result.
func (f simd) sumUp(lanes Mem) {
	Store(f.across(addPS, f.load(lanes, rowLanes/f.lanes())), ReturnIndex(0))
}

// inLanes runs body over left elements: over all the lanes' worth of them,
// side vectors at a time, and then vector by vector, the last under a mask.
// sums are the lanes that a vector adds to.
func (f simd) inLanes(side int, left reg.GPVirtual, lanes Mem, pointers []Mem, body func(n int, m *mask, offset int, sums Mem)) {
	Label("rounds")
	CMPQ(left, I32(rowLanes))
	JL(LabelRef("rest"))
	for i := 0; i < rowLanes/f.lanes(); i += side {
		body(side, nil, i*f.bytes(), lanes.Offset(i*f.bytes()))
	}
	f.advance(rowLanes/f.lanes(), left, pointers...)
	JMP(LabelRef("rounds"))
	Label("rest")
	at := GP64()
	LEAQ(lanes, at)
	f.eachVector(1, left, append(pointers, Mem{Base: at}), func(n int, m *mask) { body(n, m, 0, Mem{Base: at}) })
}

func (f simd) expSumKernel() {
	saved := begin(f.macName("expSum"), "func(y, x *float32, n int, scale, top float32, ahead int) float32",
		"stores exp(x·scale − top) of n elements, none of them above exp(0) or NaN, and returns their sum. It calls into the cache what lies ahead bytes past each element.")
	y, x, left := pointer("y"), pointer("x"), count("n")
	scale, top := f.broadcast("scale"), f.broadcast("top")
	ahead := count("ahead")
	lanes := f.laneSums()
	side := 2
	if f.wide {
		side = 4
	}
	f.inLanes(side, left, lanes, []Mem{y, x}, func(n int, m *mask, offset int, sums Mem) {
		var z group
		if m == nil {
			for line := 0; line < n*f.bytes(); line += 64 {
				PREFETCHT1(Mem{Base: x.Base, Index: ahead, Scale: 1, Disp: offset + line})
			}
			z = f.scaled(x.Offset(offset), scale, n)
		} else {
			z = f.do(mulPS, f.loadMasked(x, *m), scale)
		}
		f.doInto(subPS, z, top)
		e := f.expNonPositive(z)
		if m == nil {
			f.store(e, y.Offset(offset))
		} else {
			e = f.where([]mask{*m}, e)
			f.storeMasked(e, *m, y)
		}
		f.doInto(addPS, e, sums) // a sum is never −0, so +0 adds nothing
		f.store(e, sums)
	})
	f.sumUp(lanes)
	end(saved)
}

func (f simd) scaleKernels() {
	saved := begin(f.name("scale"), "func(y, x *float32, n int, factor float32)", "stores x·factor of n elements.")
	y, x, left, factor := pointer("y"), pointer("x"), count("n"), f.broadcast("factor")
	f.eachVector(unroll, left, []Mem{y, x}, func(n int, m *mask) {
		if m != nil {
			f.storeMasked(f.do(mulPS, f.loadMasked(x, *m), factor), *m, y)
			return
		}
		f.store(f.scaled(x, factor, n), y)
	})
	end(saved)

	saved = begin(f.name("scaleStream"), "func(y, x *float32, n int, factor float32)",
		"is scale past the caches; n is a multiple of 64 and y aligned to 64 bytes.")
	y, x, left, factor = pointer("y"), pointer("x"), count("n"), f.broadcast("factor")
	Label("loop")
	TESTQ(left, left)
	JZ(LabelRef("end"))
	for i := 0; i < rowLanes/f.lanes(); i += unroll {
		for j, z := range f.scaled(x.Offset(i*f.bytes()), factor, unroll) {
			VMOVNTPS(z, y.Offset((i+j)*f.bytes()))
		}
	}
	f.advance(rowLanes/f.lanes(), left, y, x)
	JMP(LabelRef("loop"))
	Label("end")
	SFENCE()
	end(saved)

	saved = begin(f.name("logFinish"), "func(y, x *float32, n int, scale, top, logSum float32)",
		"stores (x·scale − top) − logSum of n elements, none of them NaN.")
	y, x, left = pointer("y"), pointer("x"), count("n")
	scale, top, logSum := f.broadcast("scale"), f.broadcast("top"), f.broadcast("logSum")
	f.eachVector(unroll, left, []Mem{y, x}, func(n int, m *mask) {
		var z group
		if m == nil {
			z = f.scaled(x, scale, n)
		} else {
			z = f.do(mulPS, f.loadMasked(x, *m), scale)
		}
		f.doInto(subPS, z, top)
		f.doInto(subPS, z, logSum)
		if m == nil {
			f.store(z, y)
		} else {
			f.storeMasked(z, *m, y)
		}
	})
	end(saved)
}
