package exact

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestDiv compares with the quotient of big rationals, rounded once.
func TestDiv(t *testing.T) {
	check := func(a, b float32) {
		t.Helper()
		got := Div(a, b)
		if isFinite(a) && isFinite(b) && a != 0 && b != 0 {
			num := new(big.Rat).SetFloat64(float64(a))
			want, _ := num.Quo(num, new(big.Rat).SetFloat64(float64(b))).Float32()
			if want == 0 && math.Signbit(float64(a)) != math.Signbit(float64(b)) {
				want = float32(math.Copysign(0, -1))
			}
			if math.Float32bits(got) != math.Float32bits(want) {
				t.Errorf("Div(%x, %x) = %x, want %x", a, b, got, want)
			}
		} else if want := CanonNaN(float32(float64(a) / float64(b))); math.Float32bits(got) != math.Float32bits(want) {
			t.Errorf("Div(%x, %x) = %x, want %x", a, b, got, want)
		}
		if math.Float32bits(Recip(b)) != math.Float32bits(Div(1, b)) {
			t.Errorf("Recip(%x) = %x, want Div(1, %x)", b, Recip(b), b)
		}
	}
	xs := specialFloats()
	for _, a := range xs {
		for _, b := range xs {
			check(a, b)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		check(math.Float32frombits(rng.Uint32()), math.Float32frombits(rng.Uint32()))
		check(math.Float32frombits(rng.Uint32()&0x80ffffff), math.Float32frombits(rng.Uint32()&0x83ffffff|0x3c000000))
	}
}

// TestSqrt checks that the square of the half-way points about the result
// encloses x.
func TestSqrt(t *testing.T) {
	check := func(x float32) {
		t.Helper()
		r := Sqrt(x)
		if !isFinite(x) || x <= 0 {
			if want := CanonNaN(float32(math.Sqrt(float64(x)))); math.Float32bits(r) != math.Float32bits(want) {
				t.Errorf("Sqrt(%x) = %x, want %x", x, r, want)
			}
			return
		}
		below := (float64(math.Float32frombits(math.Float32bits(r)-1)) + float64(r)) / 2
		above := (float64(math.Float32frombits(math.Float32bits(r)+1)) + float64(r)) / 2
		// 25-bit numbers have exact squares in float64.
		if below*below > float64(x) || above*above < float64(x) {
			t.Errorf("Sqrt(%x) = %x is not the nearest", x, r)
		}
	}
	for _, x := range specialFloats() {
		check(x)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200_000 {
		check(math.Float32frombits(rng.Uint32()))
	}
}

func isFinite(x float32) bool { return math.Float32bits(x)&^signBit < infBits }
