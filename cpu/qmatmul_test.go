package cpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

func int8s(seed uint64, n int) []int8 {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	x := make([]int8, n)
	for i := range x {
		x[i] = int8(r.Uint32())
	}
	return x
}

func int32s(seed uint64, n int, bits uint) []int32 {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(r.Uint32()) >> (32 - bits)
	}
	return x
}

// eachQKernel runs test with every kernel of this processor.
func eachQKernel(t *testing.T, test func(t *testing.T)) {
	chosen := qChosen
	defer func() { qChosen = chosen }()
	for _, k := range qKernels() {
		t.Run(k.name, func(t *testing.T) {
			qChosen = k
			test(t)
		})
	}
}

func TestQMatMul(t *testing.T) { eachQKernel(t, testQMatMul) }

func testQMatMul(t *testing.T) {
	for n, s := range [][3]int{{1, 1, 1}, {1, 1, 0}, {7, 9, 0}, {2, 4, 3}, {3, 5, 7}, {7, 17, 66}, {qLanes - 1, 33, 37}, {qLanes + 1, 16, 64},
		{13, 48, 31}, {24, 64, 128}, {qStripe + 1, qStrip + 31, 5}, {3, 31, 1025}, {2, 3, 3071}} {
		for v := range 8 {
			transA, transB, toInt8 := v&1 != 0, v&2 != 0, v&4 != 0
			a, b := turned(2, s[0], s[2], transA, v%2), turned(1+n%2, s[2], s[1], transB, n%2)
			c := shape{2, s[0], s[1], (n + v) % 3}
			same(t, "", fmt.Sprintf("%v, variant %d", s, v), func(r *rig) backend.Op {
				op := &backend.QMatMul{TransA: transA, TransB: transB, ZeroA: int32(n*31%256 - 128), ZeroB: int32(v*37%256 - 128),
					A: in(r, a, int8s(1, a.len())), B: in(r, b, int8s(2, b.len()))}
				if v > 0 {
					op.Bias = in(r, shape{1, 1, s[1], 1}, int32s(3, s[1], 32))
				}
				if !toInt8 {
					op.C = out(r, c, int32s(4, c.len(), 32))
					return op
				}
				op.C = out(r, c, int8s(4, c.len()))
				cols := []int{1, s[1]}[n%2]
				multiplier, shift := int32s(5, cols, 32), int32s(6, cols, []uint{5, 6, 32}[n%3])
				for j := range multiplier {
					multiplier[j] &= 0x7fffffff
				}
				op.Requant = &backend.Requant{Multiplier: in(r, shape{1, 1, cols, 0}, multiplier),
					Shift: in(r, shape{1, 1, cols, 1}, shift), ZeroC: -3, Min: -128 + int32(v), Max: 127 - int32(n)}
				return op
			})
		}
	}
}

// The longest chain of the largest products is exact in int32, with each
// kernel, and so are its neighbours of the other signs and zero points.
func TestQMatMulLongestChain(t *testing.T) {
	eachQKernel(t, func(t *testing.T) {
		for _, c := range []struct{ a, b, zeroA, zeroB int32 }{{-128, -128, 0, 0}, {127, -128, 0, 0}, {-128, 127, 0, 0},
			{127, 127, -1, 0}, {-128, -128, 127, -128}, {-128, 127, -128, 127}, {127, -128, -128, 127}, {-128, -128, 127, 127}} {
			reach := func(zero int32) int { return int(max(127-zero, zero+128)) }
			a := make([]int8, math.MaxInt32/(reach(c.zeroA)*reach(c.zeroB))) // the longest that a Device takes
			b := make([]int8, len(a))
			for i := range a {
				a[i], b[i] = int8(c.a), int8(c.b)
			}
			got, err := runRig(t, "cpu", backend.Config{}, func(r *rig) backend.Op {
				return &backend.QMatMul{A: in(r, shape{1, 1, len(a), 0}, a), B: in(r, shape{1, len(b), 1, 0}, b),
					C: out(r, shape{1, 1, 1, 0}, []int32{0}), ZeroA: c.zeroA, ZeroB: c.zeroB}
			})
			product := (c.a - c.zeroA) * (c.b - c.zeroB)
			want := bytesOf([]int32{product * int32(len(a))})
			if err != nil || differing(got, [][]byte{want}) != "" {
				t.Fatalf("%+v: % x, %v, want % x", c, got, err, want)
			}
		}
	})
}

// Rows and columns that pass qBudget are computed in several blocks.
func TestQMatMulInBlocks(t *testing.T) {
	eachQKernel(t, func(t *testing.T) {
		for v := range 4 {
			m, n, k := qLanes+3, 37, 122_000
			if v&1 != 0 {
				m, n = 2, 67
			}
			a, b := turned(1, m, k, v&1 != 0, 0), turned(1, k, n, v&2 != 0, 0)
			x, y := int8s(1, a.len()), int8s(2, b.len())
			got, err := runRig(t, "cpu", backend.Config{}, func(r *rig) backend.Op {
				return &backend.QMatMul{A: in(r, a, x), B: in(r, b, y), C: out(r, shape{1, m, n, 0}, make([]int32, m*n)),
					TransA: v&1 != 0, TransB: v&2 != 0, ZeroA: 3, ZeroB: -5}
			})
			if err != nil {
				t.Fatal(err)
			}
			at := func(x []int8, trans bool, i, j, rows, cols int) int32 {
				if trans {
					return int32(x[j*rows+i])
				}
				return int32(x[i*cols+j])
			}
			for e := 0; e < m*n; e += 1 + m*n/50 {
				want := int32(0)
				for l := range k {
					want += (at(x, v&1 != 0, e/n, l, m, k) - 3) * (at(y, v&2 != 0, l, e%n, k, n) + 5)
				}
				if g := int32(binary.LittleEndian.Uint32(got[0][4*e:])); g != want {
					t.Fatalf("variant %d, element %d: %d, want %d", v, e, g, want)
				}
			}
		}
	})
}

// Requantisation takes every accumulator and multiplier, those out of range
// included, and every shift in range to the int8 of its statement.
func TestRequantize(t *testing.T) {
	hard := []int32{math.MinInt32, math.MinInt32 + 1, -1 << 30, -3, -1, 0, 1, 2, 1 << 30, math.MaxInt32 - 1, math.MaxInt32}
	r := rand.New(rand.NewPCG(7, 7))
	pick := func(bits int) int32 {
		if r.IntN(3) == 0 {
			return hard[r.IntN(len(hard))]
		}
		return int32(r.Uint32()) >> r.IntN(bits)
	}
	for n := range 4000 {
		cols := 1 + n%32
		at, add, mult, shift := make([]int32, 32), make([]int32, 32), make([]int32, 32), make([]int32, 32)
		for j := range at {
			at[j], add[j], mult[j], shift[j] = pick(32), pick(32), pick(8), int32(r.IntN(62)-31)
		}
		lo := int32(r.IntN(256) - 128)
		q := &exact.Requant{Zero: int32(r.IntN(256) - 128), Min: lo, Max: lo + int32(r.IntN(int(128-lo)))}
		row := pick(32)
		got, want := make([]int8, cols), make([]int8, cols)
		requantize(got, at, add, row, mult, shift, q)
		requantizePlain(want, at, add, row, mult, shift, q)
		if !slices.Equal(got, want) {
			t.Fatalf("%d: %v, want %v", n, got, want)
		}
	}
}

// The product of the machine's own measure: int8, requantised.
func BenchmarkQMatMul(b *testing.B) {
	chosen := qChosen
	defer func() { qChosen = chosen }()
	ctx := b.Context()
	for _, n := range []int{64, 256, 1024, 2048} {
		for _, threads := range []int{1, 2} {
			for _, k := range qKernels() {
				if k.group == 1 && n > 256 {
					continue
				}
				b.Run(fmt.Sprintf("%d/threads=%d/%s", n, threads, k.name), func(b *testing.B) {
					qChosen = k
					dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: threads})
					if err != nil {
						b.Fatal(err)
					}
					defer dev.Close()
					s := backend.NewScope(ctx, dev)
					op := &backend.QMatMul{A: backend.Put(s, n, n, int8s(1, n*n)), B: backend.Put(s, n, n, int8s(2, n*n)),
						C: s.New(backend.Int8, n, n), Bias: backend.Put(s, 1, n, int32s(3, n, 12)), ZeroA: 3,
						Requant: &backend.Requant{Multiplier: backend.Put(s, 1, n, slices.Repeat([]int32{1 << 30}, n)),
							Shift: backend.Put(s, 1, n, slices.Repeat([]int32{-9}, n)), Min: -128, Max: 127}}
					if s.Err() != nil {
						b.Fatal(s.Err())
					}
					for b.Loop() {
						if err := dev.Run(ctx, op); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(2*float64(n)*float64(n)*float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gop/s")
				})
			}
		}
	}
}
