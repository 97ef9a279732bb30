package cpu

import (
	"context"
	"unsafe"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("transpose", transpose, transposeReference) }

// transposeTile is the side of the squares that a transposition moves: their
// rows and columns both stay in L1.
const transposeTile = 32

func transpose(ctx context.Context, d *driver, o *backend.Transpose) error {
	c := transposeCalls.take()
	defer transposeCalls.give(c)
	c.args.ctx, c.args.op = ctx, o
	var piece func(c *transposeCall, from, to int)
	switch o.X.DType().Size() {
	case 1:
		piece = transposeBands[int8]
	case 4:
		piece = transposeBands[uint32]
	default:
		piece = transposeBands[complex64]
	}
	grain := ceil(moveGrain, max(1, o.Y.Cols()*transposeTile))
	return c.parallel(ctx, d, o.Y.Batch()*ceil(o.Y.Rows(), transposeTile), grain, piece)
}

type transposeCall struct {
	ctx context.Context
	op  *backend.Transpose
}

var transposeCalls calls[transposeCall]

// transposeBands stores bands from..to of Y's rows, counted through the batch.
func transposeBands[T backend.Element](c *transposeCall, from, to int) {
	bands := ceil(c.op.Y.Rows(), transposeTile)
	for u := from; u < to; u++ {
		y, x := matrix[T](c.op.Y, u/bands), matrix[T](c.op.X, u/bands)
		i0 := u % bands * transposeTile
		i1 := min(i0+transposeTile, y.Rows)
		for from, to := range longPieces(c.ctx, y.Cols) {
			for j0 := from; j0 < to; j0 += transposeTile {
				transposePart(y, x, i0, i1, j0, min(j0+transposeTile, to))
			}
		}
	}
}

// transposePart stores rows i0..i1 and columns j0..j1 of y = xᵀ.
func transposePart[T backend.Element](y, x exact.View[T], i0, i1, j0, j1 int) {
	wide := j0 // columns up to it are done in rows up to high
	high := i0
	if unsafe.Sizeof(y.Data[0]) == 4 {
		high, wide = transposeWords(y, x, i0, i1, j0, j1)
	}
	for i := i0; i < i1; i++ {
		from := j0
		if i < high {
			from = wide
		}
		dst := y.Row(i)[from:j1]
		for j := range dst {
			dst[j] = x.Data[(from+j)*x.Stride+i]
		}
	}
}

func transposeReference(_ *driver, o *backend.Transpose) error {
	for b := range o.Y.Batch() {
		switch o.X.DType().Size() {
		case 1:
			exact.Transpose(matrix[int8](o.Y, b), matrix[int8](o.X, b))
		case 4:
			exact.Transpose(matrix[uint32](o.Y, b), matrix[uint32](o.X, b))
		default:
			exact.Transpose(matrix[complex64](o.Y, b), matrix[complex64](o.X, b))
		}
	}
	return nil
}
