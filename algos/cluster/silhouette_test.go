package cluster

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/dataset"
	"samebits/backend"
)

// silhouetteOracle follows Rousseeuw's definition in float64, over all pairs.
func silhouetteOracle(data blas32.General, labels []int32, k int, distance func(x, y []float32) float64) (mean float64, clusters []float64) {
	n := data.Rows
	row := func(i int) []float32 { return data.Data[i*data.Stride : i*data.Stride+data.Cols] }
	clusters = make([]float64, k)
	sizes := make([]float64, k)
	for _, l := range labels {
		sizes[l]++
	}
	for i := range n {
		sums := make([]float64, k)
		for j := range n {
			sums[labels[j]] += distance(row(i), row(j))
		}
		own := labels[i]
		if sizes[own] == 1 {
			continue
		}
		a, b := sums[own]/(sizes[own]-1), math.Inf(1)
		for c := range k {
			if c != int(own) && sizes[c] > 0 {
				b = math.Min(b, sums[c]/sizes[c])
			}
		}
		if m := math.Max(a, b); m > 0 {
			mean += (b - a) / m
			clusters[own] += (b - a) / m
		}
	}
	for c := range clusters {
		clusters[c] /= sizes[c]
	}
	return mean / float64(n), clusters
}

func euclideanOracle(x, y []float32) float64 {
	s := 0.0
	for j := range x {
		s += (float64(x[j]) - float64(y[j])) * (float64(x[j]) - float64(y[j]))
	}
	return math.Sqrt(s)
}

func manhattanOracle(x, y []float32) float64 {
	s := 0.0
	for j := range x {
		s += math.Abs(float64(x[j]) - float64(y[j]))
	}
	return s
}

func cosineOracle(x, y []float32) float64 {
	var xy, xx, yy float64
	for j := range x {
		xy, xx, yy = xy+float64(x[j])*float64(y[j]), xx+float64(x[j])*float64(x[j]), yy+float64(y[j])*float64(y[j])
	}
	return 1 - xy/math.Sqrt(xx*yy)
}

// TestSilhouetteKnownValues holds six points on a line to scikit-learn 1.2.1
// (silhouette_score); the first case by hand: 5/6, 4/5, 2/3, 9/11, 10/13 and 0
// for the row that is alone.
func TestSilhouetteKnownValues(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := general(6, 1, []float32{0, 1, 5, 6, 7, 20})
	for _, c := range []struct {
		labels []int32
		k      int
		want   float64
	}{
		{[]int32{0, 0, 1, 1, 1, 2}, 3, 0.6479020979020979},
		{[]int32{0, 0, 3, 3, 3, 1}, 5, 0.6479020979020979}, // clusters 2 and 4 are empty
		{[]int32{0, 0, 0, 1, 1, 1}, 2, 0.2041486291486292},
		{[]int32{0, 1, 2, 2, 1, 0}, 3, -0.12361111111111113},
		{[]int32{0, 1, 2, 3, 4, 5}, 6, 0},          // every row alone
		{[]int32{0, 0, 0, 0, 0, 0}, 1, math.NaN()}, // undefined
		{[]int32{2, 2, 2, 2, 2, 2}, 4, math.NaN()},
	} {
		r, err := Silhouette(ctx, dev, data, c.labels, c.k, SilhouetteConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if math.IsNaN(c.want) != math.IsNaN(r.Mean) || math.Abs(r.Mean-c.want) > 1e-7 || r.Sampled || r.Rows != 6 {
			t.Errorf("labels %v: %+v, want mean %v of all 6 rows", c.labels, r, c.want)
		}
	}
	r, err := Silhouette(ctx, dev, general(4, 1, []float32{3, 3, 3, 3}), []int32{0, 0, 1, 1}, 2, SilhouetteConfig{})
	if err != nil || r.Mean != 0 {
		t.Errorf("equal rows: %+v, %v, want 0", r, err)
	}
	if live := dev.Stats().TensorsLive; live != 0 {
		t.Errorf("%d tensors were left on the device", live)
	}
}

// TestSilhouetteIsItsDefinition compares with the sum over all pairs under
// every metric, in more rows than one step takes, far from the origin, and on
// a matrix with gaps.
func TestSilhouetteIsItsDefinition(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	packed := blobs(4, 1200, 3, 4, 500)
	wide := blas32.General{Rows: 1200, Cols: 3, Stride: 4, Data: make([]float32, 4*1200)}
	for i := range wide.Rows {
		copy(wide.Data[4*i:4*i+3], packed.Data[3*i:])
		wide.Data[4*i+3] = float32(math.NaN())
	}
	labels := make([]int32, packed.Rows)
	for i := range labels {
		labels[i] = int32(i % 4)
		if i%9 == 0 {
			labels[i] = int32(i / 9 % 4)
		}
	}
	for metric, distance := range map[Metric]func(x, y []float32) float64{
		"": euclideanOracle, SquaredEuclidean: euclideanOracle, Euclidean: euclideanOracle, Manhattan: manhattanOracle, Cosine: cosineOracle,
	} {
		tolerance := 1e-5
		if metric == Cosine {
			tolerance = 2e-3 // float32 rows of length 1 that differ by a hundredth
		}
		want, clusters := silhouetteOracle(packed, labels, 4, distance)
		for _, data := range []blas32.General{packed, wide} {
			last := 0
			r, err := Silhouette(ctx, dev, data, labels, 4, SilhouetteConfig{Metric: metric, Progress: func(done, total int) {
				if done <= last || total != packed.Rows {
					t.Errorf("progress %d of %d after %d", done, total, last)
				}
				last = done
			}})
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(r.Mean-want) > tolerance || last != packed.Rows {
				t.Errorf("%v: mean %v, want %v; %d rows done", metric, r.Mean, want, last)
			}
			for c := range clusters {
				if math.Abs(r.Clusters[c]-clusters[c]) > tolerance {
					t.Errorf("%v: cluster %d has %v, want %v", metric, c, r.Clusters[c], clusters[c])
				}
			}
		}
	}
}

// TestSilhouetteSameBits runs every CPU path, whole and on a sample.
func TestSilhouetteSameBits(t *testing.T) {
	data := blobs(7, 1500, 5, 6, 30)
	labels := make([]int32, data.Rows)
	for i := range labels {
		labels[i] = int32(i * i % 7)
	}
	for _, rows := range []int{0, 1100} {
		for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
			cfg := SilhouetteConfig{Rows: rows, Seed: 3}
			want, err := Silhouette(ctx, open(t, "reference", backend.Config{Profile: profile}), data, labels, 8, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if want.Sampled != (rows > 0) || (rows > 0 && want.Rows != rows) || !math.IsNaN(want.Clusters[7]) {
				t.Errorf("%+v of %d rows", want, rows)
			}
			for _, threads := range []int{1, 2, 3} {
				got, err := Silhouette(ctx, open(t, "cpu", backend.Config{Profile: profile, Threads: threads}), data, labels, 8, cfg)
				if err != nil {
					t.Fatal(err)
				}
				same := func(a, b float64) bool { return a == b || (a != a && b != b) }
				if got.Mean != want.Mean || !slices.EqualFunc(got.Clusters, want.Clusters, same) {
					t.Errorf("%s, %d threads: %+v, want %+v", profile, threads, got, want)
				}
			}
		}
	}
}

func TestSilhouetteSampleIsClose(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := blobs(9, 6000, 4, 5, 0)
	labels := make([]int32, data.Rows)
	for i := range labels {
		labels[i] = int32(i % 5)
		if i%10 == 0 {
			labels[i] = 0
		}
	}
	whole, err := Silhouette(ctx, dev, data, labels, 5, SilhouetteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	means := map[float64]bool{}
	for seed := range uint64(3) {
		part, err := Silhouette(ctx, dev, data, labels, 5, SilhouetteConfig{Rows: 2000, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		means[part.Mean] = true
		if !part.Sampled || part.Rows != 2000 || math.Abs(part.Mean-whole.Mean) > 0.05 {
			t.Errorf("seed %d: %+v, the whole has %v", seed, part, whole.Mean)
		}
	}
	if len(means) != 3 {
		t.Error("seeds draw the same rows")
	}
}

func TestSilhouetteRefuses(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := general(3, 1, []float32{1, 2, 3})
	for name, run := range map[string]func() error{
		"labels": func() error { _, err := Silhouette(ctx, dev, data, []int32{0, 1}, 2, SilhouetteConfig{}); return err },
		"negative": func() error {
			_, err := Silhouette(ctx, dev, data, []int32{0, -1, 1}, 2, SilhouetteConfig{})
			return err
		},
		"past k": func() error {
			_, err := Silhouette(ctx, dev, data, []int32{0, 2, 1}, 2, SilhouetteConfig{})
			return err
		},
		"no k": func() error {
			_, err := Silhouette(ctx, dev, data, []int32{0, 0, 0}, 0, SilhouetteConfig{})
			return err
		},
		"rows": func() error {
			_, err := Silhouette(ctx, dev, data, []int32{0, 0, 0}, 1, SilhouetteConfig{Rows: -1})
			return err
		},
		"no data": func() error { _, err := Silhouette(ctx, dev, blas32.General{}, nil, 1, SilhouetteConfig{}); return err },
	} {
		if err := run(); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Silhouette(ended, dev, data, []int32{0, 1, 1}, 2, SilhouetteConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
}

// TestSilhouetteOfIris holds the classes of a real data set to scikit-learn
// 1.2.1 (silhouette_score with each metric).
func TestSilhouetteOfIris(t *testing.T) {
	data, err := dataset.Read(ctx, sharedFile(t, "data", "iris_uci.csv"), dataset.Options{Label: "class"})
	if err != nil {
		t.Fatal(err)
	}
	labels, sizes := rankLabels(data.Label)
	if !slices.Equal(sizes, []int64{50, 50, 50}) {
		t.Fatalf("classes of %v rows", sizes)
	}
	for metric, want := range map[Metric]float64{
		Euclidean: 0.5032506980366628, Manhattan: 0.5128080692836066, Cosine: 0.7222369297698502,
	} {
		r, err := Silhouette(ctx, open(t, "cpu", backend.Config{}), data.Matrix, labels, 3, SilhouetteConfig{Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.Mean-want) > 2e-6 {
			t.Errorf("%v: %v, want %v", metric, r.Mean, want)
		}
	}
}

func TestSubset(t *testing.T) {
	if subset(1, 0, 10, 10) != nil || subset(1, 0, 10, 11) != nil {
		t.Error("a subset of all rows is not nil")
	}
	// Every row is drawn as often as any other: 4,000 draws of 3 of 10 rows
	// expect 1,200 of each, with a standard deviation of 29.
	var times [10]int
	for seed := range uint64(4000) {
		rows := subset(seed, subsetSilhouette, 10, 3)
		if len(rows) != 3 || !slices.IsSorted(rows) || len(slices.Compact(slices.Clone(rows))) != 3 || rows[0] < 0 || rows[2] > 9 {
			t.Fatalf("subset %v", rows)
		}
		for _, i := range rows {
			times[i]++
		}
	}
	for i, n := range times {
		if n < 1200-145 || n > 1200+145 {
			t.Errorf("row %d was drawn %d times of 4000", i, n)
		}
	}
	if slices.Equal(subset(1, subsetSilhouette, 1000, 10), subset(1, subsetPicture, 1000, 10)) {
		t.Error("two purposes draw the same rows")
	}
}
