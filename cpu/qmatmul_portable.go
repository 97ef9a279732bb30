//go:build !amd64

package cpu

import "samebits/backend/exact"

// qKernels lists the kernels that this processor can run, the fastest first.
func qKernels() []qKernel { return []qKernel{{"plain", 2, 4, 1, qTilePlain}} }

func packInt8Row(dst []uint32, group int, x []int8, zero int32) {
	packInt8RowPlain(dst, group, x, zero)
}

func packInt8Rows(dst []uint32, lanes, group int, v exact.View[int8], zero int32, from, n int) {
	packInt8RowsPlain(dst, lanes, group, v, zero, from, n)
}

func packInt8Columns(dst []uint32, lanes, group int, v exact.View[int8], zero int32, from, n int) {
	packInt8ColumnsPlain(dst, lanes, group, v, zero, from, n)
}

func sumSigned(words []uint32) int32 { return sumSignedPlain(words) }

func sumLanesSigned(sums []int32, panel []uint32, steps int) { sumLanesSignedPlain(sums, panel, steps) }

func sumLanesUnsigned(sums []int32, panel []uint32, steps int) {
	sumLanesUnsignedPlain(sums, panel, steps)
}

func addInt32(dst, t, add []int32, row int32) { addInt32Plain(dst, t, add, row) }

func requantize(dst []int8, t, add []int32, row int32, mult, shift []int32, q *exact.Requant) {
	requantizePlain(dst, t, add, row, mult, shift, q)
}

// requantizeTile does nothing: this processor has no kernel.
func requantizeTile(_ []int8, _ int, _, _, _, _, _ []int32, _ *exact.Requant) bool { return false }
