package backend

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// TestOpChecks holds, for every operation, one sound call and the mistakes a
// user makes, with the sentinel each must give.
func TestOpChecks(t *testing.T) {
	d, drv := newNull(t)
	f := func(dims ...int) *Tensor { return tensor(t, d, Float32, dims...) }
	i := func(dims ...int) *Tensor { return tensor(t, d, Int32, dims...) }
	u := func(dims ...int) *Tensor { return tensor(t, d, Uint32, dims...) }
	b := func(dims ...int) *Tensor { return tensor(t, d, Int8, dims...) }
	c := func(dims ...int) *Tensor { return tensor(t, d, Complex64, dims...) }
	nan := float32(math.NaN())
	requant := func(n int) *Requant { return &Requant{Multiplier: i(1, n), Shift: i(1, n), Min: -128, Max: 127} }

	cases := []struct {
		op   Op
		want error
	}{
		{&MatMul{C: f(2, 3), A: f(2, 4), B: f(4, 3)}, nil},
		{&MatMul{C: f(2, 3), A: f(4, 2), B: f(3, 4), TransA: true, TransB: true, Bias: f(1, 3), Act: Tanh}, nil},
		{&MatMul{C: f(5, 2, 3), A: f(5, 2, 4), B: f(4, 3)}, nil},
		{&MatMul{C: c(2, 3), A: c(2, 4), B: c(4, 3), ConjA: true, Alpha: ComplexScalar(2i)}, nil},
		{&MatMul{C: f(2, 3), A: f(2, 4), B: f(3, 4)}, ErrShape},
		{&MatMul{C: f(5, 2, 3), A: f(4, 2, 4), B: f(4, 3)}, ErrShape},
		{&MatMul{C: f(2, 3), A: f(2, 4), B: c(4, 3)}, ErrShape},
		{&MatMul{C: f(2, 3), A: f(2, 4), B: f(4, 3), Bias: f(1, 2)}, ErrShape},
		{&MatMul{C: f(2, 3), A: f(2, 4), B: f(4, 3), ConjB: true}, ErrArgument},
		{&MatMul{C: f(2, 3), A: f(2, 4), B: f(4, 3), Act: 99}, ErrArgument},
		{&MatMul{C: c(2, 3), A: c(2, 4), B: c(4, 3), Act: Relu}, ErrArgument},
		{&MatMul{C: i(2, 3), A: i(2, 4), B: i(4, 3)}, ErrShape},
		{&MatMul{C: f(2, 3), A: f(2, 4)}, ErrShape},

		{&QMatMul{C: i(2, 3), A: b(2, 4), B: b(4, 3), Bias: i(1, 3)}, nil},
		{&QMatMul{C: b(2, 3), A: b(2, 4), B: b(4, 3), Requant: requant(3)}, nil},
		{&QMatMul{C: b(2, 3), A: b(2, 4), B: b(4, 3), Requant: requant(1)}, nil},
		{&QMatMul{C: b(2, 3), A: b(2, 4), B: b(4, 3), Requant: requant(2)}, ErrShape},
		{&QMatMul{C: b(2, 3), A: b(2, 4), B: b(4, 3)}, ErrArgument},
		{&QMatMul{C: i(2, 3), A: b(2, 4), B: b(4, 3), Requant: requant(3)}, ErrArgument},
		{&QMatMul{C: i(2, 3), A: b(2, 4), B: b(4, 3), ZeroA: 128}, ErrArgument},
		{&QMatMul{C: i(1, 1), A: b(1, MaxIntK), B: b(MaxIntK, 1)}, nil},
		{&QMatMul{C: i(1, 1), A: b(1, MaxIntK+1), B: b(MaxIntK+1, 1)}, ErrShape},
		{&QMatMul{C: i(1, 1), A: b(1, 65793), B: b(65793, 1), ZeroA: -128}, nil},
		{&QMatMul{C: i(1, 1), A: b(1, 65794), B: b(65794, 1), ZeroA: -128}, ErrShape},
		{&QMatMul{C: i(1, 1), A: b(1, 33026), B: b(33026, 1), ZeroA: 127, ZeroB: -128}, ErrShape},
		{(*MatMul)(nil), ErrArgument},
		{nil, ErrArgument},

		{&Softmax{Y: f(2, 3), X: f(2, 3), Log: true, Temperature: Scalar(2)}, nil},
		{&Softmax{Y: f(2, 3), X: f(3, 2)}, ErrShape},
		{&Softmax{Y: f(2, 3), X: f(2, 3), Temperature: Scalar(0)}, ErrArgument},
		{&Softmax{Y: f(2, 3), X: f(2, 3), Temperature: Scalar(nan)}, ErrArgument},
		{&LogSumExp{Y: f(2, 1), X: f(2, 3)}, nil},
		{&LogSumExp{Y: f(1, 2), X: f(2, 3)}, ErrShape},
		{&LogSumExp{Y: f(2, 1), X: f(2, 0)}, ErrShape},
		{&Categorical{Index: i(2, 5), X: f(2, 3)}, nil},
		{&Categorical{Index: u(2, 5), X: f(2, 3)}, ErrShape},
		{&Categorical{Index: i(3, 5), X: f(2, 3)}, ErrShape},
		{&Categorical{Index: i(2, 5), X: f(2, 3), Temperature: Scalar(-1)}, ErrArgument},
		{&Categorical{Index: i(2, 5), X: f(2, 3), Draws: Draws{Row: math.MaxUint32}}, ErrArgument},
		{&Categorical{Index: i(2, 5), X: f(2, 3), Draws: Draws{Step: math.MaxUint32 - 3}}, ErrArgument},
		{&Filter{Y: f(2, 3), X: f(2, 3), K: 2}, nil},
		{&Filter{Y: f(2, 3), X: f(2, 3)}, ErrArgument},
		{&Filter{Y: f(2, 3), X: f(2, 3), Kind: FilterTopP, P: 1.5}, ErrArgument},
		{&Filter{Y: f(2, 3), X: f(2, 3), Kind: FilterMinP, P: nan}, ErrArgument},
		{&Filter{Y: f(2, 3), X: f(2, 3), Kind: 9}, ErrArgument},
		{&GumbelSoftmax{Y: f(2, 3), X: f(2, 3)}, nil},
		{&GumbelSoftmax{OneHot: f(2, 3), X: f(2, 3), Tau: Scalar(.5)}, nil},
		{&GumbelSoftmax{X: f(2, 3)}, ErrShape},
		{&GumbelSoftmax{Y: f(2, 2), X: f(2, 3)}, ErrShape},
		{&WithoutReplacement{Index: i(2, 3), X: f(2, 3)}, nil},
		{&WithoutReplacement{Index: i(2, 4), X: f(2, 3)}, ErrShape},
		{&Fill{Y: f(2, 3), Distribution: Normal, Loc: Scalar(1)}, nil},
		{&Fill{Y: u(2, 3), Distribution: Bits}, nil},
		{&Fill{Y: f(2, 3), Distribution: Bits}, ErrShape},
		{&Fill{Y: u(2, 3), Distribution: Bits, Scale: Scalar(2)}, ErrArgument},
		{&Fill{Y: f(2, 3), Distribution: 77}, ErrArgument},

		{&Nearest{Index: i(5, 1), Distance: f(5, 1), X: f(5, 4), C: f(3, 4), Shift: f(1, 4)}, nil},
		{&Nearest{Index: i(5, 3), X: f(5, 4), C: f(3, 4), Metric: Cosine}, nil},
		{&Nearest{Index: i(5, 4), X: f(5, 4), C: f(3, 4)}, ErrShape},
		{&Nearest{Index: i(5, 1), X: f(5, 4), C: f(3, 3)}, ErrShape},
		{&Nearest{Index: i(5, 1), X: f(5, 4), C: f(3, 4), Shift: f(1, 3)}, ErrShape},
		{&Nearest{Index: i(5, 1), X: f(5, 4), C: f(3, 4), Shift: f(1, 4), Metric: Manhattan}, ErrArgument},
		{&Nearest{Index: i(5, 1), X: f(5, 4), C: f(0, 4)}, ErrShape},
		{&Nearest{Index: i(5, 1), X: f(5, 4), C: f(3, 4), Metric: 9}, ErrArgument},
		{&Distances{D: f(5, 3), X: f(5, 4), C: f(3, 4)}, nil},
		{&Distances{D: f(3, 5), X: f(5, 4), C: f(3, 4)}, ErrShape},
		{&Distances{D: f(5, 2), X: f(5, 4), C: f(3, 4), Index: i(5, 2)}, nil},
		{&Distances{D: f(5, 3), X: f(5, 4), C: f(3, 4), Index: i(5, 2)}, ErrShape},
		{&Distances{D: f(5, 2), X: f(5, 4), C: f(3, 4), Index: u(5, 2)}, ErrShape},
		{&PairwiseSum{Y: f(5, 2), X: f(5, 4), C: f(3, 4), Label: i(3, 1)}, nil},
		{&PairwiseSum{Y: f(5, 1), X: f(5, 4), C: f(3, 4)}, nil},
		{&PairwiseSum{Y: f(5, 2), X: f(5, 4), C: f(3, 4)}, ErrShape},
		{&PairwiseSum{Y: f(5, 2), X: f(5, 4), C: f(3, 4), Label: i(5, 1)}, ErrShape},
		{&ScatterSum{Sums: u(3, 21), X: f(5, 4), Label: i(5, 1), Weight: f(5, 1), Exponent: i(1, 4)}, nil},
		{&ScatterSum{Sums: u(1, 21), X: f(5, 4), Exponent: i(1, 4)}, nil},
		{&ScatterSum{Sums: u(3, 20), X: f(5, 4), Exponent: i(1, 4)}, ErrShape},
		{&ScatterSum{Sums: u(3, 21), X: f(5, 4), Exponent: i(4, 1)}, ErrShape},
		{&ScatterSum{Sums: u(3, 21), X: f(5, 4)}, ErrShape},

		{&Map{Fn: FnMac, Y: f(4, 2, 3), A: f(4, 2, 3), B: f(1, 3), C: f(4, 2, 1)}, nil},
		{&Map{Fn: FnAdd, Y: f(2, 3), A: f(2, 3)}, ErrShape},
		{&Map{Fn: FnExp, Y: f(2, 3), A: f(2, 3), B: f(2, 3)}, ErrArgument},
		{&Map{Fn: FnAdd, Y: f(2, 3), A: f(2, 3), B: f(2, 2)}, ErrShape},
		{&Map{Fn: FnAdd, Y: f(1, 3), A: f(2, 3), B: f(1, 3)}, ErrShape},
		{&Map{Fn: 200, Y: f(2, 3), A: f(2, 3), B: f(2, 3), C: f(2, 3)}, ErrArgument},
		{&Reduce{Y: f(2, 1), X: f(2, 3)}, nil},
		{&Reduce{Y: i(1, 3), X: f(2, 3), Reduction: ArgMin, Axis: AlongColumn}, nil},
		{&Reduce{Y: f(2, 1), X: f(2, 3), Reduction: ArgMax}, ErrShape},
		{&Reduce{Y: f(1, 3), X: f(2, 3)}, ErrShape},
		{&Reduce{Y: f(2, 1), X: f(2, 0), Reduction: Max}, ErrShape},
		{&Reduce{Y: f(2, 1), X: f(2, 0)}, nil},
		{&Reduce{Y: f(2, 1), X: f(2, 3), Reduction: 44}, ErrArgument},
		{&TopK{Index: i(2, 3), X: f(2, 3)}, nil},
		{&TopK{Index: i(2, 4), X: f(2, 3)}, ErrShape},
		{&Gather{Y: c(5, 3), X: c(2, 3), Index: i(5, 1)}, nil},
		{&Gather{Y: c(5, 3), X: c(2, 3), Index: i(1, 5)}, ErrShape},
		{&Gather{Y: c(5, 3), X: f(2, 3), Index: i(5, 1)}, ErrShape},
		{&Transpose{Y: b(4, 3, 2), X: b(4, 2, 3)}, nil},
		{&Transpose{Y: b(4, 2, 3), X: b(4, 2, 3)}, ErrShape},
		{&Copy{Y: u(4, 2, 3), X: u(2, 3)}, nil},
		{&Copy{Y: u(2, 3), X: u(4, 2, 3)}, ErrShape},
		{&Copy{Y: u(2, 3), X: i(2, 3)}, ErrShape},
	}
	sound := map[string]bool{}
	for n, c := range cases {
		drv.ran = nil
		err := d.Run(ctx, c.op)
		switch {
		case c.want == nil && err != nil:
			t.Errorf("case %d, %T: %v", n, c.op, err)
		case c.want != nil && !errors.Is(err, c.want):
			t.Errorf("case %d, %T: got %v, want %v", n, c.op, err, c.want)
		case c.want == nil:
			sound[c.op.Name()] = true
		case len(drv.ran) != 0:
			t.Errorf("case %d, %T: reached the driver", n, c.op)
		}
	}
	for _, name := range OpNames() {
		if !sound[name] {
			t.Errorf("no sound call of %s is tested", name)
		}
	}
	for name := range sound {
		if !slices.Contains(OpNames(), name) {
			t.Errorf("OpNames lacks %s", name)
		}
	}
}

func TestFnNamesAndArgs(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Fns() {
		if f.String() == "" || seen[f.String()] {
			t.Errorf("function %d has name %q", f, f)
		}
		seen[f.String()] = true
	}
	if FnCos.Args() != 1 || FnAdd.Args() != 2 || FnMin.Args() != 2 || FnMac.Args() != 3 || FnSelect.Args() != 3 {
		t.Error("argument counts moved")
	}
}

func TestFactorDefaults(t *testing.T) {
	var none Factor
	if none.Real(1) != 1 || none.Or(2i) != 2i || Scalar(0).Real(1) != 0 || ComplexScalar(3i).Or(0) != 3i {
		t.Error("a factor lost its value or its default")
	}
}

// Where an int32 names elements there are no more than it can name. Tensors
// without rows have such widths and no memory.
func TestIndicesFitAnInt32(t *testing.T) {
	limit := int64(1) << 31
	if int64(int(limit+1)) != limit+1 {
		t.Skip("no tensor of this platform is that wide")
	}
	d, _ := newNull(t)
	for _, n := range []int{int(limit), int(limit + 1)} {
		wide, high := tensor(t, d, Float32, 0, n), tensor(t, d, Float32, n, 0)
		none := func(dt DType, cols int) *Tensor { return tensor(t, d, dt, 0, cols) }
		x := none(Float32, 0)
		for name, op := range map[string]Op{
			"argmax":              &Reduce{Y: none(Int32, 1), X: wide, Reduction: ArgMax},
			"argmin of a column":  &Reduce{Y: tensor(t, d, Int32, 1, 0), X: high, Reduction: ArgMin, Axis: AlongColumn},
			"top-k":               &TopK{Index: none(Int32, 3), X: wide},
			"gather":              &Gather{Y: x, X: high, Index: none(Int32, 1)},
			"categorical":         &Categorical{Index: none(Int32, 1), X: wide},
			"without replacement": &WithoutReplacement{Index: none(Int32, 1), X: wide},
			"one-hot":             &GumbelSoftmax{OneHot: wide, X: none(Float32, n)},
			"nearest":             &Nearest{Index: none(Int32, 1), X: x, C: high},
			"named distances":     &Distances{D: none(Float32, 1), X: x, C: high, Index: none(Int32, 1)},
			"pairwise sum":        &PairwiseSum{Y: wide, X: x, C: tensor(t, d, Float32, 3, 0), Label: tensor(t, d, Int32, 3, 1)},
		} {
			err := d.Run(ctx, op)
			if fits := int64(n) <= limit; fits != (err == nil) || !fits && !errors.Is(err, ErrShape) {
				t.Errorf("%s of %d: %v", name, n, err)
			}
		}
		// No index, no limit.
		if err := d.Run(ctx, &Reduce{Y: none(Float32, 1), X: wide}, &GumbelSoftmax{Y: wide, X: none(Float32, n)}); err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
}
