//go:build gl && cgo

package gpu

import "samebits/backend"

func init() { register(planTopK) }

// planTopK runs one work group a row; see topk.comp.
func planTopK(p *plan, op *backend.TopK) error {
	pickRows(p, pick{index: op.Index, x: p.of(op.X), xAt: p.at(op.X), rows: op.X.Rows(), cols: op.X.Cols()})
	return nil
}

// pick takes the best elements of rows of x, as many as index has columns, to rows of index from firstRow on.
type pick struct {
	index      *backend.Tensor
	firstRow   int
	x          *buffer
	xAt        [4]uint32
	rows, cols int
	smallest   bool // smallest first instead of largest first
	above      bool // elements of −Inf are not taken
}

func pickRows(p *plan, w pick) {
	p.run(step{
		shader:  "topk",
		buffers: []*buffer{p.of(w.index), w.x},
		uniforms: uniforms{
			"index_at": p.at(w.index), "x_at": w.xAt, "first_row": w.firstRow, "cols": w.cols, "m": w.index.Cols(),
			"smallest": flag(w.smallest), "above": flag(w.above),
		},
		groups: w.rows,
	})
}

// scratchElements bounds the scores or distances that an operation keeps between two steps: 64 MiB. Tests make it
// small.
var scratchElements = 16 << 20

// chunks calls f for ranges of rows that hold at most limit elements each, at least one row.
func chunks(rows, perRow, limit int, f func(first, n int)) {
	size := max(1, limit/max(1, perRow))
	for first := 0; first < rows; first += size {
		f(first, min(size, rows-first))
	}
}
