package cpu

import (
	"context"
	"math"
	"math/bits"
	"slices"
	"sync"
	"unsafe"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("nearest", nearestFast, nearestReference) }

var (
	faultNearestTies  = addFault("nearest-ties-reversed")
	faultNearestShift = addFault("nearest-shift-ignored")
)

// nearest is one nearest operation. The centres stand as they enter the
// scores, shifted or scaled to length 1, in whole groups: past the last comes
// the last again, which can only tie with itself and lose.
type nearest struct {
	*backend.Nearest
	ctx      context.Context
	step     int // rows of a block
	d        *driver
	v        laneKernels
	kind     chain // of the scores
	pair     chain // of the distances
	cosine   bool
	x, c     exact.View[float32]
	shift    []float32 // zeros for none
	centres  []float32
	half     []float32 // ½·c·c of each centre
	number   []int32   // of each centre: 0, 1, ...
	groups   int
	index    exact.View[int32]
	distance exact.View[float32]
	wanted   bool               // distances are
	scratch  laneScratch        // for the centres
	work     func(from, to int) // block
	enter    func(from, to int) // enterCentres
}

var nearestPool = sync.Pool{New: func() any {
	s := new(nearest)
	s.work, s.enter = s.rows, s.enterCentres
	return s
}}

// release keeps s for the next operation, without this one's tensors.
func (s *nearest) release() {
	none := exact.View[float32]{}
	s.Nearest, s.ctx, s.x, s.c, s.distance, s.index, s.shift = nil, nil, none, none, none, exact.View[int32]{}, nil
	nearestPool.Put(s)
}

// nearestFast lets rows stand in lanes and reads centres for all of them, so
// that a row's best centre so far is a lane of two registers and no n×k matrix
// is formed. For more than one nearest centre, a panel of rows keeps its
// scores.
func nearestFast(ctx context.Context, d *driver, o *backend.Nearest) error {
	s := nearestPool.Get().(*nearest)
	defer s.release()
	s.Nearest, s.ctx, s.d, s.v = o, ctx, d, distanceKernels
	s.x, s.c, s.index = rowsOf(o.X), rowsOf(o.C), matrix[int32](o.Index, 0)
	s.distance, s.wanted = optional[float32](o.Distance)
	s.pair, s.cosine = chainOf(o.Metric, d.mac), o.Metric == backend.Cosine
	s.kind = s.pair
	if s.kind != magnitudes {
		s.kind = productsOf(d.mac)
	}
	s.shift = s.scratch.zeros(s.x.Cols)
	if shift, given := optional[float32](o.Shift); given && d.fault != faultNearestShift && s.x.Cols > 0 {
		s.shift = shift.Row(0)
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	var grain int
	s.step, grain = s.blocks()
	return d.parallel(ctx, s.x.Rows, grain, s.work)
}

// prepare brings the centres into their groups.
func (s *nearest) prepare(ctx context.Context) error {
	group, cols := s.v.group(), s.c.Cols
	s.groups = ceil(s.c.Rows, group)
	padded := s.groups * group
	s.centres = grown(&s.centres, padded*cols)
	s.half, s.number = grown(&s.half, padded), grown(&s.number, padded)
	for j := range s.number {
		s.number[j] = int32(j)
	}
	if err := s.d.parallel(ctx, s.c.Rows, max(64, 1<<14/max(1, cols)), s.enter); err != nil {
		return err
	}
	for j := s.c.Rows; j < padded; j++ {
		copy(s.centres[j*cols:], s.centres[(s.c.Rows-1)*cols:s.c.Rows*cols])
		s.half[j] = s.half[s.c.Rows-1]
	}
	return nil
}

// enterCentres writes centres from..to as they enter the scores.
func (s *nearest) enterCentres(from, to int) {
	scratch := lanePool.Get().(*laneScratch)
	defer lanePool.Put(scratch)
	dst := part(exact.Dense(s.centres, s.c.Rows, s.c.Cols), from, to)
	src := part(s.c, from, to)
	if s.cosine {
		s.v.normalize(s.d.mac, dst, src, scratch)
	} else {
		for j := range src.Rows {
			exact.Shifted(dst.Row(j), src.Row(j), s.shift)
		}
	}
	half := s.half[from:to]
	s.v.sumSquares(s.d.mac, half, dst, scratch.zeros(dst.Cols))
	for j := range half {
		half[j] *= 0.5
	}
}

// blocks returns how many rows a thread works on at a time and how many it
// takes at a time. A block's panels stay in the first-level cache where the
// centres pass through it from the second, and in the second where the
// centres have to come from further away, so that they come less often.
func (s *nearest) blocks() (step, grain int) {
	elements := 4 << 10
	if 4*len(s.centres) > centreBytes {
		elements = 16 << 10
	}
	lanes := s.v.lanes()
	step = max(1, min(1024, elements/max(1, s.x.Cols))/lanes) * lanes
	return step, step * min(32, max(1, s.x.Rows/(8*s.d.threads*step)))
}

// rows finds the nearest centres of rows from..to, block by block, each of
// which brings the rows of the next into the second-level cache.
func (s *nearest) rows(from, to int) {
	scratch := lanePool.Get().(*laneScratch)
	defer lanePool.Put(scratch)
	for i := from; i < to && s.ctx.Err() == nil; i += s.step {
		s.block(scratch, i, min(i+s.step, to), to)
	}
}

// block finds the nearest centres of rows from..to; rows up to end follow.
func (s *nearest) block(scratch *laneScratch, from, to, end int) {
	lanes := s.v.lanes()
	x, c := part(s.x, from, to), s.c
	if s.cosine {
		rows := exact.Dense(grown(&scratch.rows, x.Rows*x.Cols), x.Rows, x.Cols)
		s.v.normalize(s.d.mac, rows, x, scratch)
		x, c = rows, exact.Dense(s.centres, s.c.Rows, s.c.Cols)
	}
	panels := grown(&scratch.panels, ceil(x.Rows, lanes)*lanes*x.Cols)
	s.v.panels(panels, x, s.shift)
	if s.Index.Cols() == 1 && s.d.fault != faultNearestTies {
		s.one(scratch, panels, from, to, end)
	} else {
		s.many(scratch, panels, from, to)
	}
	if s.wanted {
		s.distances(scratch, x, c, from)
	}
}

// hunt is what a search kernel is told; its layout is known to the assembly.
type hunt struct {
	steps   int      // columns
	rows    *float32 // panels of rows, one after another
	panels  int
	centres *float32 // groups of centres, one after another
	groups  int
	half    *float32 // ½·c·c of each centre
	number  *int32   // of each centre
	leaders *int32   // of each panel: bits of its lanes' best scores, then their centres
	stride  int      // bytes from one centre to the next
	ahead   uintptr  // what to bring near meanwhile, lines with each group
	lines   int
}

// centreBytes bounds the centres that a search passes before it returns to the
// next panel's, so that they stay in the second-level cache.
const centreBytes = 256 << 10

// one writes the nearest centre of rows from..to.
func (s *nearest) one(scratch *laneScratch, panels []float32, from, to, end int) {
	lanes, group, d := s.v.lanes(), s.v.group(), s.x.Cols
	h := hunt{steps: d, panels: ceil(to-from, lanes), stride: 4 * d}
	leaders := grown(&scratch.leaders, h.panels*2*lanes)
	for p := 0; p < len(leaders); p += 2 * lanes {
		for l := range lanes {
			leaders[p+l], leaders[p+lanes+l] = infinityBits, 0
		}
	}
	h.leaders = &leaders[0]
	if d > 0 {
		h.rows = &panels[0]
	}
	if next := min(to-from, end-to) * s.x.Stride * 4; next > 0 {
		h.ahead = uintptr(unsafe.Pointer(&s.x.Data[to*s.x.Stride]))
		h.lines = ceil(ceil(next, cacheLine), h.panels*s.groups)
	}
	step := max(1, centreBytes/(4*max(1, d)*group))
	for g := 0; g < s.groups; g += step {
		h.groups = min(step, s.groups-g)
		h.half, h.number = &s.half[g*group], &s.number[g*group]
		if d > 0 {
			h.centres = &s.centres[g*group*d]
		}
		s.v.search(s.kind, &h)
		h.ahead += uintptr(h.panels * h.groups * h.lines * cacheLine)
	}
	for i := from; i < to; i += lanes {
		of := leaders[(2*(i-from) + lanes):][:min(lanes, to-i)]
		if s.index.Stride == 1 {
			copy(s.index.Data[i:], of)
			continue
		}
		for l, j := range of {
			s.index.Data[(i+l)*s.index.Stride] = j
		}
	}
}

const infinityBits = 0x7f800000

// plain is the plain twin of the search kernels, and serves rows longer than a
// cut: each lane follows the lower score, or the first NaN. Centres come in
// ascending order, so the first of equals stays.
func (h *hunt) plain(kind chain, v laneKernels) {
	lanes, group, d := v.lanes(), v.group(), h.steps
	half, number := unsafe.Slice(h.half, h.groups*group), unsafe.Slice(h.number, h.groups*group)
	panels, centres := unsafe.Slice(h.rows, h.panels*lanes*d), unsafe.Slice(h.centres, h.groups*group*d)
	leaders := unsafe.Slice(h.leaders, h.panels*2*lanes)
	var t laneTile
	for p := range h.panels {
		best, of := leaders[p*2*lanes:][:lanes], leaders[p*2*lanes+lanes:][:lanes]
		for j := range half {
			if j%group == 0 {
				v.tile(kind, d, panels[p*lanes*d:], centres[j*d:], d, t[:], lanes)
			}
			for l, score := range t[j%group*lanes:][:lanes] {
				if kind != magnitudes {
					score = half[j] - score
				}
				if b := math.Float32frombits(uint32(best[l])); !(score >= b) && b == b {
					best[l], of[l] = int32(math.Float32bits(score)), number[j]
				}
			}
		}
	}
}

// listed is the largest m for which a panel's best centres are kept as sorted
// lists, all lanes at once; beyond it each row has a heap.
const listed = 64

// many writes the m nearest centres of rows from..to.
func (s *nearest) many(scratch *laneScratch, panels []float32, from, to int) {
	lanes, group, d, m := s.v.lanes(), s.v.group(), s.x.Cols, s.Index.Cols()
	scores := grown(&scratch.tiles, s.groups*group*lanes)
	lists := m <= listed && s.d.fault != faultNearestTies
	var list []int32
	var heaps []uint64
	if lists {
		list = grown(&scratch.leaders, m*2*lanes)
	} else {
		heaps = grown(&scratch.heap, lanes*m)
	}
	for i := from; i < to; i += lanes {
		panel := panels[(i-from)*d:][:lanes*d]
		for g := range s.groups {
			s.v.tile(s.kind, d, panel, s.centres[g*group*d:], d, scores[g*group*lanes:], lanes)
		}
		high := min(lanes, to-i)
		if lists {
			s.v.first(s.kind, scores, s.half, list, m, s.c.Rows)
			for l := range high {
				row := s.index.Row(i + l)
				for p := range row {
					row[p] = list[(2*p+1)*lanes+l]
				}
			}
			continue
		}
		s.rank(scores, heaps, &scratch.threshold, high)
		for l := range high {
			keys := heaps[l*m:][:m]
			slices.Sort(keys)
			for p, key := range keys {
				s.index.Set(i+l, p, s.centre(key))
			}
		}
	}
}

// firstPlain is the plain twin of the listing kernels: it turns the products of k
// centres into scores h − p and leaves each lane's m best, in order, in list:
// place p holds the bits of the lanes' scores and then their centres.
func firstPlain(kind chain, lanes int, scores, half []float32, list []int32, m, k int) {
	for j := range k {
		row := scores[j*lanes:][:lanes]
		for l := range row {
			if kind != magnitudes {
				row[l] = half[j] - row[l]
			}
			p := min(j, m)
			for ; p > 0; p-- {
				at := list[2*(p-1)*lanes+l:]
				if b := math.Float32frombits(uint32(at[0])); row[l] >= b || b != b {
					break
				}
				if p < m {
					at[2*lanes], at[3*lanes] = at[0], at[lanes]
				}
			}
			if p < m {
				list[2*p*lanes+l], list[(2*p+1)*lanes+l] = int32(math.Float32bits(row[l])), int32(j)
			}
		}
	}
}

// rank leaves in heaps the m best keys of each of the first high lanes.
func (s *nearest) rank(scores []float32, heaps []uint64, threshold *[maxLanes]float32, high int) {
	lanes, m := s.v.lanes(), s.Index.Cols()
	lane := uint32(1)<<high - 1
	offer := func(j int, mask uint32) {
		for ; mask != 0; mask &= mask - 1 {
			l := bits.TrailingZeros32(mask)
			heap := worstFirst(heaps[l*m : l*m+min(j, m)])
			heap.offer(s.key(scores[j*lanes+l], j), m)
			threshold[l] = keyScore(heap[0])
		}
	}
	for j := 0; j < s.c.Rows; j++ {
		var mask uint32
		if j < m || s.d.fault == faultNearestTies {
			s.v.sift(s.kind, scores, s.half, threshold, j, j+1)
			mask = lane
		} else if j, mask = s.v.sift(s.kind, scores, s.half, threshold, j, s.c.Rows); mask == 0 {
			return
		}
		offer(j, mask&lane)
	}
}

// siftPlain is the plain twin of the sifting kernels: it turns the products of
// centres from, from+1, ... into scores h − p up to the first that comes before
// the threshold in some lane: lower, or a NaN where the threshold is none. It
// returns that centre and the lanes, or to and none.
func siftPlain(kind chain, lanes int, scores, half []float32, threshold *[maxLanes]float32, from, to int) (int, uint32) {
	for j := from; j < to; j++ {
		var mask uint32
		row := scores[j*lanes:][:lanes]
		for l := range row {
			if kind != magnitudes {
				row[l] = half[j] - row[l]
			}
			if t := threshold[l]; !(row[l] >= t) && t == t {
				mask |= 1 << l
			}
		}
		if mask != 0 {
			return j, mask
		}
	}
	return to, 0
}

// key orders the centres of a row, and centre is its inverse.
func (s *nearest) key(score float32, j int) uint64 {
	if s.d.fault == faultNearestTies {
		j = s.c.Rows - 1 - j
	}
	return exact.NearestKey(score, j)
}

func (s *nearest) centre(key uint64) int32 {
	j := int32(uint32(key))
	if s.d.fault == faultNearestTies {
		j = int32(s.c.Rows) - 1 - j
	}
	return j
}

// keyScore is the score of a key, zeros being +0.
func keyScore(key uint64) float32 {
	switch u := uint32(key >> 32); {
	case u == 0:
		return math.Float32frombits(0x7fc00000)
	case u>>31 != 0:
		return math.Float32frombits(u &^ (1 << 31))
	default:
		return math.Float32frombits(^u)
	}
}

// distances writes the distances of rows x, the first of which is row from of
// the operation, to the centres c that their index rows name.
func (s *nearest) distances(scratch *laneScratch, x, c exact.View[float32], from int) {
	m := s.Index.Cols()
	dense := s.distance.Stride == m
	var sums []float32
	if dense {
		sums = s.distance.Data[from*m:][:x.Rows*m]
	} else {
		sums = grown(&scratch.sums, x.Rows*m)
	}
	s.v.pairSums(s.pair, sums, pairing{x: x, c: c, index: part(s.index, from, from+x.Rows)})
	for p, sum := range sums {
		if s.Metric == backend.SquaredEuclidean {
			sums[p] = exact.CanonNaN(sum)
		} else {
			sums[p] = finish(s.Metric, sum)
		}
	}
	if !dense {
		for i := range x.Rows {
			copy(s.distance.Row(from+i), sums[i*m:])
		}
	}
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
