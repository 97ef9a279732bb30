package cpu

import (
	"math"
	"sync"
	"unsafe"

	"samebits/backend/exact"
)

// Kernels of the distance family work on tiles of chains. One operand stands
// in panels, transposed, so that each row is a lane of the vectors; of the
// other, a group of rows is read where it stands, one element for all lanes.
// An element of a tile is t(group row, lane). Lanes past the operand repeat its
// last row, and nobody reads what they give.

// laneKernels is a set of kernels: what the processor's vectors can do.
type laneKernels uint8

const (
	plainLanes laneKernels = iota // the plain twins
	lanes256                      // AVX2 and FMA
	lanes512                      // AVX-512 F, DQ, BW and VL, beside AVX2
)

func (v laneKernels) String() string { return [...]string{"plain", "avx2", "avx512"}[v] }

// lanes is the number of rows of a panel, group that of rows beside it.
func (v laneKernels) lanes() int {
	if v == lanes512 {
		return 32
	}
	return 16
}

func (v laneKernels) group() int {
	if v == lanes512 {
		return 8
	}
	return 6
}

const (
	maxLanes = 32
	maxGroup = 8
)

// laneTile holds a tile, row-major.
type laneTile [maxGroup * maxLanes]float32

// rowTable points to the rows of one panel.
type rowTable [maxLanes]*float32

// fill points t's first lanes at rows from, from+1, ... of v, past the last at
// the last. v has elements.
func (t *rowTable) fill(v exact.View[float32], from, lanes int) {
	rows := min(lanes, v.Rows-from)
	first := &v.Data[from*v.Stride]
	for l := range rows {
		t[l] = ahead(first, l*v.Stride)
	}
	for l := rows; l < lanes; l++ {
		t[l] = t[rows-1]
	}
}

// rowAt returns n elements from p on; ahead is p that many elements on.
func rowAt(p *float32, n int) []float32 { return unsafe.Slice(p, n) }

func ahead(p *float32, elements int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*elements))
}

// chain is what a chain accumulates of x and c, or of t = x − c.
type chain uint8

const (
	fusedProducts chain = iota // x·c, one rounding a step
	splitProducts              // x·c, two roundings a step
	fusedSquares               // t², one rounding a step but for t's own
	splitSquares               // t², two
	magnitudes                 // |t|
)

// step is one step of a chain.
func (kind chain) step(acc, x, c float32) float32 {
	switch kind {
	case fusedProducts:
		return exact.FMA(x, c, acc)
	case splitProducts:
		return acc + float32(x*c)
	case fusedSquares:
		return exact.FMA(x-c, x-c, acc)
	case splitSquares:
		t := x - c
		return acc + float32(t*t)
	}
	return acc + math.Float32frombits(math.Float32bits(x-c)&^(1<<31))
}

// panels packs the rows of v less the shift in panels: panel p holds rows
// p·lanes on, element (k, lane) at k·lanes + lane. shift holds v.Cols zeros for
// no shift. dst takes ceil(rows/lanes)·lanes·cols elements.
func (v laneKernels) panels(dst []float32, x exact.View[float32], shift []float32) {
	if x.Cols == 0 {
		return
	}
	var rows rowTable
	lanes := v.lanes()
	for i := 0; i < x.Rows; i += lanes {
		rows.fill(x, i, lanes)
		v.pack(dst[i*x.Cols:(i+lanes)*x.Cols], &rows, x.Cols, shift)
	}
}

// packPlain is the plain twin of the packing kernels.
func packPlain(dst []float32, lanes int, rows *rowTable, d int, shift []float32) {
	for l := range lanes {
		row := rowAt(rows[l], d)
		for k, x := range row {
			dst[k*lanes+l] = x - shift[k]
		}
	}
}

// tilePlain is the plain twin of the tile kernels: chains of kc steps from +0
// of a panel and a group of rows stride elements apart, stored in out, whose
// rows are outStride elements apart.
func tilePlain(kind chain, v laneKernels, kc int, panel, group []float32, stride int, out []float32, outStride int) {
	lanes := v.lanes()
	for i := range v.group() {
		row := out[i*outStride:][:lanes]
		clear(row)
		for k := range kc {
			c := group[i*stride+k]
			for l, x := range panel[k*lanes:][:lanes] {
				row[l] = kind.step(row[l], x, c)
			}
		}
	}
}

// tile stores a tile of chains over d columns, cut as the contract cuts them.
func (v laneKernels) tile(kind chain, d int, panel, group []float32, stride int, out []float32, outStride int) {
	v.chains(kind, min(d, exact.Cut), panel, group, stride, out, outStride)
	if d <= exact.Cut { // a chain's −0 stays: no later step can tell
		return
	}
	var t laneTile
	lanes := v.lanes()
	for k := exact.Cut; k < d; k += exact.Cut {
		v.chains(kind, min(exact.Cut, d-k), panel[k*lanes:], group[k:], stride, t[:], lanes)
		for i := range v.group() {
			row := out[i*outStride:][:lanes]
			for l, x := range t[i*lanes:][:lanes] {
				row[l] += x
			}
		}
	}
}

// pairing says which rows of x and c form pairs: each row of x with the rows of
// c that its row of index names, or with row 0 where index has no data.
type pairing struct {
	x, c  exact.View[float32]
	index exact.View[int32]
}

// fill points the tables at pairs p, p+1, ... of n, past the last at the last.
func (r *pairing) fill(x, c *rowTable, p, n, lanes int) {
	x0, c0 := &r.x.Data[0], &r.c.Data[0]
	switch {
	case r.index.Data == nil:
		for l := range lanes {
			x[l], c[l] = ahead(x0, min(p+l, n-1)*r.x.Stride), c0
		}
	case r.index.Cols == 1 && r.index.Stride == 1 && p+lanes <= n:
		x0 = ahead(x0, p*r.x.Stride)
		for l, j := range r.index.Data[p : p+lanes] {
			x[l], c[l] = ahead(x0, l*r.x.Stride), ahead(c0, int(j)*r.c.Stride)
		}
	default:
		m := r.index.Cols
		for l := range lanes {
			q := min(p+l, n-1)
			x[l], c[l] = ahead(x0, q/m*r.x.Stride), ahead(c0, int(r.index.At(q/m, q%m))*r.c.Stride)
		}
	}
}

// pairSums stores in dst the sums of the chain over pairs of rows, cut as a
// distance.
func (v laneKernels) pairSums(kind chain, dst []float32, r pairing) {
	var x, c rowTable
	var chains [maxLanes]float32
	d, lanes, n := r.x.Cols, v.lanes(), len(dst)
	if d == 0 {
		clear(dst)
		return
	}
	for p := 0; p < n; p += lanes {
		r.fill(&x, &c, p, n, lanes)
		if r.index.Cols <= 1 && p+lanes < n { // the next panel's rows
			fetchLines(ahead(x[0], lanes*r.x.Stride), ceil(4*min(lanes, n-p-lanes)*r.x.Stride, cacheLine))
		}
		v.pairs(kind, min(d, exact.Cut), &x, &c, &chains)
		copy(dst[p:], chains[:lanes])
		for k := exact.Cut; k < d; k += exact.Cut {
			for l := range lanes {
				x[l], c[l] = ahead(x[l], exact.Cut), ahead(c[l], exact.Cut)
			}
			v.pairs(kind, min(exact.Cut, d-k), &x, &c, &chains)
			for l := range min(lanes, n-p) {
				dst[p+l] += chains[l]
			}
		}
	}
}

// pairsPlain is the plain twin of the pair kernels: a chain of kc steps from
// +0 for each of lanes pairs of rows.
func pairsPlain(kind chain, lanes, kc int, x, c *rowTable, sums *[maxLanes]float32) {
	for l := range lanes {
		var acc float32
		cs := rowAt(c[l], kc)
		for k, v := range rowAt(x[l], kc) {
			acc = kind.step(acc, v, cs[k])
		}
		sums[l] = acc
	}
}

// sumSquares stores Σ v² of each row in the order of exact.Mac.Dot: the
// squared distance from zero, for x − 0 is x.
func (v laneKernels) sumSquares(mac exact.Mac, dst []float32, x exact.View[float32], zeros []float32) {
	kind := fusedSquares
	if mac == exact.Split {
		kind = splitSquares
	}
	v.pairSums(kind, dst, pairing{x: x, c: exact.Dense(zeros, 1, x.Cols)})
}

// normalize writes rows of x scaled to length 1 to dst, as exact.Mac.Normalize.
func (v laneKernels) normalize(mac exact.Mac, dst, x exact.View[float32], s *laneScratch) {
	squares := grown(&s.squares, x.Rows)
	v.sumSquares(mac, squares, x, s.zeros(x.Cols))
	for i, square := range squares {
		row, from := dst.Row(i), x.Row(i)
		norm := exact.Sqrt(square)
		if norm == 0 {
			copy(row, from)
			continue
		}
		r := exact.Recip(norm)
		for j, x := range from {
			row[j] = x * r
		}
	}
}

// laneScratch is what a thread works in.
type laneScratch struct {
	panels, rows, tiles, sums, squares, zero []float32
	leaders, index                           []int32
	heap                                     []uint64
	threshold                                [maxLanes]float32
}

var lanePool = sync.Pool{New: func() any { return new(laneScratch) }}

// zeros returns n zeros that nobody writes.
func (s *laneScratch) zeros(n int) []float32 {
	if len(s.zero) < n {
		s.zero = make([]float32, n)
	}
	return s.zero[:n]
}

// grown returns n elements of *s with any content, after growing it.
func grown[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	return (*s)[:n]
}
