package cpu

import (
	"context"
	"unsafe"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("copy", copyFast, copyReference) }

// moveGrain is the number of elements that one piece of a copy takes at least.
const moveGrain = 1 << 16

func copyFast(ctx context.Context, d *driver, o *backend.Copy) error {
	switch o.X.DType().Size() {
	case 1:
		return copyOf[int8](ctx, d, o)
	case 4:
		return copyOf[uint32](ctx, d, o)
	default:
		return copyOf[complex64](ctx, d, o)
	}
}

func copyOf[T backend.Element](ctx context.Context, d *driver, o *backend.Copy) error {
	rows := o.Y.Rows()
	return d.parallel(ctx, o.Y.Batch()*rows, ceil(moveGrain, max(1, o.Y.Cols())), func(from, to int) {
		for u := from; u < to; u++ {
			copy(matrix[T](o.Y, u/rows).Row(u%rows), matrix[T](o.X, u/rows).Row(u%rows))
		}
	})
}

// span returns a tensor's memory from its first element to its last, gaps
// included. The tensor has an element.
func span[T backend.Element](t *backend.Tensor) []T {
	l := t.Layout()
	bytes := t.Buffer().(*buffer).bytes
	all := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/t.DType().Size())
	n := (l.Batch-1)*l.BatchStride + (l.Rows-1)*l.Stride + l.Cols
	return all[l.Offset : l.Offset+n]
}

func copyReference(_ *driver, o *backend.Copy) error {
	for b := range o.Y.Batch() {
		switch o.X.DType().Size() {
		case 1:
			exact.Copy(matrix[int8](o.Y, b), matrix[int8](o.X, b))
		case 4:
			exact.Copy(matrix[uint32](o.Y, b), matrix[uint32](o.X, b))
		default:
			exact.Copy(matrix[complex64](o.Y, b), matrix[complex64](o.X, b))
		}
	}
	return nil
}
