package cluster

import (
	"errors"
	"math"
	"slices"
	"testing"

	"samebits/backend"
)

// TestTraceFollowsAFit: the last point of a fit's own centres is its score,
// Lloyd's WCSS never rises, and weighted sums are what float64 gives.
func TestTraceFollowsAFit(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := blobs(3, 700, 4, 9, 2000)
	var sets [][]float32
	r, err := Fit(ctx, dev, data, Config{K: 6, Init: RandomRows, NInit: 1, Tol: -1, Seed: 4, Observe: func(s Step) error {
		sets = append(sets, slices.Clone(s.Centers))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	trace := func(weight []float32, metric Metric) []float64 {
		values, err := Trace(ctx, dev, data, weight, metric, sets, 6)
		if err != nil || len(values) != r.Iterations+1 || len(values) < 4 {
			t.Fatalf("%d values of %d iterations: %v", len(values), r.Iterations, err)
		}
		return values
	}
	squares, roots := trace(nil, ""), trace(nil, Euclidean)
	if squares[r.Iterations] != r.WCSS || roots[r.Iterations] != r.SED {
		t.Errorf("ends at %v and %v, the fit has %v and %v", squares[r.Iterations], roots[r.Iterations], r.WCSS, r.SED)
	}
	weight := make([]float32, data.Rows)
	for i := range weight {
		weight[i] = float32(i%5) / 2
	}
	weighted := map[Metric][]float64{}
	measures := map[Metric]func(x, y []float32) float64{Euclidean: euclideanOracle, Manhattan: manhattanOracle, Cosine: cosineOracle,
		SquaredEuclidean: func(x, y []float32) float64 { return euclideanOracle(x, y) * euclideanOracle(x, y) }}
	for metric := range measures {
		weighted[metric] = trace(weight, metric)
	}
	for i, set := range sets {
		if i > 0 && squares[i] > squares[i-1]*(1+1e-6) {
			t.Errorf("wcss rises from %v to %v", squares[i-1], squares[i])
		}
		for metric, measure := range measures {
			want := 0.0
			for row := range data.Rows {
				nearest := math.Inf(1)
				for c := range 6 {
					nearest = math.Min(nearest, measure(data.Data[4*row:4*row+4], set[4*c:4*c+4]))
				}
				want += float64(weight[row]) * nearest
			}
			near(t, string(metric), weighted[metric][i], want, map[bool]float64{false: 1e-5, true: 2e-3}[metric == Cosine])
		}
	}
	if live := dev.Stats().TensorsLive; live != 0 {
		t.Errorf("%d tensors were left on the device", live)
	}
	if _, err := Trace(ctx, dev, data, nil, "", [][]float32{{1, 2}}, 6); !errors.Is(err, ErrInput) {
		t.Errorf("a set of the wrong size: %v", err)
	}
	if _, err := Trace(ctx, dev, data, []float32{1}, "", nil, 6); !errors.Is(err, ErrInput) {
		t.Errorf("one weight: %v", err)
	}
}
