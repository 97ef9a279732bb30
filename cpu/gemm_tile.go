package cpu

import (
	"sync"

	"samebits/backend/exact"
)

// The parts that other kernels build fused products from, on AVX2 tiles:
//
//	packA(dst, a, trans, i0, m, k0, kc)  rows i0..i0+m of op(A) as panels of MR rows
//	packB(dst, b, trans, j0, n, k0, kc)  columns j0..j0+n of op(B) as panels of NR columns
//	microKernel(mac, kc, a, b, c, first) one tile's chains, kc steps on
//	gemmTile(mac, k, a, b, c)            one tile of finished dot products
//
// A panel of A holds element (i, k) at k·MR + i, one of B (k, j) at k·NR + j;
// rows and columns past the matrix are zeros in both, so that no 0·Inf arises
// that a result could see. A tile is MR×NR, row-major and without gaps.
const (
	mr = 6  // MR: rows of a tile
	nr = 16 // NR: columns of a tile; 6×16 fill 12 of the 16 AVX2 registers
)

// tile holds MR×NR elements, row-major.
type tile [mr * nr]float32

// gemmTile stores the MR×NR dot products of one packed panel of A and one of
// B, each k steps long, in the order of exact.Mac.Dot (NaN as it falls).
func gemmTile(mac exact.Mac, k int, a, b []float32, c *tile) {
	*c = tile{}
	var chains tile
	for k0 := 0; k0 < k; k0 += exact.Cut {
		microKernel(mac, min(exact.Cut, k-k0), a[k0*mr:], b[k0*nr:], &chains, true)
		addTile(c, &chains)
	}
}

// packA packs rows i0..i0+m of op(A), steps k0..k0+kc, as panels of MR rows:
// ceil(m/MR)·MR·kc elements.
func packA(dst []float32, a exact.View[float32], trans bool, i0, m, k0, kc int) {
	packPanels(dst, mr, &operand{view: a, order: orderOf(!trans)}, i0, m, k0, kc)
}

// packB packs columns j0..j0+n of op(B), steps k0..k0+kc, as panels of NR
// columns: ceil(n/NR)·NR·kc elements.
func packB(dst []float32, b exact.View[float32], trans bool, j0, n, k0, kc int) {
	packPanels(dst, nr, &operand{view: b, order: orderOf(trans)}, j0, n, k0, kc)
}

// addTilePlain adds t to r element by element. A tile of +0 added to chains
// turns their −0 into +0, as the contract's r = +0 does.
func addTilePlain(r, t *tile) {
	for i := range r {
		r[i] += t[i]
	}
}

// microKernelPlain is the plain twin of the SIMD microkernels: it runs the
// MR×NR chains c = mac(c, a[k], b[k]) of one tile over kc steps, from +0 if
// first, else on from what c holds.
func microKernelPlain(mac exact.Mac, kc int, a, b []float32, c *tile, first bool) {
	if first {
		*c = tile{}
	}
	for k := range kc {
		bk := (*[nr]float32)(b[k*nr:])
		for i, x := range (*[mr]float32)(a[k*mr:]) {
			row := (*[nr]float32)(c[i*nr:])
			if mac == exact.Fused {
				for j, y := range bk {
					row[j] = exact.FMA(x, y, row[j])
				}
			} else {
				for j, y := range bk {
					row[j] += float32(x * y)
				}
			}
		}
	}
}

func ceil(n, d int) int { return (n + d - 1) / d }

var floatPool sync.Pool

// floatScratch returns n elements with any content; releaseFloats gives them back.
func floatScratch(n int) *[]float32 {
	if s, ok := floatPool.Get().(*[]float32); ok && cap(*s) >= n {
		*s = (*s)[:n]
		return s
	}
	s := make([]float32, n)
	return &s
}

func releaseFloats(s *[]float32) { floatPool.Put(s) }
