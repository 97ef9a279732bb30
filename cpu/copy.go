package cpu

import (
	"context"
	"unsafe"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("copy", copyFast, copyReference) }

// moveGrain is the number of elements that one piece of a copy takes at least,
// and the length at which rows are cut.
const moveGrain = 1 << 16

func copyFast(ctx context.Context, d *driver, o *backend.Copy) error {
	c := copyCalls.take()
	defer copyCalls.give(c)
	c.args.op = o
	var piece func(c *copyCall, from, to int)
	switch o.X.DType().Size() {
	case 1:
		piece = copyParts[int8]
	case 4:
		piece = copyParts[uint32]
	default:
		piece = copyParts[complex64]
	}
	parts := ceil(o.Y.Cols(), moveGrain)
	return c.parallel(ctx, d, tensorRows(o.Y)*parts, ceil(moveGrain, max(1, min(o.Y.Cols(), moveGrain))), piece)
}

type copyCall struct{ op *backend.Copy }

var copyCalls calls[copyCall]

// copyParts copies parts from..to of rows, counted through rows and batch.
func copyParts[T backend.Element](c *copyCall, from, to int) {
	o := c.op
	rows, cols := o.Y.Rows(), o.Y.Cols()
	parts := ceil(cols, moveGrain)
	for u := from; u < to; u++ {
		r, j := u/parts, u%parts*moveGrain
		end := min(j+moveGrain, cols)
		copy(matrix[T](o.Y, r/rows).Row(r % rows)[j:end], matrix[T](o.X, r/rows).Row(r % rows)[j:end])
	}
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
