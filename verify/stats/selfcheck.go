package stats

import (
	"errors"
	"fmt"
	"math"
)

// SelfCheck runs every test on data of known answer, right and wrong ones, in
// a few milliseconds. Its error says which comparator is broken.
func SelfCheck() error {
	var errs []error
	want := func(what string, ok bool) {
		if !ok {
			errs = append(errs, fmt.Errorf("stats: %s", what))
		}
	}
	near := func(a, b, rel float64) bool { return math.Abs(a-b) <= rel*math.Abs(b) }

	// G of (60, 40, 100) against (¼, ¼, ½): 2·(60·log 1.2 + 40·log 0.8).
	g := GTest("", []int64{60, 40, 100}, []float64{0.25, 0.25, 0.5})
	williams := 1 + (4+4+2-1)/(6.0*200*2)
	want("the G-test of a table is off", near(g.P, math.Exp(-(60*math.Log(1.2)+40*math.Log(0.8))/williams), 1e-9))
	want("the G-test passes counts that are far off", GTest("", []int64{3000, 1000}, Uniform(2)).P < 1e-100)
	want("the G-test refuses counts as expected", GTest("", []int64{2000, 2000}, Uniform(2)).P == 1)
	want("the G-test passes a draw of probability 0", GTest("", []int64{1, 99999}, []float64{0, 1}).P == 0)

	n := 20_000
	grid, shifted := make([]float64, n), make([]float64, n)
	for i := range grid {
		grid[i] = (float64(i) + 0.5) / float64(n)
		shifted[i] = 0.97 * grid[i]
	}
	uniform := func(x float64) float64 { return min(max(x, 0), 1) }
	want("the band refuses an even grid", Band("", grid, uniform).P == 1)
	want("the band of a law that is 0.03 off is wrong", near(Band("", shifted, uniform).P, 2*math.Exp(-2*float64(n)*0.03*0.03), 0.1))

	var m Moments
	for i := range n {
		m.Add(float64(i%2*2 - 1))
	}
	want("the mean test refuses the mean", MeanTest("", &m, 0).P == 1)
	want("the mean test passes a bias", MeanTest("", &m, 0.1).P < 1e-30)
	want("the variance test passes twice the variance", VarianceTest("", &m, 2).P < 1e-30)

	for i, v := range []float64{0.04, 0.06, 0.06, 1} {
		adjusted := Holm([]float64{0.01, 0.02, 0.03, 1})[i]
		want("Holm's correction is off", near(adjusted, v, 1e-12))
	}
	passed := Result{P: 0.5}
	for i, v := range Judge([]Result{passed, {P: math.NaN()}, {P: 1e-12}, passed}) {
		want("a family is judged wrongly", v.Rejected == (i == 1 || i == 2))
	}
	return errors.Join(errs...)
}
