package gradcheck

import (
	"math"

	"samebits/verify/internal/broken"
)

// derivative is a numerical derivative with a bound on its error.
type derivative struct {
	value, bound float64
	// slope is the largest |φ(h) − φ(0)|/h over the larger steps: how large a
	// derivative could be here, also where it is 0.
	slope float64
}

// The steps of a ladder: rungs of halves from the largest.
const (
	largestStep = 0x1p-2
	rungs       = 32
	columns     = 8 // extrapolations, each two orders higher
	leastRungs  = 4 // with finite values, to extrapolate at all
)

// differentiate returns φ'(0) by central differences on a ladder of steps
// h = ¼·2⁻ᵏ, extrapolated to h = 0 after Richardson. unit is the rounding unit
// of φ.
//
// The bound of an entry of the tableau is twice how far it lies from the two
// entries that it comes from (Ridders 1982, Advances in Engineering Software 4),
// plus the noise of its differences, carried through the same combinations. The
// entry of the least bound is taken. Rungs where φ is not finite are left out,
// with all larger ones; with fewer than four left the value is NaN.
func differentiate(phi func(t float64) float64, unit float64) derivative {
	unknown := derivative{value: math.NaN(), bound: math.Inf(1)}
	best := unknown
	noise, middle := noiseOf(phi, unit), phi(0)
	var last, lastNoise []float64
	for k := range rungs {
		h := math.Ldexp(largestStep, -k)
		up, down := phi(h), phi(-h)
		d := (up - down) / (2 * h)
		if math.IsNaN(d) || math.IsInf(d, 0) {
			last, lastNoise, best = nil, nil, unknown
			continue
		}
		if len(last) < leastRungs {
			best.slope = max(best.slope, math.Abs(up-middle)/h, math.Abs(down-middle)/h)
		}
		row, rowNoise := []float64{d}, []float64{(noise + unit*(math.Abs(up)+math.Abs(down))) / h}
		for j := 1; j <= min(len(last), columns); j++ {
			p := math.Ldexp(1, 2*j)
			row = append(row, row[j-1]+(row[j-1]-last[j-1])/(p-1))
			rowNoise = append(rowNoise, (p*rowNoise[j-1]+lastNoise[j-1])/(p-1))
			bound := 2*max(math.Abs(row[j]-row[j-1]), math.Abs(row[j]-last[j-1])) + rowNoise[j]
			if len(last) >= leastRungs-1 && bound < best.bound {
				best.value, best.bound = row[j], bound
			}
		}
		last, lastNoise = row, rowNoise
	}
	return best
}

// noiseOf bounds the rounding errors of φ near 0 by the differences of third to
// fifth order of 17 values close together, where a smooth function has none:
// the k-th difference of errors of standard deviation σ has the variance
// σ²·(2k)!/(k!)². It is six times the largest of the three estimates, since
// estimates of few values err, and at least a rounding of φ itself on either
// side.
// Source: Moré & Wild 2011, "Estimating computational noise", SIAM Journal on
// Scientific Computing 33, equations 2.2 and 3.1.
func noiseOf(phi func(t float64) float64, unit float64) float64 {
	const points = 17
	spacing := 0.7390851332151607 * math.Sqrt(unit) // no short dyadic number: roundings do not repeat
	var x [points]float64
	size := 0.0
	for i := range x {
		x[i] = phi(spacing * float64(i-points/2))
		size = max(size, math.Abs(x[i]))
	}
	var noise float64
	scale := 1.0
	for k := 1; k <= 5; k++ {
		var sum float64
		for i := range points - k {
			x[i] = x[i+1] - x[i]
			sum += x[i] * x[i]
		}
		scale *= float64(k) / float64(2*(2*k-1)) // (k!)²/(2k)!
		if k >= 3 {
			noise = max(noise, math.Sqrt(scale*sum/float64(points-k)))
		}
	}
	return 6*noise + 2*unit*size
}

// agree says whether an analytic derivative agrees with a numerical one up to
// its bound and slack, the rounding of the analytic one.
func agree(d derivative, analytic, slack float64) bool {
	bound := d.bound + slack
	if broken.Is(broken.ToleranceX1000) {
		bound *= 1000
	}
	if math.IsNaN(d.value) || math.IsNaN(analytic) {
		return broken.Is(broken.NaNDerivative)
	}
	return math.Abs(d.value-analytic) <= bound
}
