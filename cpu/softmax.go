package cpu

import (
	"context"
	"math"
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
	return d.forRows(ctx, tensorRows(op.X), op.X.Cols(), func(r int, spread spreader) error {
		return k.row(tensorRow[float32](op.Y, r), tensorRow[float32](op.X, r), op.Log, spread)
	})
}

// softmaxKernel holds what all rows of a softmax share.
type softmaxKernel struct {
	mac   exact.Mac
	scale float32 // 1/T
	noMax bool    // planted error
}

func (d *driver) softmaxKernel(temperature float32) *softmaxKernel {
	return &softmaxKernel{mac: d.mac, scale: exact.Recip(temperature), noMax: d.fault == faultSoftmaxMax}
}

// row is exact.SoftmaxRow or, with log, exact.LogSoftmaxRow.
func (k *softmaxKernel) row(y, x []float32, log bool, spread spreader) error {
	exps := y
	if log {
		exps = nil
	}
	top, sum, err := k.statistics(exps, x, spread)
	if err != nil {
		return err
	}
	if len(x) <= exact.SumBlock {
		k.finish(y, x, log, top, sum)
		return nil
	}
	return spread(len(x), func(from, to int) { k.finish(y[from:to], x[from:to], log, top, sum) })
}

// finish turns the exponentials in y into probabilities or, with log, stores
// (z − top) − log sum.
func (k *softmaxKernel) finish(y, x []float32, log bool, top, sum float32) {
	if log {
		logSum := k.mac.Log(sum)
		for j, v := range x {
			y[j] = exact.CanonNaN((float32(v*k.scale) - top) - logSum)
		}
		return
	}
	// No exponential is infinite, so a product is NaN only where the sum is.
	r := exact.Recip(sum)
	if r != r {
		for j := range y {
			y[j] = r
		}
		return
	}
	for j := range y {
		y[j] *= r
	}
}

// statistics returns a row's maximum m of z = x·scale and Σ exp(z − m). The
// exponentials go to y unless it is nil.
func (k *softmaxKernel) statistics(y, x []float32, spread spreader) (top, sum float32, err error) {
	if len(x) > exact.SumBlock {
		return k.longStatistics(y, x, spread)
	}
	top = k.top(x, k.scale)
	return top, k.blockExps(y, x, top), nil
}

// longStatistics is statistics block by block.
func (k *softmaxKernel) longStatistics(y, x []float32, spread spreader) (top, sum float32, err error) {
	parts := make([]float32, (len(x)+exact.SumBlock-1)/exact.SumBlock)
	if err := spread(len(x), func(from, to int) { parts[from/exact.SumBlock] = rowTop(x[from:to], k.scale) }); err != nil {
		return 0, 0, err
	}
	rowMax := k.top(parts, 1)
	err = spread(len(x), func(from, to int) {
		var out []float32
		if y != nil {
			out = y[from:to]
		}
		parts[from/exact.SumBlock] = k.blockExps(out, x[from:to], rowMax)
	})
	return rowMax, exact.RowSum(parts), err
}

func (k *softmaxKernel) top(x []float32, scale float32) float32 {
	if k.noMax {
		return 0
	}
	return rowTop(x, scale)
}

// blockExps stores exp(x·scale − top) in y, unless it is nil, and returns the
// sum over up to exact.SumBlock elements.
func (k *softmaxKernel) blockExps(y, x []float32, top float32) float32 {
	if y != nil {
		k.exps(y, x, top)
		return blockSum(y)
	}
	s := takeRowScratch()
	defer s.give()
	e := s.floats(len(x))
	k.exps(e, x, top)
	return blockSum(e)
}

// rowTop returns the element of x·scale where its argmax stands: a NaN, else
// the first of the largest. It takes its own result for blocks of a row.
func rowTop(x []float32, scale float32) float32 {
	top := float32(math.Inf(-1))
	for _, v := range x {
		z := float32(v * scale)
		if !(z <= top) {
			if z != z {
				return z
			}
			top = z
		}
	}
	return top
}

// exps stores exp(x·scale − top).
func (k *softmaxKernel) exps(y, x []float32, top float32) {
	y = y[:len(x)]
	if k.mac == exact.Fused {
		for j, v := range x {
			y[j] = expFused(float32(v*k.scale) - top)
		}
		return
	}
	for j, v := range x {
		y[j] = k.mac.Exp(float32(v*k.scale) - top)
	}
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
	return d.parallel(ctx, n, max(1, exact.SumBlock/max(1, cols)), func(from, to int) {
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
	f []float32
	u []uint32
	k []uint64
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

// The functions of the fused profile that rows of the softmax family spend
// their time in, with the steps of exact.Fused written out: each is a float64
// sum s of an exact product and a float32, rounded to float32. That double
// rounding goes wrong only where s lies half-way between two float32, and
// there the plain statement computes the value. No step has a subnormal
// result that is inexact. The constants are those of package exact.

const (
	log2e      = 0x1.715476p+0
	ln2Hi      = 0x1.62e4p-1
	ln2Lo      = 0x1.7f7d1cp-20
	roundMagic = 0x1.8p23
)

// halfway reports whether s lies half-way between two normal float32.
func halfway(s float64) bool { return math.Float64bits(s)&(1<<29-1) == 1<<28 }

// expFused is exact.Fused.Exp.
func expFused(x float32) float32 {
	if !(x <= 0 && x > -87.33) {
		return exact.Fused.Exp(x)
	}
	s := float64(x)*log2e + roundMagic
	bad := halfway(s)
	t := float32(s)
	n := math.Float32bits(t) - 0x4b400000
	nf := float64(t - roundMagic)
	s = float64(x) - nf*ln2Hi
	if bad || halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = float64(float32(s)) - nf*ln2Lo
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	r := float64(float32(s))
	s = 0x1.123decp-7 + r*0x1.6ac832p-10
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 0x1.555858p-5 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 0x1.55548cp-3 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 0x1.fffffcp-2 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 1 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	s = 1 + r*float64(float32(s))
	if halfway(s) {
		return exact.Fused.Exp(x)
	}
	return math.Float32frombits(math.Float32bits(float32(s)) + n<<23)
}

// gumbelFused is exact.Fused.Gumbel: −log(−log1p(−v)) of the word's uniform v.
func gumbelFused(word uint32) float32 {
	x := -exact.Uniform(word)
	e := (math.Float32bits(1+x) - threeQuarters) & 0xff800000
	k := float32(int32(e) >> 23)
	f := math.Float32frombits(math.Float32bits(x)-e) + (float32(0.25*math.Float32frombits(0x40800000-e)) - 1)
	log1p, ok := logFused(k, f)
	if !ok {
		return exact.Fused.Gumbel(word)
	}
	d := math.Float32bits(-log1p) - threeQuarters
	k = float32(int32(d) >> 23)
	f = math.Float32frombits(d&0x7fffff+threeQuarters) - 1
	log, ok := logFused(k, f)
	if !ok {
		return exact.Fused.Gumbel(word)
	}
	return -log
}

const threeQuarters = 0x3f400000 // the bits of ¾

// logFused returns k·ln 2 + log(1+f), and whether no step was half-way.
func logFused(k, f float32) (float32, bool) {
	x := float64(f)
	s := 0x1.ac9336p-4 - x*0x1.7143a8p-5
	bad := halfway(s)
	s = -0x1.0d8ae8p-3 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = 0x1.288426p-3 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = -0x1.54ef94p-3 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = 0x1.99699cp-3 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = -0x1.000042p-2 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = 0x1.5555a4p-2 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = -0.5 + x*float64(float32(s))
	bad = bad || halfway(s)
	s = x + float64(float32(f*f))*float64(float32(s))
	bad = bad || halfway(s)
	kd := float64(k)
	s = float64(float32(s)) + kd*ln2Lo
	bad = bad || halfway(s)
	s = float64(float32(s)) + kd*ln2Hi
	return float32(s), !(bad || halfway(s))
}
