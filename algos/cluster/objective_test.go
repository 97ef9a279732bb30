package cluster

import (
	"math"
	"math/rand/v2"
	"testing"

	"samebits/algos/dataset"
	"samebits/backend"
)

// bruteForce finds the least value of every objective over all partitions of a
// few rows into at most k clusters, in float64.
func bruteForce(data []float32, n, d, k int) map[Objective]float64 {
	best := map[Objective]float64{WCSS: math.Inf(1), SED: math.Inf(1), SEDMeans: math.Inf(1), SumManhattan: math.Inf(1), SumCosine: math.Inf(1)}
	labels := make([]int, n)
	for code := range int(math.Pow(float64(k), float64(n))) {
		for i, c := 0, code; i < n; i, c = i+1, c/k {
			labels[i] = c % k
		}
		total := map[Objective]float64{}
		for c := range k {
			var rows [][]float64
			for i, l := range labels {
				if l == c {
					row := make([]float64, d)
					for j := range row {
						row[j] = float64(data[i*d+j])
					}
					rows = append(rows, row)
				}
			}
			if len(rows) > 0 {
				clusterCosts(rows, total)
			}
		}
		for o, v := range total {
			best[o] = math.Min(best[o], v)
		}
	}
	return best
}

func clusterCosts(rows [][]float64, total map[Objective]float64) {
	d, n := len(rows[0]), float64(len(rows))
	mean, direction := make([]float64, d), make([]float64, d)
	for _, r := range rows {
		norm := 0.0
		for j, v := range r {
			mean[j] += v / n
			norm += v * v
		}
		for j, v := range r {
			direction[j] += v / math.Sqrt(norm)
		}
	}
	length := 0.0
	for _, v := range direction {
		length += v * v
	}
	total[SumCosine] += n - math.Sqrt(length)
	median := mean
	for range 200 { // Weiszfeld's steps, softened
		next, weight := make([]float64, d), 0.0
		for _, r := range rows {
			w := 1 / math.Sqrt(distance2(r, median)+1e-16)
			weight += w
			for j, v := range r {
				next[j] += w * v
			}
		}
		for j := range next {
			next[j] /= weight
		}
		median = next
	}
	for _, r := range rows {
		total[WCSS] += distance2(r, mean)
		total[SEDMeans] += math.Sqrt(distance2(r, mean))
		total[SED] += math.Sqrt(distance2(r, median))
	}
	for j := range d {
		least := math.Inf(1)
		for _, m := range rows {
			sum := 0.0
			for _, r := range rows {
				sum += math.Abs(r[j] - m[j])
			}
			least = math.Min(least, sum)
		}
		total[SumManhattan] += least
	}
}

func distance2(a, b []float64) (sum float64) {
	for j := range a {
		sum += (a[j] - b[j]) * (a[j] - b[j])
	}
	return sum
}

// TestObjectivesReachBruteForce compares each objective's local search, and
// metaheuristics over it, with all partitions of small sets.
func TestObjectivesReachBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 1))
	dev := open(t, "cpu", backend.Config{})
	for round := range 3 {
		const n, d, k = 7, 2, 3
		data := make([]float32, n*d)
		for i := range data {
			data[i] = float32(r.NormFloat64())
		}
		for o, want := range bruteForce(data, n, d, k) {
			got, err := Fit(ctx, dev, general(n, d, data), Config{K: k, Objective: o, NInit: 60, Seed: uint64(round), Tol: 1e-12, MaxIter: 3000})
			if err != nil {
				t.Fatal(err)
			}
			near(t, string(o)+" by "+string(got.Method), got.Value, want, 2e-5)
			for _, m := range []Method{DE, GA} {
				got, err := Fit(ctx, dev, general(n, d, data), Config{K: k, Objective: o, Method: m, NInit: 4, Seed: uint64(round)})
				if err != nil {
					t.Fatal(err)
				}
				// Centres see fewer partitions than SEDMeans knows: only those of nearest centres.
				if got.Value < want*(1-1e-5) || got.Value > want*1.02 {
					t.Errorf("%s by %s: %v, want %v", o, m, got.Value, want)
				}
			}
		}
	}
}

// TestKnownBestSums reaches the best known values of the objectives on real
// data sets, from one seed.
func TestKnownBestSums(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	for _, c := range []struct {
		file           string
		k              int
		sed, sedMeans  float64
		lloydsLeastSED float64
	}{
		{"iris_uci.csv", 3, 96.655482, 97.222128, 97.32592},
		{"iris_fisher.csv", 3, 96.540269, 97.100777, 97.20457},
		{"wine.csv", 3, 16292.184645, 16530.537344, 16555.67942},
		{"cmc.csv", 3, 5532.184721, 5541.643141, 5542.18214},
		{"cancer_wisconsin_683.csv", 2, 2964.386970, 2984.068217, 2986.96134},
	} {
		data, err := dataset.Read(ctx, sharedFile(t, "data", c.file), dataset.Options{Label: "class"})
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range []struct {
			cfg  Config
			want float64
		}{
			{Config{Objective: SED, NInit: 50}, c.sed},
			{Config{Objective: SEDMeans}, c.sedMeans},
			{Config{Objective: SED, Method: Lloyd, Init: RandomRows, NInit: 500}, c.lloydsLeastSED},
		} {
			run.cfg.K, run.cfg.Seed = c.k, 1
			r, err := Fit(ctx, dev, data.Matrix, run.cfg)
			if err != nil {
				t.Fatal(err)
			}
			near(t, c.file+" "+string(run.cfg.Objective)+" by "+string(r.Method), r.Value, run.want, 1e-6)
		}
	}
}

// TestExplain holds each objective's solution to be the best of the three by
// its own measure, and the pairs to their identity.
func TestExplain(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := blobs(41, 200, 3, 2, 0) // 4 clusters of 2 groups: the objectives differ
	all, err := Explain(ctx, dev, data, Config{K: 4, NInit: 30, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[0].Objective != WCSS || all[1].Objective != SED || all[2].Objective != SEDMeans {
		t.Fatalf("%+v", all)
	}
	for _, e := range all {
		const rounding = 1 + 1e-6
		if all[0].WCSS > e.WCSS*rounding || all[1].SED > e.SED*rounding || all[2].SEDToMeans > e.SEDToMeans*rounding {
			t.Errorf("%s found better than what was minimised: %+v", e.Objective, e.Scores)
		}
		if e.Value != e.of(e.Objective, 0) || e.Evaluations < 1 || e.MSE != e.WCSS/200 {
			t.Errorf("%s: %+v", e.Objective, e)
		}
	}
	if !(all[1].SED < all[2].SED) || !(all[0].WCSS < all[1].WCSS) || !(all[2].SEDToMeans <= all[1].SEDToMeans) {
		t.Error("the objectives agree on data chosen to tell them apart")
	}
	r, err := Fit(ctx, dev, data, Config{K: 4, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := PairwiseSums(ctx, dev, data, r.Labels, r.K)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for c, sum := range pairs {
		near(t, "pairwise sum", r.PairwiseSums[c], sum, 1e-5)
		total += sum
	}
	near(t, "pairwise sum of all", r.PairwiseSum, total, 1e-5)
}
