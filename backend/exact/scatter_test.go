package exact

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// ratRoundEven returns r rounded to the nearest integer, ties to even.
func ratRoundEven(r *big.Rat) *big.Int {
	twice := new(big.Int).Lsh(r.Num(), 1)
	q, rest := new(big.Int).DivMod(twice.Add(twice, r.Denom()), new(big.Int).Lsh(r.Denom(), 1), new(big.Int))
	if rest.Sign() == 0 && q.Bit(0) == 1 { // a tie, and the floor of r+½ is its odd side
		q.Sub(q, big.NewInt(1))
	}
	return q
}

func pow2(e int) *big.Rat {
	p := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(abs(e))))
	if e < 0 {
		p.Inv(p)
	}
	return p
}

func rat(x float32) *big.Rat { return new(big.Rat).SetFloat64(float64(x)) }

// splitRat is the definition of hi and lo in exact arithmetic.
func splitRat(x float32, e int32) (hi, lo int64) {
	t := new(big.Rat).Mul(rat(x), pow2(int(e)))
	h := ratRoundEven(t)
	l := t.Sub(t, new(big.Rat).SetInt(h))
	return h.Int64(), ratRoundEven(l.Mul(l, pow2(30))).Int64()
}

func TestScatterSplitIsTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	check := func(x float32, e int32) {
		t.Helper()
		hi, lo, held := ScatterSplit(x, e)
		wantHi, wantLo := splitRat(x, e)
		if !held || int64(hi) != wantHi || int64(lo) != wantLo {
			t.Fatalf("split(%x, %d) = %d, %d, %v; want %d, %d", x, e, hi, lo, held, wantHi, wantLo)
		}
		if math.Abs(float64(hi)) > 1<<30 || math.Abs(float64(lo)) > 1<<29 {
			t.Fatalf("split(%x, %d) = %d, %d passes 2³⁰, 2²⁹", x, e, hi, lo)
		}
	}
	for range 30000 {
		x := math.Float32frombits(rng.Uint32())
		if x-x != 0 {
			continue
		}
		top := ScatterExponent(x)
		check(x, top-rng.Int32N(100))
		check(x, top-rng.Int32N(8))
	}
	// Ties of both roundings: t = n + ½, and t − hi a multiple of 2⁻³¹.
	for n := range int32(64) {
		for e := int32(-98); e <= 149; e++ {
			check(float32(math.Ldexp(float64(n)+0.5, int(-e))), e)
			check(float32(math.Ldexp(-float64(n)-0.5, int(-e))), e)
			check(float32(math.Ldexp(float64(2*n+1), int(-e-31))), e)
			check(float32(math.Ldexp(-float64(2*n+1), int(-e-31))), e)
		}
	}
}

// All exponents of x under all scales: float64 holds t exactly there, and is
// an oracle that shares nothing with the integer code.
func TestScatterSplitAllExponentsAndScales(t *testing.T) {
	mantissas := []uint32{0, 1, 2, 3, 0x3fffff, 0x400000, 0x400001, 0x5a5a5a, 0x7ffffe, 0x7fffff}
	compared := 0
	for e := int32(-100); e <= 179; e++ {
		for exponent := range uint32(255) {
			for _, mantissa := range mantissas {
				x := math.Float32frombits(exponent<<23 | mantissa)
				scaled := math.Ldexp(float64(x), int(e))
				hi, lo, held := ScatterSplit(x, e)
				nhi, nlo, nheld := ScatterSplit(-x, e)
				if nhi != -hi || nlo != -lo || nheld != held {
					t.Fatalf("split(%x, %d) is not odd", x, e)
				}
				if held != (scaled <= 1<<30) {
					t.Fatalf("split(%x, %d): held %v, |x|·2^e = %x", x, e, held, scaled)
				}
				if !held {
					continue
				}
				wantHi := math.RoundToEven(scaled)
				wantLo := math.RoundToEven((scaled - wantHi) * (1 << 30))
				if float64(hi) != wantHi || float64(lo) != wantLo {
					t.Fatalf("split(%x, %d) = %d, %d; want %v, %v", x, e, hi, lo, wantHi, wantLo)
				}
				compared++
			}
		}
	}
	if compared < 100_000 {
		t.Fatalf("compared %d", compared)
	}
}

func TestScatterSplitOfWhatItCannotHold(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		x float32
		e int32
	}{
		{float32(math.NaN()), 0}, {inf, 0}, {-inf, -98}, {inf, math.MinInt32},
		{1, 31}, {-1, 31}, {math.Nextafter32(1, 2), 30}, {math.MaxFloat32, -97},
		{math.SmallestNonzeroFloat32, 180}, {math.SmallestNonzeroFloat32, math.MaxInt32}, {1, math.MaxInt32},
	} {
		if hi, lo, held := ScatterSplit(c.x, c.e); held || hi != 0 || lo != 0 {
			t.Errorf("split(%x, %d) = %d, %d, %v", c.x, c.e, hi, lo, held)
		}
	}
	negativeZero := float32(math.Copysign(0, -1))
	for _, x := range []float32{0, negativeZero} {
		for _, e := range []int32{math.MinInt32, -98, 0, 179, 400, math.MaxInt32} {
			if hi, lo, held := ScatterSplit(x, e); !held || hi != 0 || lo != 0 {
				t.Errorf("split(%v, %d) = %d, %d, %v", x, e, hi, lo, held)
			}
		}
	}
	if hi, lo, held := ScatterSplit(math.MaxFloat32, math.MinInt32); !held || hi != 0 || lo != 0 {
		t.Errorf("split of the largest under the smallest scale = %d, %d, %v", hi, lo, held)
	}
}

func TestScatterExponentIsTheLargest(t *testing.T) {
	check := func(x float32) {
		t.Helper()
		e := ScatterExponent(x)
		at := math.Ldexp(float64(x), int(e))
		if at > 1<<30 || 2*at <= 1<<30 || e < -98 || e > 179 {
			t.Fatalf("exponent of %x is %d: max·2^e = %x", x, e, at)
		}
		if ScatterExponent(-x) != e {
			t.Fatalf("exponent of %x is %d, of its negative %d", x, e, ScatterExponent(-x))
		}
	}
	for exponent := range uint32(255) {
		for _, mantissa := range []uint32{0, 1, 0x400000, 0x7fffff} {
			if x := math.Float32frombits(exponent<<23 | mantissa); x != 0 {
				check(x)
			}
		}
	}
	if e := ScatterExponent(math.SmallestNonzeroFloat32); e != 179 {
		t.Errorf("smallest subnormal: %d, want 179", e)
	}
	if e := ScatterExponent(math.MaxFloat32); e != -98 {
		t.Errorf("largest: %d, want -98", e)
	}
	for _, x := range []float32{0, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())} {
		if e := ScatterExponent(x); e != 0 {
			t.Errorf("exponent of %v is %d", x, e)
		}
	}
}

// Elements from 2⁻³⁶ of the column's largest magnitude on are held exactly,
// smaller ones to 2⁻⁶⁰ of it; 2⁻³⁷ would be too much to promise.
func TestScatterPrecision(t *testing.T) {
	held := func(x float32, e int32) *big.Rat {
		hi, lo, ok := ScatterSplit(x, e)
		if !ok {
			t.Fatalf("split(%x, %d) is not held", x, e)
		}
		v := new(big.Rat).SetInt64(int64(hi)<<30 + int64(lo))
		return v.Mul(v, pow2(-int(e)-30))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	exact, rounded := 0, 0
	for range 20000 {
		largest := math.Float32frombits(rng.Uint32N(0x7f800000-1) + 1)
		if rng.IntN(2) == 0 { // just above a power of two, where e is least generous
			largest = math.Float32frombits(math.Float32bits(largest)&0x7f800000 + rng.Uint32N(3))
		}
		if largest == 0 {
			continue
		}
		x := float32(float64(largest) * math.Ldexp(1-rng.Float64()/2, -rng.IntN(70)))
		e := ScatterExponent(largest)
		diff := held(x, e)
		diff.Sub(diff, rat(x)).Abs(diff)
		limit := new(big.Rat).Mul(rat(largest), pow2(-60))
		if diff.Cmp(limit) > 0 {
			t.Fatalf("%x under largest %x is held to %v", x, largest, diff)
		}
		if new(big.Rat).Mul(rat(x), pow2(36)).Cmp(rat(largest)) >= 0 {
			exact++
			if diff.Sign() != 0 {
				t.Fatalf("%x under largest %x is not held exactly", x, largest)
			}
		} else if diff.Sign() != 0 {
			rounded++
		}
	}
	if exact < 1000 || rounded < 1000 {
		t.Fatalf("%d exact, %d rounded", exact, rounded)
	}
	largest := math.Nextafter32(1, 2)
	x := math.Nextafter32(math.Nextafter32(0x1p-37, 1), 1)
	x = math.Nextafter32(x, 1)
	if v := held(x, ScatterExponent(largest)); v.Cmp(rat(x)) == 0 {
		t.Errorf("%x under largest %x is held exactly", x, largest)
	}
}

// scatterCase draws rows, labels and the columns' scales.
func scatterCase(t *rapid.T) (rows [][]float32, labels []int32, k int, exponent []int32) {
	n, d := rapid.IntRange(0, 40).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "d")
	k = rapid.IntRange(1, 5).Draw(t, "k")
	largest := make([]float32, d)
	for range n {
		row := make([]float32, d)
		for j := range row {
			row[j] = rapid.Float32().Draw(t, "x")
			if rapid.IntRange(0, 2).Draw(t, "near") > 0 {
				row[j] = float32(rapid.Float64Range(-100, 100).Draw(t, "x near"))
			}
			if a := float32(math.Abs(float64(row[j]))); a-a == 0 {
				largest[j] = max(largest[j], a)
			}
		}
		rows = append(rows, row)
		labels = append(labels, rapid.Int32Range(-1, int32(k)).Draw(t, "label"))
	}
	for _, m := range largest {
		exponent = append(exponent, ScatterExponent(m))
	}
	return rows, labels, k, exponent
}

func equalSums(a, b *ScatterSums) bool {
	return slices.Equal(a.Hi, b.Hi) && slices.Equal(a.Lo, b.Lo) && slices.Equal(a.NotFinite, b.NotFinite) &&
		slices.Equal(a.Count, b.Count) && slices.Equal(a.Exponent, b.Exponent) && a.K == b.K && a.D == b.D
}

func TestScatterAnyOrderAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, labels, k, exponent := scatterCase(t)
		whole := NewScatterSums(k, exponent)
		order := make([]int, len(rows))
		for i, row := range rows {
			whole.Add(labels[i], row)
			order[i] = i
		}
		order = rapid.Permutation(order).Draw(t, "order")
		parts := make([]*ScatterSums, rapid.IntRange(1, 4).Draw(t, "parts"))
		for p := range parts {
			parts[p] = NewScatterSums(k, exponent)
		}
		for _, i := range order {
			parts[rapid.IntRange(0, len(parts)-1).Draw(t, "part")].Add(labels[i], rows[i])
		}
		merged := NewScatterSums(k, exponent)
		for _, p := range parts {
			words := make([]uint32, k*ScatterWords(len(exponent)))
			p.Encode(words)
			decoded, err := DecodeScatter(words, k, exponent)
			if err != nil {
				t.Fatal(err)
			}
			if !equalSums(decoded, p) {
				t.Fatal("decoding changes encoded sums")
			}
			if err := merged.Merge(decoded); err != nil {
				t.Fatal(err)
			}
		}
		if !equalSums(whole, merged) {
			t.Fatalf("whole %+v, merged %+v", whole, merged)
		}
	})
}

// Where every element is held exactly, sums and means are the exact rationals,
// rounded once.
func TestScatterSumsAndMeansAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, labels, k, exponent := scatterCase(t)
		s := NewScatterSums(k, exponent)
		for i, row := range rows {
			s.Add(labels[i], row)
		}
		for l := range k {
			for j := range exponent {
				sum, count, nan := new(big.Rat), int64(0), false
				slack := new(big.Rat) // what the elements too small to be held exactly may change
				for i, row := range rows {
					if labels[i] != int32(l) {
						continue
					}
					count++
					if row[j]-row[j] != 0 {
						nan = true
						continue
					}
					sum.Add(sum, rat(row[j]))
					hi, lo := splitRat(row[j], exponent[j])
					v := new(big.Rat).SetInt64(hi<<30 + lo)
					slack.Add(slack, v.Mul(v, pow2(-int(exponent[j])-30)).Sub(v, rat(row[j])))
				}
				if s.Count[l] != count {
					t.Fatalf("label %d: count %d, want %d", l, s.Count[l], count)
				}
				sum.Add(sum, slack)
				want, _ := sum.Float32()
				want64, _ := sum.Float64()
				if nan || count == 0 {
					if m := s.Mean(l, j); math.Float32bits(m) != nanBits {
						t.Fatalf("mean of label %d, column %d is %v", l, j, m)
					}
				}
				if nan {
					if math.Float32bits(s.Sum(l, j)) != nanBits || s.Sum64(l, j) == s.Sum64(l, j) {
						t.Fatalf("sum of label %d, column %d is %v", l, j, s.Sum(l, j))
					}
					continue
				}
				if s.Sum(l, j) != want || s.Sum64(l, j) != want64 {
					t.Fatalf("sum of label %d, column %d is %x, %x; want %x, %x", l, j, s.Sum(l, j), s.Sum64(l, j), want, want64)
				}
				if count > 0 {
					mean, _ := sum.Quo(sum, new(big.Rat).SetInt64(count)).Float32()
					if s.Mean(l, j) != mean {
						t.Fatalf("mean of label %d, column %d is %x, want %x", l, j, s.Mean(l, j), mean)
					}
				}
			}
		}
	})
}

// An outlier in one cluster must not move another cluster's mean, as it would
// if the elements were rounded to 2⁻³⁰ of the largest.
func TestScatterOutlier(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	x := make([]float32, 1000)
	sum := new(big.Rat)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		sum.Add(sum, rat(x[i]))
	}
	want, _ := sum.Quo(sum, big.NewRat(int64(len(x)), 1)).Float32()
	for _, outlier := range []float32{0, 1e6, -1e9} {
		largest := outlier
		for _, v := range x {
			largest = max(largest, float32(math.Abs(float64(v))), -largest)
		}
		s := NewScatterSums(2, []int32{ScatterExponent(largest)})
		coarse := int64(0)
		for _, v := range x {
			s.Add(0, []float32{v})
			hi, _, _ := ScatterSplit(v, s.Exponent[0])
			coarse += int64(hi)
		}
		s.Add(1, []float32{outlier})
		if m := s.Mean(0, 0); m != want {
			t.Errorf("outlier %g: mean %x, want %x", outlier, m, want)
		}
		if m := s.Mean(1, 0); m != outlier {
			t.Errorf("outlier %g: its own mean is %g", outlier, m)
		}
		if m := float32(math.Ldexp(float64(coarse)/1000, -int(s.Exponent[0]))); outlier != 0 && m == want {
			t.Errorf("outlier %g: 30 bits alone give the same mean, so this data proves nothing", outlier)
		}
	}
}

func TestScatterWeightedMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		w, wx := make([]float32, n), make([]float32, n)
		var largestW, largestX float32
		for i := range n {
			w[i] = float32(rapid.Float64Range(0.001, 10).Draw(t, "w"))
			wx[i] = w[i] * float32(rapid.Float64Range(-1000, 1000).Draw(t, "x"))
			largestW = max(largestW, w[i])
			largestX = max(largestX, wx[i], -wx[i])
		}
		sums := NewScatterSums(2, []int32{ScatterExponent(largestX)})
		weights := NewScatterSums(2, []int32{ScatterExponent(largestW)})
		num, den := new(big.Rat), new(big.Rat)
		for i := range n {
			sums.Add(1, []float32{wx[i]})
			weights.Add(1, []float32{w[i]})
			hi, lo := splitRat(wx[i], sums.Exponent[0])
			num.Add(num, new(big.Rat).Mul(new(big.Rat).SetInt64(hi<<30+lo), pow2(-int(sums.Exponent[0])-30)))
			den.Add(den, rat(w[i]))
		}
		want, _ := num.Quo(num, den).Float32()
		if got := sums.WeightedMean(1, 0, weights); got != want {
			t.Fatalf("weighted mean %x, want %x", got, want)
		}
		if got := sums.WeightedMean(0, 0, weights); math.Float32bits(got) != nanBits {
			t.Fatalf("mean of no weight is %v", got)
		}
		weights.Add(1, []float32{float32(math.Inf(1))})
		if got := sums.WeightedMean(1, 0, weights); math.Float32bits(got) != nanBits {
			t.Fatalf("mean under an infinite weight is %v", got)
		}
	})
}

func TestScatterFlagIsSticky(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	s := NewScatterSums(2, []int32{29, 29, 29, 29})
	for _, row := range [][]float32{{1, nan, 1, 2}, {1, 1, inf, 2}, {1, 1, -inf, 3}, {1, 1, 1, 1}} {
		s.Add(0, row)
		s.Add(1, []float32{1, 1, 1, 1})
	}
	want := []bool{false, true, true, true, false, false, false, false} // 3 passes the scale of 2
	if !slices.Equal(s.NotFinite, want) {
		t.Errorf("flags %v, want %v", s.NotFinite, want)
	}
	other := NewScatterSums(2, s.Exponent)
	other.NotFinite[4] = true
	if err := s.Merge(other); err != nil || !s.NotFinite[4] || !s.NotFinite[1] {
		t.Errorf("merge: flags %v, %v", s.NotFinite, err)
	}
	for _, label := range []int32{-1, 2, math.MinInt32, math.MaxInt32} {
		before := append([]int64(nil), s.Count...)
		s.Add(label, []float32{1, 1, 1, 1})
		if !slices.Equal(before, s.Count) {
			t.Errorf("label %d was counted", label)
		}
	}
}

func TestScatterMergeAndDecodeRefuse(t *testing.T) {
	s := NewScatterSums(2, []int32{1, 2})
	for _, o := range []*ScatterSums{NewScatterSums(3, []int32{1, 2}), NewScatterSums(2, []int32{1}), NewScatterSums(2, []int32{1, 3})} {
		if err := s.Merge(o); err == nil {
			t.Errorf("merge with %d×%d, scales %v succeeded", o.K, o.D, o.Exponent)
		}
	}
	for _, n := range []int{0, 2*ScatterWords(2) - 1, 2*ScatterWords(2) + 1} {
		if _, err := DecodeScatter(make([]uint32, n), 2, []int32{1, 2}); err == nil {
			t.Errorf("decoding %d words succeeded", n)
		}
	}
}

// Sums as large as 2³¹ rows can make them.
func TestScatterLargestSums(t *testing.T) {
	const n = 1 << 31
	for _, x := range []float32{1, -1, 0.7, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1.fffffep-127} {
		s := NewScatterSums(1, []int32{ScatterExponent(x)})
		hi, lo, _ := ScatterSplit(x, s.Exponent[0])
		s.Hi[0], s.Lo[0], s.Count[0] = int64(hi)*n, int64(lo)*n, n
		words := make([]uint32, ScatterWords(1))
		s.Encode(words)
		back, err := DecodeScatter(words, 1, s.Exponent)
		if err != nil || !equalSums(s, back) {
			t.Fatalf("%x: decoded %+v, %v, want %+v", x, back, err, s)
		}
		if m := s.Mean(0, 0); m != x {
			t.Errorf("mean of 2³¹ times %x is %x", x, m)
		}
		want, _ := new(big.Rat).Mul(rat(x), new(big.Rat).SetInt64(n)).Float32()
		if v := s.Sum(0, 0); v != want {
			t.Errorf("sum of 2³¹ times %x is %x, want %x", x, v, want)
		}
		if v := s.Sum64(0, 0); v != float64(x)*n {
			t.Errorf("sum of 2³¹ times %x is %x in float64", x, v)
		}
	}
}
