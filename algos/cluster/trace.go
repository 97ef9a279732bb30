package cluster

import (
	"context"
	"errors"
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
	"samebits/backend/exact"
)

// Trace sums, for each set of k centres, the rows' distances under a metric to
// the nearest of them: the course of an objective over the sets that
// [Config.Observe] saw from iteration to iteration. Each set is k×d, row-major;
// weight is nil or one number ≥ 0 a row; an empty metric is SquaredEuclidean.
// Sums over rows are exact and rounded once, so the result has the same bits
// on every device of a profile.
//
// Cost: 2·n·k·d flops a set. Errors wrap ErrInput or a backend sentinel, or
// are the context's.
func Trace(ctx context.Context, dev *backend.Device, data blas32.General, weight []float32, metric Metric, sets [][]float32, k int) ([]float64, error) {
	n, d := data.Rows, data.Cols
	if k < 1 || n < 1 || d < 1 || (weight != nil && len(weight) != n) {
		return nil, fmt.Errorf("trace of %d centres on %d×%d data with %d weights: %w", k, n, d, len(weight), ErrInput)
	}
	if metric == "" {
		metric = SquaredEuclidean
	}
	x, err := backend.BorrowGeneral(ctx, dev, data)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	s := backend.NewScope(ctx, dev)
	defer s.Close()
	t := &tracer{Scope: s, distance: s.New(backend.Float32, n, 1), heaviest: 1}
	if weight != nil {
		t.weight = backend.Put(s, n, 1, weight)
		for _, w := range weight {
			t.heaviest = max(t.heaviest, w)
		}
	}
	nearest := &backend.Nearest{Index: s.New(backend.Int32, n, 1), Distance: t.distance, X: x, C: s.New(backend.Float32, k, d), Metric: metric.ranking()}
	if metric.euclidean() {
		nearest.Shift = t.means(x)
	}
	values := make([]float64, 0, len(sets))
	for i, set := range sets {
		if len(set) != k*d {
			return nil, fmt.Errorf("set %d holds %d numbers, want %d×%d: %w", i+1, len(set), k, d, ErrInput)
		}
		backend.Set(s, nearest.C, set)
		s.Run(nearest)
		if metric == Euclidean {
			s.Run(&backend.Map{Fn: backend.FnSqrt, Y: t.distance, A: t.distance})
		}
		values = append(values, t.total())
		if s.Err() != nil {
			return nil, s.Err()
		}
	}
	return values, s.Err()
}

// tracer holds what all sets of centres share.
type tracer struct {
	*backend.Scope
	distance *backend.Tensor // n×1, to the nearest centre
	weight   *backend.Tensor // n×1 or nil
	heaviest float32         // weight, at least 1
}

// means returns the exact column means of the data, which keep scores from
// cancelling far from the origin.
func (t *tracer) means(x *backend.Tensor) *backend.Tensor {
	sums := t.scatter(x, nil, columnMaxima(t.Scope, x))
	if sums == nil {
		return nil
	}
	return backend.Put(t.Scope, 1, x.Cols(), exact.ColumnMeans(sums))
}

// total is the exact sum of the distances, each times its weight.
func (t *tracer) total() float64 {
	largest := columnMaxima(t.Scope, t.distance)
	for j := range largest {
		largest[j] *= t.heaviest
	}
	sums := t.scatter(t.distance, t.weight, largest)
	if sums == nil {
		return 0
	}
	return sums.Total64(0)
}

// scatter sums the rows of x under the scales of its largest elements; nil
// after an error.
func (t *tracer) scatter(x, weight *backend.Tensor, largest []float32) *exact.ScatterSums {
	if t.Err() != nil {
		return nil
	}
	scales := make([]int32, len(largest))
	for j, m := range largest {
		scales[j] = exact.ScatterExponent(m)
	}
	exponent := backend.Put(t.Scope, 1, len(scales), scales)
	words := t.New(backend.Uint32, 1, exact.ScatterWords(len(scales)))
	t.Run(&backend.ScatterSum{Sums: words, X: x, Weight: weight, Exponent: exponent})
	raw := backend.Get[uint32](t.Scope, words)
	if t.Err() != nil {
		return nil
	}
	t.Fail(errors.Join(exponent.Close(), words.Close()))
	sums, err := exact.DecodeScatter(raw, 1, scales)
	t.Fail(err)
	return sums
}
