package gradcheck

import (
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"samebits/verify/internal/broken"
)

// SelfCheck runs both checkers on derivatives and estimators of known answer,
// right and wrong ones, in well under a second. Its error says what is broken.
func SelfCheck() error {
	var errs []error
	want := func(what string, err error, fails bool) {
		if (err != nil) != fails {
			errs = append(errs, fmt.Errorf("gradcheck: %s: %v", what, err))
		}
	}
	x := []float64{0.3, -1.2, 2.1}
	z := []complex128{0.3 - 1.1i, -0.7 + 0.4i}
	for factor, fails := range map[float64]bool{1: false, 1 + 1e-7: true, -1: true, 0: true, math.NaN(): true} {
		p := Real{F: logSumExp, Gradient: func(x []float64) []float64 {
			g := softmax(x)
			g[1] *= factor
			return g
		}}
		want(fmt.Sprintf("log-sum-exp, a component times %v", factor), p.Check(x, Options{}).Err(), fails)
	}
	for name, p := range map[string]Complex{
		"z²":     {F: func(z []complex128) complex128 { return z[0]*z[0] + cmplx.Exp(z[1]) }, Gradient: conjugated(func(z []complex128) []complex128 { return []complex128{2 * z[0], cmplx.Exp(z[1])} })},
		"z² JAX": {F: func(z []complex128) complex128 { return z[0]*z[0] + cmplx.Exp(z[1]) }, Gradient: func(z []complex128) []complex128 { return []complex128{2 * z[0], cmplx.Exp(z[1])} }},
	} {
		want(name, p.Check(z, Options{}).Err(), name == "z² JAX")
	}
	near := derivative{value: 1, bound: 1e-9}
	if !agree(near, 1+0.9e-9, 0) || agree(near, 1+1e-7, 0) {
		errs = append(errs, errors.New("gradcheck: the bound of a numerical derivative is not kept"))
	}
	toy := bernoulli{theta: 0.1, t: 0.45}
	for _, c := range []struct {
		name  string
		draw  func(r *rand.Rand) float64
		fails bool
	}{
		{"score function", toy.score, false}, {"leave one out", toy.leaveOneOut, false},
		{"score function with a linear baseline", toy.linearBaseline, false},
		{"straight through", toy.straightThrough, true}, {"a baseline of its own draw", toy.ownBaseline, true},
	} {
		want(c.name, toy.estimator(c.draw, 1).Check(40_000).Err(), c.fails)
	}
	return errors.Join(errs...)
}

func conjugated(derivative func(z []complex128) []complex128) func(z []complex128) []complex128 {
	return func(z []complex128) []complex128 {
		g := derivative(z)
		for i := range g {
			g[i] = cmplx.Conj(g[i])
		}
		return g
	}
}

func logSumExp(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += math.Exp(v)
	}
	return math.Log(sum)
}

func softmax(x []float64) []float64 {
	g := make([]float64, len(x))
	for i, v := range x {
		g[i] = math.Exp(v - logSumExp(x))
	}
	return g
}

// bernoulli is the toy problem min E[(b−t)²] over the logit of b ~ Bernoulli(θ).
// Source: Tucker et al. 2017, arXiv 1703.07370, section 5.
type bernoulli struct{ theta, t float64 }

func (y bernoulli) f(b float64) float64 { return (b - y.t) * (b - y.t) }

func (y bernoulli) draw(r *rand.Rand) float64 {
	if r.Float64() < y.theta {
		return 1
	}
	return 0
}

// gradient is that of E f by the logit, over both outcomes.
func (y bernoulli) gradient() []float64 {
	return Enumerate(1, 2, func(k int, g []float64) float64 {
		b := float64(k)
		g[0] = y.f(b) * (b - y.theta)
		return b*y.theta + (1-b)*(1-y.theta)
	})
}

func (y bernoulli) estimator(draw func(r *rand.Rand) float64, seed uint64) Estimator {
	r := rand.New(rand.NewPCG(seed, 1))
	return Estimator{Exact: y.gradient(), Draw: func(_ int, g []float64) { g[0] = draw(r) }}
}

// score is REINFORCE, f(b)·∇log q(b).
func (y bernoulli) score(r *rand.Rand) float64 {
	b := y.draw(r)
	return y.f(b) * (b - y.theta)
}

// leaveOneOut is RLOO with two draws: each is the other's baseline.
func (y bernoulli) leaveOneOut(r *rand.Rand) float64 {
	a, b := y.draw(r), y.draw(r)
	return ((y.f(a)-y.f(b))*(a-y.theta) + (y.f(b)-y.f(a))*(b-y.theta)) / 2
}

// linearBaseline subtracts the baseline f(θ) + f'(θ)·(b−θ), which depends on the
// draw, and adds its expectation f'(θ)·θ(1−θ) back (MuProp: Gu et al. 2016, arXiv
// 1511.05176).
func (y bernoulli) linearBaseline(r *rand.Rand) float64 {
	b := y.draw(r)
	slope := 2 * (y.theta - y.t)
	g := (y.f(b) - y.f(y.theta) - slope*(b-y.theta)) * (b - y.theta)
	if broken.Is(broken.BaselineForgotten) {
		return g
	}
	return g + slope*y.theta*(1-y.theta)
}

// ownBaseline is wrong: the mean of both values, its own draw's included, is no
// baseline; half of the gradient is lost.
func (y bernoulli) ownBaseline(r *rand.Rand) float64 {
	a, b := y.draw(r), y.draw(r)
	mean := (y.f(a) + y.f(b)) / 2
	return ((y.f(a)-mean)*(a-y.theta) + (y.f(b)-mean)*(b-y.theta)) / 2
}

// straightThrough is wrong: f'(b)·dθ/dlogit has the wrong sign at small θ.
func (y bernoulli) straightThrough(r *rand.Rand) float64 {
	return 2 * (y.draw(r) - y.t) * y.theta * (1 - y.theta)
}
