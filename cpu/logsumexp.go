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
	c := logSumExpCalls.take()
	defer logSumExpCalls.give(c)
	c.args = logSumExpCall{d.softmaxKernel(op.Temperature.Real(1)), op}
	c.args.k.ahead = op.X.Stride()
	return c.forRows(ctx, d, tensorRows(op.X), op.X.Cols(), (*logSumExpCall).row)
}

type logSumExpCall struct {
	k  softmaxKernel
	op *backend.LogSumExp
}

var logSumExpCalls calls[logSumExpCall]

func (c *logSumExpCall) row(r int, s spreader) (err error) {
	x := tensorRow[float32](c.op.X, r)
	var top, sum float32
	if len(x) <= exact.SumBlock {
		scratch := takeRowScratch()
		defer scratch.give()
		top, sum = c.k.statistics(scratch.floats(len(x)), x)
	} else {
		long := softmaxRows.take()
		defer softmaxRows.give(long)
		long.args = softmaxRow{k: c.k, x: x}
		err = longStatistics(long, s)
		top, sum = long.args.top, long.args.sum
	}
	tensorRow[float32](c.op.Y, r)[0] = exact.CanonNaN(top + c.k.mac.Log(sum))
	return err
}
