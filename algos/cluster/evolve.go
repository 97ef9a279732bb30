package cluster

import (
	"math"
	"math/bits"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// herd is what every metaheuristic over centres shares. A candidate is a set of
// k centres, k·d numbers within the smallest box that holds the data: no centre
// of an optimum lies outside it. A generation's candidates are scored as one
// batch on the device; everything else is float64 on the host in the order
// written, from random words that depend on seed, use, start, generation and
// candidate alone.
type herd struct {
	f          *fit
	population population
	use        exact.Use
	start      uint16
	size       int // candidates
	dimensions int // k·d
	low, high  []float32
	best       []float32 // of all generations
	bestValue  float64
}

// heuristic proposes candidates.
type heuristic interface {
	// first returns the candidates of generation 0.
	first() []float32
	// next hears the values of the last candidates and returns those of a
	// generation, from 1. Both slices are its own to keep.
	next(generation int, candidates []float32, values []float64) []float32
}

// heuristics makes each metaheuristic, with the use of its random words.
var heuristics = map[Method]struct {
	use exact.Use
	new func(*herd) heuristic
}{
	PSO:       {exact.UseSwarm, newSwarm},
	DE:        {exact.UseDifferential, newDifferential},
	GA:        {exact.UseGenetic, newGenetic},
	SA:        {exact.UseAnnealing, newAnnealing},
	BlackHole: {exact.UseBlackHole, newBlackHole},
}

// evolve searches for MaxIter generations, the first included, and leaves the best centres found in
// the run and on the device.
func (f *fit) evolve(r *run, m Method) {
	h := f.newHerd(m, r.start)
	if f.Err() != nil {
		return
	}
	search := heuristics[m].new(h)
	candidates := search.first()
	for generation := 0; f.Err() == nil; generation++ {
		values := h.population.values(candidates)
		if f.Err() != nil {
			return
		}
		h.remember(candidates, values)
		r.iterations++
		f.observe(r.start, r.iterations, h.best)
		f.progress(r, f.cfg.MaxIter, 0)
		if r.iterations == f.cfg.MaxIter {
			break
		}
		candidates = search.next(generation+1, candidates, values)
	}
	if f.Err() != nil {
		return
	}
	r.centers = slices.Clone(h.best)
	if f.cfg.Metric == Cosine {
		r.centers = directions(r.centers, r.centers, f.d)
	}
	backend.Set(f.Scope, f.centers, r.centers)
}

func (f *fit) newHerd(m Method, start int) *herd {
	h := &herd{f: f, population: population{f}, use: heuristics[m].use, start: uint16(start), size: f.cfg.Population, dimensions: f.k * f.d, bestValue: math.Inf(1)}
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	low, high := s.New(backend.Float32, 1, f.d), s.New(backend.Float32, 1, f.d)
	s.Run(
		&backend.Reduce{Y: low, X: f.x, Reduction: backend.Min, Axis: backend.AlongColumn},
		&backend.Reduce{Y: high, X: f.x, Reduction: backend.Max, Axis: backend.AlongColumn},
	)
	l, u := backend.Get[float32](s, low), backend.Get[float32](s, high)
	if f.Fail(s.Err()); f.Err() != nil {
		return h
	}
	for range f.k {
		h.low, h.high = append(h.low, l...), append(h.high, u...)
	}
	return h
}

// remember keeps the best candidate; the earlier one on ties.
func (h *herd) remember(candidates []float32, values []float64) {
	for i, v := range values {
		if v < h.bestValue || h.best == nil {
			h.bestValue = v
			h.best = slices.Clone(candidates[i*h.dimensions : (i+1)*h.dimensions])
		}
	}
}

// randomRows returns size candidates of k different rows each.
func (h *herd) randomRows() []float32 {
	f := h.f
	rows := make([]int32, 0, h.size*f.k)
	for i := range h.size {
		draw := h.stream(0, i)
		for len(rows) < (i+1)*f.k {
			if row := int32(draw.below(f.n)); !slices.Contains(rows[i*f.k:], row) {
				rows = append(rows, row)
			}
		}
	}
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	candidates := backend.Get[float32](s, f.rowsOf(s, rows))
	f.Fail(s.Err())
	return candidates
}

// within returns v, moved into the box of coordinate j and rounded once.
func (h *herd) within(j int, v float64) float32 {
	return float32(min(max(v, float64(h.low[j])), float64(h.high[j])))
}

// stream is the random words of one candidate in one generation, in order.
type stream struct {
	h         *herd
	step, row uint32
	element   uint64
	words     [4]uint32
}

func (h *herd) stream(generation, candidate int) *stream {
	return &stream{h: h, step: uint32(generation), row: uint32(candidate)}
}

func (s *stream) word() uint32 {
	if s.element%4 == 0 {
		s.words = exact.Block(s.h.f.cfg.Seed, s.h.use, s.h.start, s.step, s.row, uint32(s.element/4))
	}
	w := s.words[s.element%4]
	s.element++
	return w
}

// uniform returns a number in (0, 1).
func (s *stream) uniform() float64 { return float64(exact.Uniform(s.word())) }

// below returns a whole number in 0..n−1, n ≤ 2³¹, each as likely but for n·2⁻⁶⁴.
func (s *stream) below(n int) int {
	hi, lo := s.word(), s.word()
	q, _ := bits.Mul64(uint64(hi)<<32|uint64(lo), uint64(n))
	return int(q)
}

// normal returns a standard normal number.
func (s *stream) normal() float64 {
	a := s.word()
	x, _ := exact.Fused.NormalPair(a, s.word())
	return float64(x)
}
