package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"samebits/verify/internal/broken"
)

func TestSelfCheckPasses(t *testing.T) {
	if err := SelfCheck(); err != nil {
		t.Fatal(err)
	}
}

// TestSelfCheckKillsItsMutants: each broken comparator of this package is seen.
func TestSelfCheckKillsItsMutants(t *testing.T) {
	killed := 0
	for _, m := range broken.Mutants() {
		if m.Where != "stats" {
			continue
		}
		restore := broken.Set(m.Name)
		err := SelfCheck()
		restore()
		if err == nil {
			t.Errorf("%s survives", m.Name)
		}
		killed++
	}
	if killed < 5 {
		t.Errorf("only %d mutants", killed)
	}
}

// tally counts n draws from p.
func tally(r *rand.Rand, n int, p []float64) []int64 {
	count := make([]int64, len(p))
	for range n {
		u, i := r.Float64(), 0
		for i < len(p)-1 && u >= p[i] {
			u -= p[i]
			i++
		}
		count[i]++
	}
	return count
}

// TestPValuesAreUniformUnderTheHypothesis: the share of p-values at or below a
// is a (the band's at most a), and under a wrong hypothesis they are small. An
// inverted p-value fails both halves.
func TestPValuesAreUniformUnderTheHypothesis(t *testing.T) {
	const runs = 4000
	r := rand.New(rand.NewPCG(1, 2))
	p := []float64{0.05, 0.1, 0.15, 0.3, 0.4}
	off := []float64{0.15, 0.1, 0.15, 0.3, 0.3}
	numbers := func(n int, shift, scale float64) *Moments {
		var m Moments
		for range n {
			m.Add(shift + scale*r.ExpFloat64())
		}
		return &m
	}
	uniforms := func(n int, power float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Pow(r.Float64(), power)
		}
		return x
	}
	identity := func(x float64) float64 { return x }
	pairs := func(n int, joined float64) []int64 {
		a, b := make([]int, n), make([]int, n)
		for i := range a {
			a[i], b[i] = r.IntN(4), r.IntN(4)
			if r.Float64() < joined {
				b[i] = a[i]
			}
		}
		return Cross([]int{4, 4}, a, b)
	}
	for _, c := range []struct {
		name         string
		right, wrong func() Result
		conservative bool
	}{
		{"G-test", func() Result { return GTest("", tally(r, 600, p), p) }, func() Result { return GTest("", tally(r, 5000, off), p) }, false},
		{"G-test of pairs", func() Result { return GTest("", pairs(800, 0), Uniform(16)) }, func() Result { return GTest("", pairs(8000, 0.2), Uniform(16)) }, false},
		{"band", func() Result { return Band("", uniforms(300, 1), identity) }, func() Result { return Band("", uniforms(3000, 1.3), identity) }, true},
		{"mean", func() Result { return MeanTest("", numbers(12000, 0, 1), 1) }, func() Result { return MeanTest("", numbers(20000, 0.1, 1), 1) }, false},
		{"variance", func() Result { return VarianceTest("", numbers(4000, 0, 1), 1) }, func() Result { return VarianceTest("", numbers(9000, 0, 1.3), 1) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			reps := runs
			if c.name == "mean" || c.name == "variance" {
				reps = 1500
			}
			ps := make([]float64, reps)
			for i := range ps {
				ps[i] = c.right().P
			}
			slices.Sort(ps)
			for _, a := range []float64{0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9} {
				at, _ := slices.BinarySearch(ps, math.Nextafter(a, 1))
				share, error := float64(at)/float64(reps), 5*math.Sqrt(a*(1-a)/float64(reps))
				if c.name == "variance" {
					error += 0.03 // the fourth moment of an exponential is itself far from known
				}
				if share > a+error || (!c.conservative && share < a-error) {
					t.Errorf("a share of %.4f of the p-values is at most %v", share, a)
				}
			}
			for range 20 {
				if p := c.wrong().P; !(p < 1e-4) {
					t.Errorf("a wrong hypothesis has p %v", p)
				}
			}
		})
	}
}

// TestFarTailOfTheGTest enumerates binomial and trinomial tables whose cells
// expect MinExpected and more: a p-value of 10⁻⁴ to 10⁻⁹ has at most tailSlack
// times that probability.
func TestFarTailOfTheGTest(t *testing.T) {
	logFactorial := func(n int) float64 { v, _ := math.Lgamma(float64(n) + 1); return v }
	type table struct{ p, prob float64 }
	for _, c := range []struct {
		n int
		p []float64
	}{{40, []float64{.5, .5}}, {100, []float64{.2, .8}}, {1000, []float64{.02, .98}}, {20000, []float64{.001, .999}},
		{80, []float64{.25, .25, .5}}, {200, []float64{.1, .1, .8}}, {150, []float64{.2, .3, .5}}, {600, []float64{.04, .04, .92}}} {
		var tables []table
		add := func(count ...int64) {
			prob := logFactorial(c.n)
			for i, o := range count {
				prob += float64(o)*math.Log(c.p[i]) - logFactorial(int(o))
			}
			if prob > -60 {
				tables = append(tables, table{GTest("", count, c.p).P, math.Exp(prob)})
			}
		}
		for i := 0; i <= c.n; i++ {
			if len(c.p) == 2 {
				add(int64(i), int64(c.n-i))
				continue
			}
			for j := 0; i+j <= c.n; j++ {
				add(int64(i), int64(j), int64(c.n-i-j))
			}
		}
		for a := 1e-4; a > 5e-10; a /= 10 {
			var prob float64
			for _, x := range tables {
				if x.p <= a {
					prob += x.prob
				}
			}
			if prob > tailSlack*a || (prob < a/100 && a > 1e-6) {
				t.Errorf("%d draws from %v: p ≤ %g has probability %g", c.n, c.p, a, prob)
			}
		}
	}
}

// TestEffectsAreFound: laws that are off by the stated effect never pass at the
// level, whatever their shape; and the statement is not idle: laws that are off
// by a quarter of it do pass.
func TestEffectsAreFound(t *testing.T) {
	const level, miss, n = 1e-8, 1e-6, 20_000
	r := rand.New(rand.NewPCG(3, 4))
	for _, k := range []int{2, 8, 64} {
		p := Uniform(k)
		effect := GTest("", tally(r, n, p), p).Effect(level, miss)
		// Move the mass between half of the cells and the others, or between two.
		shapes := map[string]func(d float64) []float64{
			"spread": func(d float64) []float64 {
				q := slices.Clone(p)
				for i := range q {
					q[i] += d * 2 / float64(k) * float64(1-i%2*2)
				}
				return q
			},
			"one cell": func(d float64) []float64 {
				q := slices.Clone(p)
				for i := range q {
					q[i] -= d / float64(k-1)
				}
				q[0] += d + d/float64(k-1)
				return q
			},
		}
		for name, shape := range shapes {
			passed := 0
			for range 60 {
				if GTest("", tally(r, n, shape(effect)), p).P > level {
					t.Errorf("%d cells, %s: an effect of %v passes", k, name, effect)
				}
				if GTest("", tally(r, n, shape(effect/4)), p).P > level {
					passed++
				}
			}
			if name == "spread" && passed == 0 {
				t.Errorf("%d cells, %s: a quarter of the effect %v never passes", k, name, effect)
			}
		}
	}
	x := make([]float64, n)
	band := func(d float64) Result {
		for i := range x {
			if x[i] = r.Float64(); x[i] > 0.4 && x[i] < 0.4+d {
				x[i] = 0.4 // an atom: the distribution function is d higher at 0.4
			}
		}
		return Band("", x, func(v float64) float64 { return v })
	}
	effect := band(0).Effect(level, miss)
	var m Moments
	passed := 0
	for range 60 {
		if band(effect).P > level {
			t.Errorf("a distance of %v passes the band", effect)
		}
		if band(effect/4).P > level {
			passed++
		}
		m = Moments{}
		for range n {
			m.Add(r.NormFloat64())
		}
		bias := MeanTest("", &m, 0).Effect(level, miss)
		if MeanTest("", &m, bias).P > level || MeanTest("", &m, -bias).P > level {
			t.Errorf("a bias of %v passes", bias)
		}
		if want := (5.73 + 4.75) / math.Sqrt(n); math.Abs(bias/want-1) > 0.05 {
			t.Errorf("the bias found is %v, want about %v", bias, want)
		}
	}
	if passed == 0 {
		t.Errorf("a quarter of the distance %v never passes the band", effect)
	}
}

// TestCriticalValues: the inverses that effects rest on hold in the far tail.
func TestCriticalValues(t *testing.T) {
	for _, level := range []float64{1e-3, 1e-6, 1e-8, 1e-10} {
		for _, k := range []int{2, 9, 256, 1024} {
			// With miss = 1 the effect is √(c·w/4n) for the critical value c.
			n := int64(1000 * k)
			count := make([]int64, k)
			for i := range count {
				count[i] = 1000
			}
			effect := GTest("", count, Uniform(k)).Effect(level, 1)
			williams := 1 + (float64(k*k)-1)/(6*float64(n)*float64(k-1))
			c := 4 * float64(n) * effect * effect / williams
			if p := (distuv.ChiSquared{K: float64(k - 1)}).Survival(c); math.Abs(p/level-1) > 1e-3 {
				t.Errorf("%d cells: the critical value %v of level %g has p %g", k, c, level, p)
			}
		}
		for _, n := range []int{1000, 300_000} {
			var m Moments
			for i := range n {
				m.Add(float64(i % 7))
			}
			spread := math.Sqrt(m.Variance() / m.N)
			critical := MeanTest("", &m, 0).Effect(level, 0.5) / spread
			if p := 2 * (distuv.StudentsT{Sigma: 1, Nu: m.N - 1}).Survival(critical); math.Abs(p/level-1) > 1e-3 {
				t.Errorf("Student's critical value %v of level %g has p %g", critical, level, p)
			}
			if normal := -distuv.UnitNormal.Quantile(level / 2); n > 100_000 && math.Abs(critical/normal-1) > 1e-3 {
				t.Errorf("%d draws: Student's critical value %v of level %g, the normal one %v", n, critical, level, normal)
			}
		}
	}
}

func TestWhatCannotBeTestedFails(t *testing.T) {
	nan := math.NaN()
	constant := func(x float64, n int) *Moments {
		var m Moments
		for range n {
			m.Add(x)
		}
		return &m
	}
	var rare Moments
	for i := range 10_000 {
		rare.Add(float64(max(0, 2-i)))
	}
	for name, r := range map[string]Result{
		"no counts":           GTest("", nil, nil),
		"no draws":            GTest("", []int64{0, 0}, Uniform(2)),
		"lengths":             GTest("", []int64{5}, Uniform(2)),
		"no table":            GTest("", Cross([]int{2}, []int{0, 2}), Uniform(2)),
		"ragged columns":      GTest("", Cross([]int{2, 2}, []int{0, 1}, []int{0}), Uniform(4)),
		"NaN probability":     GTest("", []int64{5, 5}, []float64{nan, .5}),
		"half a law":          GTest("", []int64{500, 500}, []float64{.2, .2}),
		"negative count":      GTest("", []int64{-1, 5}, Uniform(2)),
		"too few draws":       GTest("", []int64{5, 5}, Uniform(2)),
		"empty band":          Band("", nil, math.Sqrt),
		"NaN draw":            Band("", []float64{.5, nan}, math.Sqrt),
		"NaN law":             Band("", []float64{.5}, func(float64) float64 { return nan }),
		"few numbers":         MeanTest("", constant(1, 3), 1),
		"NaN number":          MeanTest("", constant(nan, 1000), 1),
		"infinite number":     MeanTest("", constant(math.Inf(1), 1000), 1),
		"skewed":              MeanTest("", &rare, 0.0003),
		"NaN mean":            MeanTest("", constant(1, 1000), nan),
		"NaN variance":        VarianceTest("", constant(1, 1000), nan),
		"variance of NaN":     VarianceTest("", constant(nan, 1000), 0),
		"variance of too few": VarianceTest("", constant(1, 9), 0),
	} {
		if v := Judge([]Result{r})[0]; !math.IsNaN(r.P) || !v.Rejected || !math.IsInf(v.Detectable, 1) {
			t.Errorf("%s: p %v, rejected %v, finds %v", name, r.P, v.Rejected, v.Detectable)
		}
	}
	if p := MeanTest("", constant(0.1, 1000), 0.1).P; p != 1 {
		t.Errorf("draws that all equal the mean: p %v", p)
	}
	if p := MeanTest("", constant(0.1, 1000), 0.1000001).P; p != 0 {
		t.Errorf("draws that all miss the mean: p %v", p)
	}
}

func TestMomentsAgreeWithTheirDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var m Moments
	x := make([]float64, 1000)
	for i := range x {
		x[i] = 100 + r.ExpFloat64()
		m.Add(x[i])
	}
	var mean, m2, m3, m4 float64
	for _, v := range x {
		mean += v / 1000
	}
	for _, v := range x {
		d := v - mean
		m2, m3, m4 = m2+d*d, m3+d*d*d, m4+d*d*d*d
	}
	for _, c := range [][2]float64{{m.Mean, mean}, {m.Variance(), m2 / 999}, {m.m3, m3}, {m.m4, m4}} {
		if math.Abs(c[0]/c[1]-1) > 1e-9 {
			t.Errorf("%v, want %v", c[0], c[1])
		}
	}
}

func TestCellsOfCoordinates(t *testing.T) {
	got := Cross([]int{2, 3}, []int{0, 1, 1, 1}, []int{2, 0, 2, 2})
	if want := []int64{0, 0, 1, 1, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("Cross = %v, want %v", got, want)
	}
	if got, want := Product([]float64{.25, .75}, []float64{.5, .25, .25}), []float64{.125, .0625, .0625, .375, .1875, .1875}; !slices.Equal(got, want) {
		t.Errorf("Product = %v, want %v", got, want)
	}
}
