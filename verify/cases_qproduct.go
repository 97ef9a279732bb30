package verify

import (
	"math"

	"samebits/backend"
)

// integerProduct describes one case of qmatmul.
type integerProduct struct {
	m, n, k      int
	tA, tB       bool
	batch        int
	place        placement
	zeroA, zeroB int32
	bias         bool
	requant      string // empty for int32; "tensor", "channel", or "roundings": extremes and ties of both roundings
	extreme      bool   // every A and B is −128
	zeroC        int32
	min, max     int32
}

func (b *builder) integerProducts() {
	for s, d := range [][3]int{{1, 1, 1}, {5, 15, 3}, {6, 16, 32}, {7, 17, 33}, {13, 31, 29}, {33, 65, 63}, {65, 33, 257}, {2, 3, 5000}, {0, 3, 4}, {3, 0, 4}, {3, 4, 0}} {
		for t := range 4 {
			for v := range 4 {
				b.integerVariant(v != (s+t)%4, d, t, v, 1, placement((s+t+v)%4))
			}
		}
	}
	b.integerProduct(false, integerProduct{m: 3, n: 5, k: 1031, batch: 1, extreme: true, zeroA: 127, zeroB: 127})
	b.integerProduct(false, integerProduct{m: 4, n: 9, k: 17, batch: 3, bias: true, place: gapped})
	b.integerProduct(false, integerProduct{m: 4, n: 9, k: 17, batch: 2, requant: "channel", min: -128, max: 127, place: mixed})
}

// integerVariant is one of four transposes and one of four combinations of
// zero points, bias and requantisation.
func (b *builder) integerVariant(full bool, d [3]int, transpose, variant, batch int, at placement) {
	p := integerProduct{m: d[0], n: d[1], k: d[2], tA: transpose&1 != 0, tB: transpose&2 != 0, batch: batch, place: at, min: -128, max: 127}
	if variant&1 != 0 {
		p.zeroA, p.zeroB, p.bias = -7, 13, true
	}
	if variant&2 != 0 {
		p.requant, p.zeroC = "tensor", -5
	}
	if variant == 3 {
		p.requant, p.min, p.max = "channel", -100, 90
	}
	b.integerProduct(full, p)
}

func (b *builder) integerProduct(full bool, p integerProduct) {
	b.add("qmatmul", full, []any{flag(p.requant == "", "int32", "int8-"+p.requant), flag(p.tA, "t", "n") + flag(p.tB, "t", "n"), shape{p.m, p.n, p.k},
		flag(p.batch > 1, "batch"+dims(p.batch), ""), p.place, flag(p.bias, flag(p.zeroA != 0, "zeros-bias", "bias"), ""), flag(p.extreme, "extreme", "")}, func(d []int, f *fills) *trial {
		p := p
		p.m, p.n, p.k = d[0], d[1], d[2]
		return p.trial(f)
	})
}

func (p integerProduct) trial(f *fills) *trial {
	matrix := func(name string, rows, cols int, trans bool) *array {
		if trans {
			rows, cols = cols, rows
		}
		lo, hi := int32(-128), int32(127)
		switch {
		case p.extreme:
			hi = -128
		case p.requant == "roundings": // so that the bias decides
			lo, hi = -1, 1
		}
		a := &array{name: name, dtype: backend.Int8, batch: p.batch, rows: rows, cols: cols, words: intWords(f.ints(p.batch*rows*cols, lo, hi))}
		return f.kept(a, nearestTo0(lo, hi))
	}
	a, bm := matrix("a", p.m, p.k, p.tA), matrix("b", p.k, p.n, p.tB)
	c := out("c", backend.Int32, p.batch, p.m, p.n)
	var bias, multiplier, shift *array
	if p.bias {
		bias = f.intIn("bias", 1, p.n, -5000, 5000)
	}
	if p.requant != "" {
		c.dtype = backend.Int8
		channels := 1
		if p.requant != "tensor" {
			channels = p.n
		}
		if p.requant == "roundings" {
			multiplier, shift, bias = roundings(f, channels)
		} else {
			multiplier = f.intIn("multiplier", 1, channels, 1<<30, math.MaxInt32)
			shift = f.intIn("shift", 1, channels, -12, 1)
		}
	}
	want := make([]uint32, p.batch*p.m*p.n)
	for e := range want {
		i, j := e/p.n%p.m, e%p.n
		at := e / (p.m * p.n) * p.m * p.k
		bt := e / (p.m * p.n) * p.n * p.k
		var acc int64
		for k := range p.k {
			ae, be := i*p.k+k, k*p.n+j
			if p.tA {
				ae = k*p.m + i
			}
			if p.tB {
				be = j*p.k + k
			}
			acc += int64(int32(a.words[at+ae])-p.zeroA) * int64(int32(bm.words[bt+be])-p.zeroB)
		}
		if bias != nil {
			acc += int64(int32(bias.words[j]))
		}
		want[e] = uint32(acc)
		if p.requant != "" {
			ch := j % multiplier.cols
			r := requantised(int32(acc), int32(multiplier.words[ch]), int32(shift.words[ch])) + int64(p.zeroC)
			want[e] = uint32(min(max(r, int64(p.min)), int64(p.max)))
		}
	}
	return &trial{
		arrays: place(p.place, c, a, bm, bias, multiplier, shift),
		op: func(t tensors) backend.Op {
			op := &backend.QMatMul{C: t["c"], A: t["a"], B: t["b"], TransA: p.tA, TransB: p.tB, ZeroA: p.zeroA, ZeroB: p.zeroB, Bias: t["bias"]}
			if p.requant != "" {
				op.Requant = &backend.Requant{Multiplier: t["multiplier"], Shift: t["shift"], ZeroC: p.zeroC, Min: p.min, Max: p.max}
			}
			return op
		},
		oracle: map[string]oracle{"c": equal("c", want, false)},
	}
}

// The multipliers and shifts of roundings: the ends of their ranges, shifts that
// are clamped, powers of two, which make ties, and −1 for any multiplier.
var (
	roundingMultipliers = []int32{1 << 30, 1 << 29, math.MaxInt32, -1, 1, 0}
	roundingShifts      = []int32{0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -20, -31, -33, 1, 2, 3, 4, 5, 6, 7, 8, 30, 31}
)

// roundings returns multipliers, shifts and biases of n columns, all pairs of
// the first two in turn. By turns the bias is a tie of the first rounding, which
// halves an odd number where the multiplier is 2³⁰; a tie of the second, which
// divides by the power of the shift; a sum that ends about the ends of int8; a
// small number; one of the largest. All are of either sign.
func roundings(f *fills, n int) (multiplier, shift, bias *array) {
	m, s, add := make([]int32, n), make([]int32, n), make([]int32, n)
	const most = math.MaxInt32 - 1<<16 // leaves room for the products
	for j, w := range f.words(n) {
		m[j] = roundingMultipliers[j%len(roundingMultipliers)]
		if m[j] < 0 {
			m[j] = int32(w >> 1)
		}
		s[j] = roundingShifts[j/len(roundingMultipliers)%len(roundingShifts)]
		right := min(max(-s[j], 0), 20)
		odd := int64(w>>8%128) | 1
		var v int64
		switch kind := w % 8; {
		case kind < 2:
			v = odd << right
			if right > 0 {
				v |= 1
			}
		case kind < 4:
			v = odd << right // halved by a multiplier of 2³⁰: odd·2^(right−1)
		case kind == 4:
			v = int64(min(math.Ldexp(float64(w>>8%260), int(31-s[j]))/max(float64(m[j]), 1), most))
		case kind == 5:
			v = int64(w >> 8 % 512)
		default:
			v = int64(w >> 1)
		}
		if add[j] = int32(min(max(v, 0), most)); w>>7&1 != 0 {
			add[j] = -add[j]
		}
	}
	ints := func(name string, x []int32) *array { return f.kept(intIn(name, 1, n, x), 0) }
	return ints("multiplier", m), ints("shift", s), ints("bias", add)
}

// requantised is acc·multiplier·2^(shift−31) in double rounding: first to a
// whole number of 2^min(shift,0), halves up, then by the negative shift, halves
// away from zero.
func requantised(acc, multiplier, shift int32) int64 {
	shift = min(max(shift, -31), 30)
	x := int64(acc << max(shift, 0))
	x = (x*int64(multiplier) + 1<<30) >> 31
	right := max(-shift, 0)
	if right == 0 {
		return x
	}
	half := int64(1) << (right - 1)
	if x < 0 {
		return -((-x + half) >> right)
	}
	return (x + half) >> right
}
