package gradcheck

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"samebits/verify/internal/broken"
	"samebits/verify/stats"
)

// Estimator is a stochastic estimator of a gradient.
type Estimator struct {
	// Exact is the gradient that its mean must be; see [Enumerate].
	Exact []float64
	// Variance, if not nil, is the variance that each component must have.
	Variance []float64
	// Draw writes the i-th estimate to g, of len(Exact), which holds NaN. The
	// estimates must be independent.
	Draw func(i int, g []float64)
}

// ErrEstimator is wrapped by the error of a report that found a bias, a wrong
// variance, or nothing to test.
var ErrEstimator = errors.New("the estimator is biased or could not be tested")

// EstimatorReport is what a check of an estimator found.
type EstimatorReport struct {
	Draws int
	// Mean and Variance are the estimates' own, component by component.
	Mean, Variance []float64
	// Verdicts are the tests, judged as one family: of each mean and, where
	// the estimator states it, of each variance. Detectable is the bias, or
	// the error of the variance, that each would find.
	Verdicts []stats.Verdict
}

// Check draws estimates and tests their mean, by Student's test component by
// component with Holm's correction: an unbiased estimator fails with
// probability stats.FalseFail.
func (e Estimator) Check(draws int) EstimatorReport {
	moments := make([]stats.Moments, len(e.Exact))
	g := make([]float64, len(e.Exact))
	for i := range draws {
		for j := range g {
			g[j] = math.NaN()
		}
		e.Draw(i, g)
		for j, v := range g {
			moments[j].Add(v)
		}
	}
	r := EstimatorReport{Draws: draws}
	var family []stats.Result
	for j := range moments {
		m := &moments[j]
		r.Mean, r.Variance = append(r.Mean, m.Mean), append(r.Variance, m.Variance())
		want := e.Exact[j]
		if broken.Is(broken.ErrorOfOneDraw) {
			want = m.Mean + (want-m.Mean)/math.Sqrt(m.N)
		}
		family = append(family, stats.MeanTest(fmt.Sprintf("component %d", j), m, want))
		if e.Variance != nil {
			family = append(family, stats.VarianceTest(fmt.Sprintf("component %d", j), m, e.Variance[j]))
		}
	}
	r.Verdicts = stats.Judge(family)
	return r
}

// Err returns nil where no test refuses the estimator.
func (r EstimatorReport) Err() error {
	if len(r.Verdicts) == 0 {
		return fmt.Errorf("nothing was tested: %w", ErrEstimator)
	}
	var failed []string
	for _, v := range r.Verdicts {
		if v.Rejected {
			failed = append(failed, v.Name+": "+v.String())
		}
	}
	if failed != nil {
		return fmt.Errorf("%s: %w", strings.Join(failed, "; "), ErrEstimator)
	}
	return nil
}

// Detectable is the largest bias that one of the tests of the means would miss
// with a probability above stats.FalsePass.
func (r EstimatorReport) Detectable() float64 {
	var worst float64
	for _, v := range r.Verdicts {
		if v.Measure == "bias" || math.IsInf(v.Detectable, 1) {
			worst = max(worst, v.Detectable)
		}
	}
	return worst
}

// Enumerate returns Σₖ pₖ·gₖ over all outcomes of a discrete variable: the exact
// mean of an estimator whose value is gₖ at outcome k, as f(k)·∇log q(k) is of
// the gradient of E f. term writes gₖ, of n components, and returns pₖ. Where
// the probabilities do not sum to 1 within 10⁻⁹ all components are NaN.
func Enumerate(n, outcomes int, term func(k int, g []float64) (p float64)) []float64 {
	sum, g := make([]float64, n), make([]float64, n)
	var total float64
	for k := range outcomes {
		clear(g)
		p := term(k, g)
		total += p
		for i, v := range g {
			sum[i] += p * v
		}
	}
	if !(math.Abs(total-1) <= 1e-9) {
		for i := range sum {
			sum[i] = math.NaN()
		}
	}
	return sum
}
