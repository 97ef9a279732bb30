package cpu

import (
	"context"
	"math"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("nearest", nearestFast, nearestReference) }

var (
	faultNearestTies  = addFault("nearest-ties-reversed")
	faultNearestShift = addFault("nearest-shift-ignored")
)

// search is one nearest operation.
type search struct {
	*backend.Nearest
	d        *driver
	kind     chain
	x        exact.View[float32]
	shift    []float32
	cosine   bool
	centres  *packed
	half     []float32 // ½·c·c of each centre, as it enters the scores
	index    exact.View[int32]
	distance exact.View[float32]
	wanted   bool // distances are
}

// nearestFast packs the centres once and then blocks of rows; every MR×NR tile
// of products becomes scores that a row's best so far is compared with, so
// that for one nearest centre no n×k matrix is formed. For more, a block of
// rows keeps its own scores.
func nearestFast(ctx context.Context, d *driver, o *backend.Nearest) error {
	s := search{Nearest: o, d: d, kind: chainOf(o.Metric, d.mac), x: rowsOf(o.X), cosine: o.Metric == backend.Cosine,
		index: matrix[int32](o.Index, 0)}
	s.distance, s.wanted = optional[float32](o.Distance)
	if shift, given := optional[float32](o.Shift); given && d.fault != faultNearestShift && s.x.Cols > 0 {
		s.shift = shift.Row(0)
	}
	c := rowsOf(o.C)
	var err error
	if s.centres, err = d.packCentres(ctx, c, s.shift, s.cosine); err != nil {
		return err
	}
	s.half = make([]float32, c.Rows)
	if s.kind != magnitudes {
		sumSquares(d.mac, s.half, s.centres.view)
		for j := range s.half {
			s.half[j] *= 0.5
		}
	}
	rawC := c
	if s.cosine {
		rawC = s.centres.view
	}
	return d.parallel(ctx, s.x.Rows, s.blockRows(), func(from, to int) {
		rows := packRows(s.x, from, to-from, s.shift, s.cosine, d.mac)
		defer rows.release()
		if s.Index.Cols() == 1 {
			s.one(rows, from)
		} else {
			s.many(rows, from)
		}
		if !s.wanted {
			return
		}
		rawX, first := s.x, from
		if s.cosine {
			rawX, first = rows.view, 0
		}
		s.distances(rawX, first, rawC, from, to-from)
	})
}

// blockRows bounds the block's scores, where it keeps them, to about 1 MiB.
func (s *search) blockRows() int {
	rows := s.d.blockRows(s.x)
	if s.Index.Cols() > 1 {
		rows = max(mr, min(rows, (1<<18)/max(1, s.centres.rows)/mr*mr))
	}
	return rows
}

// compute stores one tile of products, or of Manhattan distances.
func (s *search) compute(a, b []float32, t *tile) {
	switch {
	case s.kind == magnitudes:
		distanceTile(magnitudes, s.x.Cols, a, b, t)
	case s.x.Cols <= exact.Cut: // one chain; h − (−0) = h − (+0)
		microKernel(s.d.mac, s.x.Cols, a, b, t, true)
	default:
		gemmTile(s.d.mac, s.x.Cols, a, b, t)
	}
}

// leader is the best centre found in each of the NR lanes of a row.
type leader struct {
	score [nr]float32
	panel [nr]int32 // the centre is panel·NR + lane
}

// one writes the nearest centre of each of the block's rows.
func (s *search) one(rows *packed, from int) {
	leaders := make([]leader, ceil(rows.rows, mr)*mr)
	for i := range leaders {
		for l := range leaders[i].score {
			leaders[i].score[l] = float32(math.Inf(1))
		}
	}
	var half [nr]float32
	current := -1
	rows.tiles(s.centres, 0, s.centres.rows, s.compute, func(t *tile, i0, j0, high, wide int) {
		if j0 != current {
			current = j0
			copy(half[:], s.half[j0:j0+wide])
		}
		lead := (*[mr]leader)(leaders[i0:])
		if s.kind == magnitudes {
			followScores(t, lead, int32(j0/nr), wide)
			return
		}
		follow(t, &half, lead, int32(j0/nr), wide)
	})
	for i := range rows.rows {
		best := uint64(math.MaxUint64)
		for l, score := range leaders[i].score {
			j := int(leaders[i].panel[l])*nr + l
			if j >= s.centres.rows {
				break
			}
			best = min(best, s.key(score, j))
		}
		s.index.Set(from+i, 0, s.centre(best))
	}
}

// followPlain is the plain twin of the SIMD kernel: it turns a tile of
// products into scores h − p and lets the first wide lanes of each row's
// leader follow the lower score, or the first NaN.
func followPlain(t *tile, half *[nr]float32, lead *[mr]leader, panel int32, wide int) {
	for i := range lead {
		products := (*[nr]float32)(t[i*nr:])
		for l := range wide {
			lead[i].offer(l, half[l]-products[l], panel)
		}
	}
}

// followScores is follow for a tile that holds the scores themselves.
func followScores(t *tile, lead *[mr]leader, panel int32, wide int) {
	for i := range lead {
		scores := (*[nr]float32)(t[i*nr:])
		for l := range wide {
			lead[i].offer(l, scores[l], panel)
		}
	}
}

// offer takes a score that comes before the lane's best: lower, or the first
// NaN. Panels come in ascending order, so the first of equals stays.
func (r *leader) offer(l int, score float32, panel int32) {
	if best := r.score[l]; !(score >= best) && best == best {
		r.score[l], r.panel[l] = score, panel
	}
}

// many writes the m nearest centres of each of the block's rows.
func (s *search) many(rows *packed, from int) {
	k, m := s.centres.rows, s.Index.Cols()
	buffer := floatScratch(rows.rows * k)
	defer releaseFloats(buffer)
	scores := *buffer
	rows.tiles(s.centres, 0, k, s.compute, func(t *tile, i0, j0, high, wide int) {
		for i := range high {
			dst := scores[(i0+i)*k+j0:][:wide]
			copy(dst, t[i*nr:])
			if s.kind != magnitudes {
				for j, h := range s.half[j0 : j0+wide] {
					dst[j] = h - dst[j]
				}
			}
		}
	})
	heap := make(worstFirst, 0, m)
	for i := range rows.rows {
		heap = heap[:0]
		for j, score := range scores[i*k : (i+1)*k] {
			heap.offer(s.key(score, j), m)
		}
		slices.Sort(heap)
		for p, key := range heap {
			s.index.Set(from+i, p, s.centre(key))
		}
	}
}

// key orders the centres of a row, and centre is its inverse.
func (s *search) key(score float32, j int) uint64 {
	if s.d.fault == faultNearestTies {
		j = s.centres.rows - 1 - j
	}
	return exact.NearestKey(score, j)
}

func (s *search) centre(key uint64) int32 {
	j := int32(uint32(key))
	if s.d.fault == faultNearestTies {
		j = int32(s.centres.rows) - 1 - j
	}
	return j
}

// worstFirst is a binary heap of keys, the largest at its root.
type worstFirst []uint64

// offer keeps the m smallest keys offered so far.
func (h *worstFirst) offer(key uint64, m int) {
	s := *h
	if len(s) < m {
		s = append(s, key)
		for i := len(s) - 1; i > 0 && s[i] > s[(i-1)/2]; i = (i - 1) / 2 {
			s[i], s[(i-1)/2] = s[(i-1)/2], s[i]
		}
		*h = s
		return
	}
	if key >= s[0] {
		return
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= m {
			break
		}
		if child+1 < m && s[child+1] > s[child] {
			child++
		}
		if s[child] <= key {
			break
		}
		s[i], i = s[child], child
	}
	s[i] = key
}

// distances writes the distances of n rows of x, from row first on, to the
// centres that their index rows, from row from on, name.
func (s *search) distances(x exact.View[float32], first int, c exact.View[float32], from, n int) {
	m := s.Index.Cols()
	buffer := floatScratch(n * m)
	defer releaseFloats(buffer)
	sums := *buffer
	pairSums(s.kind, sums,
		func(p int) []float32 { return x.Row(first + p/m) },
		func(p int) []float32 { return c.Row(int(s.index.At(from+p/m, p%m))) })
	for p, sum := range sums {
		s.distance.Set(from+p/m, p%m, finish(s.Metric, sum))
	}
}

func nearestReference(d *driver, o *backend.Nearest) error {
	x, c := rowsOf(o.X), rowsOf(o.C)
	index := matrix[int32](o.Index, 0)
	distance, wanted := optional[float32](o.Distance)
	if o.Metric == backend.Cosine {
		x, c = normalized(d.mac, x), normalized(d.mac, c)
	}
	var shift []float32
	if s, given := optional[float32](o.Shift); given && x.Cols > 0 {
		shift = s.Row(0)
	}
	far := measure(o.Metric, d.mac)
	half := make([]float32, c.Rows)
	cs := exact.Dense(make([]float32, c.Rows*c.Cols), c.Rows, c.Cols)
	for j := range half {
		exact.Shifted(cs.Row(j), c.Row(j), shift)
		half[j] = d.mac.HalfSquare(cs.Row(j))
	}
	xs, score := make([]float32, x.Cols), make([]float32, c.Rows)
	for i := range x.Rows {
		exact.Shifted(xs, x.Row(i), shift)
		for j := range score {
			if o.Metric == backend.Manhattan {
				score[j] = far(x.Row(i), c.Row(j))
			} else {
				score[j] = d.mac.Score(half[j], xs, cs.Row(j))
			}
		}
		exact.NearestRow(index.Row(i), score)
		for p, j := range index.Row(i) {
			if wanted {
				distance.Set(i, p, exact.CanonNaN(far(x.Row(i), c.Row(int(j)))))
			}
		}
	}
	return nil
}
