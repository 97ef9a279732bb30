package stats

import (
	"fmt"
	"math"
	"slices"

	"samebits/verify/internal/broken"
)

const (
	// FalseFail is the probability that a family of right samplers has a
	// failure, at most.
	FalseFail = 1e-6
	// FalsePass is the probability that an effect of the stated size passes,
	// at most.
	FalsePass = 1e-6
	// tailSlack is by how much the true probability of a p-value in the far
	// tail, where failures are decided, may exceed the p-value: those of the
	// G-test and of Student's test are limits for many draws.
	tailSlack = 3
)

// Result is one test of one hypothesis.
type Result struct {
	Name string
	// P is the probability, if the hypothesis holds, of data that speak
	// against it at least as strongly; NaN where nothing could be tested.
	P float64
	// Detail says what was computed from how many draws.
	Detail string
	// Measure names the effect that the test finds, as "total variation".
	Measure string
	// effect returns the departure that a test at a level misses with
	// probability at most miss; nil where the test cannot be made.
	effect func(level, miss float64) float64
}

// Effect returns the departure, in terms of Measure, that the test at a level
// misses with probability at most miss; +Inf where it finds none.
func (r Result) Effect(level, miss float64) float64 {
	if r.effect == nil {
		return math.Inf(1)
	}
	return r.effect(level, miss)
}

// Untestable returns a result that fails: there was nothing to test, or what
// was drawn is outside of what can be drawn.
func Untestable(name, format string, args ...any) Result {
	return Result{Name: name, P: math.NaN(), Detail: fmt.Sprintf(format, args...), Measure: "nothing"}
}

// pValue is the probability that every test returns.
func pValue(p float64) float64 {
	if broken.Is(broken.PValueInverted) {
		return 1 - p
	}
	return p
}

// Verdict is a result as a member of its family.
type Verdict struct {
	Result
	// Adjusted is the p-value corrected for the family's size.
	Adjusted float64
	// Rejected says that the hypothesis is wrong, or that P is NaN.
	Rejected bool
	// Detectable is the effect that passes with probability FalsePass at most.
	Detectable float64
}

func (v Verdict) String() string {
	if v.Rejected {
		return fmt.Sprintf("%s: p %.3g, %.3g in its family: refused at %g", v.Detail, v.P, v.Adjusted, FalseFail)
	}
	return fmt.Sprintf("%s: p %.3g; finds %s %.3g (false fail %g over the run, false pass %g)",
		v.Detail, v.P, v.Measure, v.Detectable, FalseFail, FalsePass)
}

// Judge decides about a family of results at once, FalseFail and FalsePass.
func Judge(results []Result) []Verdict {
	p := make([]float64, len(results))
	for i, r := range results {
		p[i] = r.P
	}
	verdicts := make([]Verdict, len(results))
	for i, adjusted := range Holm(p) {
		verdicts[i] = Verdict{Result: results[i], Adjusted: adjusted,
			Rejected:   !(adjusted > FalseFail/tailSlack),
			Detectable: results[i].Effect(FalseFail/tailSlack/float64(len(results)), FalsePass)}
	}
	return verdicts
}

// Holm returns p-values corrected for being a family: a rule that rejects those
// at or below a level rejects any right hypothesis with at most that
// probability, however the tests depend on each other. The i-th smallest of m
// becomes the largest, up to it, of (m−i+1)·p. NaN counts as 0, so that it is
// rejected at any level.
// Source: Holm 1979, "A simple sequentially rejective multiple test procedure",
// Scandinavian Journal of Statistics 6.
func Holm(p []float64) []float64 {
	known := slices.Clone(p)
	for i, v := range known {
		if math.IsNaN(v) {
			known[i] = 0
			if broken.Is(broken.NaNPValue) {
				known[i] = 1
			}
		}
	}
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case known[a] < known[b]:
			return -1
		case known[a] > known[b]:
			return 1
		}
		return 0
	})
	adjusted := make([]float64, len(p))
	largest := 0.0
	for rank, i := range order {
		factor := float64(len(p) - rank)
		if broken.Is(broken.HolmForgotten) {
			factor = 1
		}
		largest = max(largest, min(1, factor*known[i]))
		adjusted[i] = largest
	}
	return adjusted
}
