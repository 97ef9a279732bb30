package verify

import "math"

// ball is what an oracle knows of a float32 that a device computes: it lies
// within e of v. A bound of a result is the e that follows from the order of
// its rounded operations (Higham, Accuracy and Stability of Numerical
// Algorithms, 2nd ed., chapters 2 and 3). Where v is not finite the result must
// be the same infinity or NaN; where e is not finite, because a step may have
// overflowed, the oracle decides nothing.
//
// Every multiply-accumulate counts two roundings, so a bound holds in both
// profiles.
//
// The oracle's own roundings are in the bound too, so that they decide nothing:
// rounded takes u·|x| where a rounding errs by u/(1+u)·|x| at most, and the
// difference, more than 2⁻⁴⁹·|x|, is sixteen times what one operation in
// float64 adds; sums are added in twice float64's precision, and what is left
// is added to e, as are the errors of package math's functions.
type ball struct{ v, e float64 }

const (
	unit      = 0x1p-24  // u: the largest relative error of a rounding
	underflow = 0x1p-150 // the largest absolute error of a rounding below 2⁻¹²⁶
	minNormal = 0x1p-126
	maxFloat  = math.MaxFloat32
	exactInt  = 1 << 24 // integers up to here are float32, and so are their sums
)

// The oracle's own errors: of an operation in float64, and of a function of
// package math, which is off by less than two units in the last place of float64.
const (
	unit64     = 0x1p-53
	function64 = 0x1p-51
)

// gamma is γₙ = n·u/(1−n·u), the bound of n roundings in a row.
func gamma(n int) float64 { return float64(n) * unit / (1 - float64(n)*unit) }

func known(v float64) ball { return ball{v: v} }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// rounded is b after one rounding to float32.
func (b ball) rounded() ball { return b.widened(unit*(math.Abs(b.v)+b.e) + underflow) }

// widened is b with e more, where a float32 holds it.
func (b ball) widened(e float64) ball {
	if !finite(b.v) {
		return b.settled()
	}
	if b.e == 0 && float64(float32(b.v)) == b.v {
		return b
	}
	return ball{b.v, b.e + e}.held()
}

// settled is an infinity or NaN: without error, unless what it comes from may
// have overflowed, as in ∞ + b·c.
func (b ball) settled() ball {
	if finite(b.e) {
		return known(b.v)
	}
	return ball{b.v, math.Inf(1)}
}

// held gives up where a float32 could have overflowed.
func (b ball) held() ball {
	if finite(b.v) && !(math.Abs(b.v)+b.e <= maxFloat) {
		b.e = math.Inf(1)
	}
	return b
}

func (b ball) neg() ball { return ball{-b.v, b.e} }

func (b ball) add(c ball) ball { return ball{b.v + c.v, b.e + c.e}.rounded() }

func (b ball) sub(c ball) ball { return b.add(c.neg()) }

func (b ball) mul(c ball) ball { return b.times(c).rounded() }

// times is the product before its rounding.
func (b ball) times(c ball) ball {
	if v := b.v * c.v; !finite(v) {
		e := b.e + c.e
		if (b.e > 0 && math.Abs(b.v) <= b.e) || (c.e > 0 && math.Abs(c.v) <= c.e) {
			e = math.Inf(1) // ∞ times what may be zero
		}
		return ball{v, e}.settled()
	}
	return ball{b.v * c.v, spread(b.v, c.e) + spread(c.v, b.e) + b.e*c.e}
}

// spread is |v|·e with 0·∞ = 0.
func spread(v, e float64) float64 {
	if e == 0 {
		return 0
	}
	return math.Abs(v) * e
}

// recip is the correctly rounded reciprocal.
func (b ball) recip() ball {
	if b.e == 0 {
		return known(1 / b.v).rounded()
	}
	if !(math.Abs(b.v) > b.e) {
		return ball{1 / b.v, math.Inf(1)}
	}
	return ball{1 / b.v, b.e / (math.Abs(b.v) * (math.Abs(b.v) - b.e))}.rounded()
}

// sqrt is the correctly rounded square root.
func (b ball) sqrt() ball { return b.monotone(math.Sqrt).rounded() }

// monotone is f(b) before rounding, for a monotone f.
func (b ball) monotone(f func(float64) float64) ball {
	v := f(b.v)
	if b.e == 0 || !finite(v) {
		return ball{v, b.e}.settled()
	}
	lo, hi := f(b.v-b.e), f(b.v+b.e)
	if math.IsNaN(lo) { // below the domain of a root or a logarithm
		lo = f(0)
	}
	return ball{v, math.Max(math.Abs(v-lo), math.Abs(hi-v))}
}

// elementary is a function that is at most ulps units in the last place off,
// neither takes nor returns subnormals, and is monotone.
func (b ball) elementary(f func(float64) float64, ulps float64) ball {
	b = b.flushed()
	if b.e > 0 && b.v-b.e < minNormal && b.v+b.e > -minNormal {
		b.e = math.Max(b.e, math.Abs(b.v)) // what may be subnormal may count as zero
	}
	y := b.monotone(f)
	return y.off(ulps + function64/unit)
}

// off widens b by units in the last place and by a flushed subnormal.
func (b ball) off(ulps float64) ball {
	if !finite(b.v) {
		return b.settled()
	}
	return ball{b.v, b.e + ulps*ulp(math.Abs(b.v)+b.e) + minNormal}.held()
}

// flushed is a ball whose subnormals count as zeros.
func (b ball) flushed() ball {
	if b.e == 0 && math.Abs(b.v) < minNormal {
		return known(math.Copysign(0, b.v))
	}
	return b
}

// ulp is the distance between the float32 neighbours of v.
func ulp(v float64) float64 {
	if !finite(v) {
		return math.Inf(1)
	}
	_, exp := math.Frexp(math.Max(math.Abs(v), minNormal))
	return math.Ldexp(1, exp-24)
}

// Worst errors in units of the last place over both profiles, as package exact
// states them and measures over all arguments.
var ulps = map[string]float64{"exp": 1.2, "expm1": 1.5, "log": 1.5, "log1p": 1.5, "tanh": 1.5,
	"sigmoid": 2.5, "softplus": 2, "sin": 1.1, "cos": 1.1}

func (b ball) exp() ball   { return b.elementary(math.Exp, ulps["exp"]) }
func (b ball) log() ball   { return b.elementary(math.Log, ulps["log"]) }
func (b ball) log1p() ball { return b.elementary(math.Log1p, ulps["log1p"]) }
func (b ball) relu() ball {
	if math.IsNaN(b.v) {
		return b
	}
	return b.monotone(func(x float64) float64 { return math.Max(x, 0) })
}
func (b ball) sigmoid() ball  { return b.elementary(sigmoid, ulps["sigmoid"]) }
func (b ball) tanh() ball     { return b.elementary(math.Tanh, ulps["tanh"]) }
func (b ball) softplus() ball { return b.elementary(softplus, ulps["softplus"]) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// total is a sum of terms in any order that has depth roundings on the longest
// way from a term to the result: a chain of n terms has depth n.
type total struct {
	sum, rest, magnitude, e float64 // rest is what sum lost to rounding
	n                       int
	integers                bool
}

func newTotal() total { return total{integers: true} }

// term adds one term that itself is rounded to float32 or not, as b says.
func (t *total) term(b ball) {
	sum := t.sum + b.v
	if d := sum - t.sum; finite(sum) { // Knuth's TwoSum
		t.rest += (t.sum - (sum - d)) + (b.v - d)
	}
	t.sum = sum
	t.magnitude += math.Abs(b.v)
	t.e += b.e
	t.n++
	t.integers = t.integers && b.e == 0 && b.v == math.Trunc(b.v)
}

// ball returns the sum after depth roundings a term: within γ of depth times
// the sum of all magnitudes (Higham, theorem 4.1 and section 4.2).
func (t *total) ball(depth int) ball { return t.grown(depth, gamma(depth)) }

// likely is ball with an error that a sum of random roundings passes once in a
// long while: 2√depth·u times the sum of all magnitudes (Higham and Mary, A new
// approach to probabilistic rounding error analysis, 2019, with λ = 2).
func (t *total) likely(depth int) ball {
	return t.grown(depth, min(gamma(depth), 2*math.Sqrt(float64(depth))*unit))
}

// bounding is how a sum is bounded: hard or probable.
type bounding func(t *total, depth int) ball

var hard, probable bounding = (*total).ball, (*total).likely

// grown is the sum with a relative error of growth.
func (t *total) grown(depth int, growth float64) ball {
	if t.n == 0 {
		return known(0)
	}
	if !finite(t.sum) {
		return ball{t.sum, t.e}.settled()
	}
	if t.integers && t.magnitude <= exactInt {
		return known(t.sum)
	}
	// The oracle's own: the sum is rounded once at the end and, where it comes
	// from a product in plain float64, once a term; so are the magnitudes.
	own := float64(t.n+4) * unit64
	magnitude := t.magnitude * (1 + own)
	b := ball{t.sum + t.rest, t.e*(1+own) + growth*(magnitude+t.e*(1+own)) + own*magnitude + float64(depth+t.n)*underflow}
	if !(t.magnitude+b.e <= maxFloat) {
		b.e = math.Inf(1)
	}
	return b
}

// chainDepth is the depth of a product's chain of n macs, cut every 4096: the
// product's own rounding, the chain's, and one addition a cut.
func chainDepth(n int) int { return min(n, 4096) + (n+4095)/4096 + 2 }

// rowDepth is the depth of a row reduction: 64 lanes, six levels of the tree,
// and the same again over blocks of 16384.
func rowDepth(n int) int {
	depth := min(n, 16384)/64 + 8
	if n > 16384 {
		depth += rowDepth((n + 16383) / 16384)
	}
	return depth
}

// dot is the product chain of two rows.
func dot(n int, at func(k int) (a, b ball)) ball {
	t := dotTotal(n, at)
	return t.ball(chainDepth(n))
}

func dotTotal(n int, at func(k int) (a, b ball)) total {
	t := newTotal()
	for k := range n {
		a, b := at(k)
		t.term(a.times(b))
	}
	return t
}
