package cpu

import "samebits/backend/exact"

// microKernel runs one tile's chains; see microKernelPlain.
func microKernel(mac exact.Mac, kc int, a, b []float32, c *tile, first bool) {
	switch {
	case kc == 0 || !simd:
		microKernelPlain(mac, kc, a, b, c, first)
	case mac == exact.Fused:
		_, _ = a[kc*mr-1], b[kc*nr-1]
		microKernelFused(kc, &a[0], &b[0], c, first)
	default:
		_, _ = a[kc*mr-1], b[kc*nr-1]
		microKernelSplit(kc, &a[0], &b[0], c, first)
	}
}

// microKernelFused is microKernelPlain for the fused mac with AVX2 and FMA;
// kc ≥ 1. It runs under the default MXCSR (no flushing, round to nearest even)
// and restores the caller's.
//
//go:noescape
func microKernelFused(kc int, a, b *float32, c *tile, first bool)

// microKernelSplit is microKernelPlain for the split mac with AVX2; kc ≥ 1.
//
//go:noescape
func microKernelSplit(kc int, a, b *float32, c *tile, first bool)

// addTile adds t to r; see addTilePlain.
func addTile(r, t *tile) {
	if simd {
		addTileAVX2(r, t)
	} else {
		addTilePlain(r, t)
	}
}

// storeRows stores a tile's first rows; see storeRowsPlain.
func storeRows(dst []float32, stride int, r *tile, rows int) {
	if simd && rows > 0 {
		_ = dst[(rows-1)*stride+nr-1]
		storeRowsAVX2(&dst[0], stride, r, rows)
	} else {
		storeRowsPlain(dst, stride, r, rows)
	}
}

// addTileAVX2 is addTilePlain under the default MXCSR.
//
//go:noescape
func addTileAVX2(r, t *tile)

// storeRowsAVX2 is storeRowsPlain; rows ≥ 1.
//
//go:noescape
func storeRowsAVX2(dst *float32, stride int, r *tile, rows int)

// setMXCSR sets the calling thread's SSE control word and returns the old one.
// Tests use it to put a thread into the state that a library can leave behind.
func setMXCSR(v uint32) (old uint32)
