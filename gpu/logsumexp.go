//go:build gl && cgo

package gpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register(planLogSumExp) }

// planLogSumExp runs one work group a row, or one a block of a longer row; see logsumexp.comp.
func planLogSumExp(p *plan, op *backend.LogSumExp) error {
	if err := summable(op.X.Cols()); err != nil {
		return err
	}
	if op.X.Cols() > exact.SumBlock {
		return softmaxBlocks(p, softmaxWork{
			y: p.of(op.Y), x: p.of(op.X), yAt: p.at(op.Y), xAt: p.at(op.X),
			batch: op.X.Batch(), rows: op.X.Rows(), cols: op.X.Cols(), temperature: op.Temperature.Real(1),
		}, true)
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
