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

// planCategorical runs one work group a draw; see categorical.comp.
func planCategorical(p *plan, op *backend.Categorical) error {
	scale := exact.Recip(op.Temperature.Real(1))
	if p.fault(faultTemperatureIgnored) {
		scale = 1
	}
	p.run(step{
		shader:  "categorical",
		buffers: []*buffer{p.of(op.Index), p.of(op.X)},
		uniforms: drawUniforms(uniforms{
			"index_at": p.at(op.Index), "x_at": p.at(op.X), "cols": op.X.Cols(), "draws": op.Index.Cols(), "scale": scale,
		}, op.Draws),
		groups: op.Index.Rows() * op.Index.Cols(),
	})
	return nil
}
