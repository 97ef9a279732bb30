package cpu

import "samebits/backend/exact"

// The sets of float32 kernels: 6×16 tiles fill 12 of the 16 AVX2 registers,
// 12×32 tiles 24 of the 32 AVX-512 registers.
var (
	avx2 = &kernel32{name: "avx2", mr: 6, nr: 16, kc: 512, mc: 72, nc: 1024, direct: 1 << 16,
		macro: func(mac exact.Mac, x *macro) {
			if mac == exact.Fused {
				macroFusedAVX2(x)
			} else {
				macroSplitAVX2(x)
			}
		},
		inPlace: func(mac exact.Mac, x *macro) {
			if mac == exact.Fused {
				inPlaceFusedAVX2(x)
			} else {
				inPlaceSplitAVX2(x)
			}
		},
		narrow: func(mac exact.Mac, x *macro) {
			if mac == exact.Fused {
				narrowFusedAVX2(x)
			} else {
				narrowSplitAVX2(x)
			}
		},
		most: 8}
	avx512 = &kernel32{name: "avx512", mr: 12, nr: 32, kc: 1024, mc: 96, nc: 1024, direct: 1 << 18,
		macro: func(mac exact.Mac, x *macro) {
			if mac == exact.Fused {
				macroFused512(x)
			} else {
				macroSplit512(x)
			}
		},
		inPlace: func(mac exact.Mac, x *macro) {
			if mac == exact.Fused {
				inPlaceFused512(x)
			} else {
				inPlaceSplit512(x)
			}
		},
		narrow: func(mac exact.Mac, x *macro) {
			if mac == exact.Fused {
				narrowFused512(x)
			} else {
				narrowSplit512(x)
			}
		},
		most: 16}
)

// kernels32 are the sets that this processor runs, the best first.
var kernels32 = func() (sets []*kernel32) {
	if has.avx512 {
		sets = append(sets, avx512)
	}
	if has.avx2 {
		sets = append(sets, avx2)
	}
	return append(sets, portable)
}()

// The kernels run under the default MXCSR (no flushing, round to nearest even)
// and restore the caller's.

//go:noescape
func macroFusedAVX2(x *macro)

//go:noescape
func macroSplitAVX2(x *macro)

//go:noescape
func inPlaceFusedAVX2(x *macro)

//go:noescape
func inPlaceSplitAVX2(x *macro)

//go:noescape
func narrowFusedAVX2(x *macro)

//go:noescape
func narrowSplitAVX2(x *macro)

//go:noescape
func macroFused512(x *macro)

//go:noescape
func macroSplit512(x *macro)

//go:noescape
func inPlaceFused512(x *macro)

//go:noescape
func inPlaceSplit512(x *macro)

//go:noescape
func narrowFused512(x *macro)

//go:noescape
func narrowSplit512(x *macro)

// addRowPair is addRowPairPlain.
func addRowPair(mac exact.Mac, x *rowPair) {
	if mac == exact.Fused {
		rowPairFused(x)
	} else {
		rowPairSplit(x)
	}
}

//go:noescape
func rowPairFused(x *rowPair)

//go:noescape
func rowPairSplit(x *rowPair)

// addRowDots is addRowDotsPlain.
func addRowDots(mac exact.Mac, x *rowDots) {
	if mac == exact.Fused {
		rowDotsFused(x)
	} else {
		rowDotsSplit(x)
	}
}

//go:noescape
func rowDotsFused(x *rowDots)

//go:noescape
func rowDotsSplit(x *rowDots)

// addTwoGroups is addTwoGroupsPlain.
func addTwoGroups(mac exact.Mac, x *rowDots) {
	if mac == exact.Fused {
		twoGroupsFused(x)
	} else {
		twoGroupsSplit(x)
	}
}

//go:noescape
func twoGroupsFused(x *rowDots)

//go:noescape
func twoGroupsSplit(x *rowDots)

// addRowEnd is addRowEndPlain.
func addRowEnd(mac exact.Mac, x *rowEnd) {
	if mac == exact.Fused {
		rowEndFused(x)
	} else {
		rowEndSplit(x)
	}
}

//go:noescape
func rowEndFused(x *rowEnd)

//go:noescape
func rowEndSplit(x *rowEnd)

// packQuad packs four rows of src, kc steps, into lanes 0 to 3 of a panel.
func packQuad(dst []float32, width int, src []float32, stride, kc int) {
	_, _ = src[3*stride+kc-1], dst[(kc-1)*width+3]
	packQuadAVX2(&dst[0], 4*width, &src[0], 4*stride, kc)
}

// packCopy packs kc rows of src, n elements of each, in a panel of width (16 or
// 32) lanes; the other lanes are zeros.
func packCopy(dst []float32, width int, src []float32, stride, kc, n int) {
	_, _ = src[(kc-1)*stride+n-1], dst[kc*width-1]
	if n < width {
		packEdgeAVX2(&dst[0], width, &src[0], 4*stride, kc, n)
	} else {
		packCopyAVX2(&dst[0], width, &src[0], 4*stride, kc)
	}
}

// packPairs packs kc rows of src, width elements of each, as 2·kc steps.
func packPairs(dst []float32, width int, src []float32, stride, kc int, signs *[4]uint32) {
	_, _ = src[(kc-1)*stride+width-1], dst[2*kc*width-1]
	packPairsAVX2(&dst[0], width, &src[0], 4*stride, kc, signs)
}

//go:noescape
func packQuadAVX2(dst *float32, step int, src *float32, stride, kc int)

//go:noescape
func packCopyAVX2(dst *float32, width int, src *float32, stride, kc int)

//go:noescape
func packEdgeAVX2(dst *float32, width int, src *float32, stride, kc, n int)

//go:noescape
func packPairsAVX2(dst *float32, width int, src *float32, stride, kc int, signs *[4]uint32)

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

// addTileAVX2 is addTilePlain under the default MXCSR.
//
//go:noescape
func addTileAVX2(r, t *tile)

// setMXCSR sets the calling thread's SSE control word and returns the old one.
// Tests use it to put a thread into the state that a library can leave behind.
func setMXCSR(v uint32) (old uint32)

// pause tells the processor that the thread spins: about n short waits.
//
//go:noescape
func pause(n int)
