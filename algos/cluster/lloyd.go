package cluster

import (
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// run is one start: the state of its search, and then its outcome.
type run struct {
	start       int
	centers     []float32
	labels      []int32 // of a partition that is not by nearest centre, else nil
	value       float64 // of the objective
	iterations  int
	converged   bool
	current     bool // labels on the device follow from the centres
	evaluations int64
}

// search runs one start of the fit's method to its end and scores it.
func (f *fit) search(start int) (*run, error) {
	r := &run{start: start}
	limit, tol := f.cfg.MaxIter, f.cfg.Tol
	local := f.cfg.Method
	switch {
	case local.metaheuristic():
		f.evolve(r, local)
	case local == Hybrid:
		f.evolve(r, f.cfg.Global)
		local = localMethod(f.cfg.Objective)
		limit, tol = budgets[local].iterations, budgets[local].tol
		if f.Err() == nil {
			backend.Set(f.Scope, f.centers, r.centers)
			f.local(r, local, limit, tol)
		}
	default:
		f.seed(start)
		r.centers = backend.Get[float32](f.Scope, f.centers)
		f.observe(start, 0, r.centers)
		f.local(r, local, limit, tol)
	}
	f.finish(r)
	return r, f.Err()
}

// local descends from the run's centres, which are on the device.
func (f *fit) local(r *run, m Method, limit int, tol float64) {
	switch m {
	case MiniBatch:
		f.miniBatch(r, limit, tol)
	case Weiszfeld:
		g := f.newGeometric()
		defer g.Close()
		f.descend(r, limit, tol, func(old []float32) ([]float32, bool) { return f.medianStep(g, old) })
	case Transfer:
		if f.cfg.Method == Transfer && f.cfg.Init != GivenCenters {
			f.descend(r, limit, tol, f.meanStep(f.assign, func() {}))
		}
		f.transfer(r, limit)
	case Elkan, Hamerly:
		b := f.newBounds(m)
		f.descend(r, limit, tol, f.meanStep(func() { b.assign(r.centers) }, b.forget))
	default:
		f.descend(r, limit, tol, f.meanStep(f.assign, func() {}))
	}
}

// descend repeats a step until the centres rest. A step labels the rows by the
// centres on the device, and returns the next centres and whether rows were
// moved to clusters that had none.
func (f *fit) descend(r *run, limit int, tol float64, step func(old []float32) (next []float32, moved bool)) {
	if tol > 0 {
		tol = tol * f.spread / (float64(f.n) * float64(f.d))
	}
	first := r.iterations
	for r.converged = false; r.iterations-first < limit && !r.converged && f.Err() == nil; {
		next, moved := step(r.centers)
		if f.Err() != nil {
			return
		}
		backend.Set(f.Scope, f.centers, next)
		shift, same := movement(r.centers, next)
		r.centers = next
		r.current = same && !moved
		r.iterations++
		r.evaluations++
		r.converged = same || shift <= tol
		f.observe(r.start, r.iterations, next)
		f.progress(r, first+limit, shift)
	}
}

// progress tells Config.Progress of an iteration.
func (f *fit) progress(r *run, limit int, shift float64) {
	if f.cfg.Progress != nil && f.Err() == nil {
		f.cfg.Progress(Progress{Start: r.start + 1, Starts: f.cfg.NInit, Iteration: r.iterations,
			MaxIter: limit, Shift: shift, Converged: r.converged})
	}
}

// observe tells Config.Observe of new centres.
func (f *fit) observe(start, iteration int, centers []float32) {
	if f.cfg.Observe != nil && f.Err() == nil {
		f.Fail(f.cfg.Observe(Step{Start: start + 1, Iteration: iteration, Centers: centers}))
	}
}

// meanStep is Lloyd's: assign labels the rows, and centres go to their means,
// or to what the metric puts in their place. forget is called after rows were
// moved behind assign's back.
func (f *fit) meanStep(assign, forget func()) func(old []float32) ([]float32, bool) {
	return func(old []float32) ([]float32, bool) {
		assign()
		sums := f.sumRows()
		sums, moved := f.relocate(sums)
		if f.Err() != nil {
			return nil, false
		}
		if moved {
			forget()
		}
		switch f.cfg.Metric {
		case Manhattan:
			return f.columnMedians(old), moved
		case Cosine:
			return directions(f.meansOf(sums, old), old, f.d), moved
		}
		return f.meansOf(sums, old), moved
	}
}

// meansOf returns each cluster's exact mean by the rows' weights, rounded once,
// and the old centre of a cluster without rows. Labels are those of the sums.
func (f *fit) meansOf(sums *exact.ScatterSums, old []float32) []float32 {
	if f.Err() != nil || sums == nil {
		return old
	}
	if f.weights == nil {
		return means(sums, old)
	}
	mass := f.scatter(f.distanceSums, f.weights, f.labels, f.weightExponent, f.weightScale)
	if f.Err() != nil {
		return old
	}
	return weightedMeans(sums, mass, old)
}

// weightedMeans is means for sums of weighted rows, mass the sums of weights.
func weightedMeans(sums, mass *exact.ScatterSums, old []float32) []float32 {
	next := slices.Clone(old)
	for c := range sums.K {
		for j := range sums.D {
			if sums.Count[c] != 0 {
				next[c*sums.D+j] = sums.WeightedMean(c, j, mass)
			}
		}
	}
	return next
}

// means returns each cluster's exact mean, rounded once, and the old centre
// of a cluster without rows.
func means(sums *exact.ScatterSums, old []float32) []float32 {
	next := make([]float32, len(old))
	for c := range sums.K {
		for j := range sums.D {
			if sums.Count[c] == 0 {
				next[c*sums.D+j] = old[c*sums.D+j]
			} else {
				next[c*sums.D+j] = sums.Mean(c, j)
			}
		}
	}
	return next
}

// movement returns the summed squared movement of the centres, and whether no
// bit of them changed.
func movement(a, b []float32) (sum float64, same bool) {
	same = true
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += float64(d * d)
		same = same && a[i] == b[i]
	}
	return sum, same
}

// relocate gives each empty cluster the row farthest from its centre,
// distance descending, then index ascending, as long as that row lies off its
// centre and its cluster keeps another row. It returns the sums after the
// moves, and whether there were any. Clusters that find no row stay empty: the
// data has fewer different rows than k.
func (f *fit) relocate(sums *exact.ScatterSums) (_ *exact.ScatterSums, moved bool) {
	if f.Err() != nil {
		return nil, false
	}
	var empty []int
	for c, n := range sums.Count {
		if n == 0 {
			empty = append(empty, c)
		}
	}
	if len(empty) == 0 {
		return sums, false
	}
	f.measure()
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	// Each cluster can refuse at most its last row, so this many suffice.
	m := min(f.n, len(empty)+f.k)
	index := s.New(backend.Int32, 1, m)
	far, label := s.New(backend.Float32, m, 1), s.New(backend.Int32, m, 1)
	s.Run(&backend.TopK{Index: index, X: s.Reshape(f.distance, 1, f.n)})
	byRow := s.Reshape(index, m, 1)
	s.Run(&backend.Gather{Y: far, X: f.distance, Index: byRow}, &backend.Gather{Y: label, X: f.labels, Index: byRow})
	rows, distances, from := backend.Get[int32](s, index), backend.Get[float32](s, far), backend.Get[int32](s, label)
	for i := 0; i < len(rows) && len(empty) > 0; i++ {
		if !(distances[i] > 0) || sums.Count[from[i]] < 2 {
			continue
		}
		sums.Count[from[i]]--
		backend.Set(s, s.View(f.labels, int(rows[i]), int(rows[i])+1, 0, 1), []int32{int32(empty[0])})
		empty = empty[1:]
		moved = true
	}
	f.Fail(s.Err())
	if !moved {
		return sums, false
	}
	return f.sumRows(), true
}
