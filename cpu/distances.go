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

// distances is one distances operation.
type distances struct {
	*backend.Distances
	d      *driver
	m      *measuring
	x, c   exact.View[float32]
	out    exact.View[float32]
	index  exact.View[int32]
	unit   []float32          // centres scaled to length 1
	matrix func(from, to int) // all
	named  func(from, to int) // pairs
}

var distancesPool = sync.Pool{New: func() any {
	s := new(distances)
	s.matrix, s.named = s.all, s.pairs
	return s
}}

// release keeps s for the next operation, without this one's tensors.
func (s *distances) release() {
	none := exact.View[float32]{}
	s.Distances, s.m, s.x, s.c, s.out, s.index = nil, nil, none, none, none, exact.View[int32]{}
	distancesPool.Put(s)
}

func distancesFast(ctx context.Context, d *driver, o *backend.Distances) error {
	s := distancesPool.Get().(*distances)
	defer s.release()
	s.Distances, s.d, s.x, s.c, s.out = o, d, rowsOf(o.X), rowsOf(o.C), matrix[float32](o.D, 0)
	var named bool
	if s.index, named = optional[int32](o.Index); named {
		if o.Metric == backend.Cosine {
			unit := exact.Dense(grown(&s.unit, s.c.Rows*s.c.Cols), s.c.Rows, s.c.Cols)
			normalizeInto(d.mac, unit, s.c)
			s.c = unit
		}
		step := max(1, 4096/max(1, s.x.Cols*s.index.Cols)) * maxLanes
		return d.parallel(ctx, s.x.Rows, step, s.named)
	}
	m, err := newMeasuring(ctx, d, o.Metric, s.c)
	if err != nil {
		return err
	}
	defer m.release()
	s.m = m
	group := m.v.group()
	step := max(1, ceil(min(8*maxGroup, ceil(s.x.Rows, d.threads)), group)) * group
	return d.parallel(ctx, s.x.Rows, step, s.matrix)
}

// all measures rows from..to against all centres, which stand in lanes: a
// tile's rows are parts of D's.
func (s *distances) all(from, to int) {
	scratch := lanePool.Get().(*laneScratch)
	defer lanePool.Put(scratch)
	group, width := s.m.v.group(), s.m.width(s.c.Rows)
	rows := s.m.rows(scratch, part(s.x, from, to))
	tiles := grown(&scratch.tiles, group*width)
	for i := 0; i < to-from; i += group {
		s.m.measure(tiles, rows, i, 0, s.c.Rows)
		for r := range min(group, to-from-i) {
			dst := s.out.Row(from + i + r)
			for j, sum := range tiles[r*width:][:len(dst)] {
				dst[j] = finish(s.Metric, sum)
			}
		}
	}
}

// pairs measures the named pairs of rows from..to, several rows at once.
func (s *distances) pairs(from, to int) {
	scratch := lanePool.Get().(*laneScratch)
	defer lanePool.Put(scratch)
	rows, m := part(s.x, from, to), s.index.Cols
	if s.Metric == backend.Cosine {
		rows = exact.Dense(grown(&scratch.rows, rows.Rows*rows.Cols), rows.Rows, rows.Cols)
		distanceKernels.normalize(s.d.mac, rows, part(s.x, from, to), scratch)
	}
	// The kernels read every pair; those outside C read centre 0.
	inside := exact.Dense(grown(&scratch.index, rows.Rows*m), rows.Rows, m)
	for i := range rows.Rows {
		for p, j := range s.index.Row(from + i) {
			if j < 0 || int(j) >= s.c.Rows {
				j = 0
			}
			inside.Set(i, p, j)
		}
	}
	sums := grown(&scratch.sums, rows.Rows*m)
	if s.c.Rows > 0 {
		distanceKernels.pairSums(chainOf(s.Metric, s.d.mac), sums, pairing{x: rows, c: s.c, index: inside})
	}
	for i := range rows.Rows {
		dst := s.out.Row(from + i)
		for p, j := range s.index.Row(from + i) {
			v := float32(math.NaN())
			if j >= 0 && int(j) < s.c.Rows {
				v = sums[i*m+p]
			}
			dst[p] = finish(s.Metric, v)
		}
	}
}

// measuring holds the centres of an operation that measures rows against all of
// them, as they enter the chains: in panels, in cosine scaled to length 1.
type measuring struct {
	v      laneKernels
	kind   chain
	mac    exact.Mac
	cosine bool
	d      int
	panels []float32
	laneScratch

	c      exact.View[float32] // while they are packed
	shift  []float32           // zeros
	pieces func(from, to int)  // packCentres
}

var measuringPool = sync.Pool{New: func() any {
	m := new(measuring)
	m.pieces = m.packCentres
	return m
}}

func (m *measuring) release() {
	m.c = exact.View[float32]{}
	measuringPool.Put(m)
}

// newMeasuring packs the centres on all threads.
func newMeasuring(ctx context.Context, d *driver, metric backend.Metric, c exact.View[float32]) (*measuring, error) {
	m := measuringPool.Get().(*measuring)
	m.v, m.kind, m.mac, m.cosine, m.d = distanceKernels, chainOf(metric, d.mac), d.mac, metric == backend.Cosine, c.Cols
	m.panels = grown(&m.panels, m.width(c.Rows)*c.Cols)
	m.c, m.shift = c, m.zeros(c.Cols)
	return m, d.parallel(ctx, c.Rows, 8*maxLanes, m.pieces)
}

// packCentres packs centres from..to, from a whole panel.
func (m *measuring) packCentres(from, to int) {
	s := lanePool.Get().(*laneScratch)
	defer lanePool.Put(s)
	rows := part(m.c, from, to)
	if m.cosine {
		rows = exact.Dense(grown(&s.rows, rows.Rows*rows.Cols), rows.Rows, rows.Cols)
		m.v.normalize(m.mac, rows, part(m.c, from, to), s)
	}
	m.v.panels(m.panels[from*m.d:], rows, m.shift)
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
	normalizeInto(mac, u, v)
	return u
}

func normalizeInto(mac exact.Mac, u, v exact.View[float32]) {
	for i := range v.Rows {
		mac.Normalize(u.Row(i), v.Row(i))
	}
}
