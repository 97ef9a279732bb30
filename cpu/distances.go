package cpu

import (
	"context"
	"math"
	"sync"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("distances", distancesFast, distancesReference) }

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

func productsOf(mac exact.Mac) chain {
	if mac == exact.Split {
		return splitProducts
	}
	return fusedProducts
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

// distancesFast lets centres stand in lanes: a tile's rows are parts of D's.
func distancesFast(ctx context.Context, d *driver, o *backend.Distances) error {
	if o.Index != nil {
		return pairsFast(ctx, d, o)
	}
	x, c, out := rowsOf(o.X), rowsOf(o.C), matrix[float32](o.D, 0)
	m, err := newMeasuring(ctx, d, o.Metric, c)
	if err != nil {
		return err
	}
	defer m.release()
	group := m.v.group()
	step := max(1, ceil(min(8*maxGroup, ceil(x.Rows, d.threads)), group)) * group
	return d.parallel(ctx, x.Rows, step, func(from, to int) {
		s := lanePool.Get().(*laneScratch)
		defer lanePool.Put(s)
		rows := m.rows(s, part(x, from, to))
		width := m.width(c.Rows)
		tiles := grown(&s.tiles, group*width)
		for i := 0; i < to-from; i += group {
			m.measure(tiles, rows, i, 0, c.Rows)
			for r := range min(group, to-from-i) {
				dst := out.Row(from + i + r)
				for j, sum := range tiles[r*width:][:len(dst)] {
					dst[j] = finish(o.Metric, sum)
				}
			}
		}
	})
}

// measured holds the centres of an operation that measures rows against all of
// them, as they enter the chains: in panels, in cosine scaled to length 1.
type measuring struct {
	v      laneKernels
	kind   chain
	mac    exact.Mac
	cosine bool
	d      int
	panels []float32
	laneScratch
}

var measuringPool = sync.Pool{New: func() any { return new(measuring) }}

func (m *measuring) release() { measuringPool.Put(m) }

// newMeasuring packs the centres on all threads.
func newMeasuring(ctx context.Context, d *driver, metric backend.Metric, c exact.View[float32]) (*measuring, error) {
	m := measuringPool.Get().(*measuring)
	m.v, m.kind, m.mac, m.cosine, m.d = distanceKernels, chainOf(metric, d.mac), d.mac, metric == backend.Cosine, c.Cols
	m.panels = grown(&m.panels, m.width(c.Rows)*c.Cols)
	zeros := m.zeros(c.Cols)
	return m, d.parallel(ctx, c.Rows, 8*maxLanes, func(from, to int) {
		s := lanePool.Get().(*laneScratch)
		defer lanePool.Put(s)
		rows := part(c, from, to)
		if m.cosine {
			rows = exact.Dense(grown(&s.rows, rows.Rows*rows.Cols), rows.Rows, rows.Cols)
			m.v.normalize(m.mac, rows, part(c, from, to), s)
		}
		m.v.panels(m.panels[from*c.Cols:], rows, zeros)
	})
}

// width is the number of lanes that k centres take.
func (m *measuring) width(k int) int { return ceil(k, m.v.lanes()) * m.v.lanes() }

// rows returns x as it enters the chains, to be read in whole groups.
func (m *measuring) rows(s *laneScratch, x exact.View[float32]) exact.View[float32] {
	group := m.v.group()
	if !m.cosine && x.Rows%group == 0 {
		return x
	}
	y := exact.Dense(grown(&s.rows, ceil(x.Rows, group)*group*x.Cols), x.Rows, x.Cols)
	clear(y.Data[x.Rows*x.Cols:])
	if m.cosine {
		m.v.normalize(m.mac, y, x, s)
	} else {
		for i := range x.Rows {
			copy(y.Row(i), x.Row(i))
		}
	}
	return y
}

// measure stores the sums of the group of rows from i on and of centres
// from..to, from a whole panel, in dst, whose rows are width(to−from) apart.
func (m *measuring) measure(dst []float32, rows exact.View[float32], i, from, to int) {
	lanes, width := m.v.lanes(), m.width(to-from)
	var group []float32
	if m.d > 0 {
		group = rows.Data[i*rows.Stride:]
	}
	for j := from; j < to; j += lanes {
		m.v.tile(m.kind, m.d, m.panels[j*m.d:], group, rows.Stride, dst[j-from:], width)
	}
}

func distancesReference(d *driver, o *backend.Distances) error {
	x, c := rowsOf(o.X), rowsOf(o.C)
	if o.Metric == backend.Cosine {
		x, c = normalized(d.mac, x), normalized(d.mac, c)
	}
	if index, given := optional[int32](o.Index); given {
		exact.DistancePairs(matrix[float32](o.D, 0), x, c, index, measure(o.Metric, d.mac))
		return nil
	}
	exact.DistanceMatrix(matrix[float32](o.D, 0), x, c, measure(o.Metric, d.mac))
	return nil
}

// pairsFast computes the distances of named pairs, several rows at once.
func pairsFast(ctx context.Context, d *driver, o *backend.Distances) error {
	x, c, out, index := rowsOf(o.X), rowsOf(o.C), matrix[float32](o.D, 0), matrix[int32](o.Index, 0)
	if o.Metric == backend.Cosine {
		c = normalized(d.mac, c)
	}
	m := index.Cols
	step := max(1, 4096/max(1, x.Cols*m)) * maxLanes
	return d.parallel(ctx, x.Rows, step, func(from, to int) {
		s := lanePool.Get().(*laneScratch)
		defer lanePool.Put(s)
		rows := part(x, from, to)
		if o.Metric == backend.Cosine {
			rows = exact.Dense(grown(&s.rows, rows.Rows*rows.Cols), rows.Rows, rows.Cols)
			distanceKernels.normalize(d.mac, rows, part(x, from, to), s)
		}
		// The kernels read every pair; those outside C read centre 0.
		inside := exact.Dense(grown(&s.index, rows.Rows*m), rows.Rows, m)
		for i := range rows.Rows {
			for p, j := range index.Row(from + i) {
				if j < 0 || int(j) >= c.Rows {
					j = 0
				}
				inside.Set(i, p, j)
			}
		}
		sums := grown(&s.sums, rows.Rows*m)
		if c.Rows > 0 {
			distanceKernels.pairSums(chainOf(o.Metric, d.mac), sums, pairing{x: rows, c: c, index: inside})
		}
		for i := range rows.Rows {
			for p, j := range index.Row(from + i) {
				v := float32(math.NaN())
				if j >= 0 && int(j) < c.Rows {
					v = sums[i*m+p]
				}
				out.Set(from+i, p, finish(o.Metric, v))
			}
		}
	})
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

// part returns rows from..to of v.
func part[T any](v exact.View[T], from, to int) exact.View[T] {
	v.Data, v.Rows = v.Data[from*v.Stride:], to-from
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
