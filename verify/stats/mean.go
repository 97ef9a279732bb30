package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Moments gathers the mean and the central moments of numbers one by one.
// Source: Pébay 2008, Sandia report SAND2008-6212, equations 1.1–1.4.
type Moments struct {
	N                float64
	Mean             float64
	m2, m3, m4, size float64
}

// Add takes one more number.
func (m *Moments) Add(x float64) {
	n1 := m.N
	m.N++
	delta := x - m.Mean
	dn := delta / m.N
	term := delta * dn * n1
	m.Mean += dn
	m.m4 += term*dn*dn*(m.N*m.N-3*m.N+3) + 6*dn*dn*m.m2 - 4*dn*m.m3
	m.m3 += term*dn*(m.N-2) - 3*dn*m.m2
	m.m2 += term
	m.size = max(m.size, math.Abs(x))
}

// Variance is the unbiased estimate of the variance.
func (m *Moments) Variance() float64 { return m.m2 / (m.N - 1) }

// Skewness is m₃/m₂^(3/2) of the numbers.
func (m *Moments) Skewness() float64 { return math.Sqrt(m.N) * m.m3 / math.Pow(m.m2, 1.5) }

// rounding bounds what rounding in float64 does to the mean of numbers of one
// size: theirs, and that of the running mean.
func (m *Moments) rounding() float64 { return 64 * 0x1p-53 * m.size }

// tailZ is where the tail lies in which a failure is decided, in standard
// deviations: 10⁻⁸.
const tailZ = 5.7

// MeanTest tests by Student's test whether the mean of independent numbers is
// want. Numbers that are all equal must equal want up to rounding. P is NaN for
// numbers that are not finite, fewer than 100, or so skewed that the tail of
// Student's law is off by more than a factor of two, to first order
// |skewness|·z³/(6√n) > log 2 (Hall 1992, The Bootstrap and Edgeworth Expansion,
// section 2.6).
//
// The effect is the bias, in the numbers' own unit, for the variance that was
// found: (t + z)·s/√n, t the critical value and z the normal quantile of miss.
func MeanTest(name string, m *Moments, want float64) Result {
	n := m.N
	if n < 100 || math.IsNaN(m.m2) || math.IsInf(m.m2, 0) || math.IsNaN(want) {
		return Untestable(name, "mean %v of %v draws", m.Mean, n)
	}
	bias := m.Mean - want
	detail := fmt.Sprintf("mean %.6g, exactly %.6g, %.0f draws", m.Mean, want, n)
	spread := math.Sqrt(m.Variance() / n)
	if spread <= m.rounding() {
		p := 1.0
		if math.Abs(bias) > m.rounding()+0x1p-50*math.Abs(want) {
			p = 0
		}
		return Result{Name: name, P: pValue(p), Detail: detail + ", all equal", Measure: "bias",
			effect: func(_, _ float64) float64 { return 2*m.rounding() + 0x1p-50*math.Abs(want) }}
	}
	if skew := math.Abs(m.Skewness()); skew*tailZ*tailZ*tailZ/(6*math.Sqrt(n)) > math.Ln2 {
		return Untestable(name, "%s of skewness %.3g: too few for a calibrated test", detail, skew)
	}
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}
	return Result{Name: name, P: pValue(2 * t.Survival(math.Abs(bias)/spread)), Detail: detail, Measure: "bias",
		effect: func(level, miss float64) float64 {
			low, high := 0.0, 1e4 // around the two-sided critical value
			for range 60 {
				if middle := (low + high) / 2; 2*t.Survival(middle) > level {
					low = middle
				} else {
					high = middle
				}
			}
			return (high - distuv.UnitNormal.Quantile(miss)) * spread
		}}
}

// VarianceTest tests whether the variance of independent numbers is want, by
// the normal law of its estimate, whose variance is (m₄ − m₂²)/n (Cramér 1946,
// Mathematical Methods of Statistics, 27.4.2 with its leading term). P is NaN
// where MeanTest's is for want of numbers. The effect is the error of the
// variance, in the numbers' unit squared.
func VarianceTest(name string, m *Moments, want float64) Result {
	n := m.N
	if n < 100 || math.IsNaN(m.m4) || math.IsInf(m.m4, 0) || math.IsNaN(want) {
		return Untestable(name, "variance of %v draws", n)
	}
	second := m.m2 / n
	spread := math.Sqrt(max(0, m.m4/n-second*second) / n)
	rounding := 64 * 0x1p-53 * m.size * m.size
	off := math.Abs(m.Variance() - want)
	p := 1.0
	switch {
	case spread > rounding:
		p = 2 * distuv.UnitNormal.CDF(-max(0, off-rounding)/spread)
	case off > rounding+second/n*2:
		p = 0
	}
	return Result{Name: name, P: pValue(p), Measure: "error of the variance",
		Detail: fmt.Sprintf("variance %.6g, exactly %.6g, %.0f draws", m.Variance(), want, n),
		effect: func(level, miss float64) float64 {
			return rounding + (-distuv.UnitNormal.Quantile(level/2)-distuv.UnitNormal.Quantile(miss))*spread
		}}
}
