package cluster

import (
	"samebits/backend"
	"samebits/backend/exact"
)

// seed writes the first centres of a start into f.centers.
func (f *fit) seed(start int) {
	switch f.cfg.Init {
	case GivenCenters:
		g := f.cfg.Centers
		packed := make([]float32, 0, f.k*f.d)
		for i := range g.Rows {
			packed = append(packed, g.Data[i*g.Stride:i*g.Stride+g.Cols]...)
		}
		if f.cfg.Metric == Cosine {
			packed = directions(packed, packed, f.d)
		}
		backend.Set(f.Scope, f.centers, packed)
	case RandomRows:
		f.seedRandom(start)
	case KMeansParallel:
		f.seedParallel(start)
	default:
		f.seedPlusPlus(start)
	}
}

// draws names the random numbers of one seeding step: row i of the data draws
// as row i, candidate t as element t.
func (f *fit) draws(start, step int) backend.Draws {
	return backend.Draws{Seed: f.cfg.Seed, Use: exact.UseKMeansInit, Sub: uint16(start), Step: uint32(step)}
}

// byWeight multiplies or divides the rows of t by their weights, where there
// are any.
func (f *fit) byWeight(s *backend.Scope, fn backend.Fn, t *backend.Tensor) {
	if f.weights != nil {
		s.Run(&backend.Map{Fn: fn, Y: t, A: t, B: f.weights})
	}
}

// seedRandom takes the k rows whose exponential numbers, over their weights,
// are the smallest.
func (f *fit) seedRandom(start int) {
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	race := s.New(backend.Float32, f.n, 1)
	chosen := s.New(backend.Int32, 1, f.k)
	s.Run(
		&backend.Fill{Y: race, Distribution: backend.Exponential, Draws: f.draws(start, 0)},
		&backend.Map{Fn: backend.FnNeg, Y: race, A: race},
	)
	f.byWeight(s, backend.FnDiv, race)
	s.Run(
		&backend.TopK{Index: chosen, X: s.Reshape(race, 1, f.n)},
		&backend.Gather{Y: f.centers, X: f.x, Index: s.Reshape(chosen, f.k, 1)},
	)
	f.Fail(s.Err())
}

// seedPlusPlus is greedy k-means++: each step draws L rows with probability
// proportional to D², the squared distance to the nearest centre so far (or the
// distance of a metric that is not Euclidean), times the row's weight, and keeps
// the one that leaves the smallest sum of D². A draw is an exponential
// race, the row with the smallest E/D² (contract §4); the sums are exact, so
// the choice depends on no order.
func (f *fit) seedPlusPlus(start int) {
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	trials := 2 + floorLog(f.k)
	race := s.New(backend.Float32, f.n, trials)
	chosen := s.New(backend.Int32, 1, trials)
	rows := s.New(backend.Float32, trials, f.d)
	potential := s.New(backend.Uint32, 1, exact.ScatterWords(trials))
	nearest := s.New(backend.Float32, f.n, 1)
	exponents := make([]int32, trials)
	scale := s.New(backend.Int32, 1, trials)
	metric := f.cfg.Metric.ranking()
	cost := race // of the rows, times their weights
	if f.weights != nil {
		cost = s.New(backend.Float32, f.n, trials)
	}

	// The first centre is a row drawn by weight alone.
	s.Run(&backend.Fill{Y: s.View(race, 0, f.n, 0, 1), Distribution: backend.Exponential, Draws: f.draws(start, 0)})
	f.byWeight(s, backend.FnDiv, s.View(race, 0, f.n, 0, 1))
	s.Run(
		&backend.Reduce{Y: s.View(chosen, 0, 1, 0, 1), X: s.View(race, 0, f.n, 0, 1), Reduction: backend.ArgMin, Axis: backend.AlongColumn},
		&backend.Gather{Y: f.center(0), X: f.x, Index: s.View(chosen, 0, 1, 0, 1)},
		&backend.Distances{D: nearest, X: f.x, C: f.center(0), Metric: metric},
	)
	for step := 1; step < f.k; step++ {
		s.Run(
			&backend.Fill{Y: race, Distribution: backend.Exponential, Draws: f.draws(start, step)},
			&backend.Map{Fn: backend.FnDiv, Y: race, A: race, B: nearest},
		)
		f.byWeight(s, backend.FnDiv, race)
		s.Run(
			&backend.Reduce{Y: chosen, X: race, Reduction: backend.ArgMin, Axis: backend.AlongColumn},
			&backend.Gather{Y: rows, X: f.x, Index: s.Reshape(chosen, trials, 1)},
			&backend.Distances{D: race, X: f.x, C: rows, Metric: metric},
			&backend.Map{Fn: backend.FnMin, Y: race, A: race, B: nearest},
		)
		if f.weights != nil {
			s.Run(&backend.Map{Fn: backend.FnMul, Y: cost, A: race, B: f.weights})
		}
		for i, m := range columnMaxima(s, cost) {
			exponents[i] = exact.ScatterExponent(m)
		}
		backend.Set(s, scale, exponents)
		s.Run(&backend.ScatterSum{Sums: potential, X: cost, Exponent: scale})
		words := backend.Get[uint32](s, potential)
		if s.Err() != nil {
			break
		}
		sums, err := exact.DecodeScatter(words, 1, exponents)
		if err != nil {
			s.Fail(err)
			break
		}
		best := sums.SmallestColumn(0)
		s.Run(
			&backend.Copy{Y: f.center(step), X: s.View(rows, best, best+1, 0, f.d)},
			&backend.Copy{Y: nearest, X: s.View(race, 0, f.n, best, best+1)},
		)
	}
	f.Fail(s.Err())
}

// floorLog returns ⌊ln k⌋ for k ≥ 1. It decides how many numbers are drawn, so
// it compares integers and leaves no rounding to a platform's logarithm.
func floorLog(k int) int {
	powers := [...]int{3, 8, 21, 55, 149, 404, 1097, 2981, 8104, 22027, 59875, 162755, 442414, 1202605, 3269018,
		8886111, 24154953, 65659970, 178482301, 485165196, 1318815735} // ⌈eⁿ⌉ for n from 1
	n := 0
	for n < len(powers) && k >= powers[n] {
		n++
	}
	return n
}
