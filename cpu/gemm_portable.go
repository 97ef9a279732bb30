//go:build !amd64

package cpu

import "samebits/backend/exact"

// kernels32 are the sets that this processor runs.
var kernels32 = []*kernel32{portable}

// microKernel runs one tile's chains; see microKernelPlain.
func microKernel(mac exact.Mac, kc int, a, b []float32, c *tile, first bool) {
	microKernelPlain(mac, kc, a, b, c, first)
}

// addTile adds t to r; see addTilePlain.
func addTile(r, t *tile) { addTilePlain(r, t) }

func addRowPair(mac exact.Mac, x *rowPair) { addRowPairPlain(mac, x) }

func addRowDots(mac exact.Mac, x *rowDots) { addRowDotsPlain(mac, x) }

func addTwoGroups(mac exact.Mac, x *rowDots) { addTwoGroupsPlain(mac, x) }

func addRowEnd(mac exact.Mac, x *rowEnd) { addRowEndPlain(mac, x) }

// The packing kernels are called only where simd is true.
func packQuad(dst []float32, width int, src []float32, stride, kc int) {
	packQuadPlain(dst, width, src, stride, kc)
}

func packCopy(dst []float32, width int, src []float32, stride, kc, n int) {
	packCopyPlain(dst, width, src, stride, kc, n)
}

func packPairs(dst []float32, width int, src []float32, stride, kc int, signs *[4]uint32) {
	packPairsPlain(dst, width, src, stride, kc, signs)
}

// pause has nothing to tell the processor.
func pause(int) {}
