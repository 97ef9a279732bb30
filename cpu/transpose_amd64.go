package cpu

import (
	"unsafe"

	"samebits/backend"
	"samebits/backend/exact"
)

// transposeWords transposes squares of 8×8 words and returns up to which row
// and column of y it came.
func transposeWords[T backend.Element](y, x exact.View[T], i0, i1, j0, j1 int) (high, wide int) {
	high, wide = i0+(i1-i0)/8*8, j0+(j1-j0)/8*8
	if !simd || high == i0 {
		return i0, j0
	}
	for j := j0; j < wide; j += 8 {
		// 8 rows of x, as many columns of y
		transposeWordsAVX2((*uint32)(unsafe.Pointer(&y.Data[i0*y.Stride+j])), y.Stride*4,
			unsafe.Pointer(&x.Data[j*x.Stride+i0]), x.Stride*4, (high-i0)/8, 0)
	}
	return high, wide
}
