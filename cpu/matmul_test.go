package cpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/mat"

	"samebits/backend"
	"samebits/backend/exact"
)

// productShapes are M, N and K at the edges of tiles, blocks and cuts.
var productShapes = [][3]int{
	{1, 1, 1}, {1, 1, 0}, {3, 5, 0}, {5, 15, 7}, {6, 16, 8}, {7, 17, 9}, {13, 31, 3}, {11, 2, 61},
	{6, 16, 255}, {7, 33, 256}, {5, 17, 257}, {71, 65, 5}, {72, 64, 4}, {97, 67, 3}, {13, 35, 513},
	{2, 1023, 3}, {3, 1025, 5}, {1, 1041, 2}, {25, 31, 259}, {12, 1030, 2},
	{2, 3, exact.Cut - 1}, {3, 2, exact.Cut}, {7, 17, exact.Cut + 1}, {97, 6, exact.Cut + 2}, {1, 5, 2*exact.Cut + 300},
	{8, 8, exact.Cut + 3}, {16, 5, exact.Cut + 1}, {9, 16, 2*exact.Cut + 5},
}

// Products of one row or one column, of which threads take pieces, and which
// leave rests of rows and steps.
func TestMatMulVectors(t *testing.T) {
	lengths := []int{1, 7, 8, 9, 13, 16, 63, 64, 65, 75, 200, 1100}
	depths := []int{1, 5, 8, 16, 23, 24, 65, exact.Cut + 13}
	for _, profile := range profiles {
		for i, n := range lengths {
			for j, k := range depths {
				if (n > 100 || testing.Short() && n > 9) && k > 100 {
					continue
				}
				for v := range 8 {
					transA, transB, kind := v&1 != 0, v&2 != 0, (i+j+v)%hardKinds
					s := [2]int{1, n}
					if v&4 != 0 {
						s = [2]int{n, 1}
					}
					a, b := turned(1, s[0], k, transA, v%3), turned(1, k, s[1], transB, i%2)
					c := shape{1, s[0], s[1], j % 3}
					what := fmt.Sprintf("%v %v of %d, variant %d, kind %d", profile, s, k, v, kind)
					same(t, profile, what, func(r *rig) backend.Op {
						op := &backend.MatMul{TransA: transA, TransB: transB, A: in(r, a, numbers(1, a.len(), kind)),
							B: in(r, b, numbers(2, b.len(), kind)), C: out(r, c, numbers(3, c.len(), 2))}
						if (i+j)%3 == 0 {
							op.Beta, op.Act = backend.Scalar(-0.7), backend.Sigmoid
							op.Bias = in(r, shape{1, 1, s[1], 0}, numbers(4, s[1], 2))
						}
						return op
					})
				}
			}
		}
	}
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

// onKernels runs test on every set of kernels that the processor has, with its
// own blocks and with blocks so small that every path meets small shapes: A and
// B packed or in place, several blocks of rows, columns and steps.
func onKernels(t *testing.T, test func(t *testing.T, name string)) {
	defer func(was *kernel32) { best32 = was }(best32)
	for _, kern := range kernels32 {
		for _, direct := range []int{0, 1 << 20} {
			small := *kern
			small.kc, small.mc, small.nc, small.direct = 8, 2*kern.mr, 3*kern.nr, direct
			best32 = &small
			test(t, fmt.Sprintf("%s, in place up to %d", kern.name, direct))
		}
		best32 = kern
		test(t, kern.name)
	}
}

// Every set of kernels gives the bits of the reference.
func TestMatMulOnEveryKernelSet(t *testing.T) {
	shapes := [][3]int{{1, 130, 9}, {5, 97, 17}, {13, 33, 16}, {24, 64, 8}, {37, 101, 43}, {50, 15, 25}, {70, 3, 29}, {300, 1, 41}, {26, 70, exact.Cut + 9}}
	onKernels(t, func(t *testing.T, name string) {
		for n, s := range shapes {
			for v := range 4 {
				transA, transB := v&1 != 0, v&2 != 0
				if (s[2] > exact.Cut || testing.Short()) && (v != n%4 || s[2] > exact.Cut && name == "portable") {
					continue
				}
				profile, kind := profiles[(n+v)%2], (n+v)%hardKinds
				a, b := turned(1, s[0], s[2], transA, v%2), turned(1, s[2], s[1], transB, n%2)
				c := shape{1, s[0], s[1], 1}
				what := fmt.Sprintf("%s, %v %v, variant %d, kind %d", name, profile, s, v, kind)
				same(t, profile, what, func(r *rig) backend.Op {
					op := &backend.MatMul{TransA: transA, TransB: transB, A: in(r, a, numbers(1, a.len(), kind)),
						B: in(r, b, numbers(2, b.len(), kind)), C: out(r, c, numbers(3, c.len(), 2))}
					if n%2 == 0 {
						op.Beta = backend.Scalar(0.5)
					}
					return op
				})
				if s[2] > 100 {
					continue
				}
				same(t, profile, "complex, "+what, func(r *rig) backend.Op {
					return &backend.MatMul{TransA: transA, TransB: transB, ConjA: n&1 != 0, ConjB: n&2 != 0,
						A: in(r, a, complexNumbers(1, a.len(), kind)), B: in(r, b, complexNumbers(2, b.len(), kind)),
						C: out(r, c, complexNumbers(3, c.len(), 2))}
				})
			}
		}
	})
}

// In steady state a device allocates nothing, on any path.
func TestMatMulAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector sync.Pool drops memory at random")
	}
	ctx := context.Background()
	shapes := [][4]int{{1, 3, 3, 3}, {1, 64, 64, 64}, {1, 2, 300, 100}, {1, 300, 3, 100}, {1, 150, 130, 600}, {1, 200, 190, 180},
		{1, 1, 300, 100}, {1, 300, 1, 100}, {1, 20, 30, 0}, {1, 9, 40, exact.Cut + 5}, {7, 20, 30, 10}, {3, 110, 120, 130}}
	if testing.Short() {
		shapes = shapes[6:11]
	}
	for _, threads := range []int{1, 2} {
		dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer dev.Close()
		for _, s := range shapes {
			for v := range 8 {
				dtype := backend.Float32
				op := &backend.MatMul{TransA: v&1 != 0, TransB: v&2 != 0}
				if v >= 4 {
					op.Alpha, op.Beta, op.Act = backend.Scalar(2), backend.Scalar(0.5), backend.Softplus
				}
				if v == 1 || v == 6 {
					dtype, op.Act = backend.Complex64, backend.NoActivation
				}
				for i, p := range []**backend.Tensor{&op.A, &op.B, &op.C, &op.Bias} {
					rows, cols := [4]int{s[1], s[3], s[1], 1}[i], [4]int{s[3], s[2], s[2], s[2]}[i]
					if (i == 0 && op.TransA) || (i == 1 && op.TransB) {
						rows, cols = cols, rows
					}
					batch := s[0]
					if i == 3 {
						batch = 1
					}
					whole, err := dev.NewBatch(dtype, batch, rows, cols+3)
					if err != nil {
						t.Fatal(err)
					}
					defer whole.Close()
					if *p, err = whole.Slice(0, rows, 1, cols+1); err != nil {
						t.Fatal(err)
					}
				}
				if v < 4 {
					op.Bias = nil
				}
				ops := []backend.Op{op}
				if n := testing.AllocsPerRun(20, func() {
					if err := dev.Run(ctx, ops...); err != nil {
						t.Error(err)
					}
				}); n != 0 {
					t.Errorf("%v on %d threads, variant %d: %v allocations a product", s, threads, v, n)
				}
			}
		}
	}
}

// A product stops between blocks when its context ends.
func TestMatMulStops(t *testing.T) {
	const n = 400
	ctx := context.Background()
	for _, threads := range []int{1, 3} {
		dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		op := &backend.MatMul{}
		for _, p := range []**backend.Tensor{&op.A, &op.B, &op.C} {
			if *p, err = backend.FromSlice(ctx, dev, n, n, make([]float32, n*n)); err != nil {
				t.Fatal(err)
			}
		}
		ending := &endingContext{Context: ctx}
		ending.left.Store(3)
		if err := dev.Run(ending, op); !errors.Is(err, context.Canceled) {
			t.Errorf("%d threads: %v, want the context's error", threads, err)
		}
		dev.Close()
	}
}

// endingContext ends after it has been asked a few times.
type endingContext struct {
	context.Context
	left atomic.Int32
}

func (c *endingContext) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// Totals between cuts, over several blocks of rows and of columns.
func TestMatMulCutsAcrossBlocks(t *testing.T) {
	shapes := [][3]int{{101, 67, exact.Cut + 3}, {2, 1043, exact.Cut + 1}}
	if testing.Short() {
		shapes = [][3]int{{101, 3, exact.Cut + 3}, {1, 1043, exact.Cut + 1}}
	}
	for v, s := range shapes {
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
				if testing.Short() && v != n%4 {
					continue
				}
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
				if testing.Short() && v != n%4 {
					continue
				}
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
