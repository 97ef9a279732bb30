package gradcheck

import (
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"samebits/verify/internal/broken"
)

func TestSelfCheckPasses(t *testing.T) {
	if err := SelfCheck(); err != nil {
		t.Fatal(err)
	}
}

// TestSelfCheckKillsItsMutants: each broken comparator of this package is seen,
// and so is an inverted p-value below it.
func TestSelfCheckKillsItsMutants(t *testing.T) {
	killed := 0
	for _, m := range broken.Mutants() {
		if m.Where != "gradcheck" && m.Name != broken.PValueInverted {
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
	if killed < 6 {
		t.Errorf("only %d mutants", killed)
	}
}

// pairs are functions with their derivatives in closed form.
var pairs = map[string]Real{
	"polynomial": {
		F:             func(x []float64) float64 { return x[0]*x[0]*x[0] - 2*x[0]*x[1] + 5*x[2] + 7 },
		Gradient:      func(x []float64) []float64 { return []float64{3*x[0]*x[0] - 2*x[1], -2 * x[0], 5} },
		HessianVector: func(x, v []float64) []float64 { return []float64{6*x[0]*v[0] - 2*v[1], -2 * v[0], 0} },
	},
	"log-sum-exp": {F: logSumExp, Gradient: softmax, HessianVector: func(x, v []float64) []float64 {
		p := softmax(x)
		mean, _ := inner(p, v)
		h := make([]float64, len(x))
		for i := range h {
			h[i] = p[i] * (v[i] - mean)
		}
		return h
	}},
	"log": {
		F:        func(x []float64) float64 { return math.Log(math.Abs(x[0])) + x[1]/x[2] },
		Gradient: func(x []float64) []float64 { return []float64{1 / x[0], 1 / x[2], -x[1] / (x[2] * x[2])} },
		HessianVector: func(x, v []float64) []float64 {
			return []float64{-v[0] / (x[0] * x[0]), -v[2] / (x[2] * x[2]), 2*x[1]*v[2]/(x[2]*x[2]*x[2]) - v[1]/(x[2]*x[2])}
		},
	},
	"sine": {
		F: func(x []float64) float64 { return math.Sin(3*x[0])*math.Exp(x[1]) + math.Tanh(x[2]) },
		Gradient: func(x []float64) []float64 {
			th := math.Tanh(x[2])
			return []float64{3 * math.Cos(3*x[0]) * math.Exp(x[1]), math.Sin(3*x[0]) * math.Exp(x[1]), 1 - th*th}
		},
	},
	"matrix product": { // Σ (A·B − T)², A and B 2×2 in x, T fixed
		F: func(x []float64) float64 { return productLoss(x, nil) },
		Gradient: func(x []float64) []float64 {
			g := make([]float64, 8)
			productLoss(x, g)
			return g
		},
	},
}

func productLoss(x, g []float64) (loss float64) {
	target := []float64{0.3, -1, 2, 0.7}
	for i := range 2 {
		for j := range 2 {
			r := x[2*i]*x[4+j] + x[2*i+1]*x[6+j] - target[2*i+j]
			loss += r * r
			if g != nil {
				for k := range 2 {
					g[2*i+k] += 2 * r * x[4+2*k+j]
					g[4+2*k+j] += 2 * r * x[2*i+k]
				}
			}
		}
	}
	return loss
}

func point(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64() * math.Exp(r.NormFloat64())
	}
	return x
}

func sizeOf(name string) int {
	if name == "matrix product" {
		return 8
	}
	return 3
}

// TestRightDerivativesPass at many points: a false alarm of the bound would
// show.
func TestRightDerivativesPass(t *testing.T) {
	for name, p := range pairs {
		r := rand.New(rand.NewPCG(7, 8))
		compared, blind := 0, 0
		for k := range 300 {
			rep := p.Check(point(r, sizeOf(name)), Options{Seed: uint64(k)})
			compared += rep.Compared
			if len(rep.Failures) > 0 {
				t.Errorf("%s at point %d: %v", name, k, rep.Err())
			} else if rep.Err() != nil { // next to the pole of a logarithm
				blind++
			}
		}
		if blind > 3 || (blind > 0 && name != "log") {
			t.Errorf("%s: %d of 300 points could not be checked", name, blind)
		}
		if least := 300 * (16 + 3); compared < least {
			t.Errorf("%s: %d derivatives compared, want %d", name, compared, least)
		}
	}
}

// TestPlantedErrorsAreFound in the gradient and in the product with the
// Hessian, and the worst component is named.
func TestPlantedErrorsAreFound(t *testing.T) {
	errs := map[string]func(g []float64){
		"sign":           func(g []float64) { g[1] = -g[1] },
		"factor 2":       func(g []float64) { g[1] *= 2 },
		"missing term":   func(g []float64) { g[1] = 0 },
		"relative 1e-5 ": func(g []float64) { g[1] *= 1 + 1e-5 },
		"added":          func(g []float64) { g[1] += 1e-4 },
		"NaN":            func(g []float64) { g[1] = math.NaN() },
	}
	x := []float64{0.4, -1.3, 0.8, 1.1, -0.2, 0.9, 0.5, -0.6}
	for name, p := range pairs {
		for what, spoil := range errs {
			wrong := p
			wrong.Gradient = func(x []float64) []float64 {
				g := slices.Clone(p.Gradient(x))
				spoil(g)
				return g
			}
			r := wrong.Check(x[:sizeOf(name)], Options{})
			if err := r.Err(); !errors.Is(err, ErrGradient) || !strings.Contains(err.Error(), "component 1") {
				t.Errorf("%s, %s of the gradient: %v", name, what, err)
			}
			if p.HessianVector == nil {
				continue
			}
			wrong = p
			wrong.HessianVector = func(x, v []float64) []float64 {
				h := slices.Clone(p.HessianVector(x, v))
				spoil(h)
				return h
			}
			r = wrong.Check(x[:sizeOf(name)], Options{})
			if err := r.Err(); !errors.Is(err, ErrGradient) || r.Worst.Order != 2 {
				t.Errorf("%s, %s of the Hessian: %v", name, what, err)
			}
		}
	}
}

func TestWhatCannotBeCheckedFails(t *testing.T) {
	one := func([]float64) []float64 { return []float64{1} }
	for name, c := range map[string]struct {
		p Real
		x []float64
	}{
		"a kink":         {Real{F: func(x []float64) float64 { return math.Abs(x[0]) }, Gradient: one}, []float64{0}},
		"a jump":         {Real{F: func(x []float64) float64 { return math.Floor(x[0]) }, Gradient: one}, []float64{2}},
		"a pole":         {Real{F: func(x []float64) float64 { return 1 / x[0] }, Gradient: one}, []float64{0}},
		"NaN":            {Real{F: func([]float64) float64 { return math.NaN() }, Gradient: one}, []float64{0}},
		"noise":          {Real{F: func(x []float64) float64 { return 1e17 + x[0] }, Gradient: one}, []float64{0}},
		"no arguments":   {Real{F: func([]float64) float64 { return 0 }, Gradient: func([]float64) []float64 { return nil }}, nil},
		"short gradient": {Real{F: logSumExp, Gradient: one}, []float64{1, 2}},
	} {
		r := c.p.Check(c.x, Options{})
		if name == "no arguments" {
			continue // compares 0 with 0 in every direction
		}
		if !errors.Is(r.Err(), ErrGradient) {
			t.Errorf("%s: %v, %+v", name, r.Err(), r.Worst)
		}
	}
	if !errors.Is(Report{}.Err(), ErrGradient) || !errors.Is(EstimatorReport{}.Err(), ErrEstimator) {
		t.Error("a report about nothing passes")
	}
}

// TestPlacesWithoutSlope: gradients of 0 can be checked, and gradients that
// should be 0 and are not are found.
func TestPlacesWithoutSlope(t *testing.T) {
	for name, c := range map[string]struct {
		f     func(x []float64) float64
		slope float64
		fails bool
	}{
		"constant":          {func([]float64) float64 { return 3 }, 0, false},
		"bottom":            {func(x []float64) float64 { return x[0]*x[0] + 100 }, 0, false},
		"constant, sloping": {func([]float64) float64 { return 3 }, 1e-3, true},
		"bottom, sloping":   {func(x []float64) float64 { return x[0]*x[0] + 100 }, 1e-6, true},
	} {
		r := Real{F: c.f, Gradient: func([]float64) []float64 { return []float64{c.slope} }}.Check([]float64{0}, Options{})
		if (r.Err() != nil) != c.fails {
			t.Errorf("%s: %v", name, r.Err())
		}
	}
}

// TestFloat32Functions: the noise of a function in float32 is found and borne,
// and an error of a thousandth is still seen.
func TestFloat32Functions(t *testing.T) {
	x := []float64{0.5, -1.25, 2, 0.75, -0.5}
	f := func(x []float32) float32 {
		var s float32
		for i, v := range x {
			s += float32(i+1) * v * v * float32(math.Exp(float64(-v)))
		}
		return s
	}
	for factor, fails := range map[float64]bool{1: false, 1.005: true} {
		g := func(x []float32) []float32 {
			y := make([]float32, len(x))
			for i, v := range x {
				y[i] = float32(float64(i+1) * float64(v*(2-v)) * math.Exp(float64(-v)) * factor)
			}
			return y
		}
		r := Real{F: Float32(f), Gradient: Float32Gradient(g)}.Check(x, Options{Unit: 0x1p-24, Resolution: 3e-3})
		if (r.Err() != nil) != fails {
			t.Errorf("factor %v: %v", factor, r.Err())
		}
		t.Logf("resolution in float32: %.2g", r.Resolution)
	}
	h := Float32HessianVector(func(x, v []float32) []float32 { return []float32{2 * v[0]} })
	if got := h([]float64{1}, []float64{3}); got[0] != 6 {
		t.Errorf("Float32HessianVector = %v", got)
	}
	c := Complex{F: Complex64(func(z []complex64) complex64 { return z[0] * z[0] }),
		Gradient: Complex64Gradient(func(z []complex64) []complex64 { return []complex64{complex(2*real(z[0]), -2*imag(z[0]))} })}
	if err := c.Check([]complex128{0.5 - 2i}, Options{Unit: 0x1p-24, Resolution: 3e-3}).Err(); err != nil {
		t.Errorf("z² in complex64: %v", err)
	}
}

// scalars are the complex functions of one argument and their gradients; the
// names are those of the shared values.
var scalars = map[string]struct {
	f, gradient func(z complex128) complex128
}{
	"conj":     {cmplx.Conj, func(complex128) complex128 { return 1 }},
	"identity": {func(z complex128) complex128 { return z }, func(complex128) complex128 { return 1 }},
	"real":     {func(z complex128) complex128 { return complex(real(z), 0) }, func(complex128) complex128 { return 1 }},
	"imag":     {func(z complex128) complex128 { return complex(imag(z), 0) }, func(complex128) complex128 { return 1i }},
	"abs":      {func(z complex128) complex128 { return complex(cmplx.Abs(z), 0) }, func(z complex128) complex128 { return z / complex(cmplx.Abs(z), 0) }},
	"abs2":     {func(z complex128) complex128 { return z * cmplx.Conj(z) }, func(z complex128) complex128 { return 2 * z }},
	"angle":    {func(z complex128) complex128 { return complex(cmplx.Phase(z), 0) }, func(z complex128) complex128 { return 1i * z / (z * cmplx.Conj(z)) }},
	"square":   {func(z complex128) complex128 { return z * z }, func(z complex128) complex128 { return 2 * cmplx.Conj(z) }},
	"cube":     {func(z complex128) complex128 { return z * z * z }, func(z complex128) complex128 { return 3 * cmplx.Conj(z*z) }},
	"exp":      {cmplx.Exp, func(z complex128) complex128 { return cmplx.Conj(cmplx.Exp(z)) }},
	"log":      {cmplx.Log, func(z complex128) complex128 { return 1 / cmplx.Conj(z) }},
	"sin":      {cmplx.Sin, func(z complex128) complex128 { return cmplx.Conj(cmplx.Cos(z)) }},
}

// TestComplexGradients, each right, conjugated and doubled. Those that are their
// own conjugate or where a conjugate is no error are told apart by value.
func TestComplexGradients(t *testing.T) {
	for name, s := range scalars {
		for _, z := range []complex128{3 + 4i, -0.7 + 0.2i, 1.5 - 2.25i} {
			check := func(g complex128) error {
				return Complex{F: func(z []complex128) complex128 { return s.f(z[0]) },
					Gradient: func([]complex128) []complex128 { return []complex128{g} }}.Check([]complex128{z}, Options{}).Err()
			}
			g := s.gradient(z)
			if err := check(g); err != nil {
				t.Errorf("%s at %v: %v", name, z, err)
			}
			for what, wrong := range map[string]complex128{"conjugate": cmplx.Conj(g), "factor 2": 2 * g, "sign": -g, "turned": 1i * g} {
				if wrong != g && check(wrong) == nil {
					t.Errorf("%s at %v: %s passes", name, z, what)
				}
			}
		}
	}
}

// TestComplexSecondOrder: z² and |z|² have Hessian-vector products 2·conj(v) and 2v.
func TestComplexSecondOrder(t *testing.T) {
	z := []complex128{1 - 2i, 0.3 + 0.4i}
	p := Complex{
		F:             func(z []complex128) complex128 { return z[0]*z[0] + z[1]*cmplx.Conj(z[1]) },
		Gradient:      func(z []complex128) []complex128 { return []complex128{2 * cmplx.Conj(z[0]), 2 * z[1]} },
		HessianVector: func(_, v []complex128) []complex128 { return []complex128{2 * cmplx.Conj(v[0]), 2 * v[1]} },
	}
	if err := p.Check(z, Options{}).Err(); err != nil {
		t.Error(err)
	}
	p.HessianVector = func(_, v []complex128) []complex128 { return []complex128{2 * v[0], 2 * v[1]} }
	if err := p.Check(z, Options{}).Err(); err == nil || !strings.Contains(err.Error(), "component 0, imaginary") {
		t.Errorf("a conjugate forgotten: %v", err)
	}
}

// TestEstimators: right ones pass with their exact variance; wrong ones do not.
func TestEstimators(t *testing.T) {
	for _, y := range []bernoulli{{0.1, 0.45}, {0.5, 0.45}, {0.9, 0.45}} {
		const draws = 200_000
		right := map[string]func(*rand.Rand) float64{"score": y.score, "leave one out": y.leaveOneOut, "linear baseline": y.linearBaseline}
		for name, draw := range right {
			for seed := range uint64(3) {
				if r := y.estimator(draw, seed).Check(draws); r.Err() != nil {
					t.Errorf("θ %v, %s, seed %d: %v", y.theta, name, seed, r.Err())
				} else if d := r.Detectable(); !(d < 0.006) {
					t.Errorf("θ %v, %s: a bias below %v passes", y.theta, name, d)
				}
			}
		}
		wrong := map[string]func(*rand.Rand) float64{"own baseline": y.ownBaseline}
		if y.theta != 0.5 {
			wrong["straight through"] = y.straightThrough
		}
		for name, draw := range wrong {
			if r := y.estimator(draw, 1).Check(draws); !errors.Is(r.Err(), ErrEstimator) {
				t.Errorf("θ %v, %s passes: mean %v of %v, finds %v", y.theta, name, r.Mean, y.gradient(), r.Detectable())
			}
		}
	}
	y := bernoulli{0.1, 0.45}
	e := y.estimator(y.score, 1)
	second := Enumerate(1, 2, func(k int, g []float64) float64 {
		b := float64(k)
		g[0] = y.f(b) * (b - y.theta) * y.f(b) * (b - y.theta)
		return b*y.theta + (1-b)*(1-y.theta)
	})
	e.Variance = []float64{second[0] - e.Exact[0]*e.Exact[0]}
	if r := e.Check(200_000); r.Err() != nil || len(r.Verdicts) != 2 {
		t.Errorf("the exact variance: %v", r.Err())
	}
	e.Variance[0] *= 1.2
	if r := e.Check(200_000); r.Err() == nil {
		t.Error("a variance 20 % off passes")
	}
	for name, e := range map[string]Estimator{
		"unwritten": {Exact: []float64{0, 0}, Draw: func(_ int, g []float64) { g[0] = 0 }},
		"one NaN":   {Exact: []float64{0}, Draw: func(i int, g []float64) { g[0] = []float64{0, math.NaN()}[max(0, i-998)] }},
		"no law":    {Exact: Enumerate(1, 2, func(int, []float64) float64 { return 0.4 }), Draw: func(_ int, g []float64) { g[0] = 0 }},
	} {
		if r := e.Check(1000); !errors.Is(r.Err(), ErrEstimator) {
			t.Errorf("%s passes", name)
		}
	}
}

func ExampleReal_Check() {
	p := Real{
		F:        func(x []float64) float64 { return x[0] * x[0] * x[1] },
		Gradient: func(x []float64) []float64 { return []float64{2 * x[0] * x[1], x[0] * x[0]} },
	}
	fmt.Println(p.Check([]float64{3, -2}, Options{}).Err())
	// Output: <nil>
}

func ExampleEstimator_Check() {
	// The gradient of E[(b−0.45)²] by the logit of b ~ Bernoulli(0.3), by REINFORCE.
	const theta = 0.3
	f := func(b float64) float64 { return (b - 0.45) * (b - 0.45) }
	r := rand.New(rand.NewPCG(1, 2))
	e := Estimator{
		Exact: Enumerate(1, 2, func(k int, g []float64) float64 {
			b := float64(k)
			g[0] = f(b) * (b - theta)
			return b*theta + (1-b)*(1-theta)
		}),
		Draw: func(_ int, g []float64) {
			b := 0.0
			if r.Float64() < theta {
				b = 1
			}
			g[0] = f(b) * (b - theta)
		},
	}
	rep := e.Check(100_000)
	fmt.Println(rep.Err(), rep.Detectable() < 0.005)
	// Output: <nil> true
}
