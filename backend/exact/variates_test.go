package exact

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
)

func TestUniformEnds(t *testing.T) {
	for _, c := range []struct {
		word uint32
		want float32
	}{
		{0, 0x1p-33},
		{1, 0x1.8p-32},
		{0x00010000, 0x1.00008p-16},
		{0x80000000, 0.5}, // 0.5 + 2⁻³³ rounds to 0.5
		{0xffffff7f, 1 - 0x1p-24},
		{0xffffff80, 1 - 0x1p-24}, // rounds to 1 without the minimum
		{0xffffffff, 1 - 0x1p-24},
	} {
		if got := Uniform(c.word); got != c.want {
			t.Errorf("Uniform(%08x) = %x, want %x", c.word, got, c.want)
		}
	}
}

// TestUniformMonotone walks through words in order: the formula is one rounding
// of a growing number.
func TestUniformMonotone(t *testing.T) {
	last := float32(0)
	for w := uint64(0); w < 1<<32; w += 997 {
		v := Uniform(uint32(w))
		exact := math.Min(float64(2*w+1)*0x1p-33, 1-0x1p-24)
		if v < last || v != float32(exact) {
			t.Fatalf("Uniform(%08x) = %x after %x, want %x", w, v, last, exact)
		}
		last = v
	}
}

// TestVariateEnds checks the ranges that the docstrings state, in both profiles.
func TestVariateEnds(t *testing.T) {
	for _, m := range []Mac{Fused, Split} {
		if e := m.Exponential(0); e != 0x1p-33 {
			t.Errorf("%v: least exponential %x, want 0x1p-33", m, e)
		}
		if e := m.Exponential(math.MaxUint32); math.Abs(float64(e)-24*math.Ln2) > 2e-6 {
			t.Errorf("%v: largest exponential %v, want 24·ln 2", m, e)
		}
		if g := m.Gumbel(0); math.Abs(float64(g)-33*math.Ln2) > 2e-6 {
			t.Errorf("%v: largest Gumbel %v, want 33·ln 2", m, g)
		}
		if g := m.Gumbel(math.MaxUint32); math.Abs(float64(g)+math.Log(24*math.Ln2)) > 1e-6 {
			t.Errorf("%v: least Gumbel %v, want −log(24·ln 2)", m, g)
		}
		x, y := m.NormalPair(0, 0)
		if math.Abs(math.Hypot(float64(x), float64(y))-math.Sqrt(66*math.Ln2)) > 1e-6 {
			t.Errorf("%v: largest radius from %v, %v is not √(66·ln 2)", m, x, y)
		}
		for w := uint64(0); w < 1<<32; w += 1 << 20 {
			word := uint32(w) | uint32(w>>20)*2654435761>>12
			e, g := m.Exponential(word), m.Gumbel(word)
			if !(e >= 0x1p-33 && e < 16.64 && g > -2.82 && g < 22.88) {
				t.Fatalf("%v: word %08x gives exponential %v, Gumbel %v", m, word, e, g)
			}
		}
	}
}

// TestNormalPair compares with the same formula in float64, over angles in all
// quadrants.
func TestNormalPair(t *testing.T) {
	for _, m := range []Mac{Fused, Split} {
		for i := range uint32(100_000) {
			w := Block(5, UseTest, 0, 0, 0, i)
			x, y := m.NormalPair(w[0], w[1])
			radius := math.Sqrt(-2 * math.Log(float64(Uniform(w[0]))))
			sin, cos := math.Sincos((float64(w[1])*2 + 1) * 0x1p-33 * 2 * math.Pi)
			if d := math.Max(math.Abs(float64(x)-radius*cos), math.Abs(float64(y)-radius*sin)); d > 3e-7*radius {
				t.Fatalf("%v: words %08x %08x give %v, %v, want %v, %v", m, w[0], w[1], x, y, radius*cos, radius*sin)
			}
			if m.Normal(w, 0) != x || m.Normal(w, 5) != y {
				t.Fatalf("%v: Normal is not NormalPair's element", m)
			}
		}
	}
}

// TestDistributions draws 200,000 numbers of each kind and compares mean and
// variance within 4.5 standard errors, and the whole distribution by Kolmogorov
// and Smirnov's test at a level of 10⁻⁴. The seed is fixed: the test is a
// fact about the contract's bits, not a chance.
func TestDistributions(t *testing.T) {
	const n = 200_000
	for _, c := range []struct {
		name           string
		draw           func(m Mac, w [4]uint32, e uint64) float32
		mean, variance float64
		kurtosis       float64 // fourth central moment over variance²
		cdf            func(x float64) float64
	}{
		{
			"uniform", func(m Mac, w [4]uint32, e uint64) float32 { return Uniform(w[e&3]) },
			0.5, 1.0 / 12, 1.8, func(x float64) float64 { return x },
		},
		{
			"exponential", func(m Mac, w [4]uint32, e uint64) float32 { return m.Exponential(w[e&3]) },
			1, 1, 9, func(x float64) float64 { return -math.Expm1(-x) },
		},
		{
			"gumbel", func(m Mac, w [4]uint32, e uint64) float32 { return m.Gumbel(w[e&3]) },
			0.57721566490153286, math.Pi * math.Pi / 6, 5.4, func(x float64) float64 { return math.Exp(-math.Exp(-x)) },
		},
		{
			"normal", func(m Mac, w [4]uint32, e uint64) float32 { return m.Normal(w, e) },
			0, 1, 3, func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 },
		},
	} {
		for _, m := range []Mac{Fused, Split} {
			t.Run(fmt.Sprintf("%s/%v", c.name, m), func(t *testing.T) {
				xs := make([]float64, n)
				var sum, squares float64
				for i := range xs {
					e := uint64(i)
					xs[i] = float64(c.draw(m, Block(12, UseTest, 1, 0, 0, uint32(e/4)), e))
					sum += xs[i]
					squares += (xs[i] - c.mean) * (xs[i] - c.mean)
				}
				if d := sum/n - c.mean; math.Abs(d) > 4.5*math.Sqrt(c.variance/n) {
					t.Errorf("mean off by %.5f", d)
				}
				if d := squares/n - c.variance; math.Abs(d) > 4.5*c.variance*math.Sqrt((c.kurtosis-1)/n) {
					t.Errorf("variance off by %.5f", d)
				}
				slices.Sort(xs)
				var ks float64
				for i, x := range xs {
					f := c.cdf(x)
					ks = max(ks, f-float64(i)/n, float64(i+1)/n-f)
				}
				if ks > 2.23/math.Sqrt(n) {
					t.Errorf("Kolmogorov-Smirnov distance %.5f", ks)
				}
			})
		}
	}
}

// TestVariatesAreTheirFunctions holds the exponential and the Gumbel number to
// the functions whose errors are measured, bit by bit.
func TestVariatesAreTheirFunctions(t *testing.T) {
	for _, m := range []Mac{Fused, Split} {
		for u := uint64(0); u < 1<<32; u += 4001 {
			w := uint32(u)
			e := m.Exponential(w)
			if math.Float32bits(e) != math.Float32bits(-m.Log1p(-Uniform(w))) {
				t.Fatalf("%v: exponential of %08x is not -Log1p(-v)", m, w)
			}
			if math.Float32bits(m.Gumbel(w)) != math.Float32bits(-m.Log(e)) {
				t.Fatalf("%v: Gumbel number of %08x is not -Log(E)", m, w)
			}
		}
	}
}

// TestNormalError measures NormalPair against its formula in float64, in units
// of 2⁻²⁴ of the radius.
func TestNormalError(t *testing.T) {
	pairs := uint32(400_000)
	if os.Getenv("SAMEBITS_FULL") == "1" {
		pairs = 4_000_000
	}
	for _, m := range []Mac{Fused, Split} {
		worst := 0.0
		for i := range pairs {
			b := Block(5, UseTest, 0, 0, 0, i)
			x, y := m.NormalPair(b[0], b[1])
			radius := math.Sqrt(-2 * math.Log(float64(Uniform(b[0]))))
			turn := (float64(int32(b[1]-((b[1]+1<<29)>>30)<<30)) + 0.5) * (math.Pi / 2) * 0x1p-30
			s, c := math.Sincos(turn)
			switch (b[1] + 1<<29) >> 30 & 3 {
			case 1:
				s, c = c, -s
			case 2:
				s, c = -s, -c
			case 3:
				s, c = -c, s
			}
			for _, e := range []float64{float64(x) - radius*c, float64(y) - radius*s} {
				worst = math.Max(worst, math.Abs(e)/radius*0x1p24)
			}
		}
		t.Logf("%v: worst error %.3f·2⁻²⁴ of the radius", m, worst)
		if !(worst <= 2.9) {
			t.Errorf("%v: worst error %.3f·2⁻²⁴ of the radius, the docstring says 2.9", m, worst)
		}
	}
}
