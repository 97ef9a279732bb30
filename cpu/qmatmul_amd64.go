package cpu

import (
	"unsafe"

	"samebits/backend/exact"
)

var qAVX512 = has.avx512VNNI

// qKernels lists the kernels that this processor can run, the fastest first.
func qKernels() (all []qKernel) {
	if qAVX512 {
		all = append(all, qKernel{"avx512vnni", 12, 32, 4, asmTile(12, 32, qTileAVX512VNNI)})
	}
	if has.avxVNNI {
		all = append(all, qKernel{"avxvnni", 6, 16, 4, asmTile(6, 16, qTileAVXVNNI)})
	}
	if simd {
		all = append(all, qKernel{"avx2", 6, 16, 2, asmTile(6, 16, qTileAVX2)})
	}
	return append(all, qKernel{"plain", 2, 4, 1, qTilePlain})
}

// asmTile checks what a kernel in assembly is about to read.
func asmTile(mr, nr int, tile func(steps int, a *uint32, rowStride, stepStride int, b *uint32, c *qTile)) func(
	int, []uint32, int, int, []uint32, *qTile) {
	return func(steps int, a []uint32, rowStride, stepStride int, b []uint32, c *qTile) {
		_, _ = a[(steps-1)*stepStride+(mr-1)*rowStride], b[steps*nr-1]
		tile(steps, &a[0], rowStride, stepStride, &b[0], c)
	}
}

// The kernels' tiles over steps ≥ 1 words: element (i, j) of c becomes the sum
// of the products of A's words a[i*rowStride+s*stepStride] and B's b[s*nr+j].

// qTileAVX512VNNI is 12×32; A holds signed bytes and B unsigned ones.
//
//go:noescape
func qTileAVX512VNNI(steps int, a *uint32, rowStride, stepStride int, b *uint32, c *qTile)

// qTileAVXVNNI is 6×16; A holds signed bytes and B unsigned ones.
//
//go:noescape
func qTileAVXVNNI(steps int, a *uint32, rowStride, stepStride int, b *uint32, c *qTile)

// qTileAVX2 is 6×16; both hold pairs of int16.
//
//go:noescape
func qTileAVX2(steps int, a *uint32, rowStride, stepStride int, b *uint32, c *qTile)

// packInt8Row packs one row of values along K; see packInt8RowPlain.
func packInt8Row(dst []uint32, group int, x []int8, zero int32) {
	full := 0
	switch {
	case group == 4 && zero == 0:
		full = len(x) / 4
		copy(unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(dst))), 4*full), x)
	case group == 2 && simd && len(x) >= 16:
		full = len(x) / 16 * 8
		widenAVX2(&dst[0], &x[0], len(x)/16, int16(zero))
	}
	packInt8RowPlain(dst[full:], group, x[full*group:], zero)
}

// packInt8Rows packs rows of v as lanes; see packInt8RowsPlain.
func packInt8Rows(dst []uint32, lanes, group int, v exact.View[int8], zero int32, from, n int) {
	blocks := v.Cols / (8 * group) // of 8 words
	if !simd || group == 1 || blocks == 0 || n < lanes {
		packInt8RowsPlain(dst, lanes, group, v, zero, from, n)
		return
	}
	for l := 0; l < lanes; l += 8 {
		if group == 4 {
			flip := uint32(zero) & 255 * 0x01010101 // x − zero is x ^ 128 for zero = −128
			transposeWordsAVX2(&dst[l], lanes*4, unsafe.Pointer(&v.Row(from + l)[0]), v.Stride, blocks, flip)
			continue
		}
		var wide [8 * 64]uint32
		for t := 0; t < blocks*8; t += 64 {
			words := min(64, blocks*8-t)
			for r := range 8 {
				widenAVX2(&wide[r*64], &v.Row(from + l + r)[2*t], words/8, int16(zero))
			}
			transposeWordsAVX2(&dst[t*lanes+l], lanes*4, unsafe.Pointer(&wide), 64*4, words/8, 0)
		}
	}
	if rest := v.Cols - blocks*8*group; rest > 0 {
		tail := v
		tail.Data, tail.Cols = v.Data[blocks*8*group:], rest
		packInt8RowsPlain(dst[blocks*8*lanes:], lanes, group, tail, zero, from, n)
	}
}

// packInt8Columns packs columns of v as lanes; see packInt8ColumnsPlain.
func packInt8Columns(dst []uint32, lanes, group int, v exact.View[int8], zero int32, from, n int) {
	steps := v.Rows / group
	if !simd || group == 1 || steps == 0 || n < lanes {
		packInt8ColumnsPlain(dst, lanes, group, v, zero, from, n)
		return
	}
	if group == 4 {
		interleave4AVX2(&dst[0], lanes*4, &v.Data[from], v.Stride, steps, lanes/16, uint32(zero)&255*0x01010101)
	} else {
		for l := 0; l < lanes; l += 16 {
			interleave2AVX2(&dst[l], lanes*4, &v.Data[from+l], v.Stride, steps, int16(zero))
		}
	}
	if rest := v.Rows - steps*group; rest > 0 {
		tail := v
		tail.Data, tail.Rows = v.Data[steps*group*v.Stride:], rest
		packInt8ColumnsPlain(dst[steps*lanes:], lanes, group, tail, zero, from, n)
	}
}

// sumSigned returns the sum of signed bytes; see sumSignedPlain.
func sumSigned(words []uint32) (sum int32) {
	if full := len(words) / 8 * 8; simd && full > 0 {
		sum = sumBytesAVX2(&words[0], full/8) - 128*4*int32(full)
		words = words[full:]
	}
	return sum + sumSignedPlain(words)
}

// sumLanesSigned stores the sums of a panel's lanes; see sumLanesSignedPlain.
func sumLanesSigned(sums []int32, panel []uint32, steps int) {
	if !simd || steps == 0 || len(sums)%8 != 0 {
		sumLanesSignedPlain(sums, panel, steps)
		return
	}
	_ = panel[steps*len(sums)-1]
	for l := 0; l < len(sums); l += 8 {
		sumLanesSignedAVX2(&sums[l], &panel[l], len(sums)*4, steps)
	}
}

// sumLanesUnsigned is sumLanesSigned for unsigned bytes.
func sumLanesUnsigned(sums []int32, panel []uint32, steps int) {
	if !simd || steps == 0 || len(sums)%8 != 0 {
		sumLanesUnsignedPlain(sums, panel, steps)
		return
	}
	_ = panel[steps*len(sums)-1]
	for l := 0; l < len(sums); l += 8 {
		sumLanesUnsignedAVX2(&sums[l], &panel[l], len(sums)*4, steps)
	}
}

// addInt32 stores t + add + row; see addInt32Plain.
func addInt32(dst, t, add []int32, row int32) {
	if full := len(dst) / 8 * 8; simd && full > 0 {
		_, _ = t[full-1], add[full-1]
		addInt32AVX2(&dst[0], &t[0], &add[0], row, full/8)
		dst, t, add = dst[full:], t[full:], add[full:]
	}
	addInt32Plain(dst, t, add, row)
}

// requantize stores int8 results; see requantizePlain. t, add, mult and shift
// reach past dst up to a multiple of eight.
func requantize(dst []int8, t, add []int32, row int32, mult, shift []int32, q *exact.Requant) {
	up := ceil(len(dst), 8) * 8
	if !simd || len(dst) == 0 || min(len(t), len(add), len(mult), len(shift)) < up {
		requantizePlain(dst, t, add, row, mult, shift, q)
		return
	}
	// Clamped before the zero point is added, so that the sum cannot overflow.
	p := [4]int32{row, q.Zero, q.Min - q.Zero, q.Max - q.Zero}
	if wide := len(dst) / 16 * 16; qAVX512 && wide > 0 {
		requantizeAVX512(&dst[0], 0, &t[0], &add[0], &mult[0], &shift[0], wide/16, 1, &row, &p)
		dst, t, add, mult, shift = dst[wide:], t[wide:], add[wide:], mult[wide:], shift[wide:]
	}
	full := len(dst) / 8 * 8
	if full > 0 {
		requantizeAVX2(&dst[0], &t[0], &add[0], &mult[0], &shift[0], full/8, &p)
	}
	if full < len(dst) {
		var last [8]int8
		requantizeAVX2(&last[0], &t[full], &add[full], &mult[full], &shift[full], 1, &p)
		copy(dst[full:], last[:])
	}
}

// requantizeTile is requantize for the rows of a whole tile, t without gaps; it
// reports whether this processor has done it.
func requantizeTile(dst []int8, stride int, t, add, row, mult, shift []int32, q *exact.Requant) bool {
	n := len(add)
	if !qAVX512 || n%16 != 0 {
		return false
	}
	_, _, _, _ = dst[(len(row)-1)*stride+n-1], t[len(row)*n-1], mult[n-1], shift[n-1]
	p := [4]int32{0, q.Zero, q.Min - q.Zero, q.Max - q.Zero}
	requantizeAVX512(&dst[0], stride, &t[0], &add[0], &mult[0], &shift[0], n/16, len(row), &row[0], &p)
	return true
}

// widenAVX2 stores 16·blocks values less zero as int16.
//
//go:noescape
func widenAVX2(dst *uint32, src *int8, blocks int, zero int16)

// transposeWordsAVX2 moves 8 rows of 8·blocks words, srcStride bytes apart, to
// as many rows of 8 words, dstStride bytes apart, each word xor flip.
//
//go:noescape
func transposeWordsAVX2(dst *uint32, dstStride int, src unsafe.Pointer, srcStride, blocks int, flip uint32)

// interleave4AVX2 makes 16·groups words, 4 rows deep, of as many columns in each
// of steps steps; strides are in bytes.
//
//go:noescape
func interleave4AVX2(dst *uint32, dstStride int, src *int8, srcStride, steps, groups int, flip uint32)

// interleave2AVX2 makes 16 pairs of int16 less zero, 2 rows deep, of 16 columns
// in each of steps steps; strides are in bytes.
//
//go:noescape
func interleave2AVX2(dst *uint32, dstStride int, src *int8, srcStride, steps int, zero int16)

// sumBytesAVX2 returns the sum of the bytes b + 128 of 8·blocks words.
//
//go:noescape
func sumBytesAVX2(words *uint32, blocks int) int32

// sumLanesSignedAVX2 stores the sums of 8 lanes' signed bytes; steps ≥ 1.
//
//go:noescape
func sumLanesSignedAVX2(sums *int32, words *uint32, stride, steps int)

// sumLanesUnsignedAVX2 stores the sums of 8 lanes' unsigned bytes; steps ≥ 1.
//
//go:noescape
func sumLanesUnsignedAVX2(sums *int32, words *uint32, stride, steps int)

// addInt32AVX2 is addInt32Plain over 8·blocks elements, blocks ≥ 1.
//
//go:noescape
func addInt32AVX2(dst, t, add *int32, row int32, blocks int)

// requantizeAVX2 is requantizePlain over 8·blocks columns, blocks ≥ 1; p holds
// the row's constant, the zero point, and Min and Max less the zero point.
//
//go:noescape
func requantizeAVX2(dst *int8, t, add, mult, shift *int32, blocks int, p *[4]int32)

// requantizeAVX512 is requantizePlain over rows ≥ 1 rows of 16·blocks columns,
// blocks ≥ 1: t without gaps, dst stride apart, row a row's constant each.
//
//go:noescape
func requantizeAVX512(dst *int8, stride int, t, add, mult, shift *int32, blocks, rows int, row *int32, p *[4]int32)
