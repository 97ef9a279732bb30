package exact

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func normal32(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// A distance is one chain up to 4096 columns, and from there the sum of the
// chains of its cuts, not one longer chain.
func TestDistancesAreCutAsProducts(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for _, m := range []Mac{Fused, Split} {
		seen := false // that the cut matters for some length
		for _, n := range []int{0, 1, 2, 4095, 4096, 4097, 8192, 8193, 12289} {
			x, c := normal32(rng, n), normal32(rng, n)
			var squares, magnitudes, square, magnitude, uncut float32
			for k := range n {
				if k > 0 && k%4096 == 0 {
					squares, magnitudes = squares+square, magnitudes+magnitude
					square, magnitude = 0, 0
				}
				v := x[k] - c[k]
				square = m.Mac(square, v, v)
				uncut = m.Mac(uncut, v, v)
				magnitude += float32(math.Abs(float64(v)))
			}
			squares, magnitudes = squares+square, magnitudes+magnitude
			seen = seen || uncut != squares
			if got := m.SquaredDistance(x, c); got != squares {
				t.Errorf("%v, n=%d: squared distance %v, want %v", m, n, got, squares)
			}
			if got := m.EuclideanDistance(x, c); got != float32(math.Sqrt(float64(squares))) {
				t.Errorf("%v, n=%d: distance %v, want the root of %v", m, n, got, squares)
			}
			if got := m.CosineDistance(x, c); got != squares/2 {
				t.Errorf("%v, n=%d: cosine distance %v, want half of %v", m, n, got, squares)
			}
			if got := ManhattanDistance(x, c); got != magnitudes {
				t.Errorf("n=%d: Manhattan distance %v, want %v", n, got, magnitudes)
			}
		}
		if !seen {
			t.Errorf("%v: the cut changes no sum of this data", m)
		}
	}
}

// The two profiles differ, so that a test under both tests two things.
func TestDistanceRoundsAsItsProfile(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	differ := 0
	for range 100 {
		x, c := normal32(rng, 20), normal32(rng, 20)
		if Fused.SquaredDistance(x, c) != Split.SquaredDistance(x, c) {
			differ++
		}
	}
	if differ < 20 {
		t.Errorf("%d of 100 distances differ between the profiles", differ)
	}
}

func TestNormalize(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	for _, m := range []Mac{Fused, Split} {
		for _, scale := range []float32{1, 1e-10, 1e15} {
			x := normal32(rng, 50)
			for j := range x {
				x[j] *= scale
			}
			y := make([]float32, len(x))
			m.Normalize(y, x)
			var norm float64
			for _, v := range y {
				norm += float64(v) * float64(v)
			}
			if math.Abs(norm-1) > 1e-5 {
				t.Errorf("%v, scale %g: squared norm %v", m, scale, norm)
			}
			m.Normalize(x, x)
			if !slices.Equal(x, y) {
				t.Errorf("%v, scale %g: in place it differs", m, scale)
			}
		}
		// Squares of subnormals vanish: such a row has norm 0 and stays as it is.
		for _, row := range [][]float32{{0, 0}, {float32(math.Copysign(0, -1)), 0}, {1e-40, -1e-40}, {}} {
			y := make([]float32, len(row))
			m.Normalize(y, row)
			for j := range row {
				if math.Float32bits(y[j]) != math.Float32bits(row[j]) {
					t.Errorf("%v: row %v of norm 0 becomes %v", m, row, y)
				}
			}
		}
	}
}

// Ordering by score is ordering by distance: they differ by a number of the
// row alone. Small integers are exact.
func TestScoreRanksAsTheDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(0, 6).Draw(t, "d")
		row := rapid.SliceOfN(rapid.Map(rapid.IntRange(-9, 9), func(v int) float32 { return float32(v) }), d, d)
		x, a, b := row.Draw(t, "x"), row.Draw(t, "a"), row.Draw(t, "b")
		for _, m := range []Mac{Fused, Split} {
			byScore := m.Score(m.HalfSquare(a), x, a) - m.Score(m.HalfSquare(b), x, b)
			byDistance := m.SquaredDistance(x, a) - m.SquaredDistance(x, b)
			if 2*byScore != byDistance {
				t.Fatalf("%v: scores differ by %v, distances by %v", m, byScore, byDistance)
			}
		}
	})
}

func TestShifted(t *testing.T) {
	dst := make([]float32, 3)
	Shifted(dst, []float32{1, 2, 3}, []float32{10, 20, 30})
	if !slices.Equal(dst, []float32{-9, -18, -27}) {
		t.Errorf("shifted to %v", dst)
	}
	Shifted(dst, dst, []float32{-9, -18, -27})
	if !slices.Equal(dst, []float32{0, 0, 0}) {
		t.Errorf("shifted in place to %v", dst)
	}
	Shifted(dst, []float32{1, 2, 3}, nil)
	if !slices.Equal(dst, []float32{1, 2, 3}) {
		t.Errorf("without a shift %v", dst)
	}
}

func TestNearestRow(t *testing.T) {
	nan, inf, zero := float32(math.NaN()), float32(math.Inf(1)), float32(math.Copysign(0, -1))
	negativeNaN := math.Float32frombits(0xffc00001)
	for _, c := range []struct {
		score []float32
		want  []int32
	}{
		{[]float32{3, 1, 2}, []int32{1, 2, 0}},
		{[]float32{1, 1, 1}, []int32{0, 1, 2}},
		{[]float32{0, zero, 0, -1e-45}, []int32{3, 0, 1, 2}},
		{[]float32{-inf, 5, nan, inf, negativeNaN}, []int32{2, 4, 0, 1, 3}},
		{[]float32{inf, inf}, []int32{0, 1}},
	} {
		for m := range c.want {
			got := make([]int32, m+1)
			NearestRow(got, c.score)
			if !slices.Equal(got, c.want[:m+1]) {
				t.Errorf("%d nearest of %v: %v, want %v", m+1, c.score, got, c.want[:m+1])
			}
		}
	}
}

func TestDistanceMatrixWritesCanonicalNaN(t *testing.T) {
	x := Dense([]float32{math.Float32frombits(0xffc12345), 1}, 2, 1)
	d := Dense(make([]float32, 2), 2, 1)
	DistanceMatrix(d, x, Dense([]float32{4}, 1, 1), Fused.SquaredDistance)
	if math.Float32bits(d.At(0, 0)) != nanBits || d.At(1, 0) != 9 {
		t.Errorf("distances %x, %v", math.Float32bits(d.At(0, 0)), d.At(1, 0))
	}
}

// Rows of other groups add nothing, at their own places: the sum is that of
// the row with +0 in the others' places, because no distance is −0.
func TestPairwiseSumRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(27, 28))
	for _, n := range []int{0, 1, 64, 65, 1000, SumBlock + 1, 2*SumBlock + 5} {
		distance := make([]float32, n)
		label := make([]int32, n)
		for j := range distance {
			distance[j] = float32(rng.ExpFloat64())
			label[j] = rng.Int32N(6) - 1
		}
		got := make([]float32, 4)
		PairwiseSumRow(got, distance, label)
		for g := range got {
			masked := make([]float32, n)
			for j, l := range label {
				if l == int32(g) {
					masked[j] = distance[j]
				}
			}
			if want := RowSum(masked); got[g] != want {
				t.Errorf("n=%d, group %d: %v, want %v", n, g, got[g], want)
			}
		}
		all := make([]float32, 1)
		if PairwiseSumRow(all, distance, nil); all[0] != RowSum(distance) {
			t.Errorf("n=%d: %v, want %v", n, all[0], RowSum(distance))
		}
	}
}

func TestColumnMeansAreExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(29, 30))
	const n, d, k = 500, 3, 4
	s := NewScatterSums(k, []int32{ScatterExponent(2e4), ScatterExponent(8), 0})
	want := [d]*big.Rat{new(big.Rat), new(big.Rat), new(big.Rat)}
	for i := range n {
		row := []float32{float32(1e4 + rng.NormFloat64()), float32(rng.Float64()), 0}
		s.Add(int32(i%k), row)
		for j, v := range row {
			want[j].Add(want[j], rat(v))
		}
	}
	for j, mean := range ColumnMeans(s) {
		if w, _ := want[j].Quo(want[j], big.NewRat(n, 1)).Float32(); mean != w {
			t.Errorf("column %d: mean %v, want %v", j, mean, w)
		}
	}
	s.Add(1, []float32{float32(math.Inf(1)), 1, 0})
	means := ColumnMeans(s)
	if math.Float32bits(means[0]) != nanBits || means[1] != means[1] {
		t.Errorf("means with an infinity in column 0: %v", means)
	}
	for _, mean := range ColumnMeans(NewScatterSums(2, []int32{0})) {
		if math.Float32bits(mean) != nanBits {
			t.Errorf("mean of no row: %v", mean)
		}
	}
}

// No squared distance between two rows passes the bound, and the bound wastes
// less than one bit where the rows are at opposite corners.
func TestSquaredDistanceBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(1, 30).Draw(t, "d")
		exponent := rapid.IntRange(-80, 62).Draw(t, "exponent")
		largest, x, c := make([]float32, d), make([]float32, d), make([]float32, d)
		for j := range d {
			v := rapid.Float64Range(0, 1).Draw(t, "max")
			largest[j] = float32(math.Ldexp(v, exponent))
			x[j], c[j] = largest[j], -largest[j]
		}
		bound := SquaredDistanceBound(largest)
		for _, m := range []Mac{Fused, Split} {
			v := m.SquaredDistance(x, c)
			if math.IsInf(float64(v), 1) {
				continue // the bound is one of finite distances
			}
			if v > bound || bound < math.MaxFloat32 && float64(bound) > float64(v)*(1+1e-4)+float64(4*d)*0x1p-149 {
				t.Fatalf("%v: distance %x, bound %x", m, v, bound)
			}
			if Sqrt(v) > Sqrt(bound) {
				t.Fatalf("%v: root %x, bound %x", m, Sqrt(v), Sqrt(bound))
			}
			if _, _, held := ScatterSplit(v, ScatterExponent(bound)); !held {
				t.Fatalf("%v: the bound's scale does not hold %x", m, v)
			}
		}
	})
	if b := SquaredDistanceBound([]float32{math.MaxFloat32}); b != math.MaxFloat32 {
		t.Errorf("bound past the largest float32: %x", b)
	}
	if b := SquaredDistanceBound(nil); b != 0 {
		t.Errorf("bound without columns: %x", b)
	}
	// Squares of 0.6 of the smallest subnormal each count as a whole one.
	tiny := make([]float32, 10)
	opposite := make([]float32, len(tiny))
	for j := range tiny {
		tiny[j] = float32(math.Sqrt(0.15 * 0x1p-149))
		opposite[j] = -tiny[j]
	}
	for _, m := range []Mac{Fused, Split} {
		if v, b := m.SquaredDistance(tiny, opposite), SquaredDistanceBound(tiny); v > b || v != 10*0x1p-149 {
			t.Errorf("%v: %x, bound %x", m, v, b)
		}
	}
	// A long chain that rounds up at every step stays inside too.
	x := make([]float32, 4096)
	for j := range x {
		x[j] = 0x1.000002p0
	}
	for _, m := range []Mac{Fused, Split} {
		negative := make([]float32, len(x))
		for j := range x {
			negative[j] = -x[j]
		}
		if v, b := m.SquaredDistance(x, negative), SquaredDistanceBound(x); v > b {
			t.Errorf("%v: %x passes %x", m, v, b)
		}
	}
}
