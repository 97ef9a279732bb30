package cpu

import (
	"context"
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("matmul", matMul, matMulReference) }

var (
	faultKTail      = addFault("matmul-k-tail-dropped")
	faultReadsC     = addFault("matmul-beta-reads-c")
	faultCutIgnored = addFault("matmul-cut-ignored")
)

const (
	// smallProduct is the number of macs up to which a batch is spread over
	// the threads by whole products.
	smallProduct = 1 << 20
	// tinyProduct is the number of macs up to which a product takes less time
	// than waking a thread does.
	tinyProduct = 1 << 16
)

// matMul runs the real core for both element types. A complex product
//
//	re = mac(re, ar, br), re = mac(re, −ai, bi)
//	im = mac(im, ar, bi), im = mac(im, ai, br)
//
// is the real product of A's rows (ar, ai, ar, ai, ...), twice as deep, with
// two columns for each of B's: (br, −bi, ...) and (bi, br, ...), because
// (−ai)·bi and ai·(−bi) are the same number. Its result is C's own row of real
// and imaginary parts.
func matMul(ctx context.Context, d *driver, o *backend.MatMul) error {
	m, n, k := o.Sizes()
	if o.Alpha.Or(1) == 0 {
		k = 0
	}
	if d.fault == faultKTail {
		k -= k % 8
	}
	product := func(b int) gemm { return floatProduct(d, o, b, k) }
	if o.C.DType() == backend.Complex64 {
		product = func(b int) gemm { return complexProduct(d, o, b, k) }
	}
	if batch := o.C.Batch(); batch > 1 && int64(m)*int64(n)*int64(k) <= smallProduct {
		return d.parallel(ctx, batch, 1, func(from, to int) {
			for b := from; b < to; b++ {
				g := product(b)
				// The only error is the context's, which parallel returns too.
				_ = g.run(d.runner(ctx, 1), 1)
			}
		})
	}
	threads := d.threads
	if int64(m)*int64(n)*int64(k) <= tinyProduct {
		threads = 1
	}
	for b := range o.C.Batch() {
		g := product(b)
		if err := g.run(d.runner(ctx, threads), threads); err != nil {
			return err
		}
	}
	return nil
}

// runner returns how a product's pieces run on that many threads.
func (d *driver) runner(ctx context.Context, threads int) runner {
	if threads > 1 {
		return func(n int, work func(int)) error {
			return d.parallel(ctx, n, 1, func(from, _ int) { work(from) })
		}
	}
	return func(n int, work func(int)) error {
		for i := range n {
			if err := ctx.Err(); err != nil {
				return err
			}
			work(i)
		}
		return nil
	}
}

func floatProduct(d *driver, o *backend.MatMul, batch, k int) gemm {
	a, b, c := matrix[float32](o.A, batch), matrix[float32](o.B, batch), matrix[float32](o.C, batch)
	e := epilogue(d.mac, o)
	g := gemm{mac: d.mac, m: c.Rows, n: c.Cols, k: k, cut: cutOf(d, k),
		packA: func(dst []float32, from, n, k0, kc int) { packA(dst, a, o.TransA, from, n, k0, kc) },
		packB: func(dst []float32, from, n, k0, kc int) { packB(dst, b, o.TransB, from, n, k0, kc) },
	}
	plain := e.Alpha == 1 && e.Beta == 0 && e.Bias == nil && e.Act == nil && d.fault == ""
	g.store = func(r *tile, i0, j0, rows, cols int) {
		if plain && cols == nr {
			storeRows(c.Data[i0*c.Stride+j0:], c.Stride, r, rows)
			return
		}
		for i := range rows {
			dst, src := c.Row(i0 + i)[j0:j0+cols], r[i*nr:i*nr+cols]
			if d.fault == faultReadsC {
				for j := range src {
					src[j] = d.mac.Mac(src[j], e.Beta, dst[j])
				}
			}
			finishRow(d.mac, &e, o.Act, dst, src, j0)
		}
	}
	return g
}

// finishRow is exact.Epilogue.Apply over part of a row of C, dst, whose products r
// it overwrites and whose first column is j0. act names e.Act.
func finishRow(mac exact.Mac, e *exact.Epilogue, act backend.Activation, dst, r []float32, j0 int) {
	dst = dst[:len(r)]
	if e.Alpha != 1 && e.Alpha != 0 {
		for j := range r {
			r[j] = float32(r[j] * e.Alpha)
		}
	}
	switch {
	case e.Beta == 1: // one rounding in either profile
		for j, c := range dst {
			r[j] += c
		}
	case e.Beta != 0:
		for j, c := range dst {
			r[j] = mac.Mac(r[j], e.Beta, c)
		}
	}
	if e.Bias != nil {
		for j, x := range e.Bias[j0 : j0+len(r)] {
			r[j] += x
		}
	}
	switch {
	case act == backend.Relu: // by masks, since signs are hard to predict
		for j, x := range r {
			u := math.Float32bits(x)
			dst[j] = exact.CanonNaN(x)
			if x == x {
				dst[j] = math.Float32frombits(u &^ uint32(int32(u)>>31))
			}
		}
		return
	case e.Act != nil:
		for j, x := range r {
			r[j] = e.Act(x)
		}
	}
	for j, x := range r {
		dst[j] = exact.CanonNaN(x)
	}
}

func complexProduct(d *driver, o *backend.MatMul, batch, k int) gemm {
	a, b, c := matrix[complex64](o.A, batch), matrix[complex64](o.B, batch), matrix[complex64](o.C, batch)
	e := complexEpilogue(o)
	return gemm{mac: d.mac, m: c.Rows, n: 2 * c.Cols, k: 2 * k, cut: 2 * cutOf(d, k),
		packA: func(dst []float32, from, n, k0, kc int) {
			packComplexA(dst, a, o.TransA, o.ConjA, from, n, k0/2, kc/2)
		},
		packB: func(dst []float32, from, n, k0, kc int) {
			packComplexB(dst, b, o.TransB, o.ConjB, from/2, n/2, k0/2, kc/2)
		},
		store: func(r *tile, i0, j0, rows, cols int) {
			for i := range rows {
				dst := c.Row(i0 + i)[j0/2 : (j0+cols)/2]
				for j := range dst {
					x := complex(r[i*nr+2*j], r[i*nr+2*j+1])
					dst[j] = e.Apply(d.mac, x, j0/2+j, dst[j])
				}
			}
		},
	}
}

// cutOf returns where K is cut.
func cutOf(d *driver, k int) int {
	if d.fault == faultCutIgnored {
		return max(k, 1)
	}
	return exact.Cut
}

// packComplexA packs n rows of op(A) from row from, kc complex steps from k0,
// as panels of MR rows and two steps a complex one: real, imaginary.
func packComplexA(dst []float32, a exact.View[complex64], trans, conj bool, from, n, k0, kc int) {
	for l0 := 0; l0 < n; l0 += mr {
		for k := range kc {
			step := dst[2*k*mr : 2*(k+1)*mr]
			clear(step)
			for l := range min(mr, n-l0) {
				z := complexAt(a, trans, conj, from+l0+l, k0+k)
				step[l], step[mr+l] = real(z), imag(z)
			}
		}
		dst = dst[2*kc*mr:]
	}
}

// packComplexB packs n complex columns of op(B) from column from, kc complex
// steps from k0, as panels of NR real columns: (br, −bi) and (bi, br).
func packComplexB(dst []float32, b exact.View[complex64], trans, conj bool, from, n, k0, kc int) {
	for l0 := 0; l0 < n; l0 += nr / 2 {
		for k := range kc {
			step := dst[2*k*nr : 2*(k+1)*nr]
			clear(step)
			for l := range min(nr/2, n-l0) {
				z := complexAt(b, trans, conj, k0+k, from+l0+l)
				step[2*l], step[2*l+1] = real(z), imag(z)
				step[nr+2*l], step[nr+2*l+1] = -imag(z), real(z)
			}
		}
		dst = dst[2*kc*nr:]
	}
}

// complexAt returns element (i, j) of op(v).
func complexAt(v exact.View[complex64], trans, conj bool, i, j int) complex64 {
	if trans {
		i, j = j, i
	}
	z := v.At(i, j)
	if conj {
		z = complex(real(z), -imag(z))
	}
	return z
}

func epilogue(mac exact.Mac, o *backend.MatMul) exact.Epilogue {
	e := exact.Epilogue{Alpha: o.Alpha.Real(1), Beta: o.Beta.Real(0), Act: activation(mac, o.Act)}
	if bias, given := optional[float32](o.Bias); given {
		e.Bias = bias.Row(0)
	}
	return e
}

func complexEpilogue(o *backend.MatMul) exact.ComplexEpilogue {
	e := exact.ComplexEpilogue{Alpha: o.Alpha.Or(1), Beta: o.Beta.Or(0)}
	if bias, given := optional[complex64](o.Bias); given {
		e.Bias = bias.Row(0)
	}
	return e
}

func activation(mac exact.Mac, a backend.Activation) func(float32) float32 {
	switch a {
	case backend.Relu:
		return exact.Relu
	case backend.Sigmoid:
		return mac.Sigmoid
	case backend.Tanh:
		return mac.Tanh
	case backend.Softplus:
		return mac.Softplus
	}
	return nil
}

func matMulReference(d *driver, o *backend.MatMul) error {
	for i := range o.C.Batch() {
		if o.C.DType() == backend.Complex64 {
			d.mac.MatMulComplex(matrix[complex64](o.C, i), matrix[complex64](o.A, i), matrix[complex64](o.B, i),
				o.TransA, o.TransB, o.ConjA, o.ConjB, complexEpilogue(o))
			continue
		}
		d.mac.MatMul(matrix[float32](o.C, i), matrix[float32](o.A, i), matrix[float32](o.B, i),
			o.TransA, o.TransB, epilogue(d.mac, o))
	}
	return nil
}
