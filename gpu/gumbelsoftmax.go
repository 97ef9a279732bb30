//go:build gl && cgo

package gpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register(planGumbelSoftmax) }

// planGumbelSoftmax perturbs the rows into Y, marks their argmax in OneHot, and then takes the softmax of Y in place;
// see gumbelsoftmax.comp.
func planGumbelSoftmax(p *plan, op *backend.GumbelSoftmax) error {
	rows, cols := op.X.Rows(), op.X.Cols()
	if rows == 0 || cols == 0 {
		return nil
	}
	blocks := ceilDiv(cols, exact.SumBlock)
	parts := p.scratch(2 * wordBytes * int64(rows) * int64(blocks))
	stage := func(stage string, groups int) {
		p.run(step{
			shader: "gumbelsoftmax", defines: defines{"STAGE": stage},
			buffers: []*buffer{p.of(op.Y), p.of(op.OneHot), p.of(op.X), parts},
			uniforms: drawUniforms(uniforms{
				"y_at": p.at(op.Y), "onehot_at": p.at(op.OneHot), "x_at": p.at(op.X), "cols": cols, "count": rows,
				"with_y": flag(op.Y != nil),
			}, op.Draws),
			groups: groups,
		})
	}
	stage("0", rows*blocks)
	if op.OneHot != nil {
		if blocks > 1 {
			stage("1", rows)
		}
		stage("2", groupsOf(rows*cols))
	}
	if op.Y == nil {
		return nil
	}
	return softmaxRows(p, softmaxWork{
		y: p.of(op.Y), x: p.of(op.Y), yAt: p.at(op.Y), xAt: p.at(op.Y),
		batch: 1, rows: rows, cols: cols, temperature: op.Tau.Real(1),
	})
}
