package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The passes of a pivot search over order keys (exact.OrderKey).

func (f simd) filterKernels() {
	f.mapKernel(f.name("orderKeys"), "func(y *uint32, x *float32, n int)", "stores the order keys of n elements.", unroll,
		func(x group) group {
			// Negative: all bits flip; positive: the sign bit does.
			sign := f.shift(VPSRAD, 31, x)
			f.doInto(orD, sign, signBit)
			key := f.do(xorD, x, sign)
			zero := f.compare(equal, x, constant(0))
			key = f.blend(zero, signBit, key)
			return f.blend(f.compare(unordered, x, x), constant(0xffffffff), key)
		})
	f.mapKernel(f.name("weights"), "func(y *uint32, x *float32, n int)",
		"stores the whole numbers nearest to 2³⁰ times n probabilities.", unroll,
		func(x group) group {
			w := f.do(mulPS, x, float(1<<30))
			for i := range w {
				VCVTPS2DQ(w[i], w[i])
			}
			return w
		})

	saved := begin(f.name("countFrom"), "func(keys *uint32, n int, threshold uint32) uint64",
		"returns how many of n keys are no less than threshold ≥ 1.")
	keys, left, threshold := pointer("keys"), count("n"), f.broadcast("threshold")
	counts := f.zeros(unroll)
	f.eachVector(unroll, left, []Mem{keys}, func(n int, m *mask) {
		var k group
		if m == nil {
			k = f.load(keys, n)
		} else {
			k = f.loadMasked(keys, *m)
		}
		for i, in := range f.noLess(k, threshold) {
			if f.wide {
				VPADDD_BCST(constant(1).mem(), counts[i], in.k, counts[i])
			} else {
				VPSUBD(in.y, counts[i], counts[i])
			}
		}
	})
	f.doInto(addD, counts[:2], counts[2:])
	f.doInto(addD, counts[:1], counts[1:2])
	f.returnSum(f.halves(counts[:1]))
	end(saved)

	saved = begin(f.name("weightFrom"), "func(keys, weights *uint32, n int, threshold uint32) uint64",
		"returns the sum of the weights of those of n keys that are no less than threshold ≥ 1.")
	keys, weights, left, threshold := pointer("keys"), pointer("weights"), count("n"), f.broadcast("threshold")
	sums := f.zeros(2)
	f.eachVector(unroll, left, []Mem{keys, weights}, func(n int, m *mask) {
		var k, w group
		if m == nil {
			k, w = f.load(keys, n), f.load(weights, n)
		} else {
			k, w = f.loadMasked(keys, *m), f.loadMasked(weights, *m)
		}
		w = f.where(f.noLess(k, threshold), w)
		for i := range w {
			h := f.halves(w[i : i+1])
			VPADDQ(h[0], sums[0], sums[0])
			VPADDQ(h[1], sums[1], sums[1])
		}
	})
	f.returnSum(sums)
	end(saved)

	saved = begin(f.name("keepFrom"), "func(y, x *float32, keys *uint32, n int, threshold uint32)",
		"stores those of n elements whose keys are no less than threshold, and −Inf for the others.")
	y, x, keys, left := pointer("y"), pointer("x"), pointer("keys"), count("n")
	threshold = f.broadcast("threshold")
	f.eachVector(unroll, left, []Mem{y, x, keys}, func(n int, m *mask) {
		if m == nil {
			in := f.noLess(f.load(keys, n), threshold)
			f.store(f.blendGroup(in, f.load(x, n), f.set(minusInf, n)), y)
			return
		}
		in := f.noLess(f.loadMasked(keys, *m), threshold)
		f.storeMasked(f.blendGroup(in, f.loadMasked(x, *m), f.set(minusInf, 1)), *m, y)
	})
	end(saved)
}

func (f simd) zeros(n int) group {
	g := f.group(n)
	for i := range g {
		f.emit(xorD, g[i], g[i], g[i])
	}
	return g
}

// noLess returns where unsigned keys are no less than threshold.
func (f simd) noLess(keys group, threshold reg.VecVirtual) []mask {
	m := make([]mask, len(keys))
	for i := range keys {
		if f.wide {
			m[i].k = K()
			VPCMPUD(U8(5), threshold, keys[i], m[i].k)
			continue
		}
		m[i].y = f.vec()
		VPMAXUD(threshold, keys[i], m[i].y)
		VPCMPEQD(keys[i], m[i].y, m[i].y)
	}
	return m
}

// halves returns the low and the high words of one vector's 64-bit lanes.
func (f simd) halves(g group) group {
	low := f.shift(VPSLLQ, 32, g)
	low = f.shift(VPSRLQ, 32, low)
	return group{low[0], f.shift(VPSRLQ, 32, g)[0]}
}

// returnSum returns the sum over the 64-bit lanes of two vectors.
func (f simd) returnSum(sums group) {
	VPADDQ(sums[1], sums[0], sums[0])
	room := AllocLocal(f.bytes())
	VMOVUPS(sums[0], room)
	total := GP64()
	XORQ(total, total)
	for i := 0; i < f.bytes(); i += 8 {
		ADDQ(room.Offset(i), total)
	}
	Store(total, ReturnIndex(0))
}
