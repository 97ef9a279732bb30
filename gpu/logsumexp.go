//go:build gl && cgo

package gpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register(planLogSumExp) }

// planLogSumExp runs one work group a row; see logsumexp.comp.
func planLogSumExp(p *plan, op *backend.LogSumExp) error {
	if err := summable(op.X.Cols()); err != nil {
		return err
	}
	p.run(step{
		shader:  "logsumexp",
		buffers: []*buffer{p.of(op.Y), p.of(op.X)},
		uniforms: uniforms{
			"y_at": p.at(op.Y), "x_at": p.at(op.X), "rows": op.X.Rows(), "cols": op.X.Cols(),
			"scale": exact.Recip(op.Temperature.Real(1)),
		},
		groups: op.X.Batch() * op.X.Rows(),
	})
	return nil
}
