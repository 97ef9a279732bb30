package backend

import (
	"context"
	"fmt"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"samebits/backend/exact"
)

// BLAS returns gonum's float32 BLAS with Sgemm on dev, so that
//
//	blas32.Use(backend.BLAS(dev))
//
// speeds up a program written for gonum. Every other routine is gonum's own.
//
// Sgemm checks its arguments and panics as gonum's does, and leaves C alone
// where gonum's does: m, n = 0, or beta = 1 with alpha or k = 0. Otherwise C
// holds the bits of [MatMul] with the same Alpha and Beta, which differ from
// gonum's in rounding.
//
// A Sgemm cannot return an error. Where dev fails (closed, lost, out of
// memory) the product is computed again on the first of the spares that can,
// and at last by the plain statement of package exact on the calling
// goroutine, hundreds of times slower than a CPU device: pass one as a spare
// where that matters. A spare of dev's profile gives dev's bits. C is not
// touched before a product is complete. A warning goes to the failed device's
// logger.
//
// The result is safe for concurrent use. Each call copies its operands to the
// device and C back: 4·(mk + kn + mn) bytes, and mn more for beta ≠ 0. Up to
// four sets of device memory, as large as the largest products so far, are
// kept for the next calls until the device is closed.
func BLAS(dev *Device, spares ...*Device) blas.Float32 {
	b := &deviceBLAS{}
	for _, d := range append([]*Device{dev}, spares...) {
		if d != nil {
			b.devices = append(b.devices, &blasDevice{dev: d})
		}
	}
	return b
}

// deviceBLAS implements blas.Float32; what it does not define is gonum's.
type deviceBLAS struct {
	gonum.Implementation
	devices []*blasDevice
}

// Sgemm is C = alpha·op(A)·op(B) + beta·C; see [BLAS].
func (b *deviceBLAS) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int,
	x []float32, ldb int, beta float32, c []float32, ldc int) {
	checkGemm(tA, tB, m, n, k, lda, ldb, ldc)
	if m == 0 || n == 0 {
		return
	}
	g := gemmCall{alpha: alpha, beta: beta, transA: tA != blas.NoTrans, transB: tB != blas.NoTrans,
		a: exact.View[float32]{Data: a, Rows: m, Cols: k, Stride: lda},
		b: exact.View[float32]{Data: x, Rows: k, Cols: n, Stride: ldb},
		c: exact.View[float32]{Data: c, Rows: m, Cols: n, Stride: ldc}}
	if g.transA {
		g.a.Rows, g.a.Cols = k, m
	}
	if g.transB {
		g.b.Rows, g.b.Cols = n, k
	}
	checkLength(g.a, "blas: insufficient length of a")
	checkLength(g.b, "blas: insufficient length of b")
	checkLength(g.c, "blas: insufficient length of c")
	if (isZero(alpha) || k == 0) && beta == 1 {
		return
	}
	if isZero(alpha) { // neither A nor B is read
		g.a, g.b = exact.View[float32]{Rows: m}, exact.View[float32]{Cols: n}
		g.transA, g.transB = false, false
	}
	mac := exact.Fused
	for i, d := range b.devices {
		err := d.gemm(&g)
		if err == nil {
			return
		}
		if i == 0 {
			mac = d.dev.Profile().Mac
		}
		d.dev.log.Warn("sgemm is finished elsewhere", "device", d.dev.info.Name, "error", err)
	}
	mac.MatMul(g.c, g.a, g.b, g.transA, g.transB, exact.Epilogue{Alpha: g.alpha, Beta: g.beta})
}

// checkGemm panics as gonum does, in its words and its order.
func checkGemm(tA, tB blas.Transpose, m, n, k, lda, ldb, ldc int) {
	for _, t := range [2]blas.Transpose{tA, tB} {
		if t != blas.NoTrans && t != blas.Trans && t != blas.ConjTrans {
			panic("blas: illegal transpose")
		}
	}
	colsA, colsB := k, n
	if tA != blas.NoTrans {
		colsA = m
	}
	if tB != blas.NoTrans {
		colsB = k
	}
	switch {
	case m < 0:
		panic("blas: m < 0")
	case n < 0:
		panic("blas: n < 0")
	case k < 0:
		panic("blas: k < 0")
	case lda < max(1, colsA):
		panic("blas: bad leading dimension of A")
	case ldb < max(1, colsB):
		panic("blas: bad leading dimension of B")
	case ldc < max(1, n):
		panic("blas: bad leading dimension of C")
	}
}

// checkLength panics where a matrix does not fit its slice.
func checkLength(v exact.View[float32], message string) {
	if v.Rows > 0 && !spans(v.Rows, v.Cols, v.Stride, len(v.Data)) {
		panic(message)
	}
}

// gemmCall is one checked Sgemm.
type gemmCall struct {
	alpha, beta    float32
	transA, transB bool
	a, b, c        exact.View[float32]
}

// blasDevice is a device with the memory of finished calls.
type blasDevice struct {
	dev  *Device
	mu   sync.Mutex
	free []*gemmMemory
}

// gemmMemory is what one call needs, kept for the next: three pieces of device
// memory, grown as products ask for it, and a packed matrix on the host.
type gemmMemory struct {
	a, b, c deviceMatrix
	packed  []float32
	op      MatMul
}

// keptCalls bounds the sets of memory that wait for the next call.
const keptCalls = 4

func (d *blasDevice) gemm(g *gemmCall) error {
	mem := d.take()
	defer d.give(mem)
	ctx := context.Background()
	if err := first(mem.a.fit(d.dev, g.a), mem.b.fit(d.dev, g.b), mem.c.fit(d.dev, g.c)); err != nil {
		return err
	}
	if err := first(mem.upload(ctx, &mem.a, g.a), mem.upload(ctx, &mem.b, g.b)); err != nil {
		return err
	}
	if !isZero(g.beta) {
		if err := mem.upload(ctx, &mem.c, g.c); err != nil {
			return err
		}
	}
	mem.op = MatMul{C: &mem.c.view, A: &mem.a.view, B: &mem.b.view, TransA: g.transA, TransB: g.transB,
		Alpha: Scalar(g.alpha), Beta: Scalar(g.beta)}
	if err := d.dev.Run(ctx, &mem.op); err != nil {
		return err
	}
	return mem.download(ctx, g)
}

func (d *blasDevice) take() *gemmMemory {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.free); n > 0 {
		mem := d.free[n-1]
		d.free = d.free[:n-1]
		return mem
	}
	return new(gemmMemory)
}

func (d *blasDevice) give(mem *gemmMemory) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.free) < keptCalls {
		d.free = append(d.free, mem)
		return
	}
	for _, m := range []*deviceMatrix{&mem.a, &mem.b, &mem.c} {
		m.memory.Close()
	}
}

// deviceMatrix is device memory and the matrix that it holds in this call.
type deviceMatrix struct {
	memory *Tensor // one row; nil before the first call
	view   Tensor
}

// fit makes m a matrix of v's shape.
func (m *deviceMatrix) fit(dev *Device, v exact.View[float32]) error {
	n, ok := product(v.Rows, v.Cols)
	if !ok {
		return fmt.Errorf("%d×%d elements: %w", v.Rows, v.Cols, ErrShape)
	}
	if m.memory == nil || m.memory.cols < n || m.memory.mem.closed.Load() {
		m.memory.Close()
		m.memory = nil
		memory, err := dev.NewTensor(Float32, 1, n)
		if err != nil {
			return err
		}
		m.memory = memory
	}
	m.view = *m.memory
	m.view.view = true
	m.view.rows, m.view.cols, m.view.stride, m.view.batchStride = v.Rows, v.Cols, v.Cols, n
	return nil
}

// upload copies v to the device, never reading between its rows, where other
// goroutines may be at work on other parts of the same matrix.
func (mem *gemmMemory) upload(ctx context.Context, to *deviceMatrix, v exact.View[float32]) error {
	n := v.Rows * v.Cols
	if n == 0 {
		return nil
	}
	if v.Stride == v.Cols || v.Rows == 1 {
		return Upload(ctx, &to.view, v.Data[:n])
	}
	packed := mem.host(n)
	for i := range v.Rows {
		copy(packed[i*v.Cols:(i+1)*v.Cols], v.Row(i))
	}
	return Upload(ctx, &to.view, packed)
}

// download copies C back; a C that a repetition would have to read stays
// untouched until its result is whole.
func (mem *gemmMemory) download(ctx context.Context, g *gemmCall) error {
	c, n := g.c, g.c.Rows*g.c.Cols
	if isZero(g.beta) && (c.Stride == c.Cols || c.Rows == 1) {
		return Download(ctx, c.Data[:n], &mem.c.view)
	}
	packed := mem.host(n)
	if err := Download(ctx, packed, &mem.c.view); err != nil {
		return err
	}
	for i := range c.Rows {
		copy(c.Row(i), packed[i*c.Cols:(i+1)*c.Cols])
	}
	return nil
}

// host returns n elements of host memory; they hold what they held.
func (mem *gemmMemory) host(n int) []float32 {
	if cap(mem.packed) < n {
		mem.packed = make([]float32, n)
	}
	return mem.packed[:n]
}
