package cpu

import (
	"context"
	"math"
	"sync"
	"unsafe"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("scattersum", scatterSumFast, scatterSumReference) }

var faultScatterLow = addFault("scatter-low-part-dropped")

// scatterScratch bounds the bytes of the threads' partial sums together.
const scatterScratch = 64 << 20

// scatterGrain is the number of rows that one thread takes at least.
const scatterGrain = 1024

// scatterWide is the number of columns of a chunk: the sums of a label are
// chunks of eight hi and eight lo.
const scatterWide = 8

// whole added to |t| ≤ 2³⁰ rounds t to an integer, ties to even, and leaves it
// in the low bits of the sum: 1.5·2⁵², whose last place is 1. Sums are taken of
// those bits as they are, so that each row adds wholeBits too much.
const (
	whole     = 0x1.8p52
	wholeBits = 0x4338000000000000
)

// scatter is one scattersum operation.
type scatter struct {
	v       laneKernels
	ctx     context.Context
	x       exact.View[float32]
	label   exact.View[int32]
	weight  exact.View[float32]
	weighs  bool
	scale   []float64 // 2^e of each column, zeros up to whole chunks
	k       int
	threads int
	owners  int // 0, or the number of parts that labels are in
	parts   []partial
	work    func(from, to int)
}

// partial holds sums of some of the rows, or of some of the labels.
type partial struct {
	cells []int64 // [label][chunk][hi, lo][scatterWide]
	count []int64
	flags []uint8 // [label][chunk], a bit a column: an element could not be held

	next, head []int32 // scratch of runs
}

var scatterPool = sync.Pool{New: func() any {
	s := new(scatter)
	s.work = s.part
	return s
}}

// scatterSumFast gives each thread sums of its own and adds them up, which for
// integers any order may do. Where those sums are large, or larger than the
// data, the threads share one set instead: every thread reads all labels and
// adds the rows of those it owns.
func scatterSumFast(ctx context.Context, d *driver, o *backend.ScatterSum) error {
	s := scatterPool.Get().(*scatter)
	defer s.release()
	s.begin(ctx, d, o)
	n, width := s.x.Rows, s.k*(s.chunks()*2*scatterWide+1)
	s.threads = max(1, min(d.threads, ceil(n, scatterGrain)))
	parts := s.threads
	if s.threads > 1 && (s.threads*width > scatterScratch/8 || s.threads*s.k > n) {
		parts = 1
		s.owners = min(s.k, 2*s.threads)
	}
	for len(s.parts) < parts {
		s.parts = append(s.parts, partial{})
	}
	for t := range s.parts[:parts] {
		s.parts[t].reset(s.k, s.chunks())
	}
	if err := d.parallel(ctx, max(parts, s.owners), 1, s.work); err != nil {
		return err
	}
	sum := &s.parts[0]
	for t := range s.parts[1:parts] {
		sum.merge(&s.parts[1+t])
	}
	sum.encode(matrix[uint32](o.Sums, 0), s.x.Cols, d.fault == faultScatterLow)
	return nil
}

// release keeps s for the next operation, without this one's tensors.
func (s *scatter) release() {
	s.ctx, s.x, s.label, s.weight = nil, exact.View[float32]{}, exact.View[int32]{}, exact.View[float32]{}
	scatterPool.Put(s)
}

// unitWeight and labelZero serve operations without weights and without labels.
var (
	unitWeight = [1]float32{1}
	labelZero  = [1]int32{0}
)

func (s *scatter) begin(ctx context.Context, d *driver, o *backend.ScatterSum) {
	s.v, s.ctx, s.x, s.k, s.owners = distanceKernels, ctx, rowsOf(o.X), o.Sums.Rows(), 0
	var given bool
	if s.label, given = optional[int32](o.Label); !given || s.x.Rows == 0 {
		s.label = exact.View[int32]{Data: labelZero[:]}
	}
	if s.weight, s.weighs = optional[float32](o.Weight); !s.weighs || s.x.Rows == 0 {
		s.weight = exact.View[float32]{Data: unitWeight[:]}
	}
	exponent := matrix[int32](o.Exponent, 0)
	s.scale = grown(&s.scale, s.chunks()*scatterWide)
	clear(s.scale)
	for j := range s.x.Cols {
		// Past ±400 no float32 changes its result.
		s.scale[j] = math.Ldexp(1, int(min(max(exponent.At(0, j), -400), 400)))
	}
}

func (s *scatter) chunks() int { return ceil(s.x.Cols, scatterWide) }

func (p *partial) reset(k, chunks int) {
	p.cells, p.count, p.flags = grown(&p.cells, k*chunks*2*scatterWide), grown(&p.count, k), grown(&p.flags, k*chunks)
	clear(p.cells)
	clear(p.count)
	clear(p.flags)
}

// part adds the rows of part t, or all rows whose labels owner t has.
func (s *scatter) part(t, _ int) {
	// Rows between two looks at the context: about a millisecond's.
	polled := min(1<<15, max(1, 1<<21/max(1, s.x.Cols)))
	n := s.x.Rows
	p, from, to, low, high := &s.parts[0], 0, n, 0, s.k
	if s.owners > 0 {
		low, high = s.k*t/s.owners, s.k*(t+1)/s.owners
	} else {
		p, from, to = &s.parts[t], n*t/s.threads, n*(t+1)/s.threads
	}
	for i := from; i < to && s.ctx.Err() == nil; i += polled {
		s.rows(p, i, min(i+polled, to), low, high)
	}
}

// rows adds rows from..to with labels low..high to p.
func (s *scatter) rows(p *partial, from, to, low, high int) {
	if low == high {
		return
	}
	if s.foldable() {
		if low > 0 { // all rows have label 0, another owner's
			return
		}
		from = s.fold(p, from, to)
	}
	if from == to {
		return
	}
	if step := s.runRows(); step > 0 {
		s.runs(p, from, to, step)
		return
	}
	a := scatterRows{n: to - from, cols: s.x.Cols, stride: 4 * s.x.Stride,
		label: &s.label.Data[from*s.label.Stride], labelStride: 4 * s.label.Stride,
		weight: &s.weight.Data[from*s.weight.Stride], weightStride: 4 * s.weight.Stride,
		low: low, span: high - low, count: &p.count[low]}
	if chunks := s.chunks(); chunks > 0 {
		a.x, a.scale = &s.x.Data[from*s.x.Stride], &s.scale[0]
		a.cells, a.flags = &p.cells[low*chunks*2*scatterWide], &p.flags[low*chunks]
	}
	s.v.scatter(&a)
}

// scatterRows is what a scatter kernel is told; its layout is known to the
// assembly. Strides are bytes.
type scatterRows struct {
	x            *float32
	stride       int
	n, cols      int
	label        *int32
	labelStride  int
	weight       *float32
	weightStride int
	scale        *float64
	low, span    int // labels low..low+span are added
	cells        *int64
	count        *int64
	flags        *uint8
}

// plain is the plain twin of the scatter kernels.
func (a *scatterRows) plain() {
	chunks := ceil(a.cols, scatterWide)
	scale := unsafe.Slice(a.scale, a.cols)
	count := unsafe.Slice(a.count, a.span)
	cells := unsafe.Slice(a.cells, a.span*chunks*2*scatterWide)
	flags := unsafe.Slice(a.flags, a.span*chunks)
	for i := range a.n {
		label := int(*(*int32)(unsafe.Add(unsafe.Pointer(a.label), i*a.labelStride))) - a.low
		if label < 0 || label >= a.span {
			continue
		}
		count[label]++
		w := *(*float32)(unsafe.Add(unsafe.Pointer(a.weight), i*a.weightStride))
		for j, x := range unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(a.x), i*a.stride)), a.cols) {
			chunk := label*chunks + j/scatterWide
			h, l, held := splitBits(float64(float32(w*x)) * scale[j])
			if !held {
				flags[chunk] |= 1 << (j % scatterWide)
			}
			cell := cells[chunk*2*scatterWide+j%scatterWide:]
			cell[0] += h
			cell[scatterWide] += l
		}
	}
}

// foldable says that rows of few columns stand without gaps under one label,
// so that several of them may be added as one long row.
func (s *scatter) foldable() bool {
	return s.label.Stride == 0 && s.weight.Stride == 0 && s.x.Cols > 0 && s.x.Stride == s.x.Cols && s.x.Cols <= foldedCols/2
}

const foldedCols = 64

// fold adds most of rows from..to, as long ones, and returns where the rest begins.
func (s *scatter) fold(p *partial, from, to int) int {
	d := s.x.Cols
	times := foldedCols / d
	n := (to - from) / times
	if n == 0 {
		return from
	}
	var (
		scale [foldedCols]float64
		cells [2 * foldedCols]int64
		flags [foldedCols / scatterWide]uint8
		count [1]int64
	)
	for j := range times * d {
		scale[j] = s.scale[j%d]
	}
	s.v.scatter(&scatterRows{x: &s.x.Data[from*d], stride: 4 * times * d, n: n, cols: times * d,
		label: &labelZero[0], weight: &unitWeight[0], scale: &scale[0], span: 1, cells: &cells[0], count: &count[0], flags: &flags[0]})
	for j := range times * d {
		chunk, c := j/scatterWide, j%scatterWide
		to, tc := j%d/scatterWide, j%d%scatterWide
		p.cells[to*2*scatterWide+tc] += cells[chunk*2*scatterWide+c]
		p.cells[to*2*scatterWide+scatterWide+tc] += cells[chunk*2*scatterWide+scatterWide+c]
		p.flags[to] |= flags[chunk] >> c & 1 << tc
	}
	p.count[0] += int64(n * times)
	return from + n*times
}

func (p *partial) merge(o *partial) {
	for i, c := range o.cells {
		p.cells[i] += c
	}
	for i, f := range o.flags {
		p.flags[i] |= f
	}
	for l, n := range o.count {
		p.count[l] += n
	}
}

// encode writes the sums as exact.ScatterWords describes them.
func (p *partial) encode(sums exact.View[uint32], d int, dropLow bool) {
	chunks := ceil(d, scatterWide)
	for l, n := range p.count {
		row := sums.Row(l)
		for j := range d {
			chunk, c := l*chunks+j/scatterWide, j%scatterWide
			cell := p.cells[chunk*2*scatterWide+c:][:scatterWide+1]
			hi, lo := cell[0]-n*wholeBits, cell[scatterWide]-n*wholeBits
			if dropLow {
				lo = 0
			}
			w := row[5*j:][:5]
			w[0], w[1], w[2], w[3], w[4] = uint32(hi), uint32(hi>>32), uint32(lo), uint32(lo>>32), uint32(p.flags[chunk]>>c&1)
		}
		row[len(row)-1] = uint32(n)
	}
}

func scatterSumReference(d *driver, o *backend.ScatterSum) error {
	x := rowsOf(o.X)
	label, labels := optional[int32](o.Label)
	weight, weighs := optional[float32](o.Weight)
	exponent := matrix[int32](o.Exponent, 0)
	scales := make([]int32, x.Cols)
	for j := range scales {
		scales[j] = exponent.At(0, j)
	}
	s := exact.NewScatterSums(o.Sums.Rows(), scales)
	row := make([]float32, x.Cols)
	for i := range x.Rows {
		copy(row, x.Row(i))
		if weighs {
			for j := range row {
				row[j] *= weight.At(i, 0)
			}
		}
		l := int32(0)
		if labels {
			l = label.At(i, 0)
		}
		s.Add(l, row)
	}
	words := make([]uint32, s.K*exact.ScatterWords(s.D))
	s.Encode(words)
	sums := matrix[uint32](o.Sums, 0)
	for l := range s.K {
		copy(sums.Row(l), words[l*exact.ScatterWords(s.D):])
	}
	return nil
}
