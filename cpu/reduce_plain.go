package cpu

import (
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

// The plain twins of the reductions' kernels.

// flipOf returns the bits that turn the smallest element into the largest,
// where a reduction looks for the smallest.
func flipOf(r backend.Reduction) uint32 {
	if r == backend.Min || r == backend.ArgMin {
		return 1 << 31
	}
	return 0
}

func flipped(x float32, flip uint32) float32 {
	return math.Float32frombits(math.Float32bits(x) ^ flip)
}

// finiteMagnitude returns the bits of |x|, 0 for what is not finite.
func finiteMagnitude(x float32) uint32 {
	u := math.Float32bits(x) & 0x7fffffff
	if u >= 0x7f800000 {
		return 0
	}
	return u
}

// blockSumPlain is exact.RowSum for up to exact.SumBlock elements.
func blockSumPlain(x []float32) float32 {
	var lane [exact.SumLanes]float32
	for len(x) >= exact.SumLanes {
		for l, v := range (*[exact.SumLanes]float32)(x) {
			lane[l] += v
		}
		x = x[exact.SumLanes:]
	}
	for l, v := range x {
		lane[l] += v
	}
	return exact.SumTree(&lane)
}

// addRowsPlain adds rows i0..i1 of x, from column j0 on, to y in ascending order.
func addRowsPlain(y []float32, x exact.View[float32], i0, i1, j0 int) {
	for i := i0; i < i1; i++ {
		for j, v := range x.Row(i)[j0:] {
			y[j0+j] += v
		}
	}
}

// largestPlain returns the largest element of x with its sign bits flipped,
// +0 or −0 where it is a zero, and whether a NaN is among the elements; the
// value then has no meaning. x is not empty.
func largestPlain(x []float32, flip uint32) (top float32, nan bool) {
	top = flipped(x[0], flip)
	for _, v := range x {
		v = flipped(v, flip)
		if v > top {
			top = v
		}
		nan = nan || v != v
	}
	return top, nan
}

// indexOfPlain returns the first place of v in x, or −1; −0 is equal to +0.
func indexOfPlain(x []float32, v float32) int {
	for i, w := range x {
		if w == v {
			return i
		}
	}
	return -1
}

// maxAbsFinitePlain returns the bits of the largest finite magnitude of x.
func maxAbsFinitePlain(x []float32) (top uint32) {
	for _, v := range x {
		top = max(top, finiteMagnitude(v))
	}
	return top
}

// maxAbsFiniteColumnsPlain is maxAbsFinitePlain down the columns j0+from.. of x,
// the last of which is j0+len(top)−1.
func maxAbsFiniteColumnsPlain(top []uint32, x exact.View[float32], j0, from int) {
	clear(top[from:])
	for i := range x.Rows {
		for j, v := range x.Row(i)[j0+from : j0+len(top)] {
			top[from+j] = max(top[from+j], finiteMagnitude(v))
		}
	}
}

// largestColumnsPlain stores, for the columns j0+from.. of x, the first NaN or
// else the first of the largest elements, flipped, and its row.
func largestColumnsPlain(top []float32, best []int32, x exact.View[float32], j0, from int, flip uint32) {
	for i := range x.Rows {
		for j, v := range x.Row(i)[j0+from : j0+len(top)] {
			t := &top[from+j]
			v = flipped(v, flip)
			if i == 0 || v > *t || (v != v && *t == *t) {
				best[from+j], *t = int32(i), v
			}
		}
	}
}
