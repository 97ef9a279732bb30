package cpu

import (
	"math"

	"samebits/backend/exact"
)

// The functions of the fused profile that the softmax family spends
// its time in where there are no vector kernels, with the steps of exact.Fused written out: each is a float64
// sum s of an exact product and a float32, rounded to float32. That double
// rounding goes wrong only where s lies half-way between two float32, and
// there the plain statement computes the value. No step has a subnormal
// result that is inexact. The constants are those of package exact.

const (
	log2e      = 0x1.715476p+0
	ln2Hi      = 0x1.62e4p-1
	ln2Lo      = 0x1.7f7d1cp-20
	roundMagic = 0x1.8p23
)

// halfway reports whether s lies half-way between two normal float32.
func halfway(s float64) bool { return math.Float64bits(s)&(1<<29-1) == 1<<28 }

// expFused is exact.Fused.Exp.
func expFused(x float32) float32 {
	if !(x <= 0 && x > -87.33) {
		return exact.Fused.Exp(x)
	}
	s := float64(x)*log2e + roundMagic
	bad := halfway(s)
	t := float32(s)
	n := math.Float32bits(t) - 0x4b400000
	nf := float64(t - roundMagic)
	s = float64(x) - nf*ln2Hi
	if bad || halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = float64(float32(s)) - nf*ln2Lo
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	r := float64(float32(s))
	s = 0x1.123decp-7 + r*0x1.6ac832p-10
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 0x1.555858p-5 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 0x1.55548cp-3 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 0x1.fffffcp-2 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 1 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 1 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	return math.Float32frombits(math.Float32bits(float32(s)) + n<<23)
}

// gumbelFused is exact.Fused.Gumbel: −log(−log1p(−v)) of the word's uniform v.
func gumbelFused(word uint32) float32 {
	x := -exact.Uniform(word)
	e := (math.Float32bits(1+x) - threeQuarters) & 0xff800000
	k := float32(int32(e) >> 23)
	f := math.Float32frombits(math.Float32bits(x)-e) + (float32(0.25*math.Float32frombits(0x40800000-e)) - 1)
	log1p, ok := logFused(k, f)
	if !ok {
		return exact.Fused.Gumbel(word)
	}
	d := math.Float32bits(-log1p) - threeQuarters
	k = float32(int32(d) >> 23)
	f = math.Float32frombits(d&0x7fffff+threeQuarters) - 1
	log, ok := logFused(k, f)
	if !ok {
		return exact.Fused.Gumbel(word)
	}
	return -log
}

const threeQuarters = 0x3f400000 // the bits of ¾

// logFused returns k·ln 2 + log(1+f), and whether no step was half-way.
func logFused(k, f float32) (float32, bool) {
	x := float64(f)
	s := 0x1.ac9336p-4 - x*0x1.7143a8p-5
	bad := halfway(s)
	s = -0x1.0d8ae8p-3 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = 0x1.288426p-3 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = -0x1.54ef94p-3 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = 0x1.99699cp-3 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = -0x1.000042p-2 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = 0x1.5555a4p-2 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = -0.5 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = x + float64(float32(f*f))*float64(float32(s))
	bad = bad || halfway(s)
	kd := float64(k)
	s = float64(float32(s)) + kd*ln2Lo
	bad = bad || halfway(s)
	s = float64(float32(s)) + kd*ln2Hi
	return float32(s), !(bad || halfway(s))
}

// gumbel is Mac.Gumbel.
func gumbel(mac exact.Mac, word uint32) float32 {
	if mac == exact.Fused {
		return gumbelFused(word)
	}
	return mac.Gumbel(word)
}
