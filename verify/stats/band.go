package stats

import (
	"fmt"
	"math"
	"slices"

	"samebits/verify/internal/broken"
)

// Band tests whether x was drawn independently from a continuous distribution
// function, by its largest distance D from that of the draws: P is
// min(1, 2·exp(−2nD²)), an upper bound for every n and every law. A law that is
// rounded to steps of probability ε is tested as if it were continuous, which
// adds at most ε to D. One NaN, in x or in cdf, makes P NaN. x is not changed.
//
// The effect is the largest distance between the two distribution functions: a
// test at a level passes only below √(log(2/level)/2n), and at the point of the
// largest distance the share of the draws is a mean of n numbers in [0, 1], so
// √(log(2/level)/2n) + √(log(1/miss)/2n) is found (Hoeffding 1963).
// Sources: Dvoretzky, Kiefer & Wolfowitz 1956; the constant 2 is from Massart
// 1990, Annals of Probability 18, corollary 1.
func Band(name string, x []float64, cdf func(float64) float64) Result {
	if len(x) == 0 {
		return Untestable(name, "no draws")
	}
	sorted := slices.Clone(x)
	slices.Sort(sorted) // NaN comes first
	n := float64(len(sorted))
	var distance float64
	for i, v := range sorted {
		f := cdf(v)
		if math.IsNaN(v) || math.IsNaN(f) {
			return Untestable(name, "a draw of %v with distribution function %v", v, f)
		}
		distance = max(distance, math.Abs(float64(i+1)/n-f), math.Abs(f-float64(i)/n))
	}
	wide := distance
	if broken.Is(broken.BandTimes1000) {
		wide /= 1000
	}
	return Result{Name: name, P: pValue(min(1, 2*math.Exp(-2*n*wide*wide))), Measure: "distance of distribution functions",
		Detail: fmt.Sprintf("largest distance %.3g, %d draws", distance, len(x)),
		effect: func(level, miss float64) float64 {
			return min(1, fluctuation(level/2, n)+fluctuation(miss, n))
		}}
}
