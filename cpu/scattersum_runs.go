package cpu

import (
	"math"
	"unsafe"
)

// Where the sums of all labels do not fit the first-level cache, adding row by
// row waits for them more than it computes. So rows are added in runs: those
// of a block that share a label, one after another, their sums in registers.

// runBlock and runBlockMost are the elements of a block, the second where many
// labels ask for more rows; a block and the next lie in the second-level cache.
const (
	runBlock     = 64 << 10
	runBlockMost = 256 << 10
)

// runLength is the number of rows a label should have in a block.
const runLength = 4

// runRows returns how many rows a block of runs has, or 0 where rows had better
// be added one by one: few columns, or so many labels that runs are short.
func (s *scatter) runRows() int {
	if s.v == plainLanes || s.weighs || s.owners > 0 || s.chunks() < 3 {
		return 0
	}
	rows := max(runBlock/s.x.Cols, runLength*s.k, 1)
	if s.k > 1 && rows > runBlockMost/s.x.Cols {
		return 0
	}
	return rows
}

// scatterRuns is what a kernel of runs is told; its layout is known to the
// assembly. The runs are lists: head holds each label's first row and next the
// row that follows a row, −1 for none. Strides are bytes.
type scatterRuns struct {
	x      *float32 // row 0, from the first column of the kernel on
	stride int
	next   *int32
	head   *int32
	first  int // labels first..k are added
	k      int
	scale  *float64
	cells  *int64 // label 0's, from the first chunk of the kernel on
	width  int    // bytes from one label's cells to the next
	cols   int    // columns of the kernel's last chunk
	ahead  uintptr
	lines  int // lines to bring near from ahead on, with each row

	chunks int
	flags  *uint8
	labels int // from one label's flags to the next
}

// runs adds rows from..to in blocks of step.
func (s *scatter) runs(p *partial, from, to, step int) {
	chunks := s.chunks()
	p.next, p.head = grown(&p.next, step), grown(&p.head, s.k)
	for ; from < to && s.ctx.Err() == nil; from += step {
		n := min(step, to-from)
		s.link(p, from, n)
		a := scatterRuns{stride: 4 * s.x.Stride, next: &p.next[0], head: &p.head[0], k: s.k, width: chunks * 2 * scatterWide * 8, labels: chunks}
		if from+n < to {
			a.ahead = uintptr(unsafe.Pointer(&s.x.Data[(from+n)*s.x.Stride]))
			a.lines = ceil(a.stride, cacheLine)
		}
		for c := 0; c < chunks; c += a.chunks {
			a.x, a.scale = &s.x.Data[from*s.x.Stride+c*scatterWide], &s.scale[c*scatterWide]
			a.cells, a.flags = &p.cells[c*2*scatterWide], &p.flags[c]
			a.chunks, a.cols = s.v.runChunks(chunks-c), min(scatterWide, s.x.Cols-c*scatterWide)
			if a.chunks > 1 && s.x.Cols < (c+a.chunks)*scatterWide {
				a.chunks = s.v.runChunks(a.chunks - 1) // a part of a chunk stands alone
			}
			for a.first = 0; a.first < a.k; a.first++ {
				if a.first = s.v.addRuns(&a); a.first < a.k {
					a.plain(a.first)
				}
			}
			a.lines = 0
		}
	}
}

// link makes the lists of n rows from from on and counts them.
func (s *scatter) link(p *partial, from, n int) {
	next, head := p.next[:n], p.head
	for l := range head {
		head[l] = -1
	}
	if s.label.Stride == 1 {
		for i, l := range s.label.Data[from : from+n] {
			if uint(l) < uint(len(head)) {
				next[i], head[l] = head[l], int32(i)
				p.count[l]++
			}
		}
		return
	}
	for i := range next {
		if l := s.label.Data[(from+i)*s.label.Stride]; uint(l) < uint(len(head)) {
			next[i], head[l] = head[l], int32(i)
			p.count[l]++
		}
	}
}

// plain adds the run of one label. It is the plain twin of the kernels of runs,
// which leave to it the runs that hold an element past the scale.
func (a *scatterRuns) plain(label int) {
	cols := (a.chunks-1)*scatterWide + a.cols
	scale := unsafe.Slice(a.scale, cols)
	cells := unsafe.Slice((*int64)(unsafe.Add(unsafe.Pointer(a.cells), label*a.width)), a.chunks*2*scatterWide)
	flags := unsafe.Slice((*uint8)(unsafe.Add(unsafe.Pointer(a.flags), label*a.labels)), a.chunks)
	at := func(list *int32, i int32) int32 { return *(*int32)(unsafe.Add(unsafe.Pointer(list), 4*int(i))) }
	for i := at(a.head, int32(label)); i >= 0; i = at(a.next, i) {
		for j, x := range unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(a.x), int(i)*a.stride)), cols) {
			h, l, held := splitBits(float64(x) * scale[j])
			if !held {
				flags[j/scatterWide] |= 1 << (j % scatterWide)
			}
			cell := cells[j/scatterWide*2*scatterWide+j%scatterWide:]
			cell[0] += h
			cell[scatterWide] += l
		}
	}
}

// splitBits returns hi and lo of t as the sums take them, each wholeBits too
// much, and whether t could be held; see exact.ScatterSplit. Every product by
// a power of two is exact in float64, and so is t − hi, so that a fused
// multiply-add changes nothing here.
func splitBits(t float64) (hi, lo int64, held bool) {
	held = math.Abs(t) <= 1<<30
	if !held {
		t = 0
	}
	h := t + whole
	l := (t-(h-whole))*(1<<30) + whole
	return int64(math.Float64bits(h)), int64(math.Float64bits(l)), held
}
