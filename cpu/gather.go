package cpu

import (
	"context"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("gather", gather, gatherReference) }

func gather(ctx context.Context, d *driver, o *backend.Gather) error {
	switch o.X.DType().Size() {
	case 1:
		return gatherOf[int8](ctx, d, o)
	case 4:
		return gatherOf[uint32](ctx, d, o)
	default:
		return gatherOf[complex64](ctx, d, o)
	}
}

func gatherOf[T backend.Element](ctx context.Context, d *driver, o *backend.Gather) error {
	y, x, index := matrix[T](o.Y, 0), matrix[T](o.X, 0), matrix[int32](o.Index, 0)
	return d.parallel(ctx, y.Rows, ceil(moveGrain, max(1, y.Cols)), func(from, to int) {
		for i := from; i < to; i++ {
			if r := index.At(i, 0); r >= 0 && int(r) < x.Rows {
				copy(y.Row(i), x.Row(int(r)))
			} else {
				clear(y.Row(i))
			}
		}
	})
}

func gatherReference(_ *driver, o *backend.Gather) error {
	index := make([]int32, o.Y.Rows())
	for i := range index {
		index[i] = matrix[int32](o.Index, 0).At(i, 0)
	}
	switch o.X.DType().Size() {
	case 1:
		exact.Gather(matrix[int8](o.Y, 0), matrix[int8](o.X, 0), index)
	case 4:
		exact.Gather(matrix[uint32](o.Y, 0), matrix[uint32](o.X, 0), index)
	default:
		exact.Gather(matrix[complex64](o.Y, 0), matrix[complex64](o.X, 0), index)
	}
	return nil
}
