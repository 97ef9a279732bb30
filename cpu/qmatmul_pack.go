package cpu

import "samebits/backend/exact"

// Packing of int8 operands. A word holds `group` values of K, the first in its
// lowest bits, each less the packed zero point; values past K are zeros.

// word packs the values at gives for k0 ≤ k < min(k0+group, depth).
func word(group, k0, depth int, zero int32, at func(k int) int8) (w uint32) {
	bits := uint(32 / group)
	mask := uint32(1)<<bits - 1 // all of them for group 1, where 1<<32 is 0
	for g := range min(group, depth-k0) {
		w |= uint32(int32(at(k0+g))-zero) & mask << (uint(g) * bits)
	}
	return w
}

// packInt8RowPlain packs one row of values along K.
func packInt8RowPlain(dst []uint32, group int, x []int8, zero int32) {
	for t := range dst {
		dst[t] = word(group, t*group, len(x), zero, func(k int) int8 { return x[k] })
	}
}

// packInt8RowsPlain packs rows from..from+n of v as the lanes of a panel: word t of
// lane l stands at t*lanes+l. Lanes past n are zeros.
func packInt8RowsPlain(dst []uint32, lanes, group int, v exact.View[int8], zero int32, from, n int) {
	for l := range lanes {
		for t := range len(dst) / lanes {
			w := uint32(0)
			if l < n {
				x := v.Row(from + l)
				w = word(group, t*group, v.Cols, zero, func(k int) int8 { return x[k] })
			}
			dst[t*lanes+l] = w
		}
	}
}

// packInt8ColumnsPlain is packInt8RowsPlain for columns from..from+n of v.
func packInt8ColumnsPlain(dst []uint32, lanes, group int, v exact.View[int8], zero int32, from, n int) {
	for t := range len(dst) / lanes {
		for l := range lanes {
			w := uint32(0)
			if l < n {
				w = word(group, t*group, v.Rows, zero, func(k int) int8 { return v.At(k, from+l) })
			}
			dst[t*lanes+l] = w
		}
	}
}

// sumSignedPlain returns the sum of a row's signed bytes.
func sumSignedPlain(words []uint32) (sum int32) {
	for _, w := range words {
		sum += int32(int8(w)) + int32(int8(w>>8)) + int32(int8(w>>16)) + int32(w)>>24
	}
	return sum
}

// sumLanesSignedPlain stores the sums of a panel's lanes of signed bytes.
func sumLanesSignedPlain(sums []int32, panel []uint32, steps int) {
	clear(sums)
	for t := range steps {
		for l, w := range panel[t*len(sums) : (t+1)*len(sums)] {
			sums[l] += sumSignedPlain([]uint32{w})
		}
	}
}

// sumLanesUnsignedPlain stores the sums of a panel's lanes of unsigned bytes.
func sumLanesUnsignedPlain(sums []int32, panel []uint32, steps int) {
	clear(sums)
	for t := range steps {
		for l, w := range panel[t*len(sums) : (t+1)*len(sums)] {
			sums[l] += int32(w&255 + w>>8&255 + w>>16&255 + w>>24)
		}
	}
}
