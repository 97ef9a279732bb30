package cpu

import "samebits/backend/exact"

// blockSum is exact.RowSum for up to exact.SumBlock elements.
func blockSum(x []float32) float32 {
	if !simd {
		return blockSumPlain(x)
	}
	if len(x) == 0 {
		return 0
	}
	blocks := len(x) / exact.SumLanes
	rest := x[blocks*exact.SumLanes:]
	if len(rest) == 0 {
		return exact.CanonNaN(rowSumAVX2(&x[0], blocks, nil))
	}
	// A lane is never −0, so that +0 in place of a missing element adds nothing.
	var last [exact.SumLanes]float32
	copy(last[:], rest)
	return exact.CanonNaN(rowSumAVX2(&x[0], blocks, &last))
}

// addRows adds rows i0..i1 of x to y in ascending order.
func addRows(y []float32, x exact.View[float32], i0, i1 int) {
	full := len(y) / 8 * 8
	if !simd || full == 0 || i0 >= i1 {
		addRowsPlain(y, x, i0, i1, 0)
		return
	}
	for j := 0; j < full; j += addTileColumns {
		n := min(addTileColumns, full-j)
		addRowsAVX2(&y[j], &x.Data[i0*x.Stride+j], x.Stride, i1-i0, n/8)
	}
	addRowsPlain(y, x, i0, i1, full)
}

// addTileColumns is the number of columns that addRows takes down all rows, so
// that their sums stay in L1.
const addTileColumns = 4096

// largest returns the largest element of x with its sign bits flipped, and
// whether a NaN is among the elements; see largestPlain.
func largest(x []float32, flip uint32) (top float32, nan bool) {
	steps := len(x) / 8
	if !simd || steps == 0 {
		return largestPlain(x, flip)
	}
	if top, nan = largestAVX2(&x[0], steps, flip); nan || 8*steps == len(x) {
		return top, nan
	}
	rest, nan := largestPlain(x[8*steps:], flip)
	if rest > top {
		top = rest
	}
	return top, nan
}

// indexOf returns the first place of v in x, or −1; −0 is equal to +0.
func indexOf(x []float32, v float32) int {
	steps := len(x) / 8
	if simd && steps > 0 {
		if i := indexAVX2(&x[0], steps, v); i >= 0 {
			return i
		}
	} else {
		steps = 0
	}
	if i := indexOfPlain(x[8*steps:], v); i >= 0 {
		return 8*steps + i
	}
	return -1
}

// maxAbsFinite returns the bits of the largest finite magnitude of x.
func maxAbsFinite(x []float32) uint32 {
	steps := len(x) / 8
	if !simd || steps == 0 {
		return maxAbsFinitePlain(x)
	}
	return max(maxAbsFiniteAVX2(&x[0], steps), maxAbsFinitePlain(x[8*steps:]))
}

// maxAbsFiniteColumns is maxAbsFinite down the columns j0.. of x, whose number
// is len(top).
func maxAbsFiniteColumns(top []uint32, x exact.View[float32], j0 int) {
	steps := len(top) / 8
	if !simd || steps == 0 {
		maxAbsFiniteColumnsPlain(top, x, j0, 0)
		return
	}
	clear(top)
	maxAbsFiniteColumnsAVX2(&top[0], &x.Data[j0], x.Stride, x.Rows, steps)
	maxAbsFiniteColumnsPlain(top, x, j0, 8*steps)
}

// largestColumns finds, down the columns j0.. of x, the element that an order
// reduction takes, flipped, and its row; see largestColumnsPlain.
func largestColumns(top []float32, best []int32, x exact.View[float32], j0 int, flip uint32) {
	steps := len(top) / 8
	if !simd || steps == 0 {
		largestColumnsPlain(top, best, x, j0, 0, flip)
		return
	}
	for j, v := range x.Row(0)[j0 : j0+8*steps] {
		top[j], best[j] = flipped(v, flip), 0
	}
	largestColumnsAVX2(&top[0], &best[0], &x.Data[j0], x.Stride, x.Rows, steps, flip)
	largestColumnsPlain(top, best, x, j0, 8*steps, flip)
}

// rowSumAVX2 returns the row sum of 64·blocks elements and of last, which may
// be nil, in the contract's lanes and tree; a NaN has any payload.
//
//go:noescape
func rowSumAVX2(x *float32, blocks int, last *[64]float32) float32

// addRowsAVX2 adds rows ≥ 1 rows of 8·steps columns to y; steps ≥ 1.
//
//go:noescape
func addRowsAVX2(y, x *float32, stride, rows, steps int)

// largestAVX2 is largestPlain over 8·steps elements, steps ≥ 1; the value has
// no meaning beside a NaN.
//
//go:noescape
func largestAVX2(x *float32, steps int, flip uint32) (largest float32, nan bool)

// indexAVX2 is indexOfPlain over 8·steps elements, steps ≥ 1.
//
//go:noescape
func indexAVX2(x *float32, steps int, v float32) int

// maxAbsFiniteAVX2 is maxAbsFinitePlain over 8·steps elements, steps ≥ 1.
//
//go:noescape
func maxAbsFiniteAVX2(x *float32, steps int) uint32

// maxAbsFiniteColumnsAVX2 raises 8·steps columns' magnitudes by rows ≥ 1 rows.
//
//go:noescape
func maxAbsFiniteColumnsAVX2(largest *uint32, x *float32, stride, rows, steps int)

// largestColumnsAVX2 raises 8·steps columns' elements and rows by rows ≥ 1 rows,
// counted from 0.
//
//go:noescape
func largestColumnsAVX2(top *float32, best *int32, x *float32, stride, rows, steps int, flip uint32)
