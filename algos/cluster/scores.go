package cluster

import (
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
	"samebits/backend/exact"
)

// Scores holds the objectives of one clustering side by side. With weights
// each row counts its weight: n stands for their sum, n_c for a cluster's.
type Scores struct {
	// WCSS is Σ |x − c|², the squared distance of each row to its centre.
	WCSS float64
	// MSE is WCSS/n.
	MSE float64
	// SED is Σ |x − c|, the unsquared distance of each row to its centre.
	SED float64
	// SEDToMeans is Σ |x − m|, m the mean of the row's cluster rounded to float32.
	SEDToMeans float64
	// PairwiseSum is the sum of |x − y|² over all ordered pairs of rows that
	// share a cluster: Σ_c 2·n_c·W_c, W_c the WCSS of cluster c around its mean.
	PairwiseSum float64
	// PairwiseMean is its mean over those pairs, a row with itself included:
	// PairwiseSum / Σ_c n_c².
	PairwiseMean float64
	// PairwiseSums and PairwiseMeans are the same within each cluster, 2·n_c·W_c
	// and 2·W_c/n_c; the latter is NaN where empty.
	PairwiseSums, PairwiseMeans []float64
	// Sizes is the number of rows of each cluster.
	Sizes []int64
}

// result labels the rows by the kept start's centres and scores them.
func (f *fit) result(r *run) (*Result, error) {
	if r.start != f.cfg.NInit-1 { // the last start's labels are still there
		backend.Set(f.Scope, f.centers, r.centers)
		if r.labels != nil {
			backend.Set(f.Scope, f.labels, r.labels)
			f.measure()
		} else {
			f.assignMeasured()
		}
	}
	scores := f.score(r.centers)
	labels := backend.Get[int32](f.Scope, f.labels)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return &Result{
		N: f.n, D: f.d, K: f.k,
		Labels:    labels,
		Centers:   blas32.General{Rows: f.k, Cols: f.d, Stride: f.d, Data: slices.Clone(r.centers)},
		Objective: string(f.cfg.Objective), Value: scores.of(f.cfg.Objective, r.value), Scores: scores,
		Method: f.cfg.Method, Metric: f.cfg.Metric, Evaluations: f.evaluations,
		Iterations: r.iterations, Converged: r.converged, NInit: f.cfg.NInit, Best: r.start,
	}, nil
}

// of returns the score that an objective names, or other for the objectives of
// metrics that are not Euclidean.
func (s Scores) of(o Objective, other float64) float64 {
	switch o {
	case WCSS:
		return s.WCSS
	case SED:
		return s.SED
	case SEDMeans:
		return s.SEDToMeans
	}
	return other
}

// score computes the objectives of the labels and distances on the device.
// All sums over rows are exact and rounded once.
func (f *fit) score(centers []float32) Scores {
	var sc Scores
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	root := s.New(backend.Float32, f.n, 1)
	f.Fail(s.Err())

	square := f.distance
	if !f.cfg.Metric.euclidean() {
		square = s.New(backend.Float32, f.n, 1)
		s.Run(&backend.Distances{D: square, X: f.x, C: f.centers, Index: f.labels})
		f.Fail(s.Err())
	}
	squares := f.sumDistances(square, f.labels)
	f.Run(&backend.Map{Fn: backend.FnSqrt, Y: root, A: square})
	sed := f.sumDistances(root, nil)
	sums := f.sumRows()
	if f.Err() != nil {
		return sc
	}
	sc.WCSS = squares.Total64(0)
	sc.MSE = sc.WCSS / f.totalWeight
	sc.SED = sed.Total64(0)
	sc.SEDToMeans = sc.SED
	sc.Sizes = squares.Count

	mass := make([]float64, f.k)
	for c, n := range squares.Count {
		mass[c] = float64(n)
	}
	if f.weights != nil {
		w := f.scatter(f.distanceSums, f.weights, f.labels, f.weightExponent, f.weightScale)
		if f.Err() != nil {
			return sc
		}
		for c := range mass {
			mass[c] = w.Sum64(c, 0)
		}
	}
	around := squares
	if m := f.meansOf(sums, centers); !slices.Equal(m, centers) {
		around, sc.SEDToMeans = f.scoreMeans(s, m, root)
	}
	if f.Err() != nil {
		return sc
	}
	sc.pairwise(around, mass)
	return sc
}

// pairwise sums squared distances over pairs, from each cluster's sum around
// its mean and its mass.
func (sc *Scores) pairwise(around *exact.ScatterSums, mass []float64) {
	sc.PairwiseSums, sc.PairwiseMeans = make([]float64, len(mass)), make([]float64, len(mass))
	pairs := 0.0
	for c, n := range mass {
		w := around.Sum64(c, 0)
		sc.PairwiseMeans[c] = 2 * w / n // 0/0 for an empty cluster
		sc.PairwiseSums[c] = float64(2 * n * w)
		sc.PairwiseSum += sc.PairwiseSums[c]
		pairs += float64(n * n)
	}
	sc.PairwiseMean = sc.PairwiseSum / pairs
}

// scoreMeans measures each row's distance to its cluster's mean, where that
// is not its centre: the squared sums by label, and the sum of the unsquared.
func (f *fit) scoreMeans(s *backend.Scope, means []float32, root *backend.Tensor) (*exact.ScatterSums, float64) {
	m := backend.Put(s, f.k, f.d, means)
	square := s.New(backend.Float32, f.n, 1)
	s.Run(
		&backend.Distances{D: square, X: f.x, C: m, Index: f.labels},
		&backend.Map{Fn: backend.FnSqrt, Y: root, A: square},
	)
	f.Fail(s.Err())
	squares := f.sumDistances(square, f.labels)
	sed := f.sumDistances(root, nil)
	if f.Err() != nil {
		return nil, 0
	}
	return squares, sed.Total64(0)
}
