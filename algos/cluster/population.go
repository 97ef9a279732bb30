package cluster

import (
	"samebits/backend"
	"samebits/backend/exact"
)

// population scores many sets of centres at once: all P·k centres go to the
// device in one tensor, and P exact sums come back. Memory is n·P·(k+1) numbers,
// and n·P·(2d+k+6) where candidates are moved as well (SEDMeans, GA); a
// population that takes more than chunkElements is scored in parts, which
// changes no bit.
type population struct {
	f *fit
}

// chunkElements bounds what stands on the device at a time; tests lower it.
var chunkElements = 1 << 24

// chunks calls work for consecutive candidates, as many as chunkElements lets
// stand side by side when each takes perRow numbers a row.
func (p *population) chunks(candidates []float32, perRow int, work func(part []float32, first, size int)) {
	each := p.f.k * p.f.d
	total := len(candidates) / each
	at := max(1, min(total, chunkElements/max(1, p.f.n*perRow)))
	for first := 0; first < total && p.f.Err() == nil; first += at {
		size := min(at, total-first)
		work(candidates[first*each:(first+size)*each], first, size)
	}
}

// values returns the objective of every candidate, k×d each.
func (p *population) values(candidates []float32) []float64 {
	f := p.f
	f.evaluations += int64(len(candidates) / (f.k * f.d))
	values := make([]float64, 0, len(candidates)/(f.k*f.d))
	if f.cfg.Objective == SEDMeans {
		p.chunks(candidates, 2*f.d+f.k+6, func(part []float32, _, size int) {
			s := p.scatter(part, size)
			defer s.Close()
			values = append(values, s.sedMeans()...)
		})
		return values
	}
	p.chunks(candidates, f.k+1, func(part []float32, _, size int) {
		values = append(values, p.nearestSums(part, size)...)
	})
	return values
}

// nearestSums sums each row's distance to the nearest centre of each candidate.
func (p *population) nearestSums(part []float32, size int) []float64 {
	f := p.f
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	// Centre c of every candidate stands beside centre c of the others, so that
	// the nearest is an elementwise minimum of k panels.
	turned := make([]float32, 0, len(part))
	for c := range f.k {
		for q := range size {
			turned = append(turned, part[(q*f.k+c)*f.d:][:f.d]...)
		}
	}
	d := s.New(backend.Float32, f.n, f.k*size)
	s.Run(&backend.Distances{D: d, X: f.x, C: backend.Put(s, f.k*size, f.d, turned), Metric: f.cfg.Metric.ranking()})
	least := s.View(d, 0, f.n, 0, size)
	for c := 1; c < f.k; c++ {
		s.Run(&backend.Map{Fn: backend.FnMin, Y: least, A: least, B: s.View(d, 0, f.n, c*size, (c+1)*size)})
	}
	if f.cfg.Metric == Euclidean {
		s.Run(&backend.Map{Fn: backend.FnSqrt, Y: least, A: least})
	}
	f.byWeight(s, backend.FnMul, least)
	return f.columnSums(s, least)
}

// columnSums returns the exact sum of each column, rounded once.
func (f *fit) columnSums(s *backend.Scope, t *backend.Tensor) []float64 {
	scale := scalesOf(columnMaxima(s, t))
	sums := s.New(backend.Uint32, 1, exact.ScatterWords(len(scale)))
	s.Run(&backend.ScatterSum{Sums: sums, X: t, Exponent: backend.Put(s, 1, len(scale), scale)})
	words := backend.Get[uint32](s, sums)
	if f.Fail(s.Err()); f.Err() != nil {
		return nil
	}
	decoded, err := exact.DecodeScatter(words, 1, scale)
	if f.Fail(err); err != nil {
		return nil
	}
	values := make([]float64, len(scale))
	for q := range values {
		values[q] = decoded.Sum64(0, q)
	}
	return values
}

// improved returns every candidate after one step of the objective's descent:
// means for WCSS and SEDMeans, directions of means for Cosine, a step of
// Weiszfeld's for SED. Under Manhattan it returns the candidates as they are.
func (p *population) improved(candidates []float32) []float32 {
	f := p.f
	if f.cfg.Metric == Manhattan {
		return candidates
	}
	out := make([]float32, 0, len(candidates))
	p.chunks(candidates, 4*f.d+f.k+10, func(part []float32, _, size int) {
		s := p.scatter(part, size)
		defer s.Close()
		if f.cfg.Objective == SED {
			g := f.newGeometricOf(s.rows, s.weights, f.k*size)
			defer g.Close()
			g.Fail(f.Err())
			next, _ := g.step(s.labels, s.distance, part)
			f.Fail(g.Err())
			out = append(out, next...)
			return
		}
		next := s.means()
		if f.cfg.Metric == Cosine && f.Err() == nil {
			next = directions(next, part, f.d)
		}
		out = append(out, next...)
	})
	return out
}

// scattered is a chunk of candidates with a copy of every row for each: copy
// i·P+q of row i has label q·k+c, where c is the nearest centre of candidate q.
type scattered struct {
	*backend.Scope
	f        *fit
	part     []float32
	size     int
	rows     *backend.Tensor // (n·P)×d
	weights  *backend.Tensor // (n·P)×1 or nil
	labels   *backend.Tensor // (n·P)×1
	distance *backend.Tensor // (n·P)×1, squared under a Euclidean metric
	centers  *backend.Tensor // (P·k)×d
}

func (p *population) scatter(part []float32, size int) *scattered {
	f := p.f
	s := &scattered{Scope: backend.NewScope(f.ctx, f.dev), f: f, part: part, size: size}
	s.Fail(f.Err())
	copies := make([]int32, 0, f.n*size)
	for i := range f.n {
		for range size {
			copies = append(copies, int32(i))
		}
	}
	index := backend.Put(s.Scope, len(copies), 1, copies)
	s.rows = s.New(backend.Float32, len(copies), f.d)
	s.Run(&backend.Gather{Y: s.rows, X: f.x, Index: index})
	if f.weights != nil {
		s.weights = s.New(backend.Float32, len(copies), 1)
		s.Run(&backend.Gather{Y: s.weights, X: f.weights, Index: index})
	}
	s.centers = backend.Put(s.Scope, size*f.k, f.d, part)
	d := s.New(backend.Float32, f.n, size*f.k)
	s.labels, s.distance = s.New(backend.Int32, len(copies), 1), s.New(backend.Float32, len(copies), 1)
	s.Run(
		&backend.Distances{D: d, X: f.x, C: s.centers, Metric: f.cfg.Metric.ranking()},
		&backend.Reduce{Y: s.labels, X: s.Reshape(d, len(copies), f.k), Reduction: backend.ArgMin, Axis: backend.AlongRow},
		&backend.Reduce{Y: s.distance, X: s.Reshape(d, len(copies), f.k), Reduction: backend.Min, Axis: backend.AlongRow},
	)
	labels := backend.Get[int32](s.Scope, s.labels)
	for i := range labels {
		labels[i] += int32(i % size * f.k)
	}
	backend.Set(s.Scope, s.labels, labels)
	f.Fail(s.Err())
	return s
}

// means returns the mean of every candidate's clusters; the candidate's centre
// where a cluster has no row.
func (s *scattered) means() []float32 {
	f := s.f
	if f.Err() != nil {
		return nil
	}
	clusters := s.size * f.k
	sums := f.scatterWeighted(s.New(backend.Uint32, clusters, exact.ScatterWords(f.d)), s.rows, s.weights, s.labels, f.exponents, f.scales)
	if f.Err() != nil {
		return nil
	}
	if f.weights == nil {
		return means(sums, s.part)
	}
	mass := f.scatter(s.New(backend.Uint32, clusters, exact.ScatterWords(1)), s.weights, s.labels, f.weightExponent, f.weightScale)
	if f.Err() != nil {
		return nil
	}
	return weightedMeans(sums, mass, s.part)
}

// sedMeans returns every candidate's sum of distances to its clusters' means.
func (s *scattered) sedMeans() []float64 {
	f := s.f
	m := s.means()
	if f.Err() != nil {
		return nil
	}
	backend.Set(s.Scope, s.centers, m)
	s.Run(
		&backend.Distances{D: s.distance, X: s.rows, C: s.centers, Index: s.labels},
		&backend.Map{Fn: backend.FnSqrt, Y: s.distance, A: s.distance},
	)
	if s.weights != nil {
		s.Run(&backend.Map{Fn: backend.FnMul, Y: s.distance, A: s.distance, B: s.weights})
	}
	return f.columnSums(s.Scope, s.Reshape(s.distance, f.n, s.size))
}
