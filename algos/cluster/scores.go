package cluster

import (
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
	"samebits/backend/exact"
)

// Scores holds the objectives of one clustering side by side.
type Scores struct {
	// WCSS is Σ |x − c|², the squared distance of each row to its centre.
	WCSS float64
	// MSE is WCSS/n.
	MSE float64
	// SED is Σ |x − c|, the unsquared distance of each row to its centre.
	SED float64
	// SEDToMeans is Σ |x − m|, m the mean of the row's cluster rounded to float32.
	SEDToMeans float64
	// PairwiseMean is the mean of |x − y|² over all ordered pairs of rows
	// that share a cluster, a row with itself included:
	// Σ_c 2·n_c·W_c / Σ_c n_c², W_c the WCSS of cluster c around its mean.
	PairwiseMean float64
	// PairwiseMeans is the same within each cluster, 2·W_c/n_c; NaN where empty.
	PairwiseMeans []float64
	// Sizes is the number of rows of each cluster.
	Sizes []int64
}

// result labels the rows by the kept start's centres and scores them.
func (f *fit) result(r *run) (*Result, error) {
	if r.start != f.cfg.NInit-1 { // the last start's labels are still there
		backend.Set(f.Scope, f.centers, r.centers)
		f.assignMeasured()
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
		Objective: "wcss", Value: scores.WCSS, Scores: scores,
		Iterations: r.iterations, Converged: r.converged, NInit: f.cfg.NInit, Best: r.start,
	}, nil
}

// score computes the objectives of the labels and distances on the device.
// All sums over rows are exact and rounded once.
func (f *fit) score(centers []float32) Scores {
	var sc Scores
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	root := s.New(backend.Float32, f.n, 1)
	f.Fail(s.Err())

	squares := f.sumDistances(f.distance, f.labels)
	f.Run(&backend.Map{Fn: backend.FnSqrt, Y: root, A: f.distance})
	sed := f.sumDistances(root, nil)
	sums := f.scatter(f.sums, f.x, f.labels, f.exponents, f.scales)
	if f.Err() != nil {
		return sc
	}
	sc.WCSS = squares.Total64(0)
	sc.MSE = sc.WCSS / float64(f.n)
	sc.SED = sed.Total64(0)
	sc.SEDToMeans = sc.SED
	sc.Sizes = squares.Count

	around := squares
	if m := means(sums, centers); !slices.Equal(m, centers) {
		around, sc.SEDToMeans = f.scoreMeans(s, m, root)
		if f.Err() != nil {
			return sc
		}
	}
	sc.PairwiseMeans = make([]float64, f.k)
	pairs, total := 0.0, 0.0
	for c := range f.k {
		n := float64(sc.Sizes[c])
		w := around.Sum64(c, 0)
		sc.PairwiseMeans[c] = 2 * w / n // 0/0 for an empty cluster
		total += float64(2 * n * w)
		pairs += float64(n * n)
	}
	sc.PairwiseMean = total / pairs
	return sc
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
