package cpu

import (
	"sync"

	"samebits/backend/exact"
)

// The float32 product is built as in Goto and van de Geijn, "Anatomy of
// high-performance matrix multiplication", 2008, from these parts, which other
// kernels may use on their own:
//
//	packA(dst, a, trans, i0, m, k0, kc)  rows i0..i0+m of op(A) as panels of MR rows
//	packB(dst, b, trans, j0, n, k0, kc)  columns j0..j0+n of op(B) as panels of NR columns
//	microKernel(mac, kc, a, b, c, first) one tile's chains, kc steps on
//	gemmTile(mac, k, a, b, c)            one tile of finished dot products
//
// A panel of A holds element (i, k) at k·MR + i, one of B (k, j) at k·NR + j;
// rows and columns past the matrix are zeros in both, so that no 0·Inf arises
// that a result could see. A tile is MR×NR, row-major and without gaps.
//
//	for jc over N by NC, for each cut of K:
//	    B's panels of the cut, packed once by all threads
//	    for blocks of MC rows × some columns, on all threads:
//	        for pc over the cut by KC:
//	            pack the block's panels of A
//	            for each panel of B (L1), each panel of A (L2): microKernel
//	        add the tiles to the totals, or finish them
//
// The order is the contract's: within a cut a tile's chains run on through the
// KC blocks, and a block's memory is the tile itself.
const (
	mr = 6  // MR: rows of a tile
	nr = 16 // NR: columns of a tile; 6×16 fill 12 of the 16 AVX2 registers

	kcBlock = 256  // KC: a panel of B takes 16 KiB of L1
	mcBlock = 96   // MC: a block of A takes 96 KiB of L2
	ncBlock = 1024 // NC: what is packed of B in one go takes at most 16 MiB, 32 for complex64
)

// zeroTile is the +0 that a chain is added to.
var zeroTile tile

// tile holds MR×NR elements, row-major.
type tile [mr * nr]float32

// gemm describes one float32 product and where its parts come from.
type gemm struct {
	mac     exact.Mac
	m, n, k int
	cut     int // K is cut every cut steps
	// packA writes panels of rows i0..i0+m, steps k0..k0+kc; packB of columns.
	packA, packB func(dst []float32, from, n, k0, kc int)
	// store takes rows×cols finished elements of the product: element (i, j)
	// is r[i*NR+j], bound for (i0+i, j0+j). +0 stands where a sum is zero.
	store func(r *tile, i0, j0, rows, cols int)
}

// runner runs work(0), ..., work(n−1), each once, in any order.
type runner func(n int, work func(i int)) error

// run computes the product. threads is what the runner uses at most; it
// decides how work is cut and never a result.
func (g *gemm) run(run runner, threads int) error {
	for jc := 0; jc < g.n; jc += ncBlock {
		if err := g.columns(run, threads, jc, min(ncBlock, g.n-jc)); err != nil {
			return err
		}
	}
	return nil
}

// columns computes columns jc..jc+nc.
func (g *gemm) columns(run runner, threads, jc, nc int) error {
	mBlocks, nBlocks, rows, cols := g.blocks(threads, nc)
	panels := ceil(nc, nr)
	var totals []tile // between cuts
	if g.k > g.cut {
		totals = make([]tile, ceil(g.m, mr)*panels)
	}
	packed := floatScratch(min(g.k, g.cut) * panels * nr)
	defer releaseFloats(packed)
	for k0 := 0; k0 < max(g.k, 1); k0 += g.cut {
		depth := min(g.cut, g.k-k0)
		last := k0+depth >= g.k
		packs := ceil(panels, packPanels)
		if depth == 0 {
			packs = 0 // B may have no memory at all
		}
		if err := run(packs, func(i int) {
			p := i * packPanels
			j := p * nr
			g.packB((*packed)[p*nr*depth:], jc+j, min(packPanels*nr, nc-j), k0, depth)
		}); err != nil {
			return err
		}
		if err := run(mBlocks*nBlocks, func(i int) {
			i0, j0 := i/nBlocks*rows, i%nBlocks*cols
			b := block{g: g, i0: i0, m: min(rows, g.m-i0), jc: jc, j0: j0, n: min(cols, nc-j0)}
			b.cut(k0, depth, (*packed)[j0*depth:], totals, panels, last)
		}); err != nil {
			return err
		}
	}
	return nil
}

// packPanels is the number of B's panels that one piece of work packs.
const packPanels = 4

// blocks cuts m rows × nc columns into blocks, of MC rows and as many columns
// as leave every thread a few.
func (g *gemm) blocks(threads, nc int) (mBlocks, nBlocks, rows, cols int) {
	rows = min(mcBlock, ceil(g.m, mr)*mr)
	mBlocks = ceil(g.m, rows)
	cols = ceil(nc, nr) * nr
	if threads > 1 {
		want := ceil(4*threads, mBlocks)
		cols = max(4*nr, ceil(ceil(nc, want), nr)*nr)
	}
	return mBlocks, ceil(nc, cols), rows, cols
}

// block is the part of a product that one thread computes in one go: rows
// i0..i0+m, columns jc+j0..jc+j0+n.
type block struct {
	g                *gemm
	i0, m, jc, j0, n int
}

// cut runs the chains of one cut and adds them to the totals; after the last
// cut it stores the product.
func (b *block) cut(k0, depth int, packedB []float32, totals []tile, totalsWide int, last bool) {
	high, wide := ceil(b.m, mr), ceil(b.n, nr)
	tiles := tileScratch(high * wide)
	defer releaseTiles(tiles)
	packedA := floatScratch(high * mr * min(kcBlock, depth))
	defer releaseFloats(packedA)
	for pc := 0; pc < depth; pc += kcBlock {
		kc := min(kcBlock, depth-pc)
		b.g.packA(*packedA, b.i0, b.m, k0+pc, kc)
		for q := range wide {
			panelB := packedB[q*nr*depth+pc*nr:]
			for p := range high {
				microKernel(b.g.mac, kc, (*packedA)[p*mr*kc:], panelB, &(*tiles)[p*wide+q], pc == 0)
			}
		}
	}
	for p := range high {
		for q := range wide {
			t := &(*tiles)[p*wide+q]
			if depth == 0 {
				*t = tile{}
			}
			if totals != nil {
				total := &totals[(b.i0/mr+p)*totalsWide+b.j0/nr+q]
				addTile(total, t)
				t = total
			} else {
				addTile(t, &zeroTile)
			}
			if last {
				b.g.store(t, b.i0+p*mr, b.jc+b.j0+q*nr, min(mr, b.m-p*mr), min(nr, b.n-q*nr))
			}
		}
	}
}

// addTilePlain adds t to r element by element. A tile of +0 added to chains
// turns their −0 into +0, as the contract's r = +0 does.
func addTilePlain(r, t *tile) {
	for i := range r {
		r[i] += t[i]
	}
}

// storeRowsPlain stores a tile's first rows, all NR columns of them, NaN
// canonical, at dst and every stride elements on.
func storeRowsPlain(dst []float32, stride int, r *tile, rows int) {
	for i := range rows {
		for j, x := range r[i*nr : (i+1)*nr] {
			dst[i*stride+j] = exact.CanonNaN(x)
		}
	}
}

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
	if trans {
		packStepMajor(dst, mr, a, i0, m, k0, kc)
	} else {
		packLaneMajor(dst, mr, a, i0, m, k0, kc)
	}
}

// packB packs columns j0..j0+n of op(B), steps k0..k0+kc, as panels of NR
// columns: ceil(n/NR)·NR·kc elements.
func packB(dst []float32, b exact.View[float32], trans bool, j0, n, k0, kc int) {
	if trans {
		packLaneMajor(dst, nr, b, j0, n, k0, kc)
	} else {
		packStepMajor(dst, nr, b, j0, n, k0, kc)
	}
}

// packLaneMajor packs n rows of v, whose steps stand side by side, as panels
// of width lanes; lanes past the n are zeros.
func packLaneMajor(dst []float32, width int, v exact.View[float32], from, n, k0, kc int) {
	for l0 := 0; l0 < n; l0 += width {
		panel := dst[:kc*width]
		dst = dst[kc*width:]
		for l := range width {
			if l0+l >= n {
				for k := l; k < len(panel); k += width {
					panel[k] = 0
				}
				continue
			}
			src := v.Row(from + l0 + l)[k0 : k0+kc]
			for k, o := 0, l; k < len(src) && o < len(panel); k, o = k+1, o+width {
				panel[o] = src[k]
			}
		}
	}
}

// packStepMajor packs n columns of v, whose lanes stand side by side.
func packStepMajor(dst []float32, width int, v exact.View[float32], from, n, k0, kc int) {
	for k := range kc {
		src := v.Row(k0 + k)[from : from+n]
		for o := k * width; len(src) > 0; o += kc * width {
			if width == nr && len(src) >= nr {
				*(*[nr]float32)(dst[o:]) = *(*[nr]float32)(src)
				src = src[nr:]
				continue
			}
			lanes := min(width, len(src))
			step := dst[o : o+width]
			for l := range step {
				if l < lanes {
					step[l] = src[l]
				} else {
					step[l] = 0
				}
			}
			src = src[lanes:]
		}
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

var floatPool, tilePool sync.Pool

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

func tileScratch(n int) *[]tile {
	if s, ok := tilePool.Get().(*[]tile); ok && cap(*s) >= n {
		*s = (*s)[:n]
		return s
	}
	s := make([]tile, n)
	return &s
}

func releaseTiles(s *[]tile) { tilePool.Put(s) }
