//go:build gl && cgo

package gpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register(planFilter) }

// planFilter searches each row's last kept element in one work group; top-p and min-p take the row's softmax first,
// into scratch. See filter.comp.
func planFilter(p *plan, op *backend.Filter) error {
	batch, rows, cols := op.X.Batch(), op.X.Rows(), op.X.Cols()
	probability := &p.driver.dummy
	target := uint32(min(op.K, cols))
	if op.Kind != backend.FilterTopK {
		probability = p.scratch(4 * int64(op.X.Len()))
		packed := [4]uint32{0, p.index(rows * cols), uint32(cols), 1}
		p.index(op.X.Len())
		if err := softmaxRows(p, softmaxWork{
			y: probability, x: p.of(op.X), yAt: packed, xAt: p.at(op.X),
			batch: batch, rows: rows, cols: cols, temperature: 1,
		}); err != nil {
			return err
		}
		// The first element stays whatever P is; its weight is at least 1.
		target = max(1, exact.ProbabilityWeight(op.P))
	}
	p.run(step{
		shader:  "filter",
		buffers: []*buffer{p.of(op.Y), p.of(op.X), probability},
		uniforms: uniforms{
			"y_at": p.at(op.Y), "x_at": p.at(op.X), "rows": rows, "cols": cols,
			"kind": uint32(op.Kind), "target": target, "share": op.P,
		},
		groups: batch * rows,
	})
	return nil
}
