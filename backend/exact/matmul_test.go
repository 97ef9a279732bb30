package exact

import (
	"math"
	"math/rand/v2"
	"testing"
)

var macs = []Mac{Fused, Split}

func same32(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

// randoms returns n numbers of mixed magnitude.
func randoms(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Ldexp(r.NormFloat64(), r.IntN(8)))
	}
	return x
}

// The order of a product written out: the elements stand so far apart in size
// that another order or another cut gives other bits.
func TestDotOrder(t *testing.T) {
	ones := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = 1
		}
		return x
	}
	// 2²⁴ swallows each 1 that is added to it in the same cut, and the next
	// cut's 4 ones arrive together.
	a := append([]float32{1 << 24}, ones(Cut+3)...)
	for _, m := range macs {
		if got := m.Dot(a, ones(len(a))); got != 1<<24+4 {
			t.Errorf("%v: 2²⁴ and %d ones: %v, want 2²⁴+4", m, Cut+3, got)
		}
		if got := m.Dot(nil, nil); !same32(got, 0) {
			t.Errorf("%v: empty product %v, want +0", m, got)
		}
		if got := m.Dot([]float32{-0x1p-140}, []float32{0x1p-140}); !same32(got, 0) {
			t.Errorf("%v: product that underflows from below %08x, want +0", m, math.Float32bits(got))
		}
	}
	x := []float32{1, 1 + 0x1p-12}
	y := []float32{-1, 1 + 0x1p-12}
	if f, s := Fused.Dot(x, y), Split.Dot(x, y); f != 0x1p-11+0x1p-24 || s != 0x1p-11 {
		t.Errorf("fused %x, split %x", f, s)
	}
}

func transposed[T any](v View[T]) View[T] {
	y := Dense(make([]T, v.Rows*v.Cols), v.Cols, v.Rows)
	Transpose(y, v)
	return y
}

func TestMatMulIsDots(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	rows, cols, k := 3, 4, 5
	a, b := Dense(randoms(r, rows*k), rows, k), Dense(randoms(r, k*cols), k, cols)
	old, bias := randoms(r, rows*cols), randoms(r, cols)
	for _, m := range macs {
		for v := range 4 {
			opA, opB := a, b
			if v&1 != 0 {
				opA = transposed(a)
			}
			if v&2 != 0 {
				opB = transposed(b)
			}
			c := Dense(append([]float32(nil), old...), rows, cols)
			m.MatMul(c, opA, opB, v&1 != 0, v&2 != 0, Epilogue{Alpha: 3, Beta: -0.3, Bias: bias, Act: m.Tanh})
			bt := transposed(b)
			for i := range rows {
				for j := range cols {
					p := float32(3 * m.Dot(a.Row(i), bt.Row(j)))
					want := m.Tanh(m.Mac(p, -0.3, old[i*cols+j]) + bias[j])
					if !same32(c.At(i, j), want) {
						t.Fatalf("%v, variant %d: element %d, %d is %v, want %v", m, v, i, j, c.At(i, j), want)
					}
				}
			}
		}
	}
}

// Complex products against the four macs written out, conjugates included.
func TestMatMulComplex(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const k = 6
	re, im := randoms(r, 2*k), randoms(r, 2*k)
	z := make([]complex64, 2*k)
	for i := range z {
		z[i] = complex(re[i], im[i])
	}
	a, b := Dense(z[:k], 1, k), Dense(z[k:], k, 1)
	for _, m := range macs {
		for v := range 4 {
			var accRe, accIm float32
			for i := range k {
				ar, ai, br, bi := re[i], im[i], re[k+i], im[k+i]
				if v&1 != 0 {
					ai = -ai
				}
				if v&2 != 0 {
					bi = -bi
				}
				accRe = m.Mac(accRe, ar, br)
				accRe = m.Mac(accRe, -ai, bi)
				accIm = m.Mac(accIm, ar, bi)
				accIm = m.Mac(accIm, ai, br)
			}
			c := Dense(make([]complex64, 1), 1, 1)
			m.MatMulComplex(c, a, b, false, false, v&1 != 0, v&2 != 0, ComplexEpilogue{Alpha: 1})
			if got := c.At(0, 0); got != complex(accRe, accIm) {
				t.Errorf("%v, variant %d: %v, want %v", m, v, got, complex(accRe, accIm))
			}
		}
	}
}

// Neither A nor B is looked at with alpha 0, nor C with beta 0.
func TestEpilogueZeros(t *testing.T) {
	c := Dense([]float32{nan}, 1, 1)
	bad := View[float32]{Rows: 1, Cols: 1, Stride: 1} // a read would panic
	Fused.MatMul(c, bad, bad, false, false, Epilogue{Beta: 0, Bias: []float32{2}})
	if c.At(0, 0) != 2 {
		t.Errorf("alpha 0: %v, want the bias, 2", c.At(0, 0))
	}
	z := Dense([]complex64{complex(nan, nan)}, 1, 1)
	badZ := View[complex64]{Rows: 1, Cols: 1, Stride: 1}
	Fused.MatMulComplex(z, badZ, badZ, false, false, false, false, ComplexEpilogue{})
	if z.At(0, 0) != 0 {
		t.Errorf("complex alpha 0: %v, want 0", z.At(0, 0))
	}
	odd := math.Float32frombits(0xffc12345)
	e := Epilogue{Alpha: 1}
	if got := e.Apply(Fused, odd, 0, 0); math.Float32bits(got) != nanBits {
		t.Errorf("NaN is stored as %08x", math.Float32bits(got))
	}
}
