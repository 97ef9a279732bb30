package cpu

import (
	"context"
	"sync"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("qmatmul", qMatMul, qMatMulReference) }

// The integer product is exact modulo 2³² in any order, so it is tiled freely:
// blocks of qBlock×qBlock results, qDepth steps at a time, packed as int32 with
// the zero points already taken off, in panels of qMR rows and qNR columns.
const (
	qMR    = 2
	qNR    = 4
	qBlock = 64
	qDepth = 1024
)

func qMatMul(ctx context.Context, d *driver, o *backend.QMatMul) error {
	m, n, _ := o.Sizes()
	high, wide := ceil(m, qBlock), ceil(n, qBlock)
	bias, requant := integerEpilogue(o)
	return d.parallel(ctx, o.C.Batch()*high*wide, 1, func(from, to int) {
		work := qPool.Get().(*qWork)
		defer qPool.Put(work)
		for u := from; u < to; u++ {
			i0, j0 := u/wide%high*qBlock, u%wide*qBlock
			rows, cols := min(qBlock, m-i0), min(qBlock, n-j0)
			work.block(o, u/(high*wide), i0, j0, rows, cols)
			put := integerPut(o, u/(high*wide), requant)
			for i := range rows {
				for j := range cols {
					acc := work.acc[i*qBlock+j]
					if bias != nil {
						acc += bias[j0+j]
					}
					put(i0+i, j0+j, acc)
				}
			}
		}
	})
}

// qWork is one thread's memory: packed operands and a block of results.
type qWork struct {
	a, b [qBlock * qDepth]int32
	acc  [qBlock * qBlock]int32
}

var qPool = sync.Pool{New: func() any { return new(qWork) }}

// block leaves rows×cols results from (i0, j0) on in acc, stride qBlock.
func (w *qWork) block(o *backend.QMatMul, batch, i0, j0, rows, cols int) {
	a, b := matrix[int8](o.A, batch), matrix[int8](o.B, batch)
	_, _, k := o.Sizes()
	clear(w.acc[:])
	for k0 := 0; k0 < k; k0 += qDepth {
		kc := min(qDepth, k-k0)
		packInt8(w.a[:], qMR, a, !o.TransA, o.ZeroA, i0, rows, k0, kc)
		packInt8(w.b[:], qNR, b, o.TransB, o.ZeroB, j0, cols, k0, kc)
		for i := 0; i < rows; i += qMR {
			for j := 0; j < cols; j += qNR {
				qTile(kc, w.a[i*kc:], w.b[j*kc:], w.acc[i*qBlock+j:])
			}
		}
	}
}

// packInt8 packs n lanes of kc steps, less the zero point, as panels of width
// lanes; lanes past n are zeros. laneMajor says that a lane is a row of v, else
// it is a column.
func packInt8(dst []int32, width int, v exact.View[int8], laneMajor bool, zero int32, from, n, k0, kc int) {
	for l0 := 0; l0 < n; l0 += width {
		panel := dst[:kc*width]
		dst = dst[kc*width:]
		lanes := min(width, n-l0)
		if lanes < width {
			clear(panel)
		}
		if laneMajor {
			for l := range lanes {
				for k, x := range v.Row(from + l0 + l)[k0 : k0+kc] {
					panel[k*width+l] = int32(x) - zero
				}
			}
			continue
		}
		for k := range kc {
			for l, x := range v.Row(k0 + k)[from+l0 : from+l0+lanes] {
				panel[k*width+l] = int32(x) - zero
			}
		}
	}
}

// qTile adds kc steps of a 2×4 tile to acc, stride qBlock.
func qTile(kc int, a, b, acc []int32) {
	var c00, c01, c02, c03, c10, c11, c12, c13 int32
	a, b = a[:kc*qMR], b[:kc*qNR]
	for len(a) >= qMR && len(b) >= qNR {
		a0, a1 := a[0], a[1]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		c00 += a0 * b0
		c01 += a0 * b1
		c02 += a0 * b2
		c03 += a0 * b3
		c10 += a1 * b0
		c11 += a1 * b1
		c12 += a1 * b2
		c13 += a1 * b3
		a, b = a[qMR:], b[qNR:]
	}
	r0, r1 := (*[qNR]int32)(acc), (*[qNR]int32)(acc[qBlock:])
	r0[0] += c00
	r0[1] += c01
	r0[2] += c02
	r0[3] += c03
	r1[0] += c10
	r1[1] += c11
	r1[2] += c12
	r1[3] += c13
}

// integerEpilogue returns the bias, or nil, and the requantisation, or nil.
func integerEpilogue(o *backend.QMatMul) (bias []int32, requant *exact.Requant) {
	if v, given := optional[int32](o.Bias); given {
		bias = v.Row(0)
	}
	if q := o.Requant; q != nil {
		requant = &exact.Requant{Multiplier: matrix[int32](q.Multiplier, 0).Row(0),
			Shift: matrix[int32](q.Shift, 0).Row(0), Zero: q.ZeroC, Min: q.Min, Max: q.Max}
	}
	return bias, requant
}

// integerPut returns what stores an element of one matrix of C.
func integerPut(o *backend.QMatMul, batch int, requant *exact.Requant) func(i, j int, acc int32) {
	if requant == nil {
		return matrix[int32](o.C, batch).Set
	}
	c := matrix[int8](o.C, batch)
	return func(i, j int, acc int32) { c.Set(i, j, requant.Apply(acc, j)) }
}

func qMatMulReference(d *driver, o *backend.QMatMul) error {
	m, n, _ := o.Sizes()
	bias, requant := integerEpilogue(o)
	for b := range o.C.Batch() {
		exact.QMatMul(m, n, matrix[int8](o.A, b), matrix[int8](o.B, b), o.TransA, o.TransB, o.ZeroA, o.ZeroB, bias,
			integerPut(o, b, requant))
	}
	return nil
}
