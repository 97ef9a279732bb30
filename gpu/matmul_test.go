//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

// product describes one MatMul of the tests.
type product struct {
	batch, m, n, k int
	ta, tb         bool
	ca, cb         bool // conjugate
	batchA, batchB int  // 0: as batch
	alpha, beta    complex64
	scaled         bool // alpha and beta are given
	bias           bool
	act            backend.Activation
	gap            int
	words          func(uint32) func(int) uint32 // content; nil: mixed
}

// on runs the product on a device and returns all of C's memory.
func (s product) on(t testing.TB, dev *backend.Device, dtype backend.DType) (whole *backend.Tensor) {
	t.Helper()
	words := s.words
	if words == nil {
		words = mixed
	}
	operand := func(batch, rows, cols int, trans bool, seed uint32) *backend.Tensor {
		if trans {
			rows, cols = cols, rows
		}
		x, _ := shape{dtype, batch, rows, cols, s.gap, words(seed)}.place(t, dev)
		return x
	}
	ba, bb := s.batch, s.batch
	if s.batchA > 0 {
		ba = s.batchA
	}
	if s.batchB > 0 {
		bb = s.batchB
	}
	c, whole := shape{dtype, s.batch, s.m, s.n, s.gap, words(3)}.place(t, dev)
	op := &backend.MatMul{C: c, A: operand(ba, s.m, s.k, s.ta, 1), B: operand(bb, s.k, s.n, s.tb, 2),
		TransA: s.ta, TransB: s.tb, ConjA: s.ca, ConjB: s.cb, Act: s.act}
	if s.scaled {
		op.Alpha, op.Beta = backend.ComplexScalar(s.alpha), backend.ComplexScalar(s.beta)
	}
	if s.bias {
		op.Bias = operand(1, 1, s.n, false, 4)
	}
	run(t, op)
	return whole
}

func (s product) String() string {
	return fmt.Sprintf("%d×(%d×%d×%d) transposed %t %t conjugated %t %t scaled %t %v %v bias %t %v gap %d",
		s.batch, s.m, s.n, s.k, s.ta, s.tb, s.ca, s.cb, s.scaled, s.alpha, s.beta, s.bias, s.act, s.gap)
}

// The product gives the bits of package exact on tile edges, primes, ones and empty K, for all transposes, strides,
// batches, epilogues and special values.
func TestMatMulGivesTheBitsOfExact(t *testing.T) {
	tests := []product{
		{batch: 1, m: 1, n: 1, k: 1},
		{batch: 1, m: 1, n: 1, k: 0},
		{batch: 2, m: 3, n: 5, k: 0, scaled: true, alpha: 2, beta: 3, bias: true, gap: 1},
		{batch: 1, m: 16, n: 16, k: 16},
		{batch: 1, m: 17, n: 17, k: 17, gap: 3},
		{batch: 1, m: 64, n: 64, k: 16},
		{batch: 1, m: 65, n: 63, k: 31, gap: 1},
		{batch: 1, m: 65, n: 67, k: 33, ta: true, gap: 2},
		{batch: 1, m: 37, n: 71, k: 15, tb: true, gap: 5},
		{batch: 1, m: 41, n: 43, k: 47, ta: true, tb: true, gap: 2},
		{batch: 1, m: 1, n: 130, k: 7},
		{batch: 1, m: 130, n: 1, k: 7, tb: true},
		{batch: 5, m: 7, n: 3, k: 11, gap: 1},
		{batch: 4, m: 7, n: 3, k: 11, batchA: 1, ta: true},
		{batch: 4, m: 7, n: 3, k: 11, batchB: 1, tb: true, gap: 2},
		{batch: 1, m: 19, n: 23, k: 29, scaled: true, alpha: 0.7, beta: -1.3, gap: 1},
		{batch: 1, m: 19, n: 23, k: 29, scaled: true, alpha: 0, beta: 1},
		{batch: 1, m: 19, n: 23, k: 29, scaled: true, alpha: 1, beta: 0, words: special},
		{batch: 1, m: 33, n: 35, k: 9, scaled: true, alpha: -1, beta: 2, bias: true, words: special, gap: 1},
		{batch: 1, m: 18, n: 20, k: 1, words: special},
		{batch: 1, m: 40, n: 40, k: 1, words: zeros},
		{batch: 1, m: 40, n: 40, k: 2, words: zeros, scaled: true, alpha: -1, beta: -1, bias: true},
	}
	for _, act := range []backend.Activation{backend.Relu, backend.Sigmoid, backend.Tanh, backend.Softplus} {
		tests = append(tests, product{batch: 1, m: 20, n: 21, k: 5, bias: true, act: act, words: special})
	}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, s := range tests {
			sameBits(t, s.String(), s.on(t, gl, backend.Float32), s.on(t, plain, backend.Float32))
		}
	})
}

// K is cut every 4096, on the cut, before and after it.
func TestMatMulCutsK(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, k := range []int{4095, 4096, 4097, 8192, 8200} {
			s := product{batch: 1, m: 3, n: 2, k: k, ta: true}
			sameBits(t, s.String(), s.on(t, gl, backend.Float32), s.on(t, plain, backend.Float32))
			if k > 4097 {
				continue
			}
			sameBits(t, s.String()+" complex", s.on(t, gl, backend.Complex64), s.on(t, plain, backend.Complex64))
		}
	})
}

func TestComplexMatMulGivesTheBitsOfExact(t *testing.T) {
	tests := []product{
		{batch: 1, m: 1, n: 1, k: 1},
		{batch: 2, m: 3, n: 5, k: 0, scaled: true, alpha: 2i, beta: 3 - 1i, bias: true, gap: 1},
		{batch: 1, m: 17, n: 33, k: 17, gap: 3},
		{batch: 1, m: 32, n: 32, k: 16, ca: true},
		{batch: 1, m: 33, n: 31, k: 9, ta: true, ca: true, gap: 1},
		{batch: 1, m: 18, n: 19, k: 21, tb: true, cb: true, gap: 1},
		{batch: 3, m: 5, n: 7, k: 11, ta: true, tb: true, ca: true, cb: true, batchB: 1},
		{batch: 1, m: 9, n: 10, k: 11, scaled: true, alpha: 0.7 - 0.2i, beta: -1.3 + 2i, bias: true},
		{batch: 1, m: 9, n: 10, k: 11, scaled: true, alpha: 0, beta: 1i},
		{batch: 1, m: 20, n: 18, k: 3, words: special, gap: 1},
		{batch: 1, m: 20, n: 18, k: 2, words: special, scaled: true, alpha: 1i, beta: 1, bias: true},
		{batch: 1, m: 40, n: 40, k: 1, words: zeros},
		{batch: 1, m: 40, n: 40, k: 1, words: zeros, scaled: true, alpha: 1i, beta: 0},
		{batch: 1, m: 40, n: 40, k: 2, words: zeros, scaled: true, alpha: -1, beta: -1i, bias: true},
	}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, s := range tests {
			sameBits(t, s.String(), s.on(t, gl, backend.Complex64), s.on(t, plain, backend.Complex64))
		}
	})
}
