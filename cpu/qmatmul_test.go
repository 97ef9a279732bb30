package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"samebits/backend"
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

func TestQMatMul(t *testing.T) {
	for n, s := range [][3]int{{1, 1, 1}, {1, 1, 0}, {2, 4, 3}, {3, 5, 7}, {qBlock - 1, qBlock + 1, 9}, {qBlock, qBlock, 8},
		{qBlock + 1, qBlock - 1, 5}, {3, 130, qDepth + 1}, {2, 3, 3*qDepth - 1}} {
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
				multiplier, shift := int32s(5, cols, 32), int32s(6, cols, 5)
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

// The longest chain of the largest products is exact in int32.
func TestQMatMulLongestChain(t *testing.T) {
	lowest := make([]int8, backend.MaxIntK)
	for i := range lowest {
		lowest[i] = -128
	}
	got, err := runRig(t, "cpu", backend.Config{}, func(r *rig) backend.Op {
		return &backend.QMatMul{A: in(r, shape{1, 1, len(lowest), 0}, lowest), B: in(r, shape{1, len(lowest), 1, 0}, lowest),
			C: out(r, shape{1, 1, 1, 0}, []int32{0})}
	})
	want := bytesOf([]int32{128 * 128 * backend.MaxIntK})
	if err != nil || differing(got, [][]byte{want}) != "" {
		t.Fatalf("% x, %v, want % x", got, err, want)
	}
}
