package cluster

import (
	"context"
	"fmt"
	"math"
	"slices"

	"samebits/algos/dataset"
	"samebits/backend"
	"samebits/backend/exact"
)

// pass is one look at the rows of one shard.
type pass struct {
	ctx    context.Context
	dev    *backend.Device
	st     *State
	near   *nearCache
	labels func(first int, labels []int32) error
	out    *Part

	pool  *backend.Scope // device memory that lasts for the pass
	rows  int            // of the largest chunk
	m     int            // of this one
	first int
	x     *backend.Tensor
	host  chunk
	s     *backend.Scope // errors of this chunk
	words []uint32

	shift, scales, centers *backend.Tensor
	column                 [3]*backend.Tensor // rows×1 float32
	index                  *backend.Tensor    // rows×1 int32
	wide                   *backend.Tensor    // rows×trials
	sum                    *backend.Tensor
	exponents              *backend.Tensor
}

// PassOptions are what a pass may be given. The zero value works.
type PassOptions struct {
	// ChunkRows is the number of rows on the device at a time; 0 means some
	// 32 MiB of them. It changes no bit.
	ChunkRows int
	// Labels, when set, takes the labels of StageScore, in the order of the rows.
	// Without it they are kept in the part where KeepLabels is set.
	Labels     func(first int, labels []int32) error
	KeepLabels bool
	// Digest hashes the rows on the way, for Advance to compare. The first pass
	// always does.
	Digest bool
	// Progress, when set, is called after each chunk.
	Progress func(PassProgress)

	near *nearCache
}

// PassProgress tells how far a pass has come.
type PassProgress struct {
	Stage            Stage
	Start, Starts    int // this start, from 1, of how many
	Iteration        int // that is being computed, from 1; 0 before the first
	MaxIter          int
	Row, Rows        int // rows seen, of how many
	Shard, Shards    int // from 1
	ConvergedOrSpent bool
}

// chunkBytes is the default size of a chunk.
const chunkBytes = 32 << 20

func chunkRows(rows, d int) int {
	if rows > 0 {
		return rows
	}
	return max(1024, chunkBytes/(4*d))
}

// Pass computes the part of the state's next pass that falls to a shard, from
// 0, of the state's Shards. It reads the shard's rows of src once and leaves
// the state as it is. The device must be of the state's profile.
//
// Cost of StageStep: 2·n·K·d flops. A pass of the seeding costs as many flops
// as a step with that many seeds; without memory of earlier passes (a shard's
// own process) k-means++ takes them anew in every pass.
func (st *State) Pass(ctx context.Context, dev *backend.Device, src dataset.Source, shard int, opts PassOptions) (*Part, error) {
	if err := st.checkRun(dev, src, shard); err != nil {
		return nil, err
	}
	from, to := ShardRows(st.N, shard, st.Shards)
	out, err := newPart(st, shard)
	if err != nil {
		return nil, err
	}
	size := min(chunkRows(opts.ChunkRows, st.D), to-from)
	p := &pass{ctx: ctx, dev: dev, st: st, near: opts.near, labels: opts.Labels, out: out, rows: size, pool: backend.NewScope(ctx, dev)}
	defer p.pool.Close()
	if p.labels == nil && opts.KeepLabels {
		p.labels = func(_ int, labels []int32) error {
			out.Labels = append(out.Labels, labels...)
			return nil
		}
	}
	p.prepare()
	if err := p.pool.Err(); err != nil {
		return nil, err
	}
	c := readChunks(ctx, src, from, to, size, opts.Digest || st.Stage == StageScan)
	defer c.close()
	out.Digest, err = c.each(ctx, func(ch chunk) error {
		if err := p.chunk(ch); err != nil {
			return err
		}
		if opts.Progress != nil {
			opts.Progress(PassProgress{Stage: st.Stage, Start: st.Start + 1, Starts: st.NInit, Iteration: st.iterating(), MaxIter: st.MaxIter,
				Row: ch.first + ch.rows.Rows - from, Rows: to - from, Shard: shard + 1, Shards: st.Shards, ConvergedOrSpent: st.Best != nil})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// iterating is the iteration that the next pass belongs to.
func (st *State) iterating() int {
	if st.Stage == StageStep || st.Stage == StageFar {
		return st.Iteration + 1
	}
	return st.Iteration
}

// checkRun refuses a device or data that are not the state's.
func (st *State) checkRun(dev *backend.Device, src dataset.Source, shard int) error {
	switch {
	case st.Done():
		return fmt.Errorf("the run is done: no pass is left")
	case shard < 0 || shard >= st.Shards:
		return fmt.Errorf("shard %d of %d: %w", shard+1, st.Shards, ErrInput)
	case src.Rows() != st.N || src.Cols() != st.D:
		return fmt.Errorf("the data is %d×%d, the run's %d×%d: %w", src.Rows(), src.Cols(), st.N, st.D, ErrForeign)
	}
	return st.checkProfile(dev)
}

func (st *State) checkProfile(dev *backend.Device) error {
	if p := dev.Profile(); p.Mac.String() != st.Mac || p.Mode != backend.ExactMode {
		return fmt.Errorf("the run follows profile %s, the device %v: %w", st.Mac, p, ErrForeign)
	}
	return nil
}

// prepare makes what all chunks share.
func (p *pass) prepare() {
	st, s := p.st, p.pool
	p.x = nil
	for i := range p.column {
		p.column[i] = s.New(backend.Float32, p.rows, 1)
	}
	p.index = s.New(backend.Int32, p.rows, 1)
	if st.Shift != nil {
		p.shift = backend.Put(s, 1, st.D, st.Shift)
	}
	if st.Scales != nil {
		p.scales = backend.Put(s, 1, st.D, st.Scales)
	}
	if st.Centers != nil {
		p.centers = backend.Put(s, st.K, st.D, st.Centers)
	}
	p.exponents = s.New(backend.Int32, 1, 1)
	if t := len(st.Trials) / st.D; st.Stage == StageDraw || st.Stage == StagePotential {
		t = max(t, 2+floorLog(st.K))
		p.wide = s.New(backend.Float32, p.rows, t)
	}
}

// view returns the first rows of a tensor, as many as the chunk has.
func (p *pass) view(t *backend.Tensor) *backend.Tensor { return p.s.View(t, 0, p.m, 0, t.Cols()) }

// chunk adds one chunk to the part. It has finished with the rows on return.
func (p *pass) chunk(ch chunk) error {
	x, err := backend.BorrowGeneral(p.ctx, p.dev, ch.rows)
	if err != nil {
		return err
	}
	defer x.Close()
	p.s = backend.NewScope(p.ctx, p.dev)
	defer p.s.Close()
	p.x, p.host, p.m, p.first = x, ch, ch.rows.Rows, ch.first
	p.compute()
	p.s.Fail(p.dev.Sync(p.ctx))
	return p.s.Err()
}

// compute is the work of each stage.
func (p *pass) compute() {
	st, s := p.st, p.s
	d0, d1 := p.view(p.column[0]), p.view(p.column[1])
	index := p.view(p.index)
	switch st.Stage {
	case StageScan:
		p.maximum(0, columnMaxima(s, p.x))
	case StageMeans:
		p.scatter(0, 1, p.x, nil, p.scales, st.Scales)
	case StageSpread:
		s.Run(&backend.Distances{D: d0, X: p.x, C: p.shift})
		p.total(d0, nil, st.Exponents, 0, 1)
	case StageRows:
		s.Run(&backend.Fill{Y: d0, Distribution: backend.Exponential, Draws: p.draws(0)})
		p.pick(0, st.rowsDrawn(), backend.Get[float32](s, d0), nil)
	case StageCost:
		p.total(p.nearest(), nil, st.Exponents, 0, 1)
	case StageOversample:
		p.oversample(backend.Get[float32](s, p.nearest()))
	case StageWeigh:
		seeds := backend.Put(s, len(st.Seeds)/st.D, st.D, st.Seeds)
		s.Run(&backend.Nearest{Index: index, X: p.x, C: seeds, Shift: p.shift})
		p.count(len(st.Seeds)/st.D, backend.Get[int32](s, index))
	case StageDraw:
		p.drawTrials()
	case StagePotential:
		p.potential()
	case StageStep:
		p.assign(index, nil)
		p.scatter(0, st.K, p.x, index, p.scales, st.Scales)
	case StageFar:
		p.assign(index, d0)
		s.Run(&backend.Map{Fn: backend.FnNeg, Y: d0, A: d0})
		p.pick(0, min(st.N, st.K+st.Pending.empty()), backend.Get[float32](s, d0), backend.Get[int32](s, index))
	case StageExtent:
		p.assign(index, d0)
		p.maximum(0, columnMaxima(s, d0))
		p.scatter(0, st.K, p.x, index, p.scales, st.Scales)
	case StageValue:
		p.assign(index, d0)
		p.total(d0, nil, []int32{exact.ScatterExponent(st.Farthest)}, 0, 1)
	case StageScore:
		p.assign(index, d0)
		if p.labels != nil {
			labels := backend.Get[int32](s, index)
			if s.Err() == nil {
				s.Fail(p.labels(p.first, labels))
			}
		}
		p.scores(d0, d1, index)
		if !slices.Equal(st.Means, st.Centers) {
			s.Run(&backend.Distances{D: d0, X: p.x, C: backend.Put(s, st.K, st.D, st.Means), Index: index})
			p.maximum(0, columnMaxima(s, d0))
		}
	case stageAssign:
		p.assign(index, nil)
		labels := backend.Get[int32](s, index)
		if s.Err() == nil {
			s.Fail(p.labels(p.first, labels))
			p.count(st.K, labels)
		}
	case StageAround:
		p.assign(index, nil)
		s.Run(&backend.Distances{D: d0, X: p.x, C: backend.Put(s, st.K, st.D, st.Means), Index: index})
		p.scores(d0, d1, index)
	}
}

// assign labels the chunk's rows, and measures them where distance is not nil.
func (p *pass) assign(index, distance *backend.Tensor) {
	p.s.Run(&backend.Nearest{Index: index, Distance: distance, X: p.x, C: p.centers, Shift: p.shift})
}

// scores sums squared distances by label, and their roots.
func (p *pass) scores(square, root, index *backend.Tensor) {
	far := p.st.Farthest
	p.total(square, index, []int32{exact.ScatterExponent(far)}, 0, p.st.K)
	p.s.Run(&backend.Map{Fn: backend.FnSqrt, Y: root, A: square})
	// The largest root is the root of the largest: rounding is monotone.
	p.total(root, nil, []int32{exact.ScatterExponent(float32(math.Sqrt(float64(far))))}, 1, 1)
}

// maximum takes the largest magnitudes of some columns into the part.
func (p *pass) maximum(at int, largest []float32) {
	if p.s.Err() != nil {
		return
	}
	for len(p.out.Max) < at+len(largest) {
		p.out.Max = append(p.out.Max, 0)
	}
	for j, v := range largest {
		p.out.Max[at+j] = max(p.out.Max[at+j], v)
	}
}

// total sums a column by label into sum number at, under a scale. Where the
// scale is not known yet it takes the maximum alone, and with both the state
// can tell whether the scale was right.
func (p *pass) total(column, labels *backend.Tensor, scale []int32, at, k int) {
	if p.st.scaleUnknown() {
		p.maximum(0, columnMaxima(p.s, column))
	}
	if scale == nil {
		return
	}
	backend.Set(p.s, p.exponents, scale)
	p.scatter(at, k, column, labels, p.exponents, scale)
}

// scatter adds exact sums of the chunk to sum number at of the part.
func (p *pass) scatter(at, k int, x, labels, exponents *backend.Tensor, scale []int32) {
	s := p.s
	if s.Err() != nil {
		return
	}
	if p.sum == nil || p.sum.Rows() != k || p.sum.Cols() != exact.ScatterWords(x.Cols()) {
		p.sum = p.pool.New(backend.Uint32, k, exact.ScatterWords(x.Cols()))
		s.Fail(p.pool.Err())
	}
	s.Run(&backend.ScatterSum{Sums: p.sum, X: x, Label: labels, Exponent: exponents})
	if s.Err() != nil {
		return
	}
	p.words = slices.Grow(p.words[:0], p.sum.Len())[:p.sum.Len()]
	if s.Fail(backend.Download(p.ctx, p.words, p.sum)); s.Err() != nil {
		return
	}
	got, err := exact.DecodeScatter(p.words, k, scale)
	if s.Fail(err); err == nil {
		s.Fail(p.out.addSums(at, got))
	}
}

// count counts labels 0..k−1.
func (p *pass) count(k int, labels []int32) {
	got := exact.NewScatterSums(k, nil)
	for _, l := range labels {
		if l >= 0 && int(l) < k {
			got.Count[l]++
		}
	}
	p.s.Fail(p.out.addSums(0, got))
}

// pick offers every row of the chunk to a list of the keep rows with the
// smallest keys. labels may be nil.
func (p *pass) pick(list, keep int, keys []float32, labels []int32) {
	if p.s.Err() == nil {
		p.out.picks(list, keep).offer(keys, labels, p.first, p.host.rows)
	}
}
