//go:build gl && cgo

package gpu

import "samebits/backend"

func init() { register(planGumbelSoftmax) }

// planGumbelSoftmax perturbs the rows into Y, marks their argmax in OneHot, and then takes the softmax of Y in place;
// see gumbelsoftmax.comp.
func planGumbelSoftmax(p *plan, op *backend.GumbelSoftmax) error {
	rows, cols := op.X.Rows(), op.X.Cols()
	p.run(step{
		shader:  "gumbelsoftmax",
		buffers: []*buffer{p.of(op.Y), p.of(op.OneHot), p.of(op.X)},
		uniforms: drawUniforms(uniforms{
			"y_at": p.at(op.Y), "onehot_at": p.at(op.OneHot), "x_at": p.at(op.X), "cols": cols,
			"with_y": flag(op.Y != nil), "with_onehot": flag(op.OneHot != nil),
		}, op.Draws),
		groups: rows,
	})
	if op.Y == nil {
		return nil
	}
	return softmaxRows(p, softmaxWork{
		y: p.of(op.Y), x: p.of(op.Y), yAt: p.at(op.Y), xAt: p.at(op.Y),
		batch: 1, rows: rows, cols: cols, temperature: op.Tau.Real(1),
	})
}
