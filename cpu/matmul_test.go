package cpu

import (
	"context"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"samebits/backend"
	"samebits/backend/exact"
)

// productShapes are M, N and K at the edges of tiles, blocks and cuts.
var productShapes = [][3]int{
	{1, 1, 1}, {1, 1, 0}, {3, 5, 0}, {5, 15, 7}, {6, 16, 8}, {7, 17, 9}, {13, 31, 3}, {11, 2, 61},
	{6, 16, kcBlock - 1}, {7, 15, kcBlock}, {5, 17, kcBlock + 1}, {mcBlock - 1, 65, 5}, {mcBlock, 64, 4}, {mcBlock + 1, 67, 3},
	{2, ncBlock - 1, 3}, {3, ncBlock + 1, 5}, {1, ncBlock + 17, 2},
	{2, 3, exact.Cut - 1}, {3, 2, exact.Cut}, {7, 17, exact.Cut + 1}, {1, 5, 2*exact.Cut + 300},
}

// The plain twins, which other processors run, give the same bits.
func TestMatMulWithoutSIMD(t *testing.T) {
	defer func(was bool) { simd = was }(simd)
	simd = false
	for n, s := range productShapes[:len(productShapes)-1] {
		a, b, c := shape{1, s[0], s[2], 0}, shape{1, s[2], s[1], 1}, shape{1, s[0], s[1], 1}
		profile := profiles[n%2]
		same(t, profile, fmt.Sprintf("%v %v", profile, s), func(r *rig) backend.Op {
			return &backend.MatMul{A: in(r, a, numbers(1, a.len(), 2)), B: in(r, b, numbers(2, b.len(), 2)),
				C: out(r, c, numbers(3, c.len(), 2))}
		})
	}
}

// Totals between cuts, over several blocks of rows and of columns.
func TestMatMulCutsAcrossBlocks(t *testing.T) {
	for v, s := range [][3]int{{mcBlock + 5, 67, exact.Cut + 3}, {2, ncBlock + 19, exact.Cut + 1}} {
		a, b, c := shape{1, s[0], s[2], 0}, shape{1, s[2], s[1], 1}, shape{1, s[0], s[1], 1}
		same(t, profiles[v], fmt.Sprintf("%v %v", profiles[v], s), func(r *rig) backend.Op {
			return &backend.MatMul{A: in(r, a, numbers(1, a.len(), 0)), B: in(r, b, numbers(2, b.len(), 0)),
				C: out(r, c, numbers(3, c.len(), 2))}
		})
	}
}

// turned is the shape of an operand of rows×cols that is stored transposed if
// asked.
func turned(batch, rows, cols int, trans bool, gap int) shape {
	if trans {
		rows, cols = cols, rows
	}
	return shape{batch, rows, cols, gap}
}

func complexNumbers(seed uint64, n, kind int) []complex64 {
	re, im := numbers(seed, n, kind), numbers(seed+1000, n, kind)
	z := make([]complex64, n)
	for i := range z {
		z[i] = complex(re[i], im[i])
	}
	return z
}

func TestMatMulShapes(t *testing.T) {
	for _, profile := range profiles {
		for n, s := range productShapes {
			for v := range 4 {
				transA, transB, kind := v&1 != 0, v&2 != 0, (n+v)%hardKinds
				a, b := turned(1, s[0], s[2], transA, v%2), turned(1, s[2], s[1], transB, n%2)
				c := shape{1, s[0], s[1], (n + v) % 3}
				same(t, profile, fmt.Sprintf("%v %v, transposed %t %t, kind %d", profile, s, transA, transB, kind), func(r *rig) backend.Op {
					return &backend.MatMul{TransA: transA, TransB: transB, A: in(r, a, numbers(1, a.len(), kind)),
						B: in(r, b, numbers(2, b.len(), kind)), C: out(r, c, numbers(3, c.len(), 2))}
				})
			}
		}
	}
}

func TestMatMulComplexShapes(t *testing.T) {
	for _, profile := range profiles {
		for n, s := range productShapes {
			for v := range 4 {
				transA, transB, kind := v&1 != 0, v&2 != 0, (n+v)%hardKinds
				conjA, conjB := (n+v)&1 != 0, (n+v)&2 != 0
				a, b := turned(1, s[0], s[2], transA, v%2), turned(1, s[2], s[1], transB, n%2)
				c := shape{1, s[0], s[1], v % 2}
				what := fmt.Sprintf("complex %v %v, variant %d, kind %d", profile, s, v, kind)
				same(t, profile, what, func(r *rig) backend.Op {
					op := &backend.MatMul{TransA: transA, TransB: transB, ConjA: conjA, ConjB: conjB,
						A: in(r, a, complexNumbers(1, a.len(), kind)), B: in(r, b, complexNumbers(2, b.len(), kind)),
						C: out(r, c, complexNumbers(3, c.len(), 2))}
					if v > 0 {
						op.Alpha = backend.ComplexScalar([]complex64{0, 1, 2 - 3i, -1}[v])
						op.Beta = backend.ComplexScalar([]complex64{0, 0, 1i, 0.5}[v])
						op.Bias = in(r, shape{1, 1, s[1], 1}, complexNumbers(4, s[1], kind))
					}
					return op
				})
			}
		}
	}
}

func TestMatMulEpilogue(t *testing.T) {
	negZero, nan := float32(math.Copysign(0, -1)), float32(math.NaN())
	a, b, c := shape{1, 7, 9, 1}, shape{1, 9, 17, 0}, shape{1, 7, 17, 2}
	for _, profile := range profiles {
		for _, alpha := range []float32{1, 0, negZero, 2.3, -1, nan} {
			for _, beta := range []float32{0, negZero, 1, -0.7} {
				for act := backend.NoActivation; act <= backend.Softplus; act++ {
					for v := range 4 {
						what := fmt.Sprintf("%v, alpha %v, beta %v, %v, variant %d", profile, alpha, beta, act, v)
						same(t, profile, what, func(r *rig) backend.Op {
							op := &backend.MatMul{A: in(r, a, numbers(1, a.len(), 2*(v%2))), B: in(r, b, numbers(2, b.len(), 2*(v%2))),
								C: out(r, c, numbers(3, c.len(), 2)), Act: act, Alpha: backend.Scalar(alpha), Beta: backend.Scalar(beta)}
							if v >= 2 {
								op.Bias = in(r, shape{1, 1, 17, 0}, numbers(4, 17, 2))
							}
							return op
						})
					}
				}
			}
		}
	}
}

// A factor of zero keeps what it multiplies from being read, and no product is −0.
func TestMatMulZeroRules(t *testing.T) {
	nan := float32(math.NaN())
	for name, k := range map[string]int{"of nothing": 0, "with alpha 0": 3} {
		got, err := runRig(t, "cpu", backend.Config{}, func(r *rig) backend.Op {
			return &backend.MatMul{A: in(r, shape{1, 2, k, 0}, filled(2*k, nan)), B: in(r, shape{1, k, 3, 0}, filled(3*k, nan)),
				C: out(r, shape{1, 2, 3, 0}, filled(6, nan)), Alpha: backend.Scalar(float32(math.Copysign(0, -1)))}
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range got[0] {
			if b != 0 {
				t.Fatalf("product %s: byte %d is %x, want +0", name, i, b)
			}
		}
	}
	// −2⁻¹⁴⁰·2⁻¹⁴⁰ rounds to −0 in the chain; the cut's result is added to +0.
	got, err := runRig(t, "cpu", backend.Config{}, func(r *rig) backend.Op {
		return &backend.MatMul{A: in(r, shape{1, 1, 1, 0}, []float32{-0x1p-140}), B: in(r, shape{1, 1, 1, 0}, []float32{0x1p-140}),
			C: out(r, shape{1, 1, 1, 0}, []float32{1})}
	})
	if err != nil || got[0][3] != 0 {
		t.Fatalf("product that underflows from below: % x, %v, want +0", got, err)
	}
}

func TestMatMulBatches(t *testing.T) {
	for _, profile := range profiles {
		for _, s := range [][3]int{{5, 7, 3}, {1, 1, 1}, {104, 103, 101}} {
			for v := range 4 {
				batches := [2]int{3, 3}
				if v&1 != 0 {
					batches[0] = 1
				}
				if v&2 != 0 {
					batches[1] = 1
				}
				a, b := shape{batches[0], s[0], s[2], 1}, shape{batches[1], s[2], s[1], 0}
				c := shape{3, s[0], s[1], v % 2}
				same(t, profile, fmt.Sprintf("%v, batches %v of %v", profile, batches, s), func(r *rig) backend.Op {
					return &backend.MatMul{A: in(r, a, numbers(1, a.len(), 0)), B: in(r, b, numbers(2, b.len(), 0)),
						C: out(r, c, numbers(3, c.len(), 2)), Beta: backend.Scalar(0.5)}
				})
			}
		}
	}
}

// Against float64: |C − AB| ≤ γ·|A||B| with γ = n·u/(1−n·u), u = 2⁻²⁴ and n
// the longest chain of roundings: two a step under split, and one a cut.
// Source: Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed.,
// section 3.5.
func TestMatMulAgainstFloat64(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"reference", "cpu"} {
		for _, profile := range profiles {
			dev, err := backend.Open(ctx, name, backend.Config{Profile: profile})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range [][3]int{{7, 17, 9}, {13, 31, 300}, {3, 5, 2*exact.Cut + 7}} {
				m, n, k := s[0], s[1], s[2]
				x, y := numbers(1, m*k, 0), numbers(2, k*n, 0)
				got := product(t, ctx, dev, m, n, k, x, y)
				var want, size mat.Dense
				want.Mul(wide(m, k, x, false), wide(k, n, y, false))
				size.Mul(wide(m, k, x, true), wide(k, n, y, true))
				u := math.Ldexp(float64(k+2+k/exact.Cut), -24)
				gamma := u / (1 - u)
				worst := 0.0
				for i := range m {
					for j := range n {
						worst = max(worst, math.Abs(float64(got[i*n+j])-want.At(i, j))/(gamma*size.At(i, j)))
					}
				}
				if !(worst <= 1) || worst == 0 {
					t.Errorf("%s, %v, %v: error is %v of its bound", name, profile, s, worst)
				}
			}
			dev.Close()
		}
	}
}

func product(t *testing.T, ctx context.Context, dev *backend.Device, m, n, k int, x, y []float32) []float32 {
	t.Helper()
	a, err := backend.FromSlice(ctx, dev, m, k, x)
	if err != nil {
		t.Fatal(err)
	}
	b, err := backend.FromSlice(ctx, dev, k, n, y)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dev.NewTensor(backend.Float32, m, n)
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Run(ctx, &backend.MatMul{C: c, A: a, B: b}); err != nil {
		t.Fatal(err)
	}
	got, err := backend.ToSlice[float32](ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// wide returns data as float64, or its magnitudes.
func wide(rows, cols int, data []float32, magnitude bool) *mat.Dense {
	d := mat.NewDense(rows, cols, nil)
	for i, x := range data {
		v := float64(x)
		if magnitude {
			v = math.Abs(v)
		}
		d.Set(i/cols, i%cols, v)
	}
	return d
}
