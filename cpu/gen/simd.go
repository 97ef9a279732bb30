package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// simd emits vector code for one instruction set and one mac. An operation
// takes and returns a group: several vectors that go through the same step
// side by side, so that their latencies overlap. In-place operations say so.
type simd struct{ wide, fused bool }

type group []reg.VecVirtual

// mask selects lanes: a vector of all ones or zeros with AVX2, a mask
// register with AVX-512.
type mask struct {
	y reg.VecVirtual
	k reg.OpmaskVirtual
}

// unroll is the number of vectors that go side by side through a kernel's
// main loop.
const unroll = 4

func (f simd) lanes() int {
	if f.wide {
		return 16
	}
	return 8
}

// bytes is the size of a vector.
func (f simd) bytes() int { return 4 * f.lanes() }

// name adds the instruction set to a kernel's name; macName the mac, too.
func (f simd) name(kernel string) string {
	if f.wide {
		return kernel + "AVX512"
	}
	return kernel + "AVX2"
}

func (f simd) macName(kernel string) string {
	if f.fused {
		return f.name(kernel + "Fused")
	}
	return f.name(kernel + "Split")
}

func (f simd) vec() reg.VecVirtual {
	if f.wide {
		return ZMM()
	}
	return YMM()
}

func (f simd) group(n int) group {
	g := make(group, n)
	for i := range g {
		g[i] = f.vec()
	}
	return g
}

// constant is a float32's or a word's bits in all lanes. Equal constants share
// their memory.
type constant uint32

var constants = map[constant]Mem{}

func (c constant) mem() Mem {
	m, ok := constants[c]
	if !ok {
		m = GLOBL(fmt.Sprintf("word%08x", uint32(c)), attr.RODATA|attr.NOPTR)
		for i := range 8 {
			DATA(4*i, U32(c))
		}
		constants[c] = m
	}
	return m
}

// lanewise is an instruction with three operands whose first, in this
// assembler's order, can be memory; narrow is its form with AVX2, broadcast
// that with AVX-512 and a constant in memory.
type lanewise struct{ narrow, wide, broadcast func(ops ...Op) }

func three(f func(a, b, c Op)) func(ops ...Op) {
	return func(ops ...Op) { f(ops[0], ops[1], ops[2]) }
}

var (
	addPS  = lanewise{VADDPS, VADDPS, VADDPS_BCST}
	subPS  = lanewise{VSUBPS, VSUBPS, VSUBPS_BCST}
	mulPS  = lanewise{VMULPS, VMULPS, VMULPS_BCST}
	maxPS  = lanewise{VMAXPS, VMAXPS, VMAXPS_BCST}
	minPS  = lanewise{VMINPS, VMINPS, VMINPS_BCST}
	fma213 = lanewise{VFMADD213PS, VFMADD213PS, VFMADD213PS_BCST}
	fma231 = lanewise{VFMADD231PS, VFMADD231PS, VFMADD231PS_BCST}
	addD   = lanewise{VPADDD, VPADDD, VPADDD_BCST}
	subD   = lanewise{VPSUBD, VPSUBD, VPSUBD_BCST}
	maxD   = lanewise{VPMAXSD, VPMAXSD, VPMAXSD_BCST}
	andD   = lanewise{three(VPAND), VPANDD, VPANDD_BCST}
	orD    = lanewise{three(VPOR), VPORD, VPORD_BCST}
	xorD   = lanewise{three(VPXOR), VPXORD, VPXORD_BCST}
)

// emit writes d = b op a, or d op= b, a for fused multiply-adds.
func (f simd) emit(in lanewise, a, b Op, d reg.VecVirtual) {
	c, isConstant := a.(constantOp)
	switch {
	case isConstant && f.wide:
		in.broadcast(c.Mem, b, d)
	case isConstant:
		in.narrow(c.Mem, b, d)
	case f.wide:
		in.wide(a, b, d)
	default:
		in.narrow(a, b, d)
	}
}

// constantOp marks memory that holds a constant.
type constantOp struct{ Mem }

func (c constant) op() Op { return constantOp{c.mem()} }

// operand is what stands at the right of an operation: a group, one vector for
// all of it, a constant, or memory by vector.
type operand any

func (f simd) pick(x operand, i int) Op {
	switch x := x.(type) {
	case group:
		return x[i]
	case reg.VecVirtual:
		return x
	case constant:
		return x.op()
	case Mem:
		return x.Offset(i * f.bytes())
	}
	panic(fmt.Sprintf("operand %T", x))
}

// do returns a op b, doInto stores it in a.
func (f simd) do(in lanewise, a group, b operand) group {
	d := f.group(len(a))
	for i := range a {
		f.emit(in, f.pick(b, i), a[i], d[i])
	}
	return d
}

func (f simd) doInto(in lanewise, a group, b operand) {
	for i := range a {
		f.emit(in, f.pick(b, i), a[i], a[i])
	}
}

// macInto is acc = mac(acc, a, b), in place.
func (f simd) macInto(acc, a group, b operand) {
	for i := range acc {
		if f.fused {
			f.emit(fma231, f.pick(b, i), a[i], acc[i])
			continue
		}
		t := f.vec()
		f.emit(mulPS, f.pick(b, i), a[i], t)
		VADDPS(t, acc[i], acc[i])
	}
}

// horner is p = mac(c, r, p), in place.
func (f simd) horner(p, r group, c operand) {
	for i := range p {
		if f.fused {
			f.emit(fma213, f.pick(c, i), r[i], p[i])
			continue
		}
		VMULPS(r[i], p[i], p[i])
		f.emit(addPS, f.pick(c, i), p[i], p[i])
	}
}

// exactMacInto is acc += a·b for products that are exact, so that both macs
// agree.
func (f simd) exactMacInto(acc, a group, b operand) { simd{f.wide, true}.macInto(acc, a, b) }

// set returns n vectors of a constant.
func (f simd) set(c constant, n int) group {
	g := f.group(n)
	for i := range g {
		VBROADCASTSS(c.mem(), g[i])
	}
	return g
}

// broadcast returns a vector of a kernel's scalar parameter.
func (f simd) broadcast(param string) reg.VecVirtual {
	a, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	d := f.vec()
	VBROADCASTSS(a.Addr, d)
	return d
}

func (f simd) copy(a group) group {
	d := f.group(len(a))
	for i := range a {
		VMOVAPS(a[i], d[i])
	}
	return d
}

func (f simd) load(m Mem, n int) group {
	g := f.group(n)
	for i := range g {
		VMOVUPS(m.Offset(i*f.bytes()), g[i])
	}
	return g
}

func (f simd) store(g group, m Mem) {
	for i := range g {
		VMOVUPS(g[i], m.Offset(i*f.bytes()))
	}
}

// shift returns a with its lanes shifted by n bits.
func (f simd) shift(by func(ops ...Op), n int, a group) group {
	d := f.group(len(a))
	for i := range a {
		by(U8(n), a[i], d[i])
	}
	return d
}

// toFloat turns int32 into float32, in place.
func (f simd) toFloat(a group) {
	for i := range a {
		VCVTDQ2PS(a[i], a[i])
	}
}

// Predicates of compares. Those that say "not" hold for NaN, the others do not.
const (
	equal     = 0x00
	less      = 0x11
	unordered = 0x03
	notAtMost = 0x16
	atLeast   = 0x1d
	greater   = 0x1e
)

// compare returns where a predicate b.
func (f simd) compare(predicate int, a group, b operand) []mask {
	m := make([]mask, len(a))
	for i := range a {
		second := f.pick(b, i)
		c, isConstant := second.(constantOp)
		if isConstant {
			second = c.Mem
		}
		if !f.wide {
			m[i].y = f.vec()
			VCMPPS(U8(predicate), second, a[i], m[i].y)
			continue
		}
		m[i].k = K()
		if isConstant {
			VCMPPS_BCST(U8(predicate), second, a[i], m[i].k)
		} else {
			VCMPPS(U8(predicate), second, a[i], m[i].k)
		}
	}
	return m
}

// blend returns x where m, else a.
func (f simd) blend(m []mask, x constant, a group) group {
	d := f.group(len(a))
	for i := range a {
		if f.wide {
			VBLENDMPS_BCST(x.mem(), a[i], m[i].k, d[i])
		} else {
			VBLENDVPS(m[i].y, x.mem(), a[i], d[i])
		}
	}
	return d
}

// blendGroup is blend for lanes that differ.
func (f simd) blendGroup(m []mask, x, a group) group {
	d := f.group(len(a))
	for i := range a {
		if f.wide {
			VBLENDMPS(x[i], a[i], m[i].k, d[i])
		} else {
			VBLENDVPS(m[i].y, x[i], a[i], d[i])
		}
	}
	return d
}

// where returns a where m, else +0.
func (f simd) where(m []mask, a group) group {
	d := f.group(len(a))
	for i := range a {
		if f.wide {
			VMOVAPS_Z(a[i], m[i].k, d[i])
		} else {
			VANDPS(a[i], m[i].y, d[i])
		}
	}
	return d
}

// bits returns a mask as the low bits of a general register.
func (f simd) bits(m mask) reg.GPVirtual {
	d := GP32()
	if f.wide {
		KMOVW(m.k, d)
	} else {
		VMOVMSKPS(m.y, d)
	}
	return d
}

// firstLanes returns the mask of the first n lanes, 0 ≤ n < lanes.
func (f simd) firstLanes(n reg.GPVirtual) mask {
	if f.wide {
		ones := GP32()
		MOVL(I32(-1), ones)
		BZHIL(n.As32(), ones, ones)
		k := K()
		KMOVW(ones, k)
		return mask{k: k}
	}
	table := laneTable()
	p, y := GP64(), f.vec()
	LEAQ(table, p)
	from := GP64()
	MOVQ(n, from)
	NEGQ(from)
	VMOVUPS(Mem{Base: p, Index: from, Scale: 4, Disp: 32}, y)
	return mask{y: y}
}

// laneTable holds eight words of ones and then eight of zeros.
func laneTable() Mem {
	if lanesGlobal == nil {
		m := GLOBL("firstLanes", attr.RODATA|attr.NOPTR)
		for i := range 16 {
			DATA(4*i, U32([2]uint32{0xffffffff, 0}[i/8]))
		}
		lanesGlobal = &m
	}
	return *lanesGlobal
}

var lanesGlobal *Mem

func (f simd) loadMasked(src Mem, m mask) group {
	d := f.vec()
	if f.wide {
		VMOVUPS_Z(src, m.k, d)
	} else {
		VMASKMOVPS(src, m.y, d)
	}
	return group{d}
}

func (f simd) storeMasked(g group, m mask, dst Mem) {
	if f.wide {
		VMOVUPS(g[0], m.k, dst)
	} else {
		VMASKMOVPS(g[0], m.y, dst)
	}
}

// begin opens a kernel; every kernel runs under the default MXCSR, because a
// library in the same thread may have switched flushing of subnormals on.
func begin(name, signature, doc string) (saved Mem) {
	TEXT(name, 0, signature)
	Pragma("noescape")
	Doc(name + " " + doc)
	saved = AllocLocal(8)
	STMXCSR(saved)
	LDMXCSR(constant(0x1f80).mem())
	return saved
}

// end restores the caller's MXCSR and returns.
func end(saved Mem) {
	VZEROUPPER()
	LDMXCSR(saved)
	RET()
}

func pointer(param string) Mem { return Mem{Base: Load(Param(param), GP64())} }

func count(param string) reg.GPVirtual {
	n := GP64()
	Load(Param(param), n)
	return n
}

// advance moves pointers on by n vectors and takes their elements off left.
func (f simd) advance(n int, left reg.GPVirtual, pointers ...Mem) {
	for _, p := range pointers {
		ADDQ(I32(n*f.bytes()), p.Base)
	}
	SUBQ(I32(n*f.lanes()), left)
}

// eachVector runs body over left elements: side vectors at a time, one at a
// time, and the last few under a mask, which is nil elsewhere.
func (f simd) eachVector(side int, left reg.GPVirtual, pointers []Mem, body func(n int, m *mask)) {
	for _, n := range []int{side, 1} {
		loop, done := fmt.Sprintf("by%d", n), fmt.Sprintf("past%d", n)
		Label(loop)
		CMPQ(left, I32(n*f.lanes()))
		JL(LabelRef(done))
		body(n, nil)
		f.advance(n, left, pointers...)
		JMP(LabelRef(loop))
		Label(done)
		if side == 1 {
			break
		}
	}
	TESTQ(left, left)
	JZ(LabelRef("end"))
	m := f.firstLanes(left)
	body(1, &m)
	Label("end")
}

// mapKernel is a kernel of y[i] = body(x[i]).
func (f simd) mapKernel(name, signature, doc string, side int, body func(x group) group) {
	saved := begin(name, signature, doc)
	y, x, left := pointer("y"), pointer("x"), count("n")
	f.eachVector(side, left, []Mem{y, x}, func(n int, m *mask) {
		if m != nil {
			f.storeMasked(body(f.loadMasked(x, *m)), *m, y)
			return
		}
		f.store(body(f.load(x, n)), y)
	})
	end(saved)
}
