package cluster

import (
	"context"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
	"samebits/backend/exact"
)

// nearCache keeps, between the passes of one process, each row's squared
// distance to its nearest seed. It saves work and changes no bit.
type nearCache struct {
	start    int
	distance []float32
	groups   map[int]int // groups of seeds that the chunk's distances know, by its first row
}

// nearCacheRows is the largest number of rows that distances are kept for.
const nearCacheRows = 1 << 25

func newNearCache(rows int) *nearCache {
	if rows > nearCacheRows {
		return nil
	}
	return &nearCache{distance: make([]float32, rows)}
}

// known returns the distances of a chunk and the groups they know.
func (c *nearCache) known(start, first, rows int) ([]float32, int) {
	if c == nil {
		return nil, 0
	}
	if c.groups == nil || c.start != start {
		c.start, c.groups = start, map[int]int{}
	}
	return c.distance[first : first+rows], c.groups[first]
}

// draws names the random numbers of one seeding step for the chunk's rows.
func (p *pass) draws(step int) backend.Draws {
	return backend.Draws{Seed: p.st.Seed, Use: exact.UseKMeansInit, Sub: uint16(p.st.Start), Step: uint32(step), Row: uint32(p.first)}
}

// rowsDrawn is how many rows StageRows draws.
func (st *State) rowsDrawn() int {
	switch {
	case st.Init == RandomRows:
		return st.K
	case st.Sample > 0:
		return st.Sample
	}
	return 1
}

// nearest returns the chunk's squared distances to the nearest seed: to those
// of k-means++ measured directly, to those of a round of k-means|| after they
// were found by score, as in memory.
func (p *pass) nearest() *backend.Tensor {
	st, s := p.st, p.s
	near, next, index := p.view(p.column[1]), p.view(p.column[2]), p.view(p.index)
	kept, known := p.near.known(st.Start, p.first, p.m)
	if known > 0 {
		backend.Set(s, near, kept)
	}
	at := 0
	for g, rows := range st.Groups {
		if g >= known {
			seeds := backend.Put(s, rows, st.D, st.Seeds[at*st.D:(at+rows)*st.D])
			to := next
			if g == 0 {
				to = near
			}
			if st.Init == KMeansParallel && g > 0 {
				s.Run(&backend.Nearest{Index: index, Distance: to, X: p.x, C: seeds, Shift: p.shift})
			} else {
				s.Run(&backend.Distances{D: to, X: p.x, C: seeds})
			}
			if g > 0 {
				s.Run(&backend.Map{Fn: backend.FnMin, Y: near, A: near, B: next})
			}
		}
		at += rows
	}
	if kept != nil && known < len(st.Groups) && s.Err() == nil {
		s.Fail(backend.Download(p.ctx, kept, near))
		p.near.groups[p.first] = len(st.Groups)
	}
	return near
}

// drawTrials runs the exponential races of a k-means++ step.
func (p *pass) drawTrials() {
	st, s := p.st, p.s
	trials := p.wide.Cols()
	race := p.view(p.wide)
	near := p.nearest()
	s.Run(
		&backend.Fill{Y: race, Distribution: backend.Exponential, Draws: p.draws(len(st.Groups))},
		&backend.Map{Fn: backend.FnDiv, Y: race, A: race, B: near},
	)
	for t := range trials {
		key := backend.Get[float32](s, s.View(race, 0, p.m, t, t+1))
		p.pick(t, 1, key, nil)
	}
}

// potential sums what each candidate would leave.
func (p *pass) potential() {
	st, s := p.st, p.s
	left, near := p.view(p.wide), p.nearest()
	trials := backend.Put(s, len(st.Trials)/st.D, st.D, st.Trials)
	s.Run(
		&backend.Distances{D: left, X: p.x, C: trials},
		&backend.Map{Fn: backend.FnMin, Y: left, A: left, B: near},
	)
	p.maximum(0, columnMaxima(s, left))
	if st.Exponents != nil {
		p.scatter(0, 1, left, nil, backend.Put(s, 1, len(st.Exponents), st.Exponents), st.Exponents)
	}
}

// oversample takes each row of the chunk with its own probability.
func (p *pass) oversample(d []float32) {
	if p.s.Err() != nil {
		return
	}
	st := p.st
	perDistance := float64(oversampling*st.K) / st.Cost
	list := p.out.picks(0, 0)
	for i, v := range d {
		row := p.first + i
		words := exact.Block(st.Seed, exact.UseOversample, uint16(st.Start), uint32(st.Round), 0, uint32(row/4))
		if float64(exact.Uniform(words[row%4])) < float64(v)*perDistance {
			at := i * p.host.rows.Stride
			list.Key, list.Row = append(list.Key, 0), append(list.Row, int64(row))
			list.Values = append(list.Values, p.host.rows.Data[at:at+st.D]...)
		}
	}
}

// beginStart sets the state before the seeding of a start.
func (st *State) beginStart() {
	st.Seeds, st.Groups, st.Trials, st.Exponents, st.Round, st.Cost = nil, nil, nil, nil, 0, 0
	st.Iteration, st.Converged, st.Current, st.Pending, st.Means = 0, false, false, nil, nil
	st.Stage, st.Centers = StageRows, nil
	if st.Init == GivenCenters {
		st.seeded(st.Given)
	}
}

// seeded ends the seeding.
func (st *State) seeded(centers []float32) {
	st.Centers, st.Stage = slices.Clone(centers), StageStep
	st.Seeds, st.Groups, st.Trials, st.Exponents = nil, nil, nil, nil
}

// rowsAreDrawn goes on from the rows of StageRows.
func (st *State) rowsAreDrawn(ctx context.Context, dev *backend.Device, rows []float32) error {
	switch {
	case st.Init == RandomRows:
		st.seeded(rows)
	case st.Sample > 0:
		cfg := st.config()
		cfg.Init = KMeansPlusPlus
		centers, err := seedInMemory(ctx, dev, rows, st.D, cfg, st.Start)
		if err != nil {
			return err
		}
		st.seeded(centers)
	default:
		st.Seeds, st.Groups, st.Stage = rows, []int{1}, StageDraw
		if st.Init == KMeansParallel {
			st.Stage, st.Round = StageCost, 1
		} else if st.K == 1 {
			st.seeded(rows)
		}
	}
	return nil
}

// seedInMemory returns the first centres that rows alone would give.
func seedInMemory(ctx context.Context, dev *backend.Device, rows []float32, d int, cfg Config, start int) ([]float32, error) {
	small := blas32.General{Rows: len(rows) / d, Cols: d, Stride: d, Data: rows}
	cfg, err := cfg.complete(small)
	if err != nil {
		return nil, err
	}
	f, err := newFit(ctx, dev, small, cfg)
	defer f.Close()
	if err != nil {
		return nil, err
	}
	f.seed(start)
	centers := backend.Get[float32](f.Scope, f.centers)
	return centers, f.Err()
}

// costIsKnown begins a round of k-means||, or ends them.
func (st *State) costIsKnown(cost float64) {
	const mostRounds = 100
	st.Cost, st.Exponents, st.Stage = cost, nil, StageOversample
	if !(cost > 0) || st.Round > mostRounds {
		st.endRounds()
	}
}

// oversampled ends a round of k-means||.
func (st *State) oversampled(drawn *picks) {
	if len(drawn.Row) > 0 {
		st.Seeds = append(st.Seeds, drawn.Values...)
		st.Groups = append(st.Groups, len(drawn.Row))
	}
	st.Round++
	st.Stage = StageCost
	if st.Round > parallelRounds && len(st.Seeds) >= st.K*st.D {
		st.endRounds()
	}
}

func (st *State) endRounds() {
	m := len(st.Seeds) / st.D
	if m > st.K {
		st.Stage = StageWeigh
		return
	}
	centers := make([]float32, 0, st.K*st.D)
	for c := range st.K {
		centers = append(centers, st.Seeds[c%m*st.D:][:st.D]...)
	}
	st.seeded(centers)
}

// trialsAreKnown takes what each candidate of a k-means++ step would leave. The
// scales of the sums are those of the largest terms; where they were guessed
// wrongly, or not at all, the pass is repeated.
func (st *State) trialsAreKnown(largest []float32, sums *exact.ScatterSums) {
	scales := scalesOf(largest)
	if !slices.Equal(scales, st.Exponents) {
		st.Exponents = scales
		return
	}
	best := sums.SmallestColumn(0)
	st.Seeds = append(st.Seeds, st.Trials[best*st.D:(best+1)*st.D]...)
	st.Groups = append(st.Groups, 1)
	for t := range st.Exponents {
		st.Exponents[t] = scales[best]
	}
	st.Trials, st.Stage = nil, StageDraw
	if len(st.Groups) == st.K {
		st.seeded(st.Seeds)
	}
}

// weighed clusters the seeds of k-means|| to k by the rows nearest to each.
func (st *State) weighed(ctx context.Context, dev *backend.Device, count []int64) error {
	weights := make([]float32, len(count))
	for i, n := range count {
		weights[i] = float32(n)
	}
	centers, err := clusterCandidates(ctx, dev, st.config(), st.Seeds, st.D, weights, st.Start)
	if err == nil {
		st.seeded(centers)
	}
	return err
}
