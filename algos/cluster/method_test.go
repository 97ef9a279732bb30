package cluster

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/dataset"
	"samebits/backend"
)

// awkward returns data sets where rows lie half-way between centres, repeat,
// lie far from the origin or lie alone, each with a number of clusters.
func awkward() map[string]struct {
	k    int
	data blas32.General
} {
	grid := general(400, 2, nil) // every row ties with others
	for i := range 400 {
		grid.Data = append(grid.Data, float32(i%20), float32(i/20%20))
	}
	twins := blobs(3, 300, 3, 4, 0)
	copy(twins.Data[150*3:], twins.Data[:150*3])
	far := blobs(5, 400, 3, 5, 0)
	for j := range 3 {
		far.Data[7*3+j] = 1e6
	}
	few := general(12, 1, []float32{1, 1, 1, 1, 2, 2, 2, 2, 5, 5, 5, 5})
	return map[string]struct {
		k    int
		data blas32.General
	}{
		"blobs":  {6, blobs(1, 1000, 5, 6, 0)},
		"offset": {8, blobs(2, 800, 4, 3, 1e4)},
		"wide":   {20, blobs(4, 500, 70, 10, -3)},
		"grid":   {7, grid},
		"twins":  {9, twins},
		"far":    {6, far},
		"few":    {5, few},
		"one":    {1, blobs(6, 50, 2, 1, 0)},
	}
}

// TestBoundsGiveLloydsBits compares Elkan and Hamerly with Lloyd, bit for bit.
func TestBoundsGiveLloydsBits(t *testing.T) {
	for name, set := range awkward() {
		for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
			dev := open(t, "cpu", backend.Config{Profile: profile})
			for seed := range uint64(3) {
				cfg := Config{K: set.k, NInit: 2, Seed: seed, Init: RandomRows, Tol: -1, MaxIter: 60}
				want, err := Fit(ctx, dev, set.data, cfg)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range []Method{Elkan, Hamerly} {
					cfg.Method = m
					got, err := Fit(ctx, dev, set.data, cfg)
					if err != nil {
						t.Fatal(err)
					}
					if digestOf(got) != digestOf(want) || got.Iterations != want.Iterations || got.Value != want.Value {
						t.Errorf("%s, %s, %s, seed %d: other bits than Lloyd's", name, profile, m, seed)
					}
				}
			}
		}
	}
}

// TestBoundsPassRows holds the bounds to their purpose, and to the labels of a
// plain assignment after every step.
func TestBoundsPassRows(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	for _, m := range []Method{Elkan, Hamerly} {
		cfg, err := Config{K: 12, Seed: 1, Tol: -1, Method: m}.complete(blobs(8, 3000, 4, 6, 0))
		if err != nil {
			t.Fatal(err)
		}
		f, err := newFit(ctx, dev, blobs(8, 3000, 4, 6, 0), cfg)
		if err != nil {
			t.Fatal(err)
		}
		f.seed(0)
		b, centers := f.newBounds(m), backend.Get[float32](f.Scope, f.centers)
		for range 30 {
			b.assign(centers)
			labels := backend.Get[int32](f.Scope, f.labels)
			f.assign()
			if plain := backend.Get[int32](f.Scope, f.labels); !slices.Equal(labels, plain) {
				t.Fatalf("%s: labels differ from a plain assignment's", m)
			}
			centers = means(f.sumRows(), centers)
			backend.Set(f.Scope, f.centers, centers)
		}
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		if b.passed < b.compared {
			t.Errorf("%s compared %d rows and passed %d", m, b.compared, b.passed)
		}
		f.Close()
	}
}

// everyConfig lists a small search by each method under each objective it knows.
func everyConfig() []Config {
	var all []Config
	for _, o := range []Objective{WCSS, SED, SEDMeans, SumManhattan, SumCosine} {
		for _, m := range Methods() {
			c := Config{K: 3, Objective: o, Method: m, Seed: 5, NInit: 1}
			c.BatchRows = 64
			if m.metaheuristic() || m == Hybrid {
				c.MaxIter, c.Population = 4, 6
			}
			if _, err := c.complete(general(10, 2, make([]float32, 20))); err == nil {
				all = append(all, c)
			}
		}
	}
	weights := make([]float32, 150)
	for i := range weights {
		weights[i] = float32(i%5) * 0.3
	}
	for _, c := range slices.Clone(all) {
		c.Weights = weights
		all = append(all, c)
	}
	return append(all, Config{K: 3, Init: KMeansParallel, Seed: 5, NInit: 2}, Config{K: 3, Init: KMeansParallel, Seed: 5, NInit: 2, Weights: weights})
}

func describe(c Config) string {
	return fmt.Sprintf("%s by %s, init %s, weights %v", c.Objective, c.Method, c.Init, c.Weights != nil)
}

// outcome is what must be the same on every device.
func outcome(r *Result) string {
	return fmt.Sprint(digestOf(r), r.Value, r.WCSS, r.SED, r.SEDToMeans, r.PairwiseSum, r.Iterations, r.Evaluations, r.Sizes)
}

// TestEveryMethodGivesTheSameBits runs every method on every CPU path.
func TestEveryMethodGivesTheSameBits(t *testing.T) {
	data := blobs(17, 150, 4, 3, 5)
	for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		devices := []*backend.Device{open(t, "reference", backend.Config{Profile: profile})}
		for _, threads := range []int{1, 2} {
			devices = append(devices, open(t, "cpu", backend.Config{Profile: profile, Threads: threads}))
		}
		for _, cfg := range everyConfig() {
			var want string
			for i, dev := range devices {
				r, err := Fit(ctx, dev, data, cfg)
				if err != nil {
					t.Fatal(describe(cfg), err)
				}
				got := outcome(r)
				if i == 0 {
					want = got
				} else if got != want {
					t.Errorf("%s, %s: %s differs from the reference", describe(cfg), profile, dev.Info().Name)
				}
			}
		}
		for _, dev := range devices {
			if live := dev.Stats().TensorsLive; live != 0 {
				t.Errorf("%d tensors were left on the device", live)
			}
		}
	}
}

// TestChunksChangeNothing scores populations in parts.
func TestChunksChangeNothing(t *testing.T) {
	defer func(n int) { chunkElements = n }(chunkElements)
	data, dev := blobs(17, 150, 4, 3, 5), open(t, "cpu", backend.Config{})
	for _, cfg := range everyConfig() {
		whole, err := Fit(ctx, dev, data, cfg)
		if err != nil {
			t.Fatal(err)
		}
		old := chunkElements
		chunkElements = 2000
		parts, err := Fit(ctx, dev, data, cfg)
		chunkElements = old
		if err != nil {
			t.Fatal(err)
		}
		if outcome(whole) != outcome(parts) {
			t.Errorf("%s: scoring in parts changes the result", describe(cfg))
		}
	}
}

// TestEveryMethodFindsBlobs gives every method well separated groups.
func TestEveryMethodFindsBlobs(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := blobs(3, 90, 3, 3, 0)
	for _, c := range everyConfig() {
		if c.Weights != nil || c.Metric == Cosine || c.Objective == SumCosine {
			continue
		}
		c.NInit, c.MaxIter, c.Population = 3, 0, 0
		if c.Method == DE || c.Method == BlackHole {
			c.MaxIter = 120
		}
		r, err := Fit(ctx, dev, data, c)
		if err != nil {
			t.Fatal(describe(c), err)
		}
		for i, l := range r.Labels {
			if l != r.Labels[i%3] {
				t.Errorf("%s: row %d left its blob", describe(c), i)
				break
			}
		}
		want := oracle(data, r)
		near(t, describe(c)+" wcss", r.WCSS, want.WCSS, 2e-6)
		near(t, describe(c)+" sed", r.SED, want.SED, 2e-6)
		near(t, describe(c)+" sed to means", r.SEDToMeans, want.SEDToMeans, 2e-6)
	}
}

// TestKMeansParallel seeds blobs that plain random rows would miss, and data
// with fewer different rows than clusters.
func TestKMeansParallel(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := blobs(9, 2000, 3, 25, 0)
	r, err := Fit(ctx, dev, data, Config{K: 25, Init: KMeansParallel, NInit: 3, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	greedy, err := Fit(ctx, dev, data, Config{K: 25, NInit: 3, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	if r.WCSS > 1.05*greedy.WCSS {
		t.Errorf("wcss %v from k-means||, %v from k-means++", r.WCSS, greedy.WCSS)
	}
	few := general(6, 2, []float32{1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 3, 4})
	if r, err = Fit(ctx, dev, few, Config{K: 4, Init: KMeansParallel}); err != nil || r.WCSS != 0 {
		t.Errorf("two different rows: %v, %v", r, err)
	}
}

func TestWeights(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := blobs(23, 60, 2, 3, 0)
	// Whole weights count as repeated rows, zero as none.
	weights, repeated := make([]float32, 60), general(0, 2, nil)
	for i := range weights {
		weights[i] = float32(i * 7 % 4)
		for range i * 7 % 4 {
			repeated.Data = append(repeated.Data, data.Data[2*i:2*i+2]...)
			repeated.Rows++
		}
	}
	for _, o := range []Objective{WCSS, SED, SEDMeans, SumManhattan, SumCosine} {
		a, err := Fit(ctx, dev, data, Config{K: 3, Objective: o, Weights: weights, NInit: 20})
		if err != nil {
			t.Fatal(err)
		}
		b, err := Fit(ctx, dev, repeated, Config{K: 3, Objective: o, NInit: 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range [][3]any{{"value", a.Value, b.Value}, {"wcss", a.WCSS, b.WCSS}, {"mse", a.MSE, b.MSE}, {"sed", a.SED, b.SED},
			{"sed to means", a.SEDToMeans, b.SEDToMeans}, {"pairwise sum", a.PairwiseSum, b.PairwiseSum}, {"pairwise mean", a.PairwiseMean, b.PairwiseMean}} {
			near(t, fmt.Sprintf("%s: %s", o, v[0]), v[1].(float64), v[2].(float64), 1e-5)
		}
		if len(a.Labels) != 60 || slices.Min(a.Labels) < 0 {
			t.Errorf("%s: rows without weight have no label", o)
		}
		var rows int64
		for _, n := range a.Sizes {
			rows += n
		}
		if rows != 60 {
			t.Errorf("%s: sizes %v", o, a.Sizes)
		}
	}
	// All weights alike are none.
	even := slices.Repeat([]float32{0.25}, 60)
	a, err := Fit(ctx, dev, data, Config{K: 3, Weights: even})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Fit(ctx, dev, data, Config{K: 3})
	if err != nil {
		t.Fatal(err)
	}
	if digestOf(a) != digestOf(b) || a.WCSS != b.WCSS/4 {
		t.Errorf("even weights: wcss %v, without %v", a.WCSS, b.WCSS)
	}
}

func TestMethodErrors(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := blobs(1, 8, 2, 2, 0)
	inf := float32(math.Inf(1))
	zeroRow := general(2, 2, []float32{1, 2, 0, 0})
	cases := []struct {
		data blas32.General
		cfg  Config
		want string
	}{
		{data, Config{K: 2, Objective: "mse"}, `objective "mse"`},
		{data, Config{K: 2, Metric: "chebyshev"}, `metric "chebyshev"`},
		{data, Config{K: 2, Objective: WCSS, Metric: Manhattan}, "sums the metric sqeuclidean"},
		{data, Config{K: 2, Method: "ants"}, `method "ants"`},
		{data, Config{K: 2, Method: Weiszfeld}, "minimises sed, not wcss"},
		{data, Config{K: 2, Method: Transfer, Objective: SED}, "minimises sed-means"},
		{data, Config{K: 2, Method: Elkan, Metric: Cosine}, "does not know the metric"},
		{data, Config{K: 2, Method: MiniBatch, Metric: Manhattan}, "does not know the metric"},
		{data, Config{K: 2, Method: Lloyd, Population: 5}, "no population"},
		{data, Config{K: 2, Method: PSO, Population: -1}, "population = -1"},
		{data, Config{K: 2, Method: DE, Population: 3}, "at least 4"},
		{data, Config{K: 2, Global: DE}, "takes no global method"},
		{data, Config{K: 2, Method: Hybrid, Global: Lloyd}, "global method"},
		{data, Config{K: 2, BatchRows: -1}, "batch"},
		{data, Config{K: 1, Method: GA, Centers: &blas32.General{Rows: 1, Cols: 2, Stride: 2, Data: []float32{1, 2}}}, "draws its own first centres"},
		{zeroRow, Config{K: 1, Metric: Cosine}, "row 2 is zero"},
		{data, Config{K: 2, Weights: []float32{1}}, "1 weights for 8 rows"},
		{data, Config{K: 2, Weights: make([]float32, 8)}, "all weights are zero"},
		{data, Config{K: 2, Weights: []float32{0, 0, 0, 1, 0, 0, 0, 0}}, "1 rows with a weight above zero"},
		{data, Config{K: 2, Weights: []float32{1, 1, -1, 1, 1, 1, 1, 1}}, "weight of row 3 is negative"},
		{data, Config{K: 2, Weights: []float32{1, 1, 1, inf, 1, 1, 1, 1}}, "weight of row 4 is not finite"},
		{data, Config{K: 2, Weights: []float32{1, 1, 1, 1e-12, 1, 1, 1, 1}}, "2³⁶ apart"},
		{general(2, 1, []float32{1e18, -1e18}), Config{K: 1, Weights: []float32{1e4, 1e4}}, "overflow float32"},
	}
	for i, c := range cases {
		_, err := Fit(ctx, dev, c.data, c.cfg)
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("case %d: %v, want %q", i, err, c.want)
		}
	}
}

// TestEmptyConstantAndRepeatedRows runs every method where clusters must stay
// empty and columns say nothing.
func TestEmptyConstantAndRepeatedRows(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := general(8, 2, nil)
	for i := range 8 {
		data.Data = append(data.Data, 7, float32(1+i%2))
	}
	for _, c := range everyConfig() {
		if c.Weights != nil || c.Method.metaheuristic() || c.Method == MiniBatch || c.Method == Hybrid {
			continue // which promise no optimum
		}
		r, err := Fit(ctx, dev, data, c)
		if err != nil {
			t.Fatal(describe(c), err)
		}
		if !(r.Value <= 1e-6) || r.Labels[0] == r.Labels[1] {
			t.Errorf("%s: value %v, labels %v", describe(c), r.Value, r.Labels)
		}
	}
	for _, c := range everyConfig() {
		c.Weights = nil
		if r, err := Fit(ctx, dev, data, c); err != nil || r.Value != r.Value {
			t.Errorf("%s: %v, %v", describe(c), r, err)
		}
	}
}

// TestMetaheuristicsOnRealData reaches the published sums of distances within
// the evaluations of the papers, where this implementation does.
func TestMetaheuristicsOnRealData(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	for _, set := range []struct {
		file    string
		k       int
		reached map[Method]float64
	}{
		{"iris_uci.csv", 3, map[Method]float64{DE: 96.65555, GA: 96.65555, Hybrid: 96.65555, SA: 96.6575, BlackHole: 96.6575}},
		{"wine.csv", 3, map[Method]float64{DE: 16293, GA: 16293, BlackHole: 16293, Hybrid: 16293}},
	} {
		data, err := dataset.Read(ctx, sharedFile(t, "data", set.file), dataset.Options{Label: "class"})
		if err != nil {
			t.Fatal(err)
		}
		for m, want := range set.reached {
			r, err := Fit(ctx, dev, data.Matrix, Config{K: set.k, Objective: SED, Method: m, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if !(r.SED <= want) {
				t.Errorf("%s by %s: %v, want %v", set.file, m, r.SED, want)
			}
		}
	}
}
