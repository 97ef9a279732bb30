package cluster

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/dataset"
	"samebits/backend"
	_ "samebits/cpu"
)

var ctx = context.Background()

func open(t testing.TB, name string, cfg backend.Config) *backend.Device {
	t.Helper()
	dev, err := backend.Open(ctx, name, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

func general(rows, cols int, data []float32) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: data}
}

// blobs returns n points around k centres that lie far apart.
func blobs(seed uint64, n, d, k int, offset float32) blas32.General {
	r := rand.New(rand.NewPCG(seed, 1))
	centers := make([]float32, k*d)
	for i := range centers {
		centers[i] = float32(r.Float64()*100) + offset
	}
	data := make([]float32, n*d)
	for i := range n {
		for j := range d {
			data[i*d+j] = centers[(i%k)*d+j] + float32(r.NormFloat64())
		}
	}
	return general(n, d, data)
}

// oracle recomputes the scores of a result in float64 from its labels and centres.
func oracle(data blas32.General, r *Result) Scores {
	var sc Scores
	means := make([]float64, r.K*r.D)
	sc.Sizes = make([]int64, r.K)
	for i, l := range r.Labels {
		sc.Sizes[l]++
		for j := range r.D {
			means[int(l)*r.D+j] += float64(data.Data[i*data.Stride+j])
		}
	}
	for c, n := range sc.Sizes {
		for j := range r.D {
			means[c*r.D+j] /= float64(n)
		}
	}
	around := make([]float64, r.K)
	for i, l := range r.Labels {
		toCenter, toMean := 0.0, 0.0
		for j := range r.D {
			x := float64(data.Data[i*data.Stride+j])
			dc, dm := x-float64(r.Centers.Data[int(l)*r.D+j]), x-means[int(l)*r.D+j]
			toCenter += dc * dc
			toMean += dm * dm
		}
		sc.WCSS += toCenter
		sc.SED += math.Sqrt(toCenter)
		sc.SEDToMeans += math.Sqrt(toMean)
		around[l] += toMean
	}
	sc.MSE = sc.WCSS / float64(r.N)
	pairs := 0.0
	for c, n := range sc.Sizes {
		sc.PairwiseMeans = append(sc.PairwiseMeans, 2*around[c]/float64(n))
		sc.PairwiseMean += 2 * float64(n) * around[c]
		pairs += float64(n * n)
	}
	sc.PairwiseMean /= pairs
	return sc
}

func near(t *testing.T, what string, got, want, rel float64) {
	t.Helper()
	if !(math.Abs(got-want) <= rel*math.Abs(want)) {
		t.Errorf("%s is %.10g, want %.10g", what, got, want)
	}
}

func checkScores(t *testing.T, data blas32.General, r *Result) {
	t.Helper()
	want := oracle(data, r)
	const rel = 2e-6
	near(t, "wcss", r.WCSS, want.WCSS, rel)
	near(t, "value", r.Value, want.WCSS, rel)
	near(t, "mse", r.MSE, want.MSE, rel)
	near(t, "sed", r.SED, want.SED, rel)
	near(t, "sed to means", r.SEDToMeans, want.SEDToMeans, rel)
	near(t, "pairwise mean", r.PairwiseMean, want.PairwiseMean, rel)
	if !slices.Equal(r.Sizes, want.Sizes) {
		t.Errorf("sizes %v, want %v", r.Sizes, want.Sizes)
	}
	for c := range r.PairwiseMeans {
		near(t, "pairwise mean of a cluster", r.PairwiseMeans[c], want.PairwiseMeans[c], rel)
	}
}

func TestFitFindsBlobs(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	for _, offset := range []float32{0, 1e4} {
		data := blobs(3, 600, 5, 6, offset)
		for _, init := range []Init{KMeansPlusPlus, RandomRows} {
			r, err := Fit(ctx, dev, data, Config{K: 6, Init: init, NInit: 20, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			checkScores(t, data, r)
			if !r.Converged {
				t.Errorf("%s, offset %v: did not converge", init, offset)
			}
			for i, l := range r.Labels {
				if l != r.Labels[i%6] {
					t.Fatalf("%s, offset %v: row %d left its blob", init, offset, i)
				}
			}
		}
	}
	if live := dev.Stats().TensorsLive; live != 0 {
		t.Errorf("%d tensors were left on the device", live)
	}
}

// TestFitReachesTheBestPartition compares with all partitions of a small set.
func TestFitReachesTheBestPartition(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	dev := open(t, "cpu", backend.Config{})
	for round := range 5 {
		const n, d, k = 9, 2, 3
		data := make([]float32, n*d)
		for i := range data {
			data[i] = float32(r.NormFloat64())
		}
		best := math.Inf(1)
		labels := make([]int32, n)
		for code := range int(math.Pow(k, n)) {
			for i, c := 0, code; i < n; i, c = i+1, c/k {
				labels[i] = int32(c % k)
			}
			best = math.Min(best, partitionWCSS(data, labels, d, k))
		}
		res, err := Fit(ctx, dev, general(n, d, data), Config{K: k, NInit: 60, Tol: -1, Seed: uint64(round)})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "best wcss", res.WCSS, best, 1e-5)
	}
}

func partitionWCSS(data []float32, labels []int32, d, k int) float64 {
	var total float64
	for c := range k {
		for j := range d {
			var n, s, q float64
			for i, l := range labels {
				if int(l) == c {
					v := float64(data[i*d+j])
					n, s, q = n+1, s+v, q+v*v
				}
			}
			if n > 0 {
				total += q - s*s/n
			}
		}
	}
	return total
}

type digest struct{ labels, centers string }

func digestOf(r *Result) digest {
	return digest{dataset.SHA256Int32(r.Labels), dataset.SHA256Float32(r.Centers.Data)}
}

// TestSameBitsForAnyThreadsAndBackend runs one clustering on every CPU path.
func TestSameBitsForAnyThreadsAndBackend(t *testing.T) {
	data := blobs(7, 1500, 7, 5, 30)
	cfg := Config{K: 9, NInit: 2, MaxIter: 20, Seed: 11}
	for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		want, err := Fit(ctx, open(t, "reference", backend.Config{Profile: profile}), data, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, threads := range []int{1, 2, 3} {
			got, err := Fit(ctx, open(t, "cpu", backend.Config{Profile: profile, Threads: threads}), data, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if digestOf(got) != digestOf(want) || got.Iterations != want.Iterations || got.WCSS != want.WCSS {
				t.Errorf("%s with %d threads: %v, want %v", profile, threads, digestOf(got), digestOf(want))
			}
		}
	}
}

func TestStrideAndRowOrderOfInput(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	packed := blobs(7, 200, 3, 4, 0)
	wide := blas32.General{Rows: 200, Cols: 3, Stride: 5, Data: make([]float32, 200*5)}
	for i := range 200 {
		copy(wide.Data[i*5:i*5+3], packed.Data[i*3:])
		wide.Data[i*5+3] = float32(math.NaN()) // gaps are never read
	}
	a, err := Fit(ctx, dev, packed, Config{K: 4})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Fit(ctx, dev, wide, Config{K: 4})
	if err != nil {
		t.Fatal(err)
	}
	if digestOf(a) != digestOf(b) {
		t.Error("the stride of the input changed the result")
	}
}

// TestIterationsMoveNoRows holds the inner loop to its word: what one more
// iteration moves does not depend on the number of rows.
func TestIterationsMoveNoRows(t *testing.T) {
	moved := func(n, iterations int) int64 {
		dev := open(t, "cpu", backend.Config{})
		r, err := Fit(ctx, dev, blobs(9, n, 4, 3, 0), Config{K: 20, NInit: 1, MaxIter: iterations, Tol: -1})
		if err != nil {
			t.Fatal(err)
		}
		if r.Iterations != iterations {
			t.Fatalf("converged after %d iterations, the test needs %d", r.Iterations, iterations)
		}
		s := dev.Stats()
		return s.BytesUp + s.BytesDown
	}
	small, large := moved(500, 4)-moved(500, 3), moved(5000, 4)-moved(5000, 3)
	if want := int64(4 * 20 * (5*4 + 1 + 4)); small != large || large != want {
		t.Errorf("an iteration moves %d bytes for 500 rows and %d for 5000, want %d", small, large, want)
	}
}

func TestEmptyClustersMoveToTheFarthestRows(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	// Three centres far from everything stay empty at first.
	data := general(6, 1, []float32{0, 1, 2, 10, 11, 50})
	centers := general(4, 1, []float32{1, 1000, 2000, 3000})
	r, err := Fit(ctx, dev, data, Config{K: 4, Centers: &centers, MaxIter: 1, Tol: -1})
	if err != nil {
		t.Fatal(err)
	}
	// Distances to centre 0: 1 0 1 81 100 2401, so rows 5, 4 and 3 move to
	// clusters 1, 2 and 3, and centre 0 becomes the mean of 0, 1, 2.
	if want := []float32{1, 50, 11, 10}; !slices.Equal(r.Centers.Data, want) {
		t.Errorf("centres %v, want %v", r.Centers.Data, want)
	}
	if want := []int32{0, 0, 0, 3, 2, 1}; !slices.Equal(r.Labels, want) {
		t.Errorf("labels %v, want %v", r.Labels, want)
	}
}

func TestFewerDifferentRowsThanClusters(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := general(6, 2, []float32{1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 3, 4})
	for _, init := range []Init{KMeansPlusPlus, RandomRows} {
		r, err := Fit(ctx, dev, data, Config{K: 4, Init: init})
		if err != nil {
			t.Fatal(err)
		}
		if r.WCSS != 0 || !r.Converged {
			t.Errorf("%s: wcss %v, converged %v", init, r.WCSS, r.Converged)
		}
		var filled, rows int64
		for c, n := range r.Sizes {
			rows += n
			if n > 0 {
				filled++
			} else if !math.IsNaN(r.PairwiseMeans[c]) {
				t.Errorf("%s: empty cluster %d has pairwise mean %v", init, c, r.PairwiseMeans[c])
			}
		}
		if filled != 2 || rows != 6 {
			t.Errorf("%s: sizes %v", init, r.Sizes)
		}
	}
}

func TestConstantColumnsAndOneCluster(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := general(4, 2, []float32{7, 1, 7, 2, 7, 3, 7, 6})
	r, err := Fit(ctx, dev, data, Config{K: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Centers.Data, []float32{7, 3}) || r.WCSS != 14 || r.PairwiseMean != 7 || r.SED != 6 {
		t.Errorf("centre %v, wcss %v, pairwise mean %v, sed %v", r.Centers.Data, r.WCSS, r.PairwiseMean, r.SED)
	}
	r, err = Fit(ctx, dev, data, Config{K: 4})
	if err != nil || r.WCSS != 0 {
		t.Errorf("a cluster a row: wcss %v, %v", r.WCSS, err)
	}
}

// TestScoresBesideAFarRow holds the scores to float64 where one row, or one
// given centre, lies very far away.
func TestScoresBesideAFarRow(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	for _, far := range []float32{1e4, 1e8, 1e10, 1e18} {
		data := blobs(13, 200, 2, 1, 0)
		for j := range 2 {
			data.Data[199*2+j] = far
		}
		r, err := Fit(ctx, dev, data, Config{K: 3, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		want := oracle(data, r)
		near(t, "wcss", r.WCSS, want.WCSS, 1e-5)
		near(t, "sed", r.SED, want.SED, 1e-5)
		near(t, "pairwise mean", r.PairwiseMean, want.PairwiseMean, 1e-5)
	}
	data := blobs(13, 200, 2, 2, 0)
	centers := general(2, 2, []float32{0, 0, 1e15, 1e15})
	r, err := Fit(ctx, dev, data, Config{K: 2, Centers: &centers, MaxIter: 1, Tol: -1})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "wcss from a far centre", r.WCSS, oracle(data, r).WCSS, 1e-5)
}

func TestTolEndsEarlier(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := blobs(21, 3000, 2, 1, 0)
	loose, err := Fit(ctx, dev, data, Config{K: 12, NInit: 1, Tol: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	strict, err := Fit(ctx, dev, data, Config{K: 12, NInit: 1, Tol: -1})
	if err != nil {
		t.Fatal(err)
	}
	if !loose.Converged || loose.Iterations >= strict.Iterations || loose.WCSS <= strict.WCSS {
		t.Errorf("loose: %d iterations, wcss %v; strict: %d, %v", loose.Iterations, loose.WCSS, strict.Iterations, strict.WCSS)
	}
	// Off the fixed point the centres are not the means of the final labels.
	checkScores(t, data, loose)
	if loose.SED == loose.SEDToMeans {
		t.Error("distances to centres and to means agree off the fixed point")
	}
}

func TestInputErrors(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	ok := general(3, 2, []float32{1, 2, 3, 4, 5, 6})
	nan := general(3, 2, []float32{1, 2, 3, float32(math.NaN()), 5, 6})
	far := general(2, 1, []float32{0, 1e20})
	two := general(2, 2, []float32{1, 2, 3, 4})
	cases := []struct {
		data blas32.General
		cfg  Config
		want string
	}{
		{ok, Config{}, "k = 0"},
		{ok, Config{K: -1}, "k = -1"},
		{ok, Config{K: 4}, "k = 4 clusters of 3 rows"},
		{general(0, 2, nil), Config{K: 1}, "0 rows"},
		{general(2, 2, []float32{1}), Config{K: 1}, "in 1 numbers"},
		{nan, Config{K: 1}, "row 2, column 2 is not finite"},
		{far, Config{K: 1}, "overflow float32"},
		{general(2, 1, []float32{1e-24, 2e-24}), Config{K: 1}, "underflow float32"},
		{ok, Config{K: 1, NInit: -1}, "n-init"},
		{ok, Config{K: 1, NInit: 70000}, "n-init"},
		{ok, Config{K: 1, MaxIter: -1}, "max-iter"},
		{ok, Config{K: 1, Tol: math.NaN()}, "tol"},
		{ok, Config{K: 1, Init: "best"}, "init"},
		{ok, Config{K: 1, Init: GivenCenters}, "without centres"},
		{ok, Config{K: 3, Centers: &two}, "given centres are 2×2"},
		{ok, Config{K: 2, Centers: &two, Init: RandomRows}, "takes no given centres"},
		{ok, Config{K: 1, Centers: &blas32.General{Rows: 1, Cols: 2, Stride: 2, Data: []float32{1, float32(math.Inf(1))}}}, "given centre 1, column 2"},
	}
	for i, c := range cases {
		_, err := Fit(ctx, dev, c.data, c.cfg)
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("case %d: %v, want %q", i, err, c.want)
		}
	}
	if live := dev.Stats().TensorsLive; live != 0 {
		t.Errorf("%d tensors were left on the device", live)
	}
}

func TestCancelAndClosedDevice(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	stop, cancel := context.WithCancel(ctx)
	seen := 0
	_, err := Fit(stop, dev, blobs(2, 500, 3, 4, 0), Config{K: 8, Tol: -1, Progress: func(p Progress) {
		if seen++; seen == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || seen != 2 {
		t.Errorf("after %d iterations: %v", seen, err)
	}
	if live := dev.Stats().TensorsLive; live != 0 {
		t.Errorf("%d tensors were left on the device", live)
	}
	dev.Close()
	if _, err := Fit(ctx, dev, blobs(2, 50, 3, 4, 0), Config{K: 2}); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("closed device: %v", err)
	}
}

func TestProgressTellsEveryIteration(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	var last Progress
	calls := 0
	_, err := Fit(ctx, dev, blobs(2, 300, 3, 4, 0), Config{K: 4, NInit: 3, Progress: func(p Progress) {
		calls++
		if p.Starts != 3 || p.Start < last.Start || (p.Start == last.Start && p.Iteration != last.Iteration+1) {
			t.Errorf("%+v after %+v", p, last)
		}
		last = p
	}})
	if err != nil || last.Start != 3 || !last.Converged || calls < 3 {
		t.Errorf("%d calls, last %+v, %v", calls, last, err)
	}
}

// endingContext ends at its left-th look.
type endingContext struct {
	context.Context
	left int
}

func (c *endingContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Wherever a context ends, under any objective, that is the fit's error.
func TestEndedContextIsAnErrorInEveryStep(t *testing.T) {
	dev := open(t, "cpu", backend.Config{Threads: 1})
	data := blobs(9, 60, 3, 4, 0)
	for _, o := range []Objective{WCSS, SED, SEDMeans} {
		ended := 0
		for looks := 0; ; looks++ {
			_, err := Fit(&endingContext{context.Background(), looks}, dev, data, Config{K: 4, NInit: 1, MaxIter: 3, Objective: o})
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s, %d looks: %v", o, looks, err)
			}
			ended++
		}
		if ended < 20 {
			t.Errorf("%s: the context ended the fit %d times", o, ended)
		}
	}
}
