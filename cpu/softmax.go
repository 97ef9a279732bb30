package cpu

import (
	"context"
	"sync"

	"samebits/backend"
	"samebits/backend/exact"
)

// Softmax by rows. Threads take whole rows; where there are fewer rows than
// threads, a long row is cut at the blocks of its sum, so that every sum keeps
// the contract's order whoever computes it.

var faultSoftmaxMax = addFault("softmax-without-max")

func init() { register("softmax", softmaxFast, softmaxReference) }

func softmaxReference(d *driver, op *backend.Softmax) error {
	row := d.mac.SoftmaxRow
	if op.Log {
		row = d.mac.LogSoftmaxRow
	}
	for r := range tensorRows(op.Y) {
		row(tensorRow[float32](op.Y, r), tensorRow[float32](op.X, r), op.Temperature.Real(1))
	}
	return nil
}

func softmaxFast(ctx context.Context, d *driver, op *backend.Softmax) error {
	c := softmaxCalls.take()
	defer softmaxCalls.give(c)
	c.args = softmaxCall{d.softmaxKernel(op.Temperature.Real(1)), op, !op.Log && d.streams(op.Y)}
	c.args.k.ahead = op.X.Stride()
	return c.forRows(ctx, d, tensorRows(op.X), op.X.Cols(), (*softmaxCall).row)
}

type softmaxCall struct {
	k      softmaxKernel
	op     *backend.Softmax
	stream bool
}

var softmaxCalls calls[softmaxCall]

func (c *softmaxCall) row(r int, s spreader) error {
	return c.k.row(tensorRow[float32](c.op.Y, r), tensorRow[float32](c.op.X, r), c.op.Log, c.stream, s)
}

// streams reports whether rows of probabilities are best written past the
// caches, which saves reading an output's lines first: where no cache keeps it
// until it is read, and where threads together fill the memory's bandwidth.
// (One thread alone runs 8 % slower so on an EPYC of 2024, two up to 8 % faster.)
func (d *driver) streams(y *backend.Tensor) bool {
	return d.threads > 1 && y.Len() >= streamElements
}

const streamElements = 8 << 20

// softmaxKernel holds what all rows of a softmax share.
type softmaxKernel struct {
	mac   exact.Mac
	scale float32 // 1/T
	noMax bool    // planted error
	ahead int     // elements from a row to that which follows
}

func (d *driver) softmaxKernel(temperature float32) softmaxKernel {
	return softmaxKernel{mac: d.mac, scale: exact.Recip(temperature), noMax: d.fault == faultSoftmaxMax}
}

// row is exact.SoftmaxRow or, with log, exact.LogSoftmaxRow. With stream it
// writes probabilities past the caches.
func (k *softmaxKernel) row(y, x []float32, log, stream bool, s spreader) error {
	if len(x) <= exact.SumBlock {
		k.shortRow(y, x, log, stream)
		return nil
	}
	c := softmaxRows.take()
	defer softmaxRows.give(c)
	c.args = softmaxRow{k: *k, y: y, x: x, log: log}
	if err := longStatistics(c, s); err != nil {
		return err
	}
	return c.spread(s, len(x), (*softmaxRow).finish)
}

// shortRow is row for up to exact.SumBlock elements.
func (k *softmaxKernel) shortRow(y, x []float32, log, stream bool) {
	exps := y
	if log || stream {
		s := takeRowScratch()
		defer s.give()
		exps = s.floats(len(x))
	}
	top, sum := k.statistics(exps, x)
	k.finish(y, exps, x, log, stream, top, sum)
}

// finish stores exps·(1/sum) or, with log, (z − top) − log sum.
func (k *softmaxKernel) finish(y, exps, x []float32, log, stream bool, top, sum float32) {
	if sum != sum {
		for j := range y {
			y[j] = sum
		}
		return
	}
	if !log {
		vecScale(y, exps, exact.Recip(sum), stream)
		return
	}
	logSum := k.mac.Log(sum)
	if k.noMax {
		logFinishPlain(y, x, k.scale, top, logSum)
		return
	}
	vecLogFinish(y, x, k.scale, top, logSum)
}

// statistics returns a row's maximum m of z = x·scale and Σ exp(z − m), for up
// to exact.SumBlock elements. The exponentials go to y, which may be x.
func (k *softmaxKernel) statistics(y, x []float32) (top, sum float32) {
	top = k.top(x, k.scale)
	return top, k.blockExps(y, x, top)
}

// softmaxRow is a row of several blocks under way.
type softmaxRow struct {
	k        softmaxKernel
	y, x     []float32 // y is nil where only the statistics are wanted
	log      bool
	parts    []float32 // of each block
	top, sum float32
}

var softmaxRows calls[softmaxRow]

// longStatistics is statistics block by block, into the call's top and sum.
// The exponentials go to y unless it is nil or logarithms are wanted.
func longStatistics(c *call[softmaxRow], s spreader) error {
	scratch := takeRowScratch()
	defer scratch.give()
	r := &c.args
	r.parts = scratch.floats(ceil(len(r.x), exact.SumBlock))
	if err := c.spread(s, len(r.x), (*softmaxRow).blockTop); err != nil {
		return err
	}
	r.top = r.k.top(r.parts, 1)
	err := c.spread(s, len(r.x), (*softmaxRow).blockSum)
	r.sum, r.parts = sumOfBlocks(r.parts), nil
	return err
}

func (r *softmaxRow) blockTop(from, to int) {
	r.parts[from/exact.SumBlock] = vecTop(r.x[from:to], r.k.scale)
}

func (r *softmaxRow) blockSum(from, to int) {
	part := &r.parts[from/exact.SumBlock]
	if r.y != nil && !r.log {
		*part = r.k.blockExps(r.y[from:to], r.x[from:to], r.top)
		return
	}
	s := takeRowScratch()
	defer s.give()
	*part = r.k.blockExps(s.floats(to-from), r.x[from:to], r.top)
}

func (r *softmaxRow) finish(from, to int) {
	y := r.y[from:to]
	r.k.finish(y, y, r.x[from:to], r.log, false, r.top, r.sum)
}

func (k *softmaxKernel) top(x []float32, scale float32) float32 {
	if k.noMax {
		return 0
	}
	return vecTop(x, scale)
}

// blockExps stores exp(x·scale − top) in y and returns the sum over up to
// exact.SumBlock elements. A top that is not finite makes the row's sum NaN,
// and y is left as it is.
func (k *softmaxKernel) blockExps(y, x []float32, top float32) float32 {
	switch {
	case k.noMax: // exponentials of any size
		return expSumPlain(k.mac, y, x, k.scale, top)
	case top-top != 0:
		return exact.CanonNaN(top - top)
	}
	return vecExpSum(k.mac, y, x, k.scale, top, k.ahead)
}

// tensorRows returns the number of rows over all of a tensor's batch.
func tensorRows(t *backend.Tensor) int { return t.Batch() * t.Rows() }

// tensorRow returns row r of a tensor, counted over all of its batch.
func tensorRow[T backend.Element](t *backend.Tensor, r int) []T {
	return matrix[T](t, r/t.Rows()).Row(r % t.Rows())
}

// rowScratch is a thread's own memory, reused from row to row.
type rowScratch struct {
	source wordSource
	f      []float32
	u      []uint32
	k      []uint64
	c      []candidate
}

var rowScratches = sync.Pool{New: func() any { return new(rowScratch) }}

func takeRowScratch() *rowScratch { return rowScratches.Get().(*rowScratch) }

func (s *rowScratch) give() { rowScratches.Put(s) }

func (s *rowScratch) floats(n int) []float32 { return resized(&s.f, n) }
func (s *rowScratch) words(n int) []uint32   { return resized(&s.u, n) }
func (s *rowScratch) keys(n int) []uint64    { return resized(&s.k, n) }

func (s *rowScratch) candidates(n int) []candidate { return resized(&s.c, n) }

func resized[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	return (*s)[:n]
}
