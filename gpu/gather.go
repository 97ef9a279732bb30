//go:build gl && cgo

package gpu

import (
	"strconv"

	"samebits/backend"
)

func init() {
	register(planGather)
	register(planCopy)
	register(planTranspose)
}

// planGather copies the rows that an index names.
func planGather(p *plan, op *backend.Gather) error {
	planMove(p, op.Y, op.X, p.at(op.X), op.Index)
	return nil
}

func planCopy(p *plan, op *backend.Copy) error {
	planMove(p, op.Y, op.X, p.at(op.X), nil)
	return nil
}

func planTranspose(p *plan, op *backend.Transpose) error {
	planMove(p, op.Y, op.X, transposed(p.at(op.X)), nil)
	return nil
}

// planMove runs move.comp from x, seen through xAt, to y.
func planMove(p *plan, y, x *backend.Tensor, xAt [4]uint32, index *backend.Tensor) {
	size := y.DType().Size()
	items := y.Cols()
	rowWords := y.Cols()/wordBytes + 2 // of a row of bytes, wherever it begins
	if size < wordBytes {
		items = rowWords
	} else {
		// Places count words there.
		for _, t := range []*backend.Tensor{y, x} {
			if t.Len() > 0 {
				l := t.Layout()
				p.index((l.Offset + (l.Batch-1)*l.BatchStride + (l.Rows-1)*l.Stride + l.Cols) * (size / wordBytes))
			}
		}
	}
	p.run(step{
		shader: "move", defines: defines{"WORDS": strconv.Itoa(size / wordBytes)},
		buffers: []*buffer{p.of(y), p.of(x), p.of(index)},
		uniforms: uniforms{
			"Y_at": p.at(y), "X_at": xAt, "index_at": p.at(index),
			"batch": y.Batch(), "rows": y.Rows(), "cols": y.Cols(), "row_words": rowWords,
			"indexed": flag(index != nil), "x_rows": x.Rows(),
		},
		invocations: y.Batch() * y.Rows() * items,
	})
}
