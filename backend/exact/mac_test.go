package exact

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// fmaBig returns a·b + c in 700 bits, which hold it exactly, rounded once.
func fmaBig(a, b, c float32) float32 {
	if s := float64(a)*float64(b) + float64(c); math.IsInf(s, 0) || s != s {
		return CanonNaN(float32(s)) // an operand is not finite
	}
	x := new(big.Float).SetPrec(700).SetFloat64(float64(a))
	x.Mul(x, new(big.Float).SetPrec(700).SetFloat64(float64(b)))
	x.Add(x, new(big.Float).SetPrec(700).SetFloat64(float64(c)))
	if x.Sign() == 0 { // big.Float has no rule for the sign of an exact zero
		return float32(float64(a)*float64(b) + float64(c))
	}
	r, _ := x.Float32()
	return r
}

func checkFMA(t *testing.T, a, b, c float32) {
	t.Helper()
	got, want := CanonNaN(FMA(a, b, c)), fmaBig(a, b, c)
	if math.Float32bits(got) != math.Float32bits(want) {
		t.Errorf("FMA(%x, %x, %x) = %x, want %x", a, b, c, got, want)
	}
	if slow := CanonNaN(fmaTie(a, b, c)); math.Float32bits(slow) != math.Float32bits(want) {
		t.Errorf("fmaTie(%x, %x, %x) = %x, want %x", a, b, c, slow, want)
	}
}

// specials are the float32 at which arithmetic changes its rule.
var specials = []uint32{
	0, 1, 2, 0x007fffff, 0x00800000, 0x00800001, 0x00ffffff, 0x01000000, // about the subnormals
	0x33000000, 0x337fffff, 0x33800000, 0x34000000, // about half an ulp of 1
	0x3eaaaaab, 0x3f000000, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000, 0x40000000, 0x40490fdb,
	0x42aeac4f, 0x42aeac50, 0x42b17217, 0x42b17218, // about the ends of exp
	0x4b000000, 0x4b7fffff, 0x4b800000, 0x7effffff, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f800001,
}

// specialFloats returns specials with both signs.
func specialFloats() []float32 {
	var xs []float32
	for _, u := range specials {
		xs = append(xs, math.Float32frombits(u), math.Float32frombits(u|signBit))
	}
	return xs
}

func TestFMASpecials(t *testing.T) {
	xs := specialFloats()
	for _, a := range xs {
		for _, b := range xs {
			for _, c := range xs {
				checkFMA(t, a, b, c)
			}
		}
	}
}

// TestFMAHardTriples looks where rounding twice goes wrong: sums that fall on
// a float32 half-way point, or a hair off it, at normal and subnormal sizes.
func TestFMAHardTriples(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	twice, twiceSubnormal := 0, 0
	for i := range n {
		c := math.Float32frombits(rng.Uint32())
		if i&1 != 0 { // about the subnormals
			c = math.Float32frombits(rng.Uint32() & 0x80ffffff)
		}
		if !isFinite(c) {
			continue
		}
		// The product is about 2^e, e being half c's last bit or near it. As
		// (1+d)(1−d) = 1 − d² it lies a hair off that bit; short operands
		// make real ties.
		_, exp := math.Frexp(float64(c))
		e := max(exp, -125) - 25 + rng.IntN(7)/6*(rng.IntN(60)-30)
		d := float64(rng.IntN(4096)) * 0x1p-23
		a, b := 1+d, 1-d
		switch rng.IntN(4) {
		case 0:
			a, b = 1+float64(rng.IntN(64))/64, 1+float64(rng.IntN(64))/64
		case 1:
			a = 1 + rng.Float64()
		}
		if rng.IntN(2) == 0 {
			a = -a
		}
		fa, fb := float32(math.Ldexp(a, e/2)), float32(math.Ldexp(b, e-e/2))
		checkFMA(t, fa, fb, c)
		if r := FMA(fa, fb, c); float32(float64(fa)*float64(fb)+float64(c)) != r {
			twice++
			if math.Abs(float64(r)) < 0x1p-126 {
				twiceSubnormal++
			}
		}
	}
	t.Logf("plain double rounding fails on %d triples, %d of them with subnormal results", twice, twiceSubnormal)
	if twice < n/100 || twiceSubnormal < n/1000 {
		t.Errorf("too few triples are hard: %d of %d, and %d subnormal", twice, n, twiceSubnormal)
	}
}

func FuzzFMA(f *testing.F) {
	f.Add(uint32(0x3f800001), uint32(0x3f800001), uint32(0x4b800000))
	f.Add(uint32(0x00000001), uint32(0x3f000000), uint32(0x00000001))
	f.Add(uint32(0x7f7fffff), uint32(0x3f800001), uint32(0xff7fffff))
	f.Fuzz(func(t *testing.T, a, b, c uint32) {
		checkFMA(t, math.Float32frombits(a), math.Float32frombits(b), math.Float32frombits(c))
	})
}

func TestMac(t *testing.T) {
	eps := float32(1 + 0x1p-12)
	if got := Fused.Mac(-(1 + 0x1p-11), eps, eps); got != 0x1p-24 {
		t.Errorf("Fused.Mac rounds the product: got %x, want 0x1p-24", got)
	}
	if got := Split.Mac(-(1 + 0x1p-11), eps, eps); got != 0 {
		t.Errorf("Split.Mac keeps the product's tail: got %x, want 0", got)
	}
}

func TestMacText(t *testing.T) {
	for _, m := range []Mac{Fused, Split} {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Mac = 9
		if err := json.Unmarshal(text, &back); err != nil || back != m {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
	if _, err := ParseMac("both"); err == nil {
		t.Error("ParseMac(both) gives no error")
	}
	if _, err := json.Marshal(Mac(2)); err == nil {
		t.Error("Mac(2) is written without an error")
	}
}

// TestOrderKey checks the key's order against the contract's words for every
// pair of special values.
func TestOrderKey(t *testing.T) {
	xs := specialFloats()
	for _, x := range xs {
		for _, y := range xs {
			nanX, nanY := x != x, y != y
			if got, want := OrderKey(x) > OrderKey(y), nanX && !nanY || x > y; got != want {
				t.Errorf("OrderKey(%x) > OrderKey(%x) is %v, want %v", x, y, got, want)
			}
			if got, want := OrderKeyMin(x) < OrderKeyMin(y), nanX && !nanY || x < y; got != want {
				t.Errorf("OrderKeyMin(%x) < OrderKeyMin(%x) is %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestCanonNaN(t *testing.T) {
	for _, u := range []uint32{0x7f800001, 0x7fffffff, 0xff800001, 0xffc00000} {
		if got := math.Float32bits(CanonNaN(math.Float32frombits(u))); got != 0x7fc00000 {
			t.Errorf("CanonNaN(%08x) = %08x", u, got)
		}
	}
	for _, x := range specialFloats() {
		if x == x && math.Float32bits(CanonNaN(x)) != math.Float32bits(x) {
			t.Errorf("CanonNaN changes %x", x)
		}
	}
}

func BenchmarkFMA(b *testing.B) {
	acc, x := float32(0.1), float32(1.0000001)
	for b.Loop() {
		acc = FMA(x, acc, 1e-7)
	}
	if acc != acc {
		b.Fatal("NaN")
	}
}
