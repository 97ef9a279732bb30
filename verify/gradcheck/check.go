package gradcheck

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"samebits/verify/internal/broken"
)

// ErrGradient is wrapped by the error of a report that found a wrong
// derivative, or could not have found one.
var ErrGradient = errors.New("the derivative is wrong or could not be checked")

// Real is a function F: Rⁿ → R with its derivatives. The slices that it is given
// are not kept or changed; those that it returns may be reused by its next call.
type Real struct {
	F func(x []float64) float64
	// Gradient returns ∂F/∂xᵢ.
	Gradient func(x []float64) []float64
	// HessianVector, if not nil, returns the product of the Hessian of F at x
	// with v.
	HessianVector func(x, v []float64) []float64
}

// Complex is a function f: Cⁿ → C with the derivatives of its real part
// F = Re f, in the convention of TensorFlow and PyTorch:
// gradient = ∂F/∂x + i·∂F/∂y for z = x + i·y, which is 1 for conj(z), 2z for
// |z|² and 2·conj(z) for z². (JAX returns the conjugate.)
type Complex struct {
	F        func(z []complex128) complex128
	Gradient func(z []complex128) []complex128
	// HessianVector, if not nil, returns the derivative of the gradient along
	// v: (Gradient(z + t·v))' at t = 0 for real t.
	HessianVector func(z, v []complex128) []complex128
}

// Options say how to check. The zero value works.
type Options struct {
	Seed       uint64
	Directions int // random directions; default 16
	// Coordinates is how many single components are checked besides, the
	// first ones; default 64. After a failure all are, to name the worst.
	Coordinates int
	// Unit is the rounding unit of the functions; default 2⁻⁵³. Functions in
	// float32 have 2⁻²⁴; see [Float32].
	Unit float64
	// Roundings is the longest chain of roundings from x to a component of a
	// derivative; default 32. It adds Roundings·Unit to the error that a
	// component may have.
	Roundings int
	// Resolution is the largest relative error of a derivative that a check
	// may be blind to; default 10⁻³.
	Resolution float64
}

func (o Options) withDefaults() Options {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Directions, 16)
	def(&o.Coordinates, 64)
	def(&o.Roundings, 32)
	if o.Unit == 0 {
		o.Unit = 0x1p-53
	}
	if o.Resolution == 0 {
		o.Resolution = 1e-3
	}
	return o
}

// Finding is one derivative that was compared.
type Finding struct {
	Order     int    // 1 for the gradient, 2 for a Hessian-vector product
	Direction string // "direction 3", "component 2", "component 2, imaginary"
	Analytic  float64
	Numeric   float64
	Bound     float64 // what the two may differ by
}

func (f Finding) String() string {
	return fmt.Sprintf("order %d, %s: %.9g, numerically %.9g ± %.2g", f.Order, f.Direction, f.Analytic, f.Numeric, f.Bound)
}

// ratio is the difference in units of the bound.
func (f Finding) ratio() float64 {
	if r := math.Abs(f.Analytic-f.Numeric) / f.Bound; !math.IsNaN(r) {
		return r
	}
	return math.Inf(1)
}

// Report is what a check found.
type Report struct {
	Compared int
	// Worst is the finding of the largest difference in units of its bound;
	// WorstComponent that among single components.
	Worst, WorstComponent Finding
	Failures              []Finding
	// Resolution is the largest error, relative to the largest derivative of
	// its order, that would have passed.
	Resolution float64
	blind      string
}

// Err returns nil where every derivative agrees and the check could have found
// an error; else an error that wraps ErrGradient and names the worst finding.
func (r Report) Err() error {
	switch {
	case r.Compared == 0:
		return fmt.Errorf("nothing was compared: %w", ErrGradient)
	case len(r.Failures) > 0:
		return fmt.Errorf("%d of %d derivatives differ; worst: %v; worst component: %v: %w",
			len(r.Failures), r.Compared, r.Worst, r.WorstComponent, ErrGradient)
	case r.blind != "":
		return fmt.Errorf("%s: %w", r.blind, ErrGradient)
	}
	return nil
}

// Check compares the derivatives at x. It calls F about 80 times a direction.
func (p Real) Check(x []float64, o Options) Report {
	return problem{f: p.F, gradient: p.Gradient, product: p.HessianVector, x: x,
		name: func(i int) string { return fmt.Sprintf("component %d", i) }}.check(o)
}

// Check compares the derivatives at z, in real and imaginary directions and
// between them.
func (p Complex) Check(z []complex128, o Options) Report {
	n := len(z)
	q := problem{x: parts(z), fixed: func(i int) bool { return broken.Is(broken.ImaginaryIgnored) && i >= n },
		name: func(i int) string {
			if i >= n {
				return fmt.Sprintf("component %d, imaginary", i-n)
			}
			return fmt.Sprintf("component %d, real", i)
		},
		f:        func(x []float64) float64 { return real(p.F(joined(x))) },
		gradient: func(x []float64) []float64 { return parts(p.Gradient(joined(x))) },
	}
	if p.HessianVector != nil {
		q.product = func(x, v []float64) []float64 { return parts(p.HessianVector(joined(x), joined(v))) }
	}
	return q.check(o)
}

// parts are the real parts of z and then the imaginary ones: the coordinates in
// which a gradient ∂F/∂x + i·∂F/∂y is an ordinary one.
func parts(z []complex128) []float64 {
	x := make([]float64, 2*len(z))
	for i, v := range z {
		x[i], x[len(z)+i] = real(v), imag(v)
	}
	return x
}

func joined(x []float64) []complex128 {
	z := make([]complex128, len(x)/2)
	for i := range z {
		z[i] = complex(x[i], x[len(z)+i])
	}
	return z
}

// problem is a check in real coordinates.
type problem struct {
	f        func(x []float64) float64
	gradient func(x []float64) []float64
	product  func(x, v []float64) []float64
	x        []float64
	name     func(i int) string
	fixed    func(i int) bool // coordinates that no direction moves; nil for none
}

func (p problem) check(o Options) Report {
	o = o.withDefaults()
	var r Report
	p.compare(&r, o, 1, func([]float64) ([]float64, func([]float64) float64) {
		return p.gradient(p.x), p.f
	})
	if p.product != nil && len(r.Failures) == 0 { // the second order rests on the first
		p.compare(&r, o, 2, func(w []float64) ([]float64, func([]float64) float64) {
			// The derivative of ⟨w, ∇F⟩ is the product Hw, since H is symmetric.
			return p.product(p.x, w), func(x []float64) float64 { s, _ := inner(p.gradient(x), w); return s }
		})
	}
	return r
}

// compare compares derivatives of one order along random directions and single
// components. of returns the analytic gradient and the function it belongs to;
// it is given a random direction of its own.
func (p problem) compare(r *Report, o Options, order int, of func(w []float64) ([]float64, func([]float64) float64)) {
	draws := rand.New(rand.NewPCG(o.Seed, uint64(order)))
	n := len(p.x)
	random := func() []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = max(1, math.Abs(p.x[i])) * float64(1-2*draws.IntN(2))
			if p.fixed != nil && p.fixed(i) {
				v[i] = 0
			}
		}
		return v
	}
	var bound, scale float64
	allZero := true
	at := make([]float64, n)
	compare := func(name string, component bool, g []float64, f func([]float64) float64, v []float64) {
		if len(g) != n {
			r.add(Finding{order, fmt.Sprintf("a gradient of %d components for %d", len(g), n), math.NaN(), math.NaN(), 0}, component, false)
			return
		}
		d := differentiate(func(t float64) float64 {
			for i := range at {
				at[i] = p.x[i] + t*v[i]
			}
			return f(at)
		}, o.Unit)
		analytic, size := inner(g, v)
		slack := (float64(o.Roundings)*o.Unit + float64(n)*0x1p-53) * size
		found := Finding{order, name, analytic, d.value, d.bound + slack}
		allZero = allZero && size == 0
		if !component {
			bound, scale = max(bound, found.Bound), max(scale, math.Abs(analytic), d.slope)
		}
		r.add(found, component, agree(d, analytic, slack))
	}
	failures := len(r.Failures)
	var last func(i int)
	for k := range o.Directions {
		g, f := of(random())
		g = append([]float64(nil), g...)
		compare(fmt.Sprintf("direction %d", k), false, g, f, random())
		last = func(i int) {
			v := make([]float64, n)
			v[i] = max(1, math.Abs(p.x[i]))
			compare(p.name(i), true, g, f, v)
		}
	}
	for i := range n {
		if i >= o.Coordinates && len(r.Failures) == failures {
			break
		}
		if p.fixed == nil || !p.fixed(i) {
			last(i)
		}
	}
	resolution := 0.0
	if bound > 0 && !allZero {
		resolution = bound / scale
	}
	r.Resolution = max(r.Resolution, resolution)
	if !(resolution <= o.Resolution) {
		r.blind = fmt.Sprintf("order %d: an error of %.2g of the derivative would pass, want %g: not smooth here, or lost in rounding", order, resolution, o.Resolution)
	}
}

// add records a finding.
func (r *Report) add(f Finding, component, agrees bool) {
	if r.Compared == 0 || f.ratio() > r.Worst.ratio() {
		r.Worst = f
	}
	if component && (r.WorstComponent.Order == 0 || f.ratio() > r.WorstComponent.ratio()) {
		r.WorstComponent = f
	}
	r.Compared++
	if !agrees {
		r.Failures = append(r.Failures, f)
	}
}

// inner is ⟨a, b⟩ over the components that b moves, and the sum of the terms'
// sizes.
func inner(a, b []float64) (sum, size float64) {
	if len(a) != len(b) {
		return math.NaN(), math.NaN()
	}
	for i := range a {
		if b[i] == 0 { // also where a is NaN: this direction does not look there
			continue
		}
		sum += a[i] * b[i]
		size += math.Abs(a[i] * b[i])
	}
	return sum, size
}
