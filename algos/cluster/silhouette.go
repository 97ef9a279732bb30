package cluster

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
)

// DefaultSilhouetteRows is how many rows a silhouette looks at unless told
// otherwise: its cost grows with their square.
const DefaultSilhouetteRows = 10_000

// SilhouetteConfig says how to measure silhouettes. The zero value works.
type SilhouetteConfig struct {
	// Rows is the most rows looked at; 0 means DefaultSilhouetteRows. A larger
	// data set is represented by that many rows drawn without replacement: both
	// the rows scored and those they are compared with, as scikit-learn's
	// sample_size does it.
	Rows int
	// Seed chooses those rows.
	Seed uint64
	// Metric is the distance between rows. Empty means Euclidean, and so does
	// SquaredEuclidean, as what a clustering minimised.
	Metric Metric
	// Progress, when set, is called with the rows done and their number.
	Progress func(done, total int)
}

// SilhouetteResult holds the silhouettes of a clustering.
type SilhouetteResult struct {
	// Mean is the mean silhouette, −1 to 1; NaN with fewer than two clusters.
	Mean float64
	// Clusters is the mean of each cluster, NaN where it has no row.
	Clusters []float64
	// Rows is the number of rows looked at, Sampled whether there were more.
	Rows    int
	Sampled bool
}

// Silhouette tells how well rows lie in their clusters (Rousseeuw 1987). With
// a(i) the mean distance of row i to the other rows of its cluster and b(i)
// the least mean distance to the rows of another, s(i) = (b−a)/max(a,b); it is
// 0 for a row that is alone in its cluster, and where a = b.
//
// data is n×d, labels n numbers in 0..k−1. The distances are summed on the
// device in the contract's order, the rest is float64 in ascending order of
// rows, so the result has the same bits on every device of a profile.
//
// Cost: m²·d macs for m = min(n, Rows), and device memory for m·d + m numbers
// and the sums of at most 1,024 rows by cluster; no m×m matrix is formed.
// Errors wrap ErrInput or a backend sentinel, or are the context's.
func Silhouette(ctx context.Context, dev *backend.Device, data blas32.General, labels []int32, k int, cfg SilhouetteConfig) (*SilhouetteResult, error) {
	n, d := data.Rows, data.Cols
	if n < 1 || d < 1 || data.Stride < d || len(data.Data) < (n-1)*data.Stride+d || len(labels) != n {
		return nil, fmt.Errorf("silhouettes of %d×%d data with stride %d and %d labels: %w", n, d, data.Stride, len(labels), ErrInput)
	}
	if k < 1 || cfg.Rows < 0 {
		return nil, fmt.Errorf("silhouettes of %d clusters on %d rows: %w", k, cfg.Rows, ErrInput)
	}
	if cfg.Rows == 0 {
		cfg.Rows = DefaultSilhouetteRows
	}
	metric := cfg.Metric.ranking()
	if cfg.Metric == "" || cfg.Metric.euclidean() {
		metric = backend.Euclidean
	}
	chosen := subset(cfg.Seed, subsetSilhouette, n, cfg.Rows)
	if chosen != nil {
		data = rowsAt(data, chosen)
		of := make([]int32, len(chosen))
		for i, row := range chosen {
			of[i] = labels[row]
		}
		labels = of
	}
	s := &silhouettes{labels: labels, sizes: make([]int64, k)}
	for i, l := range labels {
		if l < 0 || int(l) >= k {
			return nil, fmt.Errorf("row %d has label %d: want 0 to %d: %w", i+1, l, k-1, ErrInput)
		}
		if s.sizes[l] == 0 {
			s.occupied++
		}
		s.sizes[l]++
	}
	s.sums = make([]float64, k)
	if s.occupied > 1 {
		if err := s.measure(ctx, dev, data, metric, cfg.Progress); err != nil {
			return nil, err
		}
	}
	r := s.result()
	r.Sampled = chosen != nil
	return r, nil
}

// silhouettes sums the silhouettes of rows by cluster.
type silhouettes struct {
	labels   []int32
	sizes    []int64
	occupied int // clusters with a row
	sums     []float64
}

// Rows whose sums by cluster are on the device at a time, and the most numbers
// that these may be.
const (
	silhouetteRows    = 1024
	silhouetteNumbers = 1 << 22
)

func (s *silhouettes) measure(ctx context.Context, dev *backend.Device, data blas32.General, metric backend.Metric, progress func(done, total int)) error {
	n, k := data.Rows, len(s.sizes)
	x, err := backend.BorrowGeneral(ctx, dev, data)
	if err != nil {
		return err
	}
	defer x.Close()
	scope := backend.NewScope(ctx, dev)
	defer scope.Close()
	label := backend.Put(scope, n, 1, s.labels)
	step := min(n, silhouetteRows, max(1, silhouetteNumbers/k))
	y := scope.New(backend.Float32, step, k)
	for from := 0; from < n; from += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := min(from+step, n)
		part := scope.View(y, 0, to-from, 0, k)
		scope.Run(&backend.PairwiseSum{Y: part, X: scope.View(x, from, to, 0, data.Cols), C: x, Label: label, Metric: metric})
		distances := backend.Get[float32](scope, part)
		if err := scope.Err(); err != nil {
			return err
		}
		for i := from; i < to; i++ {
			s.sums[s.labels[i]] += s.one(s.labels[i], distances[(i-from)*k:][:k])
		}
		if progress != nil {
			progress(to, n)
		}
	}
	return nil
}

// one is the silhouette of a row in cluster own, given the sums of its
// distances to each cluster's rows.
func (s *silhouettes) one(own int32, sums []float32) float64 {
	if s.sizes[own] == 1 {
		return 0
	}
	a, b := float64(sums[own])/float64(s.sizes[own]-1), math.Inf(1)
	for c, sum := range sums {
		if c != int(own) && s.sizes[c] > 0 {
			b = min(b, float64(sum)/float64(s.sizes[c]))
		}
	}
	if a == b {
		return 0 // also where both are 0
	}
	return (b - a) / max(a, b)
}

func (s *silhouettes) result() *SilhouetteResult {
	r := &SilhouetteResult{Mean: math.NaN(), Rows: len(s.labels), Clusters: make([]float64, len(s.sizes))}
	total := 0.0
	for c, n := range s.sizes {
		r.Clusters[c] = math.NaN()
		if n > 0 && s.occupied > 1 {
			r.Clusters[c] = s.sums[c] / float64(n)
			total += s.sums[c]
		}
	}
	if s.occupied > 1 {
		r.Mean = total / float64(len(s.labels))
	}
	return r
}
