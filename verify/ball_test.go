package verify

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"samebits/backend"
	"samebits/backend/exact"
)

// TestBallsHoldTheirNumbers: whatever is computed in float32, in either
// profile, lies in the ball of the same steps; and the ball is not so wide
// that it would hide an error of 2⁻¹².
func TestBallsHoldTheirNumbers(t *testing.T) {
	number := rapid.Float32Range(-1e6, 1e6)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := number.Draw(t, "a"), number.Draw(t, "b"), number.Draw(t, "c")
		ka, kb, kc := known(float64(a)), known(float64(b)), known(float64(c))
		for _, m := range []exact.Mac{exact.Fused, exact.Split} {
			for _, s := range []struct {
				name string
				got  float32
				want ball
			}{
				{"mac", m.Mac(c, a, b), kc.add(ka.mul(kb))},
				{"chain", m.Mac(m.Mac(float32(a*b), b, c), c, a), ka.mul(kb).add(kb.mul(kc)).add(kc.mul(ka))},
				{"recip", exact.Recip(a), ka.recip()},
				{"sqrt", exact.Sqrt(float32(a * a)), ka.mul(ka).sqrt()},
				{"exp", m.Exp(a / 1e5), known(float64(a / 1e5)).exp()},
				{"exp of a sum", m.Exp(a/1e5 + b/1e6), known(float64(a / 1e5)).add(known(float64(b / 1e6))).exp()},
				{"log of a product", m.Log(float32(a * a)), ka.mul(ka).log()},
				{"sigmoid", m.Sigmoid(a / 1e5), known(float64(a / 1e5)).sigmoid()},
			} {
				if o := s.want.judge(math.Float32bits(s.got)); o.verdict != Decisive && finite(s.want.e) {
					t.Fatalf("%s(%v, %v, %v) under %v = %v, the ball is %+v", s.name, a, b, c, m, s.got, s.want)
				}
			}
		}
		if w := ka.mul(kb); math.Abs(w.v) > 1e-30 && w.judge(math.Float32bits(float32(w.v*(1+0x1p-12)))).verdict != Wrong {
			t.Fatalf("%v·%v: an error of 2⁻¹² passes in %+v", a, b, w)
		}
	})
}

func TestExactSumsHaveNoBound(t *testing.T) {
	s := newTotal()
	for range 4096 {
		s.term(known(4095))
	}
	if b := s.ball(chainDepth(4096)); b.e != 0 || b.v != 4095*4096 {
		t.Errorf("a sum of integers below 2²⁴: %+v", b)
	}
	s.term(known(4095))
	s.term(known(4095))
	if b := s.ball(chainDepth(4098)); b.e == 0 {
		t.Errorf("a sum past 2²⁴ is not exact: %+v", b)
	}
	s = newTotal()
	s.term(known(0.5))
	s.term(known(0.25))
	if b := s.ball(2); b.e == 0 || b.e > 1e-6 {
		t.Errorf("a sum of fractions: %+v", b)
	}
	if s = newTotal(); s.ball(1) != (ball{}) {
		t.Errorf("the empty sum: %+v", s.ball(1))
	}
}

func TestOverflowIsLeftUndecided(t *testing.T) {
	for _, b := range []ball{known(3e38).add(known(3e38)), known(1e30).mul(known(1e30)), known(100).exp()} {
		if finite(b.e) {
			t.Errorf("%+v decides about an overflow", b)
		}
	}
	if b := known(math.Inf(1)).add(known(-1e38).mul(known(1e38))); finite(b.e) {
		t.Errorf("∞ − 10⁷⁶, where 10⁷⁶ may be ∞: %+v", b)
	}
	if b := known(math.Inf(1)).add(known(2).mul(known(0.1))); b.e != 0 || !math.IsInf(b.v, 1) {
		t.Errorf("∞ + 0.2: %+v", b)
	}
	if b := known(math.Inf(1)).sub(known(math.Inf(1))); !math.IsNaN(b.v) {
		t.Errorf("∞ − ∞: %+v", b)
	}
	if b := known(math.Inf(-1)).exp(); b.v != 0 || b.judge(0).verdict != Decisive {
		t.Errorf("exp(−∞): %+v", b)
	}
}

// TestPhilox: the known answers of Random123 (kat_vectors, philox4x32 10).
func TestPhilox(t *testing.T) {
	const ones = 0xffffffff
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.counter, c.key); got != c.want {
			t.Errorf("philox(%08x, %08x) = %08x, want %08x", c.counter, c.key, got, c.want)
		}
	}
	d := backend.Draws{Seed: 1<<40 + 7, Use: exact.UseCategorical, Sub: 3, Step: 9, Row: 100}
	if got, want := wordOf(d, 2, 5, 6), exact.Word(d.Seed, d.Use, d.Sub, 11, 105, 6); got != want {
		t.Errorf("word %08x, want %08x", got, want)
	}
}

// TestRequantised: the vectors that tell the roundings apart (x = −38 at ¼
// gives −10 in double rounding and −9 in single).
func TestRequantised(t *testing.T) {
	for _, c := range []struct {
		x, multiplier, shift int32
		want                 int64
	}{{-38, 1 << 30, -1, -10}, {38, 1 << 30, -1, 10}, {-37, 1 << 30, -1, -9}, {3, 1 << 30, 0, 2}, {-3, 1 << 30, 0, -1}, {-1, 1 << 30, 0, 0}, {5, 1 << 30, 1, 5}} {
		if got := requantised(c.x, c.multiplier, c.shift); got != c.want {
			t.Errorf("requantised(%d, %d, %d) = %d, want %d", c.x, c.multiplier, c.shift, got, c.want)
		}
	}
}

func TestFillsDependOnTheirNameAndSeedAlone(t *testing.T) {
	a, b := newFills(1, "x"), newFills(1, "x")
	first := a.floats(normal, 9)
	if got := b.floats(normal, 9); floatWords(got)[8] != floatWords(first)[8] {
		t.Error("equal names and seeds give other data")
	}
	if again := a.floats(normal, 9); again[0] == first[0] {
		t.Error("the second array of a case repeats the first")
	}
	if other := newFills(2, "x").floats(normal, 9); other[0] == first[0] {
		t.Error("another seed gives the same data")
	}
	if other := newFills(1, "y").floats(normal, 9); other[0] == first[0] {
		t.Error("another case gives the same data")
	}
	for _, v := range newFills(1, "w").ints(5000, -4095, 4095) {
		if v < -4095 || v > 4095 {
			t.Fatalf("%d is not wide", v)
		}
	}
}
