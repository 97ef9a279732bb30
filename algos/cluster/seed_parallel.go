package cluster

import (
	"context"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// The settings of k-means|| that its paper found to do: rounds of some
// oversampling·k rows each (Bahmani, Moseley, Vattani, Kumar and Vassilvitskii,
// "Scalable k-means++", 2012, section 5).
const (
	oversampling   = 2
	parallelRounds = 5
)

// seedParallel is k-means||: every round takes each row, on its own, with
// probability 2k·w·D²/Σw·D²; the rows taken, weighted by the rows that are
// nearest to them, are then clustered to k from a k-means++ start. A row's draw
// is a word of its own, so the rounds depend on no order.
func (f *fit) seedParallel(start int) {
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	metric := f.cfg.Metric.ranking()
	race, first := s.New(backend.Float32, f.n, 1), s.New(backend.Int32, 1, 1)
	nearest, index := s.New(backend.Float32, f.n, 1), s.New(backend.Int32, f.n, 1)
	s.Run(&backend.Fill{Y: race, Distribution: backend.Exponential, Draws: f.draws(start, 0)})
	f.byWeight(s, backend.FnDiv, race)
	s.Run(&backend.Reduce{Y: first, X: race, Reduction: backend.ArgMin, Axis: backend.AlongColumn})
	chosen := backend.Get[int32](s, first)
	if f.Fail(s.Err()); f.Err() != nil {
		return
	}
	taken := f.rowsOf(s, chosen)
	s.Run(&backend.Distances{D: nearest, X: f.x, C: taken, Metric: metric})
	for round := 1; round <= parallelRounds || len(chosen) < f.k; round++ {
		f.Fail(s.Err())
		cost := f.total(nearest)
		d := backend.Get[float32](s, nearest)
		if f.Fail(s.Err()); f.Err() != nil {
			return
		}
		if !(cost > 0) || round > 100 {
			break // every row lies on a candidate
		}
		next := f.oversample(d, float64(oversampling*f.k)/cost, start, round)
		if len(next) == 0 {
			continue
		}
		chosen = append(chosen, next...)
		part := backend.NewScope(f.ctx, f.dev)
		part.Run(
			&backend.Nearest{Index: index, Distance: race, X: f.x, C: f.rowsOf(part, next), Shift: f.shift, Metric: metric},
			&backend.Map{Fn: backend.FnMin, Y: nearest, A: nearest, B: race},
		)
		s.Fail(part.Err())
		part.Close()
	}
	f.Fail(s.Err())
	f.recluster(chosen, start)
}

// oversample draws the rows of one round, ascending.
func (f *fit) oversample(d []float32, perDistance float64, start, round int) []int32 {
	var next []int32
	var words [4]uint32
	for i, v := range d {
		if i%4 == 0 {
			words = exact.Block(f.cfg.Seed, exact.UseOversample, uint16(start), uint32(round), 0, uint32(i/4))
		}
		p := float64(v) * perDistance
		if f.cfg.Weights != nil {
			p = p * float64(f.cfg.Weights[i])
		}
		if float64(exact.Uniform(words[i%4])) < p {
			next = append(next, int32(i))
		}
	}
	return next
}

// rowsOf gathers rows of the data into a tensor that s owns.
func (f *fit) rowsOf(s *backend.Scope, rows []int32) *backend.Tensor {
	t := s.New(backend.Float32, len(rows), f.d)
	s.Run(&backend.Gather{Y: t, X: f.x, Index: backend.Put(s, len(rows), 1, rows)})
	return t
}

// recluster brings the candidates to k centres. Where there are fewer, the data
// has fewer different rows than k, and candidates repeat.
func (f *fit) recluster(chosen []int32, start int) {
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	m := len(chosen)
	candidates := f.rowsOf(s, chosen)
	rows := backend.Get[float32](s, candidates)
	if f.Fail(s.Err()); f.Err() != nil {
		return
	}
	centers := make([]float32, 0, f.k*f.d)
	if m <= f.k {
		for c := range f.k {
			centers = append(centers, rows[c%m*f.d:][:f.d]...)
		}
		backend.Set(f.Scope, f.centers, centers)
		return
	}
	mass, sums := s.New(backend.Float32, f.n, 1), s.New(backend.Uint32, m, exact.ScatterWords(1))
	index := s.New(backend.Int32, f.n, 1)
	s.Run(
		&backend.Nearest{Index: index, X: f.x, C: candidates, Shift: f.shift, Metric: f.cfg.Metric.ranking()},
		&backend.Distances{D: mass, X: f.x, C: s.View(candidates, 0, 1, 0, f.d)},
	)
	x, scale := mass, scalesOf(columnMaxima(s, mass))
	if f.weights != nil {
		x, scale = f.weights, f.weightScale
	}
	exponent := backend.Put(s, 1, 1, scale)
	f.Fail(s.Err())
	per := f.scatter(sums, x, index, exponent, scale)
	if f.Err() != nil {
		return
	}
	weights := make([]float32, m)
	for c := range weights {
		weights[c] = float32(per.Count[c])
		if f.weights != nil {
			weights[c] = per.Sum(c, 0)
		}
	}
	picked, err := clusterCandidates(f.ctx, f.dev, f.cfg, rows, f.d, weights, start)
	if f.Fail(err); f.Err() == nil {
		backend.Set(f.Scope, f.centers, picked)
	}
}

// clusterCandidates brings weighted rows of d columns to cfg.K centres by
// Lloyd's k-means from a k-means++ start.
func clusterCandidates(ctx context.Context, dev *backend.Device, cfg Config, rows []float32, d int, weights []float32, start int) ([]float32, error) {
	// A candidate whose twin took all its rows has none; the lightest count
	// what the checks of weights allow.
	floor := slices.Max(weights) * (2.0 / weightReach)
	for c, w := range weights {
		weights[c] = max(w, floor)
	}
	cfg = Config{K: cfg.K, Objective: cfg.Objective, Metric: cfg.Metric, Method: Lloyd, Init: KMeansPlusPlus, NInit: 1, Weights: weights, Seed: cfg.Seed}
	small := packedGeneral(len(weights), d, rows)
	cfg, err := cfg.complete(small)
	if err != nil {
		return nil, err
	}
	inner, err := newFit(ctx, dev, small, cfg)
	defer inner.Close()
	if err != nil {
		return nil, err
	}
	r, err := inner.search(start)
	if err != nil {
		return nil, err
	}
	return r.centers, nil
}
