//go:build gl && cgo

package gpu

import (
	"fmt"
	"math"
	"testing"

	"samebits/backend"
)

// The integer product and its requantisation give the bits of package exact, on the ends of the range too.
func TestQMatMulGivesTheBitsOfExact(t *testing.T) {
	gl, plain := openGL(t, backend.ProfileSplit), openPlain(t, backend.ProfileSplit)
	tests := []struct {
		batch, m, n, k int
		ta, tb         bool
		zeroA, zeroB   int32
		bias           bool
		requant        int // 0: none; 1: one multiplier for all columns; 2: one a column; 3: one, which gives ties
		extreme        bool
		gap            int
	}{
		{batch: 1, m: 1, n: 1, k: 1},
		{batch: 1, m: 3, n: 5, k: 0, bias: true, requant: 1},
		{batch: 2, m: 17, n: 19, k: 33, zeroA: -128, zeroB: 127, bias: true, gap: 1},
		{batch: 1, m: 33, n: 31, k: 40, ta: true, tb: true, zeroA: 3, requant: 2, bias: true, gap: 2},
		{batch: 1, m: 5, n: 7, k: 300, tb: true, requant: 1, gap: 3},
		{batch: 3, m: 9, n: 3, k: 20, ta: true, requant: 2, extreme: true},
		{batch: 1, m: 60, n: 61, k: 1, requant: 3},
		{batch: 1, m: 40, n: 37, k: 2, requant: 2, extreme: true, bias: true, gap: 1},
	}
	multipliers := func(kind int) func(int) uint32 {
		if kind == 3 {
			return func(int) uint32 { return 1 << 30 } // a half
		}
		return func(i int) uint32 { return hash(uint32(i)+9)>>1 | 1<<30 }
	}
	shifts := []int32{-31, -30, -17, -8, -1, 0, 1, 7, 30, -32, -40, 31, 32, 45, math.MinInt32, math.MaxInt32} // the last seven count as −31 or 30
	for _, s := range tests {
		on := func(dev *backend.Device) *backend.Tensor {
			operand := func(dtype backend.DType, batch, rows, cols int, trans bool, words func(int) uint32) *backend.Tensor {
				if trans {
					rows, cols = cols, rows
				}
				x, _ := shape{dtype, batch, rows, cols, s.gap, words}.place(t, dev)
				return x
			}
			random := func(seed uint32) func(int) uint32 {
				return func(i int) uint32 { return hash(seed + uint32(i)) }
			}
			op := &backend.QMatMul{TransA: s.ta, TransB: s.tb, ZeroA: s.zeroA, ZeroB: s.zeroB,
				A: operand(backend.Int8, s.batch, s.m, s.k, s.ta, random(1)), B: operand(backend.Int8, s.batch, s.k, s.n, s.tb, random(2))}
			dtype := backend.Int32
			if s.requant > 0 {
				dtype = backend.Int8
				n := 1
				if s.requant == 2 {
					n = s.n
				}
				op.Requant = &backend.Requant{ZeroC: -5, Min: -100, Max: 120,
					Multiplier: operand(backend.Int32, 1, 1, n, false, multipliers(s.requant)),
					Shift: operand(backend.Int32, 1, 1, n, false, func(i int) uint32 {
						if s.extreme {
							return uint32(shifts[i%len(shifts)])
						}
						if s.requant == 3 {
							return 0
						}
						return uint32(int32(-7 - i%3))
					})}
			}
			if s.bias {
				op.Bias = operand(backend.Int32, 1, 1, s.n, false, func(i int) uint32 {
					if s.extreme {
						return []uint32{0x7fffffff, 0x80000000, 0, 0xffffffff}[i%4]
					}
					return hash(uint32(i)+5) & 0xfff
				})
			}
			c, whole := shape{dtype, s.batch, s.m, s.n, s.gap, nil}.place(t, dev)
			op.C = c
			run(t, op)
			return whole
		}
		sameBits(t, fmt.Sprintf("%+v", s), on(gl), on(plain))
	}
}
