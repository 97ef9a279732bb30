//go:build !amd64

package cpu

import "samebits/backend/exact"

func blockSum(x []float32) float32 { return blockSumPlain(x) }

func addRows(y []float32, x exact.View[float32], i0, i1 int) { addRowsPlain(y, x, i0, i1, 0) }

func largest(x []float32, flip uint32) (top float32, nan bool) { return largestPlain(x, flip) }

func indexOf(x []float32, v float32) int { return indexOfPlain(x, v) }

func maxAbsFinite(x []float32) uint32 { return maxAbsFinitePlain(x) }

func maxAbsFiniteColumns(top []uint32, x exact.View[float32], j0 int) {
	maxAbsFiniteColumnsPlain(top, x, j0, 0)
}

func largestColumns(top []float32, best []int32, x exact.View[float32], j0 int, flip uint32) {
	largestColumnsPlain(top, best, x, j0, 0, flip)
}
