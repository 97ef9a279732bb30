package exact

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// roundedQuotient is big.Rat's quotient, rounded once.
func TestRoundedQuotient(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	check := func(hi, lo int64, den uint64, exp int) {
		t.Helper()
		num := new(big.Int).Lsh(big.NewInt(hi), 30)
		r := new(big.Rat).SetFrac(num.Add(num, big.NewInt(lo)), new(big.Int).SetUint64(den))
		r.Mul(r, pow2(exp))
		want, _ := r.Float32()
		if got := float32(roundedQuotient(hi, lo, den, exp, 24)); math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("(%d·2³⁰ + %d)/%d·2^%d = %x, want %x", hi, lo, den, exp, got, want)
		}
		want64, _ := r.Float64()
		if got := roundedQuotient(hi, lo, den, exp, 53); got != want64 {
			t.Fatalf("(%d·2³⁰ + %d)/%d·2^%d = %x, want %x", hi, lo, den, exp, got, want64)
		}
	}
	for range 50000 {
		hi := int64(rng.Uint64()) >> (2 + rng.IntN(62))
		lo := int64(rng.Uint64()) >> (2 + rng.IntN(62))
		den := rng.Uint64()>>(1+rng.IntN(63)) | 1
		check(hi, lo, den, rng.IntN(400)-250)
		check(hi, lo, 1, rng.IntN(400)-250)
	}
	// Ties and their neighbours at every place of the last bit, down to
	// half the smallest subnormal.
	for exp := -320; exp <= 110; exp++ {
		for _, m := range []int64{1, 3, 1<<24 + 1, 1<<24 + 3, 1<<25 - 1, 1<<53 + 1, 1<<53 + 3, 1 << 60} {
			for _, d := range []int64{-1, 0, 1} {
				check(m, d, 1, exp)
				check(-m, d, 1, exp)
				check(0, m+d, 1, exp)
				check(m, d, 3, exp)
			}
		}
	}
	// Ties of float32, (2²⁴+1)·(2⁶²+1)/(2⁶²+1), and of float64,
	// (2⁵³+1)·(2³⁸+1)/(2³⁸+1), and what misses them by a remainder alone.
	for _, d := range []int64{-1, 0, 1} {
		check(1<<56+1<<32, 1<<24+1+d, 1<<62+1, 0)
		check(1<<61+1<<23+1<<8, 1+d, 1<<38+1, 0)
	}
	if v := roundedQuotient(0, 0, 5, 3, 24); v != 0 || math.Signbit(v) {
		t.Errorf("0/5 = %v", v)
	}
	if v := float32(roundedQuotient(1<<60, 0, 1, 100, 24)); !math.IsInf(float64(v), 1) {
		t.Errorf("2¹⁹⁰ = %v in float32", v)
	}
}

func BenchmarkScatterMean(b *testing.B) {
	s := NewScatterSums(1, []int32{28})
	for i := range 1000 {
		s.Add(0, []float32{float32(i)*0.00137 + 1})
	}
	for b.Loop() {
		s.Mean(0, 0)
	}
}
