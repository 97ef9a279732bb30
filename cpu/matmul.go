package cpu

import (
	"context"
	"sync"
	"unsafe"

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
	// than another thread takes to join in.
	tinyProduct = 1 << 19
)

// matMul runs the float32 core for both element types. A complex product
//
//	re = mac(re, ar, br), re = mac(re, −ai, bi)
//	im = mac(im, ar, bi), im = mac(im, ai, br)
//
// is the real product of A's rows (ar, ai, ar, ai, ...), twice as deep, with
// two columns for each of B's: (br, −bi, ...) and (bi, br, ...), because
// (−ai)·bi and ai·(−bi) are the same number. Its result is C's own row of real
// and imaginary parts. Conjugation flips signs in B alone, for the same reason.
func matMul(ctx context.Context, d *driver, o *backend.MatMul) error {
	m, n, k := o.Sizes()
	if o.Alpha.Or(1) == 0 {
		k = 0
	}
	if d.fault == faultKTail {
		k -= k % 8
	}
	macs := int64(m) * int64(n) * int64(k)
	if batch := o.C.Batch(); batch > 1 && macs <= smallProduct {
		grain := int(max(1, min(tinyProduct/max(1, macs), int64(ceil(batch, d.threads)))))
		p := batchPool.Get().(*batchProduct)
		p.ctx, p.d, p.op, p.k = ctx, d, o, k
		err := d.parallel(ctx, batch, grain, p.work)
		p.ctx, p.d, p.op = nil, nil, nil
		batchPool.Put(p)
		return err
	}
	threads := d.threads
	if macs <= tinyProduct {
		threads = 1
	}
	for b := range o.C.Batch() {
		if err := multiply(ctx, d, o, b, k, threads); err != nil {
			return err
		}
	}
	return nil
}

// batchProduct is a batch of small products under way, kept for the next.
type batchProduct struct {
	ctx  context.Context
	d    *driver
	op   *backend.MatMul
	k    int
	work func(from, to int)
}

var batchPool = sync.Pool{New: func() any {
	p := new(batchProduct)
	p.work = p.matrices
	return p
}}

// matrices computes matrices from..to of the batch.
func (p *batchProduct) matrices(from, to int) {
	for b := from; b < to; b++ {
		// The only error is the context's, which parallel returns too.
		_ = multiply(p.ctx, p.d, p.op, b, p.k, 1)
	}
}

// multiply computes one matrix of the batch.
func multiply(ctx context.Context, d *driver, o *backend.MatMul, batch, k, threads int) error {
	g := gemmPool.Get().(*gemm)
	g.d, g.mac, g.threads, g.kern = d, d.mac, threads, best32
	if !simd {
		g.kern = portable
	}
	g.k, g.cut = k, exact.Cut
	if d.fault == faultCutIgnored {
		g.cut = max(k, 1)
	}
	if o.C.DType() == backend.Complex64 {
		g.complexOperands(o, batch)
	} else {
		g.floatOperands(o, batch)
	}
	g.m, g.n = g.c.Rows, g.c.Cols
	var err error
	real := g.a.order <= stepMajor && g.b.order <= stepMajor
	switch {
	case real && g.k > 0 && (g.n <= maxTurned && g.m >= 16*g.n || g.n == 1 && g.m > 8):
		err = g.runTurned(ctx)
	case real && g.k > 0 && g.m == 1 && g.vector():
		g.turned = false
		err = g.runDots(ctx)
	default:
		err = g.run(ctx)
	}
	g.release()
	return err
}

// maxTurned is the number of columns up to which a high product is computed as
// its transpose, so that vectors run over its rows.
const maxTurned = 6

// runTurned computes Cᵀ = op(B)ᵀ·op(A)ᵀ, whose chains are those of C, and
// finishes C's rows from it.
func (g *gemm) runTurned(ctx context.Context) error {
	m, n, c, plain := g.m, g.n, g.c, g.plain
	g.a, g.b = g.b, g.a
	if n == 1 {
		g.m, g.n = 1, m
		if g.vector() {
			g.turned = true
			return g.runDots(ctx)
		}
	}
	turned := floatScratch(m * n)
	defer releaseFloats(turned)
	g.m, g.n, g.c, g.plain = n, m, exact.Dense(*turned, n, m), true
	if err := g.run(ctx); err != nil {
		return err
	}
	g.m, g.n, g.c, g.plain = m, n, c, plain
	row := g.own.last[:n]
	for i := range m {
		for j := range row {
			row[j] = (*turned)[j*m+i]
		}
		g.last(row, i, 0)
	}
	return nil
}

func (g *gemm) floatOperands(o *backend.MatMul, batch int) {
	setMatrix(&g.a.view, o.A, batch)
	setMatrix(&g.b.view, o.B, batch)
	setMatrix(&g.c, o.C, batch)
	g.a.order, g.b.order = orderOf(!o.TransA), orderOf(o.TransB)
	g.plain = bare(g.d, o) && o.Act == backend.NoActivation
	if !g.plain {
		g.epi = epilogue32{real: epilogue(g.mac, o), act: o.Act, fault: g.d.fault}
	}
}

// bare reports whether C is the product itself but for an activation.
func bare(d *driver, o *backend.MatMul) bool {
	return o.Alpha.Or(1) == 1 && o.Beta.Or(0) == 0 && o.Bias == nil && d.fault == ""
}

func (g *gemm) complexOperands(o *backend.MatMul, batch int) {
	g.k, g.cut = 2*g.k, 2*g.cut
	g.a = operand{view: parts(matrix[complex64](o.A, batch)), order: laneMajor}
	if o.TransA {
		g.a.order = splitSteps
	}
	g.b = operand{view: parts(matrix[complex64](o.B, batch)), order: pairSteps}
	if o.TransB {
		g.b.order = pairLanes
	}
	const minus = 1 << 31
	g.b.signs[2] = minus
	if o.ConjB { // (br, −bi), (bi, br)
		g.b.signs[1] ^= minus
		g.b.signs[2] ^= minus
	}
	if o.ConjA { // what meets ai
		g.b.signs[2] ^= minus
		g.b.signs[3] ^= minus
	}
	c := matrix[complex64](o.C, batch)
	g.c, g.plain = parts(c), bare(g.d, o)
	if !g.plain {
		g.epi = epilogue32{isComplex: true, complex: complexEpilogue(o), c: c, fault: g.d.fault}
	}
}

// parts returns a complex matrix as the floats that it consists of.
func parts(v exact.View[complex64]) exact.View[float32] {
	p := exact.View[float32]{Rows: v.Rows, Cols: 2 * v.Cols, Stride: 2 * v.Stride}
	if len(v.Data) > 0 {
		p.Data = unsafe.Slice((*float32)(unsafe.Pointer(&v.Data[0])), 2*len(v.Data))
	}
	return p
}

// epilogue32 is what follows a product of either type.
type epilogue32 struct {
	real exact.Epilogue
	act  backend.Activation // names real.Act

	isComplex bool
	complex   exact.ComplexEpilogue
	c         exact.View[complex64]
	fault     string
}

// row finishes the products r of row i of C from column j on; it overwrites r.
func (e *epilogue32) row(g *gemm, r []float32, i, j int) {
	if e.isComplex {
		dst := e.c.Row(i)[j/2 : (j+len(r))/2]
		for l := range dst {
			dst[l] = e.complex.Apply(g.mac, complex(r[2*l], r[2*l+1]), j/2+l, dst[l])
		}
		return
	}
	dst := g.c.Row(i)[j : j+len(r)]
	if e.fault == faultReadsC {
		for l := range r {
			r[l] = g.mac.Mac(r[l], e.real.Beta, dst[l])
		}
	}
	finishRow(g.mac, &e.real, e.act, dst, r, j)
}

func epilogue(mac exact.Mac, o *backend.MatMul) exact.Epilogue {
	e := exact.Epilogue{Alpha: o.Alpha.Real(1), Beta: o.Beta.Real(0), Act: activations[mac][o.Act]}
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

// activations are the functions of an epilogue, made once.
var activations = func() (all [2][backend.Softplus + 1]func(float32) float32) {
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		all[mac] = [...]func(float32) float32{
			backend.Relu: exact.Relu, backend.Sigmoid: mac.Sigmoid, backend.Tanh: mac.Tanh, backend.Softplus: mac.Softplus,
		}
	}
	return all
}()

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
