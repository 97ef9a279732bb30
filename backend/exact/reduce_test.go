package exact

import (
	"math"
	"math/rand/v2"
	"testing"
)

// laneSum is a row sum of up to SumBlock elements as the contract words it.
func laneSum(x []float32, skip func(int) bool) float32 {
	lane := make([]float32, 64)
	for l := range lane {
		for i := l; i < len(x); i += 64 {
			if !skip(i) {
				lane[l] += x[i]
			}
		}
	}
	for _, s := range []int{32, 16, 8, 4, 2, 1} {
		for l := range s {
			lane[l] += lane[l+s]
		}
	}
	return lane[0]
}

func TestRowSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	none := func(int) bool { return false }
	for _, n := range []int{0, 1, 63, 64, 65, 1000, SumBlock} {
		x := randoms(r, n)
		if got, want := RowSum(x), laneSum(x, none); !same32(got, want) {
			t.Errorf("%d elements: %v, want %v", n, got, want)
		}
		odd := func(i int) bool { return i%3 == 1 }
		if got, want := RowSumPresent(x, func(i int) bool { return !odd(i) }), laneSum(x, odd); !same32(got, want) {
			t.Errorf("%d elements, some missing: %v, want %v", n, got, want)
		}
	}
	x := randoms(r, 3*SumBlock+5)
	var blocks []float32
	for i := 0; i < len(x); i += SumBlock {
		blocks = append(blocks, laneSum(x[i:min(i+SumBlock, len(x))], none))
	}
	if got, want := RowSum(x), laneSum(blocks, none); !same32(got, want) {
		t.Errorf("%d elements: %v, want %v", len(x), got, want)
	}
	if got := RowSum([]float32{float32(math.Copysign(0, -1))}); !same32(got, 0) {
		t.Errorf("sum of −0 is %v, want +0", got)
	}
	if got := RowSum([]float32{posInf, negInf}); math.Float32bits(got) != nanBits {
		t.Errorf("Inf − Inf is %08x", math.Float32bits(got))
	}
	// A missing NaN adds nothing.
	if got := RowSumPresent([]float32{1, nan, 2}, func(i int) bool { return i != 1 }); got != 3 {
		t.Errorf("sum with a missing NaN is %v, want 3", got)
	}
}

func TestColumnSum(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, n := range []int{0, 1, 255, 256, 257, 1000} {
		x := Dense(randoms(r, 3*n), n, 3)
		y := make([]float32, 3)
		ColumnSum(y, x)
		for j := range y {
			want, block := float32(0), float32(0)
			for i := range n {
				block += x.At(i, j)
				if i%256 == 255 || i == n-1 {
					want, block = want+block, 0
				}
			}
			if !same32(y[j], want) {
				t.Errorf("%d rows, column %d: %v, want %v", n, j, y[j], want)
			}
		}
	}
}

func TestArgMaxRules(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	for _, c := range []struct {
		x        []float32
		max, min int
	}{
		{[]float32{3}, 0, 0}, {[]float32{1, 2, 2, 1}, 1, 0}, {[]float32{1, nan, 5, nan}, 1, 1},
		{[]float32{negZero, 0}, 0, 0}, {[]float32{0, negZero}, 0, 0}, {[]float32{-1, negZero, 0}, 1, 0},
		{[]float32{negInf, negInf}, 0, 0}, {[]float32{posInf, nan}, 1, 1}, {[]float32{negInf, posInf}, 1, 0},
		{[]float32{1e-45, 0, -1e-45}, 0, 2}, {nil, -1, -1},
	} {
		at := func(i int) float32 { return c.x[i] }
		if a, b := ArgMax(len(c.x), at), ArgMin(len(c.x), at); a != c.max || b != c.min {
			t.Errorf("%v: argmax %d, argmin %d, want %d, %d", c.x, a, b, c.max, c.min)
		}
	}
}

func TestMaxAbsFinite(t *testing.T) {
	for _, c := range []struct {
		x    []float32
		want float32
	}{{nil, 0}, {[]float32{nan, posInf, negInf}, 0}, {[]float32{1, -3, nan, 2}, 3}, {[]float32{-1e-45}, 1e-45},
		{[]float32{float32(math.Copysign(0, -1))}, 0}} {
		if got := MaxAbsFinite(len(c.x), func(i int) float32 { return c.x[i] }); !same32(got, c.want) {
			t.Errorf("%v: %v, want %v", c.x, got, c.want)
		}
	}
}
