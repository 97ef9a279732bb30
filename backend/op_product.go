package backend

import (
	"fmt"
	"math"
)

// Activation is the function a product's epilogue applies last.
type Activation uint8

// The activations of an epilogue.
const (
	NoActivation Activation = iota
	Relu
	Sigmoid
	Tanh
	Softplus
)

func (a Activation) String() string {
	switch a {
	case NoActivation:
		return "none"
	case Relu:
		return "relu"
	case Sigmoid:
		return "sigmoid"
	case Tanh:
		return "tanh"
	case Softplus:
		return "softplus"
	}
	return fmt.Sprintf("activation(%d)", uint8(a))
}

// MatMul is C = act(alpha·op(A)·op(B) + beta·C + bias), where op transposes
// and conjugates as asked.
//
// op(A) is M×K, op(B) is K×N, C is M×N, all float32 or all complex64. A and B
// may hold a batch of matrices as long as C's, or one matrix that serves every
// member. Bias is 1×N. The order of operations is the contract's: K cut every
// 4096, each cut one chain of macs, k ascending. alpha = 0 reads neither A nor
// B; beta = 0 does not read C; alpha = 1 multiplies nothing. A complex alpha·r
// is the four macs of a product from +0, beta·c the same four onto it. Complex
// tensors take no activation.
//
// Cost: batch·M·N·K macs (4 a complex one).
type MatMul struct {
	C, A, B        *Tensor
	TransA, TransB bool
	ConjA, ConjB   bool   // complex64 alone
	Alpha          Factor // default 1
	Beta           Factor // default 0
	Bias           *Tensor
	Act            Activation
}

// Name implements Op.
func (*MatMul) Name() string { return "matmul" }

func (o *MatMul) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "c", Tensor: o.C, Written: true},
		Operand{Name: "a", Tensor: o.A}, Operand{Name: "b", Tensor: o.B},
		Operand{Name: "bias", Tensor: o.Bias, Optional: true})
}

// Sizes returns the product's M, N and K.
func (o *MatMul) Sizes() (m, n, k int) {
	k = o.A.cols
	if o.TransA {
		k = o.A.rows
	}
	return o.C.rows, o.C.cols, k
}

func (o *MatMul) check() error {
	if err := first(wantDType("c", o.C, Float32, Complex64),
		wantDType("a", o.A, o.C.dtype), wantDType("b", o.B, o.C.dtype),
		wantDType("bias", o.Bias, o.C.dtype), wantMatrix("bias", o.Bias, 1, o.C.cols),
		productShapes(o.C, o.A, o.B, o.TransA, o.TransB)); err != nil {
		return err
	}
	if o.Act > Softplus {
		return fmt.Errorf("%v: %w", o.Act, ErrArgument)
	}
	if o.C.dtype == Complex64 {
		if o.Act != NoActivation {
			return fmt.Errorf("activation %v on complex64: %w", o.Act, ErrArgument)
		}
		return nil
	}
	if o.ConjA || o.ConjB || imag(o.Alpha.Or(1)) != 0 || imag(o.Beta.Or(0)) != 0 {
		return fmt.Errorf("conjugation or a complex factor on float32: %w", ErrArgument)
	}
	return nil
}

func productShapes(c, a, b *Tensor, transA, transB bool) error {
	m, ka := a.rows, a.cols
	if transA {
		m, ka = ka, m
	}
	kb, n := b.rows, b.cols
	if transB {
		kb, n = n, kb
	}
	if m != c.rows || n != c.cols || ka != kb ||
		(a.batch != 1 && a.batch != c.batch) || (b.batch != 1 && b.batch != c.batch) {
		return fmt.Errorf("c %v = a %v (transposed %t) · b %v (transposed %t): %w", c, a, transA, b, transB, ErrShape)
	}
	return nil
}

// MaxIntK is the longest chain of an int8 product without zero points that is
// exact in int32.
const MaxIntK = 131_071

// QMatMul is the int8 product with requantisation.
//
// acc[i,j] = Σ_k (A[i,k] − ZeroA)(B[k,j] − ZeroB) + Bias[j] in int32. The sum
// is exact: a K so long that it could pass int32, [MaxIntK] without zero points
// and less with them, is refused; adding Bias wraps modulo 2³². With C int32
// that is the result. With C int8, Requant scales acc[i,j] by column j's
// multiplier and shift in double rounding (SaturatingRoundingDoublingHighMul,
// then RoundingDivideByPOT), adds ZeroC without overflow and clamps to [Min, Max].
//
// A is M×K, B is K×N before transposition is applied as in [MatMul]; Bias is
// 1×N int32. Source: Jacob et al. 2018, arXiv 1712.05877, section 2.
type QMatMul struct {
	C, A, B        *Tensor
	TransA, TransB bool
	ZeroA, ZeroB   int32 // in [−128, 127]
	Bias           *Tensor
	Requant        *Requant // required for int8 C, forbidden for int32 C
}

// Requant is the integer epilogue of a QMatMul.
type Requant struct {
	Multiplier *Tensor // int32, 1×N, or 1×1 for all columns; in [0, 2³¹)
	Shift      *Tensor // int32, as Multiplier; left where positive; clamped to [−31, 30]
	ZeroC      int32   // in [−128, 127]
	Min, Max   int32   // −128 ≤ Min ≤ Max ≤ 127
}

// Name implements Op.
func (*QMatMul) Name() string { return "qmatmul" }

func (o *QMatMul) appendOperands(to []Operand) []Operand {
	ops := append(to, Operand{Name: "c", Tensor: o.C, Written: true},
		Operand{Name: "a", Tensor: o.A}, Operand{Name: "b", Tensor: o.B},
		Operand{Name: "bias", Tensor: o.Bias, Optional: true})
	if o.Requant != nil {
		ops = append(ops, Operand{Name: "multiplier", Tensor: o.Requant.Multiplier},
			Operand{Name: "shift", Tensor: o.Requant.Shift})
	}
	return ops
}

// Sizes returns the product's M, N and K.
func (o *QMatMul) Sizes() (m, n, k int) {
	k = o.A.cols
	if o.TransA {
		k = o.A.rows
	}
	return o.C.rows, o.C.cols, k
}

func (o *QMatMul) check() error {
	if err := first(wantDType("c", o.C, Int32, Int8), wantDType("a", o.A, Int8), wantDType("b", o.B, Int8),
		wantDType("bias", o.Bias, Int32), wantMatrix("bias", o.Bias, 1, o.C.cols),
		productShapes(o.C, o.A, o.B, o.TransA, o.TransB)); err != nil {
		return err
	}
	if !int8Range(o.ZeroA) || !int8Range(o.ZeroB) {
		return fmt.Errorf("zero points %d, %d leave [-128, 127]: %w", o.ZeroA, o.ZeroB, ErrArgument)
	}
	longest := math.MaxInt32 / (int8Reach(o.ZeroA) * int8Reach(o.ZeroB))
	if _, _, k := o.Sizes(); k > longest {
		return fmt.Errorf("k = %d passes %d, where int32 is exact with zero points %d, %d: %w", k, longest, o.ZeroA, o.ZeroB, ErrShape)
	}
	if (o.Requant != nil) != (o.C.dtype == Int8) {
		return fmt.Errorf("c is %v: requantisation goes with int8 and only with it: %w", o.C, ErrArgument)
	}
	r := o.Requant
	if r == nil {
		return nil
	}
	n := o.C.cols
	if r.Multiplier.cols == 1 {
		n = 1
	}
	if !int8Range(r.ZeroC) || !int8Range(r.Min) || !int8Range(r.Max) || r.Min > r.Max {
		return fmt.Errorf("requantisation to [%d, %d] with zero point %d: %w", r.Min, r.Max, r.ZeroC, ErrArgument)
	}
	return first(wantDType("multiplier", r.Multiplier, Int32), wantDType("shift", r.Shift, Int32),
		wantMatrix("multiplier", r.Multiplier, 1, n), wantMatrix("shift", r.Shift, 1, n))
}

// int8Reach returns the largest |v − zero| over int8 v.
func int8Reach(zero int32) int { return int(max(127-zero, zero+128)) }

func int8Range(v int32) bool { return v >= -128 && v <= 127 }
