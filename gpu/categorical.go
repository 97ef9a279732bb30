//go:build gl && cgo

package gpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

const faultTemperatureIgnored = "categorical-temperature-ignored" // draws from softmax(x) whatever the temperature

func init() {
	register(planCategorical)
}

// planCategorical runs one work group a draw and block of its row; see categorical.comp.
func planCategorical(p *plan, op *backend.Categorical) error {
	scale := exact.Recip(op.Temperature.Real(1))
	if p.fault(faultTemperatureIgnored) {
		scale = 1
	}
	count, blocks := op.Index.Rows()*op.Index.Cols(), ceilDiv(op.X.Cols(), exact.SumBlock)
	parts := &p.driver.dummy
	if blocks > 1 {
		parts = p.scratch(2 * wordBytes * int64(count) * int64(blocks))
	}
	draw := func(variant defines, groups int) {
		p.run(step{
			shader: "categorical", defines: variant,
			buffers: []*buffer{p.of(op.Index), p.of(op.X), parts},
			uniforms: drawUniforms(uniforms{
				"index_at": p.at(op.Index), "x_at": p.at(op.X), "cols": op.X.Cols(), "draws": op.Index.Cols(), "scale": scale,
			}, op.Draws),
			groups: groups,
		})
	}
	draw(nil, count*blocks)
	if blocks > 1 {
		draw(defines{"MERGE": "1"}, count)
	}
	return nil
}
