package cpu

import (
	"context"

	"samebits/backend"
	"samebits/backend/exact"
)

// Log-sum-exp by rows, threaded as softmax is.

func init() { register("logsumexp", logSumExpFast, logSumExpReference) }

func logSumExpReference(d *driver, op *backend.LogSumExp) error {
	for r := range tensorRows(op.X) {
		tensorRow[float32](op.Y, r)[0] = d.mac.LogSumExpRow(tensorRow[float32](op.X, r), op.Temperature.Real(1))
	}
	return nil
}

func logSumExpFast(ctx context.Context, d *driver, op *backend.LogSumExp) error {
	k := d.softmaxKernel(op.Temperature.Real(1))
	k.ahead = op.X.Stride()
	return d.forRows(ctx, tensorRows(op.X), op.X.Cols(), func(r int, spread spreader) (err error) {
		x := tensorRow[float32](op.X, r)
		var top, sum float32
		if len(x) <= exact.SumBlock {
			s := takeRowScratch()
			defer s.give()
			top, sum = k.statistics(s.floats(len(x)), x)
		} else {
			top, sum, err = k.longStatistics(nil, x, spread)
		}
		tensorRow[float32](op.Y, r)[0] = exact.CanonNaN(top + k.mac.Log(sum))
		return err
	})
}
