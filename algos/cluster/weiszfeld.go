package cluster

import (
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

// sqrt is correctly rounded on every machine.
func sqrt(x float64) float64 { return math.Sqrt(x) }

// atCenter is the part of the data's reach below which a row counts as lying
// on its centre.
const atCenter = 0x1p-20

// geometric takes Weiszfeld's steps towards the geometric medians of clusters
// (Weiszfeld 1937), in the form of Vardi & Zhang (2000) that does not stick to
// a row that a centre happens to lie on:
//
//	T = Σ w·x/|x−c| ÷ Σ w/|x−c|  over the rows off the centre
//	r = |Σ w·(x−c)/|x−c||,  η = Σ w over the rows on it
//	c' = (1 − min(1, η/r))·T + min(1, η/r)·c
//
// The weights w/|x−c| and their products with the rows are float32 on the
// device, their sums are exact, and the rest is float64 on the host in the order
// written, so that the bits depend on no device. Rows enter less the data's
// mean, which keeps the digits of data far from the origin. The memory is that
// of the data twice again.
type geometric struct {
	*backend.Scope
	f     *fit
	n, k  int
	shift []float32

	xs               *backend.Tensor // n×d, rows less the shift
	weights          *backend.Tensor // n×1 or nil
	root, gap        *backend.Tensor // n×1
	floor, one, zero *backend.Tensor // 1×1
	terms            *backend.Tensor // n×(d+2): x·w/|x−c|, w/|x−c|, w of rows on the centre
	largest          *backend.Tensor // 1×(d+2)
	exponent         *backend.Tensor
	sums             *backend.Tensor // k×words
}

// newGeometric prepares steps for the fit's own rows and centres.
func (f *fit) newGeometric() *geometric {
	return f.newGeometricOf(f.x, f.weights, f.k)
}

// newGeometricOf prepares steps for k clusters of rows.
func (f *fit) newGeometricOf(rows, weights *backend.Tensor, k int) *geometric {
	g := &geometric{Scope: backend.NewScope(f.ctx, f.dev), f: f, k: k, weights: weights, shift: f.shiftHost}
	g.Fail(f.Err())
	if g.Err() != nil {
		return g
	}
	n, d := rows.Rows(), f.d
	g.n = n
	g.xs = g.New(backend.Float32, n, d)
	g.root, g.gap = g.New(backend.Float32, n, 1), g.New(backend.Float32, n, 1)
	g.terms = g.New(backend.Float32, n, d+2)
	g.largest, g.exponent = g.New(backend.Float32, 1, d+2), g.New(backend.Int32, 1, d+2)
	g.sums = g.New(backend.Uint32, k, exact.ScatterWords(d+2))
	g.Run(&backend.Map{Fn: backend.FnSub, Y: g.xs, A: rows, B: backend.Put(g.Scope, 1, d, g.shift)})
	var reach float32
	for _, m := range columnMaxima(g.Scope, g.xs) {
		reach = max(reach, m)
	}
	g.floor = backend.Put(g.Scope, 1, 1, []float32{reach * atCenter})
	g.one, g.zero = backend.Put(g.Scope, 1, 1, []float32{1}), backend.Put(g.Scope, 1, 1, []float32{0})
	return g
}

// step returns the next centres from the rows' labels and their squared
// distances to the centres old.
func (g *geometric) step(labels, squared *backend.Tensor, old []float32) ([]float32, *exact.ScatterSums) {
	d := g.f.d
	weight, on := g.View(g.terms, 0, g.n, d, d+1), g.View(g.terms, 0, g.n, d+1, d+2)
	g.Run(
		&backend.Map{Fn: backend.FnSqrt, Y: g.root, A: squared},
		&backend.Map{Fn: backend.FnMax, Y: g.root, A: g.root, B: g.floor},
		&backend.Map{Fn: backend.FnSub, Y: g.gap, A: g.root, B: g.floor},
		&backend.Map{Fn: backend.FnRecip, Y: g.root, A: g.root},
		&backend.Map{Fn: backend.FnSelect, Y: weight, A: g.gap, B: g.root, C: g.zero},
		&backend.Map{Fn: backend.FnSelect, Y: on, A: g.gap, B: g.zero, C: g.one},
	)
	if g.weights != nil {
		g.Run(
			&backend.Map{Fn: backend.FnMul, Y: weight, A: weight, B: g.weights},
			&backend.Map{Fn: backend.FnMul, Y: on, A: on, B: g.weights},
		)
	}
	g.Run(
		&backend.Map{Fn: backend.FnMul, Y: g.View(g.terms, 0, g.n, 0, d), A: g.xs, B: weight},
		&backend.Reduce{Y: g.largest, X: g.terms, Reduction: backend.MaxAbsFinite, Axis: backend.AlongColumn},
	)
	largest := backend.Get[float32](g.Scope, g.largest)
	if g.Err() != nil {
		return nil, nil
	}
	scale := scalesOf(largest)
	backend.Set(g.Scope, g.exponent, scale)
	g.Run(&backend.ScatterSum{Sums: g.sums, X: g.terms, Label: labels, Exponent: g.exponent})
	words := backend.Get[uint32](g.Scope, g.sums)
	if g.Err() != nil {
		return nil, nil
	}
	sums, err := exact.DecodeScatter(words, g.k, scale)
	if g.Fail(err); g.Err() != nil {
		return nil, nil
	}
	next := make([]float32, len(old))
	for c := range g.k {
		g.center(next[c*d:(c+1)*d], old[c*d:(c+1)*d], sums, c)
	}
	return next, sums
}

// center is one centre's step.
func (g *geometric) center(next, old []float32, sums *exact.ScatterSums, c int) {
	d := g.f.d
	pull, on := sums.Sum64(c, d), sums.Sum64(c, d+1)
	if !(pull > 0) { // no rows, or all of them on the centre
		copy(next, old)
		return
	}
	r := 0.0
	for j := range d {
		v := float64(pull * (sums.Sum64(c, j)/pull - (float64(old[j]) - float64(g.shift[j]))))
		r += float64(v * v)
	}
	stay := 0.0
	if on > 0 {
		if r = sqrt(r); on >= r {
			copy(next, old)
			return
		}
		stay = on / r
	}
	for j := range d {
		toward := float64((1 - stay) * (sums.Sum64(c, j) / pull))
		from := float64(stay * (float64(old[j]) - float64(g.shift[j])))
		next[j] = float32(toward + from + float64(g.shift[j]))
	}
}

// medianStep labels the rows and takes one step of Weiszfeld's. A cluster
// without rows takes the row that relocate gives it for its centre.
func (f *fit) medianStep(g *geometric, old []float32) ([]float32, bool) {
	f.assignMeasured()
	g.Fail(f.Err())
	next, sums := g.step(f.labels, f.distance, old)
	f.Fail(g.Err())
	if f.Err() != nil {
		return nil, false
	}
	moved, _ := f.relocate(sums)
	if f.Err() != nil || moved == sums {
		return next, false
	}
	means := f.meansOf(moved, old) // of single rows: the rows themselves
	for c, n := range sums.Count {
		if n == 0 && moved.Count[c] > 0 && f.Err() == nil {
			copy(next[c*f.d:(c+1)*f.d], means[c*f.d:])
		}
	}
	return next, true
}
