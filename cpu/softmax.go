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
	k := d.softmaxKernel(op.Temperature.Real(1))
	k.ahead = op.X.Stride()
	stream := !op.Log && d.streams(op.Y)
	return d.forRows(ctx, tensorRows(op.X), op.X.Cols(), func(r int, spread spreader) error {
		return k.row(tensorRow[float32](op.Y, r), tensorRow[float32](op.X, r), op.Log, stream, spread)
	})
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

func (d *driver) softmaxKernel(temperature float32) *softmaxKernel {
	return &softmaxKernel{mac: d.mac, scale: exact.Recip(temperature), noMax: d.fault == faultSoftmaxMax}
}

// row is exact.SoftmaxRow or, with log, exact.LogSoftmaxRow. With stream it
// writes probabilities past the caches.
func (k *softmaxKernel) row(y, x []float32, log, stream bool, spread spreader) error {
	if len(x) <= exact.SumBlock {
		k.shortRow(y, x, log, stream)
		return nil
	}
	exps := y
	if log {
		exps = nil
	}
	top, sum, err := k.longStatistics(exps, x, spread)
	if err != nil {
		return err
	}
	return spread(len(x), func(from, to int) { k.finish(y[from:to], y[from:to], x[from:to], log, false, top, sum) })
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

// longStatistics is statistics block by block; y may be nil.
func (k *softmaxKernel) longStatistics(y, x []float32, spread spreader) (top, sum float32, err error) {
	parts := make([]float32, (len(x)+exact.SumBlock-1)/exact.SumBlock)
	if err := spread(len(x), func(from, to int) { parts[from/exact.SumBlock] = vecTop(x[from:to], k.scale) }); err != nil {
		return 0, 0, err
	}
	rowMax := k.top(parts, 1)
	err = spread(len(x), func(from, to int) {
		if y != nil {
			parts[from/exact.SumBlock] = k.blockExps(y[from:to], x[from:to], rowMax)
			return
		}
		s := takeRowScratch()
		defer s.give()
		parts[from/exact.SumBlock] = k.blockExps(s.floats(to-from), x[from:to], rowMax)
	})
	return rowMax, exact.RowSum(parts), err
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

// spreader runs work over [0, n) in pieces of exact.SumBlock, on one thread or
// many.
type spreader func(n int, work func(from, to int)) error

// inline is the spreader of a thread that has a row to itself.
func inline(n int, work func(from, to int)) error {
	for from := 0; from < n; from += exact.SumBlock {
		work(from, min(from+exact.SumBlock, n))
	}
	return nil
}

// forRows calls row for each of n rows: on all threads at once with an inline
// spreader, or, where rows are fewer than threads and long, one after the other with a
// spreader over all threads.
func (d *driver) forRows(ctx context.Context, n, cols int, row func(r int, spread spreader) error) error {
	if n < d.threads && cols > exact.SumBlock {
		spread := func(n int, work func(from, to int)) error { return d.parallel(ctx, n, exact.SumBlock, work) }
		for r := range n {
			if err := row(r, spread); err != nil {
				return err
			}
		}
		return nil
	}
	// Pieces of work of a block or, where there are many, of several, because a
	// row's kernel calls the next row into the cache.
	grain := max(1, exact.SumBlock/max(1, cols))
	grain = max(grain, min(4*grain, n/(8*d.threads)))
	return d.parallel(ctx, n, grain, func(from, to int) {
		for r := from; r < to; r++ {
			row(r, inline) // inline returns no error
		}
	})
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
}

var rowScratches = sync.Pool{New: func() any { return new(rowScratch) }}

func takeRowScratch() *rowScratch { return rowScratches.Get().(*rowScratch) }

func (s *rowScratch) give() { rowScratches.Put(s) }

func (s *rowScratch) floats(n int) []float32 { return resized(&s.f, n) }
func (s *rowScratch) words(n int) []uint32   { return resized(&s.u, n) }
func (s *rowScratch) keys(n int) []uint64    { return resized(&s.k, n) }

func resized[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	return (*s)[:n]
}
