package exact

import (
	"math"
	"testing"
)

func TestElementwiseRules(t *testing.T) {
	negZero, odd := float32(math.Copysign(0, -1)), math.Float32frombits(0xffa00001)
	tiny := float32(1e-45)
	for name, c := range map[string][2]float32{
		"neg 0":               {Neg(0), negZero},
		"neg −Inf":            {Neg(negInf), posInf},
		"neg NaN":             {Neg(odd), nan},
		"abs −0":              {Abs(negZero), 0},
		"abs NaN":             {Abs(odd), nan},
		"square":              {Square(-3), 9},
		"square overflow":     {Square(-1e30), posInf},
		"add":                 {Add(1, 0x1p-24), 1},
		"Inf − Inf":           {Sub(posInf, posInf), nan},
		"sub subnormal":       {Sub(0x1p-126, tiny), 0x1p-126 - 0x1p-149},
		"0·Inf":               {Mul(0, posInf), nan},
		"mul subnormal":       {Mul(0x1p-100, 0x1p-49), tiny},
		"max":                 {Maximum(1, 2), 2},
		"max of equals":       {Maximum(negZero, 0), negZero},
		"max of equals, 2":    {Maximum(0, negZero), 0},
		"max NaN first":       {Maximum(odd, posInf), nan},
		"max NaN second":      {Maximum(posInf, odd), nan},
		"min":                 {Minimum(1, 2), 1},
		"min of equals":       {Minimum(0, negZero), 0},
		"min NaN first":       {Minimum(odd, negInf), nan},
		"min NaN second":      {Minimum(negInf, odd), nan},
		"select of 1":         {Select(1, 2, 3), 2},
		"select of 0":         {Select(0, 2, 3), 3},
		"select of −0":        {Select(negZero, 2, 3), 3},
		"select of NaN":       {Select(odd, 2, 3), 2},
		"select of subnormal": {Select(tiny, 2, 3), 2},
		"select a NaN":        {Select(1, odd, 3), nan},
		"mac fused":           {Fused.MultiplyAdd(-1, 1+0x1p-12, 1+0x1p-12), 0x1p-11 + 0x1p-24},
		"mac split":           {Split.MultiplyAdd(-1, 1+0x1p-12, 1+0x1p-12), 0x1p-11},
		"mac NaN":             {Fused.MultiplyAdd(odd, 1, 1), nan},
	} {
		if !same32(c[0], c[1]) {
			t.Errorf("%s: %v (%08x), want %v (%08x)", name, c[0], math.Float32bits(c[0]), c[1], math.Float32bits(c[1]))
		}
	}
}

func TestTopKOrder(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	x := []float32{1, negZero, nan, 0, posInf, 1, -2, nan, negInf}
	index := make([]int32, len(x))
	TopK(index, x)
	for i, want := range []int32{2, 7, 4, 0, 5, 1, 3, 6, 8} {
		if index[i] != want {
			t.Fatalf("order %v, at %d want %d", index, i, want)
		}
	}
}

func TestMovesOfViews(t *testing.T) {
	x := View[int8]{Data: []int8{1, 2, 9, 3, 4}, Rows: 2, Cols: 2, Stride: 3}
	y := Dense(make([]int8, 6), 3, 2)
	y.Set(1, 0, 7)
	Gather(y, x, []int32{1, -1, 0})
	if got := [6]int8(y.Data); got != [6]int8{3, 4, 0, 0, 1, 2} {
		t.Errorf("gather: %v", got)
	}
	z := Dense(make([]int8, 4), 2, 2)
	Transpose(z, x)
	if got := [4]int8(z.Data); got != [4]int8{1, 3, 2, 4} {
		t.Errorf("transpose: %v", got)
	}
	Copy(z, x)
	if got := [4]int8(z.Data); got != [4]int8{1, 2, 3, 4} {
		t.Errorf("copy: %v", got)
	}
}
