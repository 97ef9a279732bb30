package cpu

import (
	"unsafe"

	"samebits/backend/exact"
)

const (
	// maxStreamed is the number of rows up to which a product adds rows of B
	// to rows of C, which reads B once, in the order in which it stands.
	maxStreamed = 6
	// streamCols is how many columns of C's rows are under way: 4 KiB a row in L1.
	streamCols = 1024
	// streamSteps is how many rows of B a chunk has, so that it is in L2 for
	// the next pair of rows of A.
	streamSteps = 64
)

// rowPair adds k rows of B, stepB bytes apart, to two rows of C, n columns of
// them: c0[j] = mac(c0[j], a0[s], b[s, j]), s ascending, and c1 alike. One row
// is a pair of the same row twice. n is a multiple of 8. Fields are read by the
// assembly.
type rowPair struct {
	k      int
	a0, a1 *float32
	b      *float32
	stepB  int
	c0, c1 *float32
	n      int
}

// addRowPairPlain is the plain twin of the SIMD kernel.
func addRowPairPlain(mac exact.Mac, x *rowPair) {
	for s := range x.k {
		b := unsafe.Slice(offset(x.b, s*x.stepB), x.n)
		macRow(mac, unsafe.Slice(x.c0, x.n), *offset(x.a0, 4*s), b)
		if x.c1 != x.c0 {
			macRow(mac, unsafe.Slice(x.c1, x.n), *offset(x.a1, 4*s), b)
		}
	}
}

// stream computes a block of few rows from B as it stands, if the processor has
// the kernel and the block is wide enough for it.
func (b *block) stream() bool {
	if !simd || b.n < 64 {
		return false
	}
	x := &b.pair
	*x = rowPair{stepB: 4 * b.b.view.Stride}
	b.out.grow(b.m * streamCols)
	for j0 := 0; j0 < b.n; j0 += streamCols {
		n := min(streamCols, b.n-j0)
		whole := n &^ 7
		out := b.out.floats[:b.m*streamCols]
		clear(out)
		for k := 0; k < b.depth; k += streamSteps {
			x.k, x.n = min(streamSteps, b.depth-k), whole
			for i := 0; i < b.m && whole > 0; i += 2 {
				second := min(i+1, b.m-1)
				x.a0, x.a1 = &b.a.view.Row(b.i0 + i)[b.k0+k], &b.a.view.Row(b.i0 + second)[b.k0+k]
				x.c0, x.c1 = &out[i*streamCols], &out[second*streamCols]
				x.b = &b.b.view.Row(b.k0 + k)[b.jc+b.j0+j0]
				addRowPair(b.mac, x)
			}
		}
		if n > whole {
			b.streamTail(out, j0, whole, n)
		}
		for i := range b.m {
			r := out[i*streamCols:][:n]
			for l := range r {
				r[l] = exact.CanonNaN(r[l] + 0) // −0 becomes +0
			}
			b.finish(r, b.i0+i, b.jc+b.j0+j0)
		}
	}
	return true
}

// streamTail computes columns whole..n, fewer than eight, one step of B at a time.
func (b *block) streamTail(out []float32, j0, whole, n int) {
	for i := range b.m {
		a := b.a.view.Row(b.i0 + i)[b.k0 : b.k0+b.depth]
		r := out[i*streamCols+whole:][:n-whole]
		for k, x := range a {
			macRow(b.mac, r, x, b.b.view.Row(b.k0 + k)[b.jc+b.j0+j0+whole:])
		}
	}
}

// macRow is r[j] = mac(r[j], x, y[j]).
func macRow(mac exact.Mac, r []float32, x float32, y []float32) {
	for j := range r {
		r[j] = mac.Mac(r[j], x, y[j])
	}
}
