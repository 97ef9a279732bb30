package backend

import (
	"fmt"

	"samebits/backend/exact"
)

func scatterWords(d int) int { return exact.ScatterWords(d) }

// Fn is an elementwise function of one, two or three arguments.
type Fn uint8

const (
	// One argument.
	FnNeg Fn = iota
	FnAbs
	FnSquare // a·a
	FnSqrt
	FnRecip
	FnExp
	FnExpm1
	FnLog
	FnLog1p
	FnTanh
	FnSigmoid
	FnSoftplus
	FnRelu
	FnSin
	FnCos
	// Two arguments.
	FnAdd
	FnSub
	FnMul
	FnDiv
	FnMax // the larger; NaN if either is; the first of equals
	FnMin // the smaller, likewise
	// Three arguments.
	FnMac    // mac(a, b, c) = a + b·c
	FnSelect // b where a ≠ 0, else c; NaN counts as ≠ 0
	fnCount
)

var fnNames = [fnCount]string{"neg", "abs", "square", "sqrt", "recip", "exp", "expm1", "log", "log1p",
	"tanh", "sigmoid", "softplus", "relu", "sin", "cos", "add", "sub", "mul", "div", "max", "min", "mac", "select"}

func (f Fn) String() string {
	if f < fnCount {
		return fnNames[f]
	}
	return fmt.Sprintf("fn(%d)", uint8(f))
}

// Fns lists every elementwise function.
func Fns() []Fn {
	all := make([]Fn, fnCount)
	for i := range all {
		all[i] = Fn(i)
	}
	return all
}

// Args returns the number of arguments, 1 to 3.
func (f Fn) Args() int {
	switch {
	case f < FnAdd:
		return 1
	case f < FnMac:
		return 2
	}
	return 3
}

// Map is Y = fn(A, B, C), element by element, on float32.
//
// A, B and C have Y's shape, or one row, one column or one matrix of the batch
// where Y has more: that one serves them all. Arguments beyond Fn.Args are
// nil. Y may be any argument itself.
type Map struct {
	Fn      Fn
	Y       *Tensor
	A, B, C *Tensor
}

// Name implements Op.
func (*Map) Name() string { return "map" }

func (o *Map) appendOperands(to []Operand) []Operand {
	n := o.Fn.Args()
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true}, Operand{Name: "a", Tensor: o.A, InPlace: true},
		Operand{Name: "b", Tensor: o.B, InPlace: true, Optional: n < 2}, Operand{Name: "c", Tensor: o.C, InPlace: true, Optional: n < 3})
}

func (o *Map) check() error {
	n := o.Fn.Args()
	if o.Fn >= fnCount {
		return fmt.Errorf("%v: %w", o.Fn, ErrArgument)
	}
	if (n < 2 && o.B != nil) || (n < 3 && o.C != nil) {
		return fmt.Errorf("%v takes %d arguments: %w", o.Fn, n, ErrArgument)
	}
	for _, a := range [...]Operand{{Name: "a", Tensor: o.A}, {Name: "b", Tensor: o.B}, {Name: "c", Tensor: o.C}} {
		if err := first(wantDType(a.Name, a.Tensor, Float32), broadcasts(a.Name, a.Tensor, o.Y)); err != nil {
			return err
		}
	}
	return wantDType("y", o.Y, Float32)
}

func broadcasts(name string, t, y *Tensor) error {
	if t == nil || ((t.batch == y.batch || t.batch == 1) && (t.rows == y.rows || t.rows == 1) && (t.cols == y.cols || t.cols == 1)) {
		return nil
	}
	return fmt.Errorf("%s %v does not stretch to y %v: %w", name, t, y, ErrShape)
}

// Reduction says what a Reduce computes.
type Reduction uint8

const (
	// Sum adds in the contract's order: rows by 64 lanes and a tree, columns
	// by blocks of 256 rows. An empty sum is +0.
	Sum Reduction = iota
	// Max and Min give the element where ArgMax and ArgMin stand.
	Max
	Min
	// ArgMax and ArgMin give the lowest index that holds a NaN, else the
	// lowest index of the largest or smallest value, −0 equal to +0; int32.
	ArgMax
	ArgMin
	// MaxAbsFinite is the largest magnitude among the finite elements, +0 if
	// there are none.
	MaxAbsFinite
	reductionCount
)

func (r Reduction) String() string {
	names := [...]string{"sum", "max", "min", "argmax", "argmin", "maxabsfinite"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("reduction(%d)", uint8(r))
}

// Axis says along what a Reduce runs.
type Axis uint8

const (
	// AlongRow reduces each row to one element: Y is n×1.
	AlongRow Axis = iota
	// AlongColumn reduces each column to one element: Y is 1×c.
	AlongColumn
)

// Reduce reduces each row or each column of X, float32 [b×n×c], to one
// element of Y: float32, or int32 for ArgMax and ArgMin. All but Sum and
// MaxAbsFinite need at least one element.
type Reduce struct {
	Y, X      *Tensor
	Reduction Reduction
	Axis      Axis
}

// Name implements Op.
func (*Reduce) Name() string { return "reduce" }

func (o *Reduce) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true}, Operand{Name: "x", Tensor: o.X})
}

func (o *Reduce) check() error {
	if o.Reduction >= reductionCount || o.Axis > AlongColumn {
		return fmt.Errorf("%v, axis %d: %w", o.Reduction, o.Axis, ErrArgument)
	}
	want, n := Float32, o.X.cols
	if o.Reduction == ArgMax || o.Reduction == ArgMin {
		want = Int32
	}
	rows, cols := o.X.rows, 1
	if o.Axis == AlongColumn {
		rows, cols, n = 1, o.X.cols, o.X.rows
	}
	if n == 0 && o.Reduction != Sum && o.Reduction != MaxAbsFinite {
		return fmt.Errorf("%v of no element of %v: %w", o.Reduction, o.X, ErrShape)
	}
	if want == Int32 {
		if err := indexable("elements", n); err != nil {
			return err
		}
	}
	return first(wantDType("x", o.X, Float32), wantDType("y", o.Y, want), wantShape("y", o.Y, o.X.batch, rows, cols))
}

// TopK gives the indices of each row's m largest elements, largest first, the
// lower index first on ties (−0 equal to +0); NaNs come before all others.
// X is float32 n×c, Index int32 n×m, m ≤ c.
type TopK struct {
	Index, X *Tensor
}

// Name implements Op.
func (*TopK) Name() string { return "topk" }

func (o *TopK) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "index", Tensor: o.Index, Written: true}, Operand{Name: "x", Tensor: o.X})
}

func (o *TopK) check() error {
	if o.Index.cols > o.X.cols {
		return fmt.Errorf("top %d of %v: %w", o.Index.cols, o.X, ErrShape)
	}
	return first(indexable("columns", o.X.cols), wantDType("index", o.Index, Int32), wantDType("x", o.X, Float32),
		wantMatrix("x", o.X, o.X.rows, o.X.cols), wantMatrix("index", o.Index, o.X.rows, o.Index.cols))
}

// Gather copies rows: Y[i,·] = X[Index[i],·]. An index outside X gives a row
// of zero bits. X and Y have any one element type, Index is int32 n×1.
type Gather struct {
	Y, X, Index *Tensor
}

// Name implements Op.
func (*Gather) Name() string { return "gather" }

func (o *Gather) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true}, Operand{Name: "x", Tensor: o.X}, Operand{Name: "index", Tensor: o.Index})
}

func (o *Gather) check() error {
	return first(indexable("rows", o.X.rows), wantDType("y", o.Y, o.X.dtype), wantDType("index", o.Index, Int32),
		wantMatrix("x", o.X, o.X.rows, o.X.cols), wantMatrix("y", o.Y, o.Y.rows, o.X.cols),
		wantMatrix("index", o.Index, o.Y.rows, 1))
}

// Transpose is Y[b] = X[b]ᵀ, for any one element type, bits unchanged.
type Transpose struct {
	Y, X *Tensor
}

// Name implements Op.
func (*Transpose) Name() string { return "transpose" }

func (o *Transpose) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true}, Operand{Name: "x", Tensor: o.X})
}

func (o *Transpose) check() error {
	return first(wantDType("y", o.Y, o.X.dtype), wantShape("y", o.Y, o.X.batch, o.X.cols, o.X.rows))
}

// Copy is Y = X for equal shapes and any one element type, bits unchanged. A
// batch of one serves all of Y's.
type Copy struct {
	Y, X *Tensor
}

// Name implements Op.
func (*Copy) Name() string { return "copy" }

func (o *Copy) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true}, Operand{Name: "x", Tensor: o.X})
}

func (o *Copy) check() error {
	batch := o.X.batch
	if batch == 1 {
		batch = o.Y.batch
	}
	return first(wantDType("y", o.Y, o.X.dtype), wantShape("y", o.Y, batch, o.X.rows, o.X.cols))
}
