package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Philox4x32-10 over consecutive blocks. A 64-bit lane holds one block's
// word of the counter in its low half; what stands in the high half is never
// read. Only the first word of the counter differs between the blocks of a
// row, so most of the first two rounds is the same for all of them: the caller
// works it out (rowKeys in vec.go) and passes, in order, what those rounds leave
// to add, then the first key words of rounds 3 to 10, then the second ones of
// rounds 4 to 10.

const (
	keyStream  = 0 // stream ^ second key of round 1
	keySecond0 = 1 // for the first word after round 2
	keySecond2 = 2 // for the third word after round 2
	keyThird2  = 3 // for the third word after round 3
	keyFirst   = 4
	keyLast    = 12
	keyCount   = 19

	philoxSets = 2 // of vectors of blocks, side by side
)

// philox holds the multipliers and the row's keys: in memory as vectors for AVX2, as scalars for
// AVX-512, which broadcasts as it loads.
type philox struct {
	f                        simd
	keys                     Mem
	multiplier0, multiplier1 reg.VecVirtual
}

func (f simd) newPhilox(param string) philox {
	scalars := pointer(param)
	p := philox{f, scalars, f.set(0xd2511f53, 1)[0], f.set(0xcd9e8d57, 1)[0]}
	if f.wide {
		return p
	}
	room := AllocLocal(32*keyCount + 32)
	base := GP64()
	LEAQ(room.Offset(31), base)
	ANDQ(I32(-32), base)
	p.keys = Mem{Base: base}
	for i := range keyCount {
		v := f.vec()
		VBROADCASTSS(scalars.Offset(4*i), v)
		VMOVAPS(v, p.keys.Offset(32*i))
	}
	return p
}

// xorKey is a ^= key, xorBoth a ^= b ^ key.
func (p philox) xorKey(a reg.VecVirtual, key int) {
	if p.f.wide {
		VPXORD_BCST(p.keys.Offset(4*key), a, a)
	} else {
		VPXOR(p.keys.Offset(32*key), a, a)
	}
}

func (p philox) xorBoth(a, b reg.VecVirtual, key int) {
	if p.f.wide {
		VPTERNLOGD_BCST(U8(0x96), p.keys.Offset(4*key), b, a)
	} else {
		p.xorKey(a, key) // a is known before b
		VPXOR(b, a, a)
	}
}

// blocksAtOnce is the number of blocks of four words that words draws.
func (p philox) blocksAtOnce() int { return philoxSets * p.f.lanes() / 2 }

// first returns the vector of the numbers of the first set's blocks.
func (p philox) first(block reg.GPVirtual) reg.VecVirtual {
	x, v := XMM(), p.f.vec()
	VMOVD(block.As32(), x)
	VPBROADCASTD(x, v)
	VPADDD(p.f.blockOrder(), v, v)
	return v
}

// blockOrder is the block of each 64-bit lane, such that the words leave in
// order.
func (f simd) blockOrder() Mem {
	name, order := "blockOrder8", []uint64{0, 2, 1, 3}
	if f.wide {
		name, order = "blockOrder16", []uint64{0, 4, 1, 5, 2, 6, 3, 7}
	}
	m, ok := blockOrders[name]
	if !ok {
		m = GLOBL(name, attr.RODATA|attr.NOPTR)
		for i, b := range order {
			DATA(8*i, U64(b))
		}
		blockOrders[name] = m
	}
	return m
}

var blockOrders = map[string]Mem{}

// words returns the words of the blocks from first on, in order, and moves
// first to the next blocks.
func (p philox) words(first reg.VecVirtual) (words group) {
	f := p.f
	// The words of each set's counters; product returns the halves of one's
	// products with a multiplier, each in the low half of its lane.
	var c [philoxSets][4]reg.VecVirtual
	product := func(a, multiplier reg.VecVirtual) (low, high reg.VecVirtual) {
		low, high = f.vec(), f.vec()
		VPMULUDQ(multiplier, a, low)
		VPSRLQ(U8(32), low, high)
		return low, high
	}
	blocks := constant(f.lanes() / 2) // of a set
	counters := group{first}
	for range philoxSets - 1 {
		counters = append(counters, f.do(addD, counters[len(counters)-1:], blocks)...)
	}
	for s := range c {
		w := &c[s]
		// Round 1: the first two words become the same for all blocks.
		w[3], w[2] = product(counters[s], p.multiplier0)
		if s == 0 {
			f.doInto(addD, group{first}, philoxSets*blocks)
		}
		p.xorKey(w[2], keyStream)
		// Round 2: the last word does.
		w[1], w[0] = product(w[2], p.multiplier1)
		w[2] = w[3]
		p.xorKey(w[0], keySecond0)
		p.xorKey(w[2], keySecond2)
	}
	for round := 3; round <= 10; round++ {
		for s := range c {
			w := &c[s]
			low0, high0 := product(w[0], p.multiplier0)
			low1, high1 := product(w[2], p.multiplier1)
			p.xorBoth(w[1], high1, keyFirst+round-3)
			if round == 3 {
				w[3] = high0
				p.xorKey(w[3], keyThird2)
			} else {
				p.xorBoth(w[3], high0, keyLast+round-4)
			}
			w[0], w[1], w[2], w[3] = w[1], low1, w[3], low0
		}
	}
	for s := range c {
		w := &c[s]
		a, b, even, odd := f.vec(), f.vec(), f.vec(), f.vec()
		VSHUFPS(U8(0x88), w[1], w[0], a)
		VSHUFPS(U8(0x88), w[3], w[2], b)
		VSHUFPS(U8(0x88), b, a, even)
		VSHUFPS(U8(0xdd), b, a, odd)
		words = append(words, even, odd)
	}
	return words
}

func (f simd) philoxKernel() {
	saved := begin(f.name("philox"), "func(words *uint32, keys *[19]uint32, block uint32, n int)",
		"stores the n words of the blocks from block on; n is a multiple of 4.")
	p := f.newPhilox("keys")
	out, left := pointer("words"), count("n")
	b := GP64()
	Load(Param("block"), b.As32())
	next := p.first(b)
	atOnce := 4 * p.blocksAtOnce()
	last := AllocLocal(4 * atOnce)
	Label("loop")
	CMPQ(left, I32(atOnce))
	JL(LabelRef("rest"))
	f.store(p.words(next), out)
	f.advance(2*philoxSets, left, out)
	JMP(LabelRef("loop"))
	Label("rest")
	TESTQ(left, left)
	JZ(LabelRef("end"))
	f.store(p.words(next), last)
	from := GP64()
	LEAQ(last, from)
	Label("copy")
	four := XMM()
	VMOVUPS(Mem{Base: from}, four)
	VMOVUPS(four, out)
	ADDQ(I32(16), from)
	ADDQ(I32(16), out.Base)
	SUBQ(I32(4), left)
	JNZ(LabelRef("copy"))
	Label("end")
	end(saved)
}
