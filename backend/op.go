package backend

import (
	"fmt"
	"math"
	"slices"

	"samebits/backend/exact"
)

// Op describes one operation on tensors. The descriptors of this package are
// all there are, so that a driver can switch over them.
type Op interface {
	// Name is the operation's name in messages, benchmarks and reports.
	Name() string
	// appendOperands appends the tensors with their roles, in a fixed order.
	appendOperands(to []Operand) []Operand
	// check applies the operation's own rules for shapes and options.
	check() error
}

// Operand is one tensor of an operation.
type Operand struct {
	Name     string
	Tensor   *Tensor
	Written  bool // the operation writes it
	Optional bool // may be nil
	InPlace  bool // may be the very tensor that is written
}

// Operands lists an operation's tensors with their roles, in a fixed order.
// Optional operands may be nil.
func Operands(op Op) []Operand { return op.appendOperands(nil) }

// OpNames lists every operation, in the order of the families: products,
// softmax-sampling, distances, support. Tests use it to find operations that
// lack a part.
func OpNames() []string {
	return []string{
		"matmul", "qmatmul",
		"softmax", "logsumexp", "categorical", "filter", "gumbelsoftmax", "withoutreplacement", "fill",
		"nearest", "distances", "pairwisesum", "scattersum",
		"map", "reduce", "topk", "gather", "transpose", "copy",
	}
}

// Factor is an optional scalar. Its zero value means the default that the
// field's comment names, so that a descriptor's zero value works.
type Factor struct {
	value complex64
	given bool
}

// Scalar returns a real factor.
func Scalar(v float32) Factor { return Factor{complex(v, 0), true} }

// ComplexScalar returns a complex factor, for complex64 tensors.
func ComplexScalar(v complex64) Factor { return Factor{v, true} }

// Or returns the factor, or def where none was given.
func (f Factor) Or(def complex64) complex64 {
	if f.given {
		return f.value
	}
	return def
}

// Real returns the factor's real part, or def where none was given.
func (f Factor) Real(def float32) float32 { return real(f.Or(complex(def, 0))) }

// Draws names a position in the random stream (see exact.Word). A draw
// depends on these coordinates and its row and element alone, never on batch
// size or device: row i of a tensor draws as Row+i.
type Draws struct {
	Seed uint64
	Use  exact.Use // what the numbers are for, so that uses never share draws
	Sub  uint16    // restart, chain or replica
	Step uint32    // iteration
	Row  uint32    // number of the tensor's first row
}

func (d Draws) check(rows, cols int) error {
	if int64(d.Row)+int64(rows) > math.MaxUint32+1 {
		return fmt.Errorf("rows %d+%d pass 2³² in the random stream: %w", d.Row, rows, ErrArgument)
	}
	if int64(cols) > 1<<34 {
		return fmt.Errorf("%d columns pass 2³⁴ in the random stream: %w", cols, ErrArgument)
	}
	return nil
}

// dimension rules shared by the descriptors' checks

func wantDType(name string, t *Tensor, allowed ...DType) error {
	if t == nil {
		return nil
	}
	for _, d := range allowed {
		if t.dtype == d {
			return nil
		}
	}
	// A copy, so that the callers' lists need no memory where all is well.
	return fmt.Errorf("%s is %v, want %v: %w", name, t, slices.Clone(allowed), ErrShape)
}

func wantShape(name string, t *Tensor, batch, rows, cols int) error {
	if t == nil || (t.batch == batch && t.rows == rows && t.cols == cols) {
		return nil
	}
	return fmt.Errorf("%s is %v, want %d×%d×%d: %w", name, t, batch, rows, cols, ErrShape)
}

func wantMatrix(name string, t *Tensor, rows, cols int) error {
	return wantShape(name, t, 1, rows, cols)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// indexable refuses more elements than an int32 names.
func indexable(name string, n int) error {
	if int64(n) <= 1<<31 {
		return nil
	}
	return fmt.Errorf("%d %s pass 2³¹, which an int32 index cannot name: %w", n, name, ErrShape)
}

// isZero reports v = ±0, as [positive] does on any thread.
func isZero(v float32) bool { return math.Float32bits(v)<<1 == 0 }

// fraction reports a number in [0, 1], likewise.
func fraction(v float32) bool { return isZero(v) || math.Float32bits(v) <= 0x3f800000 }

// positive reports an option that must be a finite number above zero. It tests
// the bits: a thread that flushes takes a subnormal for zero.
func positive(name string, v float32) error {
	const infinity = 0x7f800000
	if math.Float32bits(v)-1 < infinity-1 {
		return nil
	}
	return fmt.Errorf("%s %v: want a finite number above 0: %w", name, v, ErrArgument)
}
