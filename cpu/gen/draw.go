package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Variates from words, and Gumbel-max draws that skip the logarithms of words
// that cannot win.

const wordsSignature = "func(y *float32, x *uint32, n int)"

func (f simd) uniformKernel() {
	f.mapKernel(f.name("uniform"), wordsSignature, "stores the uniform numbers of n words.", unroll, f.uniform)
}

func (f simd) variateKernels() {
	f.mapKernel(f.macName("exponential"), wordsSignature, "stores the exponential numbers of n words.", unroll, f.exponential)
	f.mapKernel(f.macName("gumbel"), wordsSignature, "stores the Gumbel numbers of n words.", unroll, f.gumbel)

	saved := begin(f.macName("normal"), wordsSignature, "stores the normal numbers of n words; n is a multiple of 32.")
	y, x, left := pointer("y"), pointer("x"), count("n")
	Label("loop")
	TESTQ(left, left)
	JZ(LabelRef("end"))
	f.store(f.normalPairs(f.load(x, 2)), y)
	f.advance(2, left, y, x)
	JMP(LabelRef("loop"))
	Label("end")
	end(saved)

	saved = begin(f.macName("affine"), "func(y *float32, n int, loc, scale float32)", "is y = mac(loc, scale, y) over n elements.")
	y, left = pointer("y"), count("n")
	loc, scale := f.broadcast("loc"), f.broadcast("scale")
	f.eachVector(unroll, left, []Mem{y}, func(n int, m *mask) {
		acc := f.group(n)
		for i := range acc {
			VMOVAPS(loc, acc[i])
		}
		var x operand = y
		if m != nil {
			x = f.loadMasked(y, *m)
		}
		f.addScaled(acc, x, scale)
		acc = f.blend(f.compare(unordered, acc, acc), nan, acc)
		if m != nil {
			f.storeMasked(acc, *m, y)
		} else {
			f.store(acc, y)
		}
	})
	end(saved)
}

// A word w has the uniform v ≥ 2u/2³² with u = w>>1, hence a Gumbel number
// −log(−log1p(−v)) ≤ −log v ≤ (31 − log2 u)·ln 2. The bits of u as a float32,
// taken as a whole number, are 2²³·(127 + log2 u) or up to 0.087·2²³ less, so a
// bound is linear in them. boundMargin covers what the roundings lose.
const boundMargin = 1e-3

var (
	boundStart = float(float32((31+127)*math.Ln2 + boundMargin))
	boundSlope = float(float32(-math.Ln2 / (1 << 23)))
)

// bound returns what no Gumbel number of the words passes. The score is a
// rounding of a sum, hence monotone in the Gumbel number.
func (f simd) bound(words group) group {
	u := f.shift(VPSRLD, 1, words)
	f.toFloat(u)
	f.toFloat(u)
	b := f.set(boundStart, len(words))
	f.exactMacInto(b, u, boundSlope)
	return b
}

// addScaled is g = mac(g, x, scale), in place.
func (f simd) addScaled(g group, x operand, scale reg.VecVirtual) {
	factors := make(group, len(g))
	for i := range factors {
		factors[i] = scale
	}
	f.macInto(g, factors, x)
}

func (f simd) drawKernel() {
	saved := begin(f.macName("draw"),
		"func(keys *[19]uint32, x *float32, from, n int, scale float32) (index int, score float32)",
		"returns the index of the winner among the elements from, from+1, … of a row, and its score; −1 if all score −Inf. from is a multiple of 4, n below 2³¹.")
	p := f.newPhilox("keys")
	x, left := pointer("x"), count("n")
	scale := f.broadcast("scale")
	best := f.set(minusInf, 1)[0]
	index := GP64()
	MOVQ(I32(-1), index)
	at := count("from")
	block := GP64()
	MOVQ(at, block)
	SHRQ(U8(2), block)
	next := p.first(block)
	atOnce := 4 * p.blocksAtOnce()
	vectors := atOnce / f.lanes()
	spill, last := AllocLocal(4*atOnce), AllocLocal(4*atOnce)

	Label("loop")
	CMPQ(left, I32(atOnce))
	JGE(LabelRef("whole"))
	TESTQ(left, left)
	JLE(LabelRef("done"))
	// The last elements, with anything behind them, for loads of whole vectors.
	from, to, i := GP64(), GP64(), GP64()
	MOVQ(x.Base, from)
	LEAQ(last, to)
	MOVQ(left, i)
	Label("copy")
	v := GP32()
	MOVL(Mem{Base: from, Index: i, Scale: 4, Disp: -4}, v)
	MOVL(v, Mem{Base: to, Index: i, Scale: 4, Disp: -4})
	DECQ(i)
	JNZ(LabelRef("copy"))
	MOVQ(to, x.Base)
	Label("whole")
	words := p.words(next)
	var pass []mask
	for i := range words { // one by one, for want of registers
		b := f.bound(words[i : i+1])
		f.addScaled(b, x.Offset(i*f.bytes()), scale)
		pass = append(pass, f.compare(notAtMost, b, best)...)
	}
	some := GP32()
	if f.wide {
		a, b := K(), K()
		KORW(pass[0].k, pass[1].k, a)
		KORW(pass[2].k, pass[3].k, b)
		KORTESTW(a, b)
	} else {
		any := YMM()
		VORPS(pass[0].y, pass[1].y, any)
		VORPS(pass[2].y, any, any)
		VORPS(pass[3].y, any, any)
		VMOVMSKPS(any, some)
		TESTL(some, some)
	}
	JNZ(LabelRef("look"))
	Label("next")
	ADDQ(I32(4*atOnce), x.Base)
	ADDQ(I32(atOnce), at)
	SUBQ(I32(atOnce), left)
	JMP(LabelRef("loop"))

	// The vectors one by one, those with a lane that may pass.
	Label("look")
	f.store(words, spill)
	lanes := GP64()
	XORQ(lanes, lanes)
	for i := vectors - 1; i >= 0; i-- {
		SHLQ(U8(f.lanes()), lanes)
		ORQ(f.bits(pass[i]).As64(), lanes)
	}
	offset, base := GP64(), GP64()
	XORQ(offset, offset)
	LEAQ(spill, base)
	Label("vector")
	some = GP32()
	if f.wide {
		TESTW(U16(0xffff), lanes.As16())
	} else {
		TESTB(U8(0xff), lanes.As8())
	}
	JZ(LabelRef("skip"))
	g := f.gumbel(f.load(Mem{Base: base, Index: offset, Scale: 4}, 1))
	f.addScaled(g, Mem{Base: x.Base, Index: offset, Scale: 4}, scale)
	remain := GP64()
	MOVQ(left, remain)
	SUBQ(offset, remain)
	g = f.blendGroup([]mask{f.below(remain)}, g, f.set(minusInf, 1))
	better := f.bits(f.compare(notAtMost, g, best)[0])
	TESTL(better, better)
	JZ(LabelRef("skip"))
	first := GP64()
	odd := f.bits(f.compare(unordered, g, g)[0])
	TESTL(odd, odd)
	JNZ(LabelRef("nan"))
	top := f.across(maxPS, f.copy(g))
	VBROADCASTSS(top.AsX(), best)
	same := f.bits(f.compare(equal, g, best)[0])
	TZCNTQ(same.As64(), first)
	LEAQ(Mem{Base: at, Index: first, Scale: 1}, index)
	ADDQ(offset, index)
	Label("skip")
	SHRQ(U8(f.lanes()), lanes)
	ADDQ(I32(f.lanes()), offset)
	TESTQ(lanes, lanes)
	JNZ(LabelRef("vector"))
	JMP(LabelRef("next"))

	Label("nan")
	TZCNTQ(odd.As64(), first)
	LEAQ(Mem{Base: at, Index: first, Scale: 1}, index)
	ADDQ(offset, index)
	VBROADCASTSS(nan.mem(), best)
	Label("done")
	Store(index, ReturnIndex(0))
	Store(best.AsX(), ReturnIndex(1))
	end(saved)
}

// below returns the mask of the lanes l < n.
func (f simd) below(n reg.GPVirtual) mask {
	x, v := XMM(), f.vec()
	VMOVD(n.As32(), x)
	VPBROADCASTD(x, v)
	if f.wide {
		k := K()
		VPCMPGTD(laneNumbers(), v, k)
		return mask{k: k}
	}
	y := YMM()
	VPCMPGTD(laneNumbers(), v, y)
	return mask{y: y}
}

func laneNumbers() Mem {
	if laneNumbersGlobal == nil {
		m := GLOBL("laneNumbers", attr.RODATA|attr.NOPTR)
		for i := range 16 {
			DATA(4*i, U32(i))
		}
		laneNumbersGlobal = &m
	}
	return *laneNumbersGlobal
}

var laneNumbersGlobal *Mem

func (f simd) scoresKernel() {
	saved := begin(f.macName("scores"), "func(y *float32, words *uint32, x *float32, n int, scale float32)",
		"stores mac(gumbel, x, scale) of n words and elements.")
	y, words, x, left, scale := pointer("y"), pointer("words"), pointer("x"), count("n"), f.broadcast("scale")
	f.eachVector(unroll, left, []Mem{y, words, x}, func(n int, m *mask) {
		if m != nil {
			g := f.gumbel(f.loadMasked(words, *m))
			f.addScaled(g, f.loadMasked(x, *m), scale)
			f.storeMasked(g, *m, y)
			return
		}
		g := f.gumbel(f.load(words, n))
		f.addScaled(g, x, scale)
		f.store(g, y)
	})
	end(saved)
}
