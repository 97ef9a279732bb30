package cpu

import (
	"context"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("gather", gather, gatherReference) }

func gather(ctx context.Context, d *driver, o *backend.Gather) error {
	c := gatherCalls.take()
	defer gatherCalls.give(c)
	c.args.op = o
	var piece func(c *gatherCall, from, to int)
	switch o.X.DType().Size() {
	case 1:
		piece = gatherParts[int8]
	case 4:
		piece = gatherParts[uint32]
	default:
		piece = gatherParts[complex64]
	}
	parts := ceil(o.Y.Cols(), moveGrain)
	return c.parallel(ctx, d, o.Y.Rows()*parts, ceil(moveGrain, max(1, min(o.Y.Cols(), moveGrain))), piece)
}

type gatherCall struct{ op *backend.Gather }

var gatherCalls calls[gatherCall]

// gatherParts gathers parts from..to of rows.
func gatherParts[T backend.Element](c *gatherCall, from, to int) {
	y, x, index := matrix[T](c.op.Y, 0), matrix[T](c.op.X, 0), matrix[int32](c.op.Index, 0)
	parts := ceil(y.Cols, moveGrain)
	for u := from; u < to; u++ {
		i, j := u/parts, u%parts*moveGrain
		end := min(j+moveGrain, y.Cols)
		if r := index.At(i, 0); r >= 0 && int(r) < x.Rows {
			copy(y.Row(i)[j:end], x.Row(int(r))[j:end])
		} else {
			clear(y.Row(i)[j:end])
		}
	}
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
