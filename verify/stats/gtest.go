package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"

	"samebits/verify/internal/broken"
)

// MinExpected is the least count that a cell of a G-test must expect; cells
// below it are pooled. From it on the probability of a p-value around 10⁻⁸ is
// at most three times as large (see FalseFail).
const MinExpected = 20

// GTest tests whether counts were drawn with the given probabilities, by the
// likelihood ratio G = 2·Σ O·log(O/E), with Williams' correction against the
// chi-squared law of one degree of freedom less than cells.
//
// The probabilities must sum to 1 within 10⁻⁶. A cell of probability 0 that
// holds a count makes P 0. Cells that expect fewer than [MinExpected] are
// pooled, the rarest first; with fewer than two cells left P is NaN.
//
// The effect is the total variation ½·Σ|q−p| between the pooled law p and any
// law q. A test that passes has KL(p̂‖p) ≤ c/2n for its critical value c, hence
// total variation ≤ √(c/4n) between p̂ and p (Pinsker); that of p̂ and p is at
// least that of q and p in the mean (Jensen), and below its mean by
// √(log(1/miss)/2n) with probability at most miss (McDiarmid 1989, since one
// draw moves it by 1/n). So the effect is √(c/4n) + √(log(1/miss)/2n), for
// every n and every q.
// Sources: Sokal & Rohlf, Biometry, section 17; Williams 1976, Biometrika 63.
func GTest(name string, observed []int64, probability []float64) Result {
	if len(observed) != len(probability) {
		return Untestable(name, "%d counts for %d probabilities", len(observed), len(probability))
	}
	var n int64
	var sum float64
	for i, p := range probability {
		if observed[i] < 0 || !(p >= 0) {
			return Untestable(name, "cell %d: count %d of probability %v", i, observed[i], p)
		}
		n += observed[i]
		sum += p
	}
	if !(math.Abs(sum-1) <= 1e-6) || n == 0 {
		return Untestable(name, "%d draws, probabilities that sum to %v", n, sum)
	}
	for i, p := range probability {
		if p == 0 && observed[i] > 0 {
			return Result{Name: name, P: pValue(0), Measure: "total variation",
				Detail: fmt.Sprintf("cell %d of probability 0 was drawn %d times in %d", i, observed[i], n)}
		}
	}
	count, expected := pooled(observed, probability, float64(n))
	k := len(count)
	if k < 2 {
		return Untestable(name, "%d draws are too few for two cells that expect %d", n, MinExpected)
	}
	var g, inverse float64
	for i, o := range count {
		e := expected[i]
		inverse += float64(n) / e
		if broken.Is(broken.ArgumentsSwapped) {
			o, e = e, o
		}
		if o > 0 {
			g += 2 * o * math.Log(o/e)
		}
	}
	williams := 1 + (inverse-1)/(6*float64(n)*float64(k-1))
	df := float64(k - 1)
	g = max(0, g/williams)
	return Result{Name: name, P: pValue(distuv.ChiSquared{K: df}.Survival(g)), Measure: "total variation",
		Detail: fmt.Sprintf("G %.4g on %d degrees of freedom, %d draws", g, k-1, n),
		effect: func(level, miss float64) float64 {
			critical := 2 * mathext.GammaIncRegCompInv(df/2, level) * williams
			return min(1, math.Sqrt(critical/4/float64(n))+fluctuation(miss, float64(n)))
		}}
}

// fluctuation is √(log(1/miss)/2n): what a mean of n draws from [0, 1] stays
// above its expectation minus, but for probability miss (Hoeffding 1963), and so
// does every function that a draw moves by at most 1/n (McDiarmid 1989).
func fluctuation(miss, n float64) float64 { return math.Sqrt(math.Log(1/miss) / (2 * n)) }

// pooled returns the counts and expectations of cells that expect MinExpected
// or more: the rarest cells become one.
func pooled(observed []int64, probability []float64, n float64) (count, expected []float64) {
	order := make([]int, 0, len(observed))
	for i, p := range probability {
		if p > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case probability[a] < probability[b]:
			return -1
		case probability[a] > probability[b]:
			return 1
		}
		return 0
	})
	var o, e float64
	for _, i := range order {
		o += float64(observed[i])
		e += n * probability[i]
		if e >= MinExpected {
			count, expected = append(count, o), append(expected, e)
			o, e = 0, 0
		}
	}
	if e > 0 && len(count) > 0 {
		count[len(count)-1] += o
		expected[len(count)-1] += e
	}
	return count, expected
}

// Uniform returns k equal probabilities.
func Uniform(k int) []float64 {
	p := make([]float64, k)
	for i := range p {
		p[i] = 1 / float64(k)
	}
	return p
}

// Product returns the probabilities of the cells of independent coordinates,
// the last one running fastest, as [Cross] counts them.
func Product(margins ...[]float64) []float64 {
	p := []float64{1}
	for _, m := range margins {
		next := make([]float64, 0, len(p)*len(m))
		for _, a := range p {
			for _, b := range m {
				next = append(next, a*b)
			}
		}
		p = next
	}
	return p
}

// Cross counts how often coordinates meet: cell (a·k₁ + b)·k₂ + … of draw i is
// that of columns[0][i], columns[1][i], …, each in [0, cells[·]). A coordinate
// out of its range, or columns of different lengths, give nil, which GTest does
// not pass. With [Product] it makes the serial test of Knuth (The Art of
// Computer Programming, volume 2, section 3.3.2 B): the margins are known, so a
// departure of a margin and one from independence are both found.
func Cross(cells []int, columns ...[]int) []int64 {
	size := 1
	for _, k := range cells {
		size *= k
	}
	count := make([]int64, size)
	if len(columns) != len(cells) || len(columns) == 0 {
		return nil
	}
	for i := range columns[0] {
		cell := 0
		for c, column := range columns {
			if len(column) != len(columns[0]) || column[i] < 0 || column[i] >= cells[c] {
				return nil
			}
			cell = cell*cells[c] + column[i]
		}
		count[cell]++
	}
	return count
}
