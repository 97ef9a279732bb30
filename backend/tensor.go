package backend

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"unsafe"

	"gonum.org/v1/gonum/blas/blas32"
)

// Tensor is a batch of row-major matrices in device memory: Batch matrices of
// Rows×Cols elements. A vector is a matrix of one row or one column. The zero
// value is not usable; see [Device.NewTensor].
//
// A Tensor holds device memory until Close; the garbage collector does not
// free it. Views share the memory of the tensor they come from and need no
// Close.
type Tensor struct {
	dev         *Device
	mem         *memory
	dtype       DType
	batch       int
	rows, cols  int
	stride      int // elements from one row to the next
	batchStride int // elements from one matrix to the next
	offset      int // elements before the first
	view        bool
}

// memory is one driver allocation, shared by a tensor and its views.
type memory struct {
	buf      Buffer
	bytes    int64
	readOnly bool // by operations and uploads
	closed   atomic.Bool
}

// Layout says where a tensor's elements stand in its buffer, in elements:
// element (b, i, j) is at Offset + b*BatchStride + i*Stride + j.
type Layout struct {
	Offset, Batch, Rows, Cols, Stride, BatchStride int
}

// Layout returns where the elements stand in [Tensor.Buffer].
func (t *Tensor) Layout() Layout {
	return Layout{t.offset, t.batch, t.rows, t.cols, t.stride, t.batchStride}
}

// Start returns where matrix b begins in [Tensor.Buffer], in elements; a batch
// of one serves every b.
func (t *Tensor) Start(b int) int {
	if t.batch == 1 {
		b = 0
	}
	return t.offset + b*t.batchStride
}

// Buffer returns the driver's handle of the memory, for drivers.
func (t *Tensor) Buffer() Buffer { return t.mem.buf }

// DType returns the type of the elements.
func (t *Tensor) DType() DType { return t.dtype }

// Batch returns the number of matrices.
func (t *Tensor) Batch() int { return t.batch }

// Rows returns the rows of each matrix.
func (t *Tensor) Rows() int { return t.rows }

// Cols returns the columns of each matrix.
func (t *Tensor) Cols() int { return t.cols }

// Stride returns the elements from one row to the next.
func (t *Tensor) Stride() int { return t.stride }

// Len returns the number of elements, gaps not counted.
func (t *Tensor) Len() int { return t.batch * t.rows * t.cols }

// Device returns the device that holds the tensor.
func (t *Tensor) Device() *Device { return t.dev }

// Contiguous reports whether the elements stand without gaps.
func (t *Tensor) Contiguous() bool {
	return (t.rows <= 1 || t.stride == t.cols) && (t.batch <= 1 || t.batchStride == t.rows*t.cols)
}

// String gives the type and shape, such as "float32[3×4]" or "int8[2×3×4]".
func (t *Tensor) String() string {
	if t == nil {
		return "nil"
	}
	if t.batch == 1 {
		return fmt.Sprintf("%v[%d×%d]", t.dtype, t.rows, t.cols)
	}
	return fmt.Sprintf("%v[%d×%d×%d]", t.dtype, t.batch, t.rows, t.cols)
}

// Slice returns the view of rows [i0, i1) and columns [j0, j1) of every
// matrix. The error wraps ErrShape where the ranges leave the tensor.
func (t *Tensor) Slice(i0, i1, j0, j1 int) (*Tensor, error) {
	if i0 < 0 || i1 < i0 || i1 > t.rows || j0 < 0 || j1 < j0 || j1 > t.cols {
		return nil, fmt.Errorf("slice [%d:%d, %d:%d] of %v: %w", i0, i1, j0, j1, t, ErrShape)
	}
	v := *t
	v.view = true
	v.rows, v.cols = i1-i0, j1-j0
	v.offset += i0*t.stride + j0
	return &v, nil
}

// Reshape returns a view of a contiguous tensor with another shape of the
// same number of elements.
func (t *Tensor) Reshape(batch, rows, cols int) (*Tensor, error) {
	n, ok := product(batch, rows, cols)
	if !ok || n != t.Len() || !t.Contiguous() {
		return nil, fmt.Errorf("reshape %v to [%d×%d×%d]: %w", t, batch, rows, cols, ErrShape)
	}
	v := *t
	v.view = true
	v.batch, v.rows, v.cols = batch, rows, cols
	v.stride, v.batchStride = cols, rows*cols
	return &v, nil
}

// Matrix returns the view of matrix b of the batch.
func (t *Tensor) Matrix(b int) (*Tensor, error) {
	if b < 0 || b >= t.batch {
		return nil, fmt.Errorf("matrix %d of %v: %w", b, t, ErrShape)
	}
	v := *t
	v.view = true
	v.batch = 1
	v.offset += b * t.batchStride
	return &v, nil
}

// Close frees the device memory. Closing a view or closing twice does nothing.
// Closing while views are in use makes operations on them return ErrClosed.
func (t *Tensor) Close() error {
	if t == nil || t.view || !t.mem.closed.CompareAndSwap(false, true) {
		return nil
	}
	return t.dev.free(t.mem)
}

// Upload copies src, row-major and without gaps, into t. It returns when src
// may be reused. The error wraps ErrShape where type or length do not fit.
func Upload[T Element](ctx context.Context, t *Tensor, src []T) error {
	if err := hostFits[T](t, len(src)); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return t.dev.transfer(ctx, t, bytesOf(src), true)
}

// Download copies t into dst, row-major and without gaps, after every
// operation run so far; their errors surface here at the latest.
func Download[T Element](ctx context.Context, dst []T, t *Tensor) error {
	if err := hostFits[T](t, len(dst)); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	return t.dev.transfer(ctx, t, bytesOf(dst), false)
}

// FromSlice returns a new rows×cols tensor that holds a copy of data.
func FromSlice[T Element](ctx context.Context, dev *Device, rows, cols int, data []T) (*Tensor, error) {
	t, err := dev.newBatch(ctx, DTypeOf[T](), 1, rows, cols)
	if err != nil {
		return nil, err
	}
	if err := Upload(ctx, t, data); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// ToSlice returns a copy of t's elements, row-major and without gaps.
func ToSlice[T Element](ctx context.Context, t *Tensor) ([]T, error) {
	if t == nil {
		return nil, fmt.Errorf("download: nil tensor: %w", ErrShape)
	}
	dst := make([]T, t.Len())
	return dst, Download(ctx, dst, t)
}

// FromGeneral returns a new tensor that holds a copy of a gonum matrix.
func FromGeneral(ctx context.Context, dev *Device, m blas32.General) (*Tensor, error) {
	if err := checkGeneral(m); err != nil {
		return nil, err
	}
	if m.Rows == 0 || m.Cols == 0 || m.Stride == m.Cols {
		return FromSlice(ctx, dev, m.Rows, m.Cols, m.Data[:m.Rows*m.Cols])
	}
	packed := make([]float32, 0, m.Rows*m.Cols)
	for i := range m.Rows {
		packed = append(packed, m.Data[i*m.Stride:i*m.Stride+m.Cols]...)
	}
	return FromSlice(ctx, dev, m.Rows, m.Cols, packed)
}

// BorrowGeneral returns a new read-only tensor of a gonum matrix: operations
// that would write it, and uploads to it, return ErrArgument. A driver that
// implements [Borrower] works on the matrix where it stands; for others it is
// copied. Until the tensor and the views of it are closed, or the device, the
// caller must not write m.Data: whether an operation would see it depends on
// the driver. m.Data is never written. Borrowed memory counts neither as moved
// nor as held in [Stats].
func BorrowGeneral(ctx context.Context, dev *Device, m blas32.General) (*Tensor, error) {
	if err := checkGeneral(m); err != nil {
		return nil, err
	}
	if m.Rows > 0 && m.Cols > 0 {
		if m.Rows == 1 {
			m.Stride = m.Cols // which may be anything: no row follows
		}
		elements := m.Data[:(m.Rows-1)*m.Stride+m.Cols]
		if t, ok, err := dev.borrow(ctx, Float32, m.Rows, m.Cols, m.Stride, bytesOf(elements)); ok || err != nil {
			return t, err
		}
	}
	t, err := FromGeneral(ctx, dev, m)
	if err != nil {
		return nil, err
	}
	t.mem.readOnly = true
	return t, nil
}

func checkGeneral(m blas32.General) error {
	if m.Rows < 0 || m.Cols < 0 || m.Stride < m.Cols ||
		(m.Rows > 0 && m.Cols > 0 && !spans(m.Rows, m.Cols, m.Stride, len(m.Data))) {
		return fmt.Errorf("general %d×%d, stride %d, %d elements: %w", m.Rows, m.Cols, m.Stride, len(m.Data), ErrShape)
	}
	return nil
}

// spans reports whether rows ≥ 1 rows of cols elements, stride apart, lie within
// n elements; no size overflows.
func spans(rows, cols, stride, n int) bool {
	return cols <= n && rows-1 <= (n-cols)/max(1, stride)
}

// ToGeneral returns a copy of a float32 tensor with one matrix as a gonum matrix.
func ToGeneral(ctx context.Context, t *Tensor) (blas32.General, error) {
	if t == nil || t.batch != 1 {
		return blas32.General{}, fmt.Errorf("general from %v: %w", t, ErrShape)
	}
	data, err := ToSlice[float32](ctx, t)
	if err != nil {
		return blas32.General{}, err
	}
	return blas32.General{Rows: t.rows, Cols: t.cols, Stride: max(1, t.cols), Data: data}, nil
}

func hostFits[T Element](t *Tensor, n int) error {
	switch {
	case t == nil:
		return fmt.Errorf("nil tensor: %w", ErrShape)
	case t.dtype != DTypeOf[T]():
		return fmt.Errorf("%v from a slice of %v: %w", t, DTypeOf[T](), ErrShape)
	case t.Len() != n:
		return fmt.Errorf("%v has %d elements, the slice %d: %w", t, t.Len(), n, ErrShape)
	}
	return nil
}

// bytesOf views a slice as bytes. Devices are little-endian, and so is every
// processor the project builds for.
func bytesOf[T Element](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// product multiplies sizes and reports whether they are all ≥ 0 and the
// result stays well inside an int.
func product(sizes ...int) (int, bool) {
	const limit = math.MaxInt / 4
	n := 1
	zero := false
	for _, s := range sizes {
		if s < 0 {
			return 0, false
		}
		if s == 0 {
			zero = true
			continue
		}
		if n > limit/s {
			return 0, false
		}
		n *= s
	}
	if zero {
		return 0, true
	}
	return n, true
}
