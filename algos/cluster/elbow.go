package cluster

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
)

// ElbowConfig says which numbers of clusters to compare.
type ElbowConfig struct {
	// From and To are the least and the largest k, 1 ≤ From ≤ To ≤ rows.
	From, To int
	// Silhouette says how each clustering's silhouettes are measured.
	Silhouette SilhouetteConfig
	// Found, when set, is called after each k with its clustering, which is
	// not kept unless it turns out best. An error ends the comparison.
	Found func(*Result, *SilhouetteResult) error
}

// ElbowPoint is what one k gave.
type ElbowPoint struct {
	K int
	// Objective is the name of what was minimised, Value its value.
	Objective string
	Value     float64
	Scores
	Silhouette float64 // mean; NaN with fewer than two clusters
	Iterations int
	Converged  bool
}

// Elbow clusters data for each k from From to To, cfg saying how, and returns
// a point for each and the clustering with the largest mean silhouette, of
// equals the one with the fewest clusters; with no silhouette at all, as for
// k = 1, the first. An objective always falls as k grows: what to look for is
// the k after which it falls slowly (Thorndike 1953), and a large silhouette.
//
// cfg.K is not used, and given centres are an error. Cost: that of [Fit] and
// of [Silhouette] for every k; one clustering is held besides the best.
func Elbow(ctx context.Context, dev *backend.Device, data blas32.General, cfg Config, elbow ElbowConfig) ([]ElbowPoint, *Result, error) {
	switch {
	case elbow.From < 1 || elbow.From > elbow.To || elbow.To > data.Rows:
		return nil, nil, fmt.Errorf("k from %d to %d of %d rows: want 1 ≤ from ≤ to ≤ rows: %w", elbow.From, elbow.To, data.Rows, ErrInput)
	case cfg.Centers != nil:
		return nil, nil, fmt.Errorf("given centres fix k, several k were asked for: %w", ErrInput)
	}
	var (
		points []ElbowPoint
		best   *Result
		most   float64
	)
	for k := elbow.From; k <= elbow.To; k++ {
		cfg.K = k
		r, err := Fit(ctx, dev, data, cfg)
		if err != nil {
			return nil, nil, fmt.Errorf("k = %d: %w", k, err)
		}
		s, err := Silhouette(ctx, dev, data, r.Labels, k, elbow.Silhouette)
		if err != nil {
			return nil, nil, fmt.Errorf("k = %d: %w", k, err)
		}
		if elbow.Found != nil {
			if err := elbow.Found(r, s); err != nil {
				return nil, nil, err
			}
		}
		points = append(points, ElbowPoint{K: k, Objective: r.Objective, Value: r.Value, Scores: r.Scores,
			Silhouette: s.Mean, Iterations: r.Iterations, Converged: r.Converged})
		if best == nil || s.Mean > most || (most != most && s.Mean == s.Mean) {
			best, most = r, s.Mean
		}
	}
	return points, best, nil
}
