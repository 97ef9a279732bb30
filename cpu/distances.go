package cpu

import (
	"context"

	"samebits/backend"
	"samebits/backend/exact"
)

// Distances are computed as a product is: rows of X in panels of MR, rows of C
// in panels of NR (see gemm.go), one MR×NR tile of chains at a time, only that
// the step of a chain is mac(acc, t, t) or acc + |t| with t = x − c.

func init() { register("distances", distancesFast, distancesReference) }

// chain is what a tile's or a pair's chains accumulate of t = x − c.
type chain uint8

const (
	fusedSquares chain = iota // t², one rounding a step
	splitSquares              // t², two roundings a step
	magnitudes                // |t|
)

// chainOf returns the chain under a metric's distance.
func chainOf(metric backend.Metric, mac exact.Mac) chain {
	switch {
	case metric == backend.Manhattan:
		return magnitudes
	case mac == exact.Split:
		return splitSquares
	}
	return fusedSquares
}

// finish turns the sum of a chain into the metric's distance, NaN canonical.
func finish(metric backend.Metric, sum float32) float32 {
	switch metric {
	case backend.Euclidean:
		return exact.Sqrt(sum)
	case backend.Cosine:
		return exact.CanonNaN(0.5 * sum)
	}
	return exact.CanonNaN(sum)
}

// measure returns the metric's plain statement.
func measure(metric backend.Metric, mac exact.Mac) exact.Measure {
	switch metric {
	case backend.Euclidean:
		return mac.EuclideanDistance
	case backend.Manhattan:
		return exact.ManhattanDistance
	case backend.Cosine:
		return mac.CosineDistance
	}
	return mac.SquaredDistance
}

func distancesFast(ctx context.Context, d *driver, o *backend.Distances) error {
	x, c, out := rowsOf(o.X), rowsOf(o.C), matrix[float32](o.D, 0)
	cosine, kind := o.Metric == backend.Cosine, chainOf(o.Metric, d.mac)
	centres, err := d.packCentres(ctx, c, nil, cosine)
	if err != nil {
		return err
	}
	step := d.blockRows(x)
	return d.parallel(ctx, x.Rows, step, func(from, to int) {
		rows := packRows(x, from, to-from, nil, cosine, d.mac)
		defer rows.release()
		rows.tiles(centres, 0, centres.rows, func(a, b []float32, t *tile) { distanceTile(kind, x.Cols, a, b, t) },
			func(t *tile, i0, j0, high, wide int) {
				for i := range high {
					dst := out.Row(from + i0 + i)[j0 : j0+wide]
					for j := range dst {
						dst[j] = finish(o.Metric, t[i*nr+j])
					}
				}
			})
	})
}

func distancesReference(d *driver, o *backend.Distances) error {
	x, c := rowsOf(o.X), rowsOf(o.C)
	if o.Metric == backend.Cosine {
		x, c = normalized(d.mac, x), normalized(d.mac, c)
	}
	exact.DistanceMatrix(matrix[float32](o.D, 0), x, c, measure(o.Metric, d.mac))
	return nil
}

// rowsOf returns the only matrix of a float32 tensor, for reading by rows:
// rows without elements stand at no stride, so that Row serves them too.
func rowsOf(t *backend.Tensor) exact.View[float32] {
	v := matrix[float32](t, 0)
	if v.Cols == 0 {
		v.Stride = 0
	}
	return v
}

// normalized returns a copy of v with every row scaled to length 1.
func normalized(mac exact.Mac, v exact.View[float32]) exact.View[float32] {
	u := exact.Dense(make([]float32, v.Rows*v.Cols), v.Rows, v.Cols)
	for i := range v.Rows {
		mac.Normalize(u.Row(i), v.Row(i))
	}
	return u
}

// packed holds rows in panels, beside the rows themselves as they enter the
// chains: shifted, scaled to length 1, or as they are.
type packed struct {
	rows, width int // number of rows, and of rows in a panel
	view        exact.View[float32]
	panels      []float32
	free        [2]*[]float32
}

func (p *packed) release() {
	for _, s := range p.free {
		if s != nil {
			releaseFloats(s)
		}
	}
}

// panel returns panel i.
func (p *packed) panel(i int) []float32 {
	size := p.width * p.view.Cols
	return p.panels[i*size : (i+1)*size]
}

// packRows packs n rows of x in panels of MR.
func packRows(x exact.View[float32], from, n int, shift []float32, cosine bool, mac exact.Mac) *packed {
	p := &packed{rows: n, width: mr, view: x}
	p.view.Rows = n
	p.view.Data = x.Data[from*x.Stride:]
	if shift != nil || cosine {
		p.free[0] = floatScratch(n * x.Cols)
		p.view = exact.Dense(*p.free[0], n, x.Cols)
		enter(p.view, x, from, shift, cosine, mac)
	}
	p.free[1] = floatScratch(ceil(n, mr) * mr * x.Cols)
	p.panels = *p.free[1]
	packA(p.panels, p.view, false, 0, n, 0, x.Cols)
	return p
}

// packCentres packs the rows of c in panels of NR, on all threads.
func (d *driver) packCentres(ctx context.Context, c exact.View[float32], shift []float32, cosine bool) (*packed, error) {
	p := &packed{rows: c.Rows, width: nr, view: c}
	if shift != nil || cosine {
		p.view = exact.Dense(make([]float32, c.Rows*c.Cols), c.Rows, c.Cols)
	}
	p.panels = make([]float32, ceil(c.Rows, nr)*nr*c.Cols)
	const grain = 4 * nr
	return p, d.parallel(ctx, c.Rows, grain, func(from, to int) {
		if shift != nil || cosine {
			part := p.view
			part.Data, part.Rows = p.view.Data[from*c.Cols:], to-from
			enter(part, c, from, shift, cosine, d.mac)
		}
		packB(p.panels[from*c.Cols:], p.view, true, from, to-from, 0, c.Cols)
	})
}

// enter writes dst.Rows rows of v to dst as they enter the chains.
func enter(dst, v exact.View[float32], from int, shift []float32, cosine bool, mac exact.Mac) {
	for i := range dst.Rows {
		exact.Shifted(dst.Row(i), v.Row(from+i), shift)
	}
	if !cosine {
		return
	}
	squares := floatScratch(dst.Rows)
	defer releaseFloats(squares)
	sumSquares(mac, *squares, dst)
	for i, s := range *squares {
		norm := exact.Sqrt(s)
		if norm == 0 {
			continue
		}
		r := exact.Recip(norm)
		row := dst.Row(i)
		for j := range row {
			row[j] *= r
		}
	}
}

// blockRows returns how many rows of x one thread packs and computes at a
// time: as many as fit the second-level cache, and few enough for all threads.
func (d *driver) blockRows(x exact.View[float32]) int {
	const elements = 24 << 10
	rows := min(192, elements/max(1, x.Cols), ceil(x.Rows, d.threads))
	return max(1, ceil(rows, mr)) * mr
}

// tiles computes the tiles of p's rows against centres from..to, from a
// multiple of NR, and hands each to use with the numbers of its first row and
// centre and its size.
func (p *packed) tiles(centres *packed, from, to int, compute func(a, b []float32, t *tile), use func(t *tile, i0, j0, high, wide int)) {
	var t tile
	for j0 := from; j0 < to; j0 += nr {
		b := centres.panel(j0 / nr)
		for i0 := 0; i0 < p.rows; i0 += mr {
			compute(p.panel(i0/mr), b, &t)
			use(&t, i0, j0, min(mr, p.rows-i0), min(nr, to-j0))
		}
	}
}

// distanceTile stores the MR×NR sums of one panel of X and one of C, each of d
// columns, in the order of exact.Mac.SquaredDistance and
// exact.ManhattanDistance.
func distanceTile(kind chain, d int, a, b []float32, t *tile) {
	if d <= exact.Cut { // a sum of squares or magnitudes is never −0
		distanceKernel(kind, d, a, b, t)
		return
	}
	*t = tile{}
	var chains tile
	for k := 0; k < d; k += exact.Cut {
		distanceKernel(kind, min(exact.Cut, d-k), a[k*mr:], b[k*nr:], &chains)
		addTile(t, &chains)
	}
}

// distanceKernelPlain is the plain twin of the SIMD kernels: the chains of one
// tile over kc steps, from +0.
func distanceKernelPlain(kind chain, kc int, a, b []float32, t *tile) {
	*t = tile{}
	for k := range kc {
		bk := (*[nr]float32)(b[k*nr:])
		for i, x := range (*[mr]float32)(a[k*mr:]) {
			row := (*[nr]float32)(t[i*nr:])
			for j, y := range bk {
				row[j] = kind.step(row[j], x-y)
			}
		}
	}
}

// step is one step of a chain.
func (kind chain) step(acc, t float32) float32 {
	switch kind {
	case fusedSquares:
		return exact.FMA(t, t, acc)
	case splitSquares:
		return acc + float32(t*t)
	}
	if t < 0 {
		t = -t
	}
	return acc + t
}

// quad is four rows side by side.
type quad [4][]float32

// pairSums stores in dst[i] the sum of the chain over rows x(i) and c(i), cut
// as a distance. Four pairs run at a time: a chain alone waits for its adder.
func pairSums(kind chain, dst []float32, x, c func(i int) []float32) {
	for i0 := 0; i0 < len(dst); i0 += 4 {
		var xs, cs, xk, ck quad
		for l := range xs {
			i := min(i0+l, len(dst)-1)
			xs[l], cs[l] = x(i), c(i)
		}
		var sums, chains [4]float32
		for from, d := 0, len(xs[0]); from < d; from += exact.Cut {
			to := min(from+exact.Cut, d)
			for l := range xs {
				xk[l], ck[l] = xs[l][from:to], cs[l][from:to]
			}
			pairKernel(kind, to-from, &xk, &ck, &chains)
			for l := range sums {
				sums[l] += chains[l]
			}
		}
		copy(dst[i0:], sums[:])
	}
}

// pairKernelPlain is the plain twin of the SIMD kernels: four chains over kc
// steps, from +0.
func pairKernelPlain(kind chain, kc int, x, c *quad, sums *[4]float32) {
	for l := range sums {
		var acc float32
		for k, v := range x[l][:kc] {
			acc = kind.step(acc, v-c[l][k])
		}
		sums[l] = acc
	}
}

// sumSquares stores Σ v² of each row in the order of exact.Mac.Dot: the
// squared distance from zero, for x − 0 is x.
func sumSquares(mac exact.Mac, dst []float32, v exact.View[float32]) {
	zero := make([]float32, v.Cols)
	pairSums(chainOf(backend.SquaredEuclidean, mac), dst, v.Row, func(int) []float32 { return zero })
}
