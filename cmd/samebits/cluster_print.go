package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
	"samebits/backend"
)

// clusterReport is the JSON object of samebits cluster.
type clusterReport struct {
	envelope
	N               int      `json:"n"`
	D               int      `json:"d"`
	K               int      `json:"k"`
	Objective       string   `json:"objective"`
	Value           number   `json:"value"`
	WCSS            number   `json:"wcss"`
	MSE             number   `json:"mse"`
	SED             number   `json:"sed"`
	SEDToMeans      number   `json:"sed_to_means"`
	Method          string   `json:"method"`
	Metric          string   `json:"metric"`
	Evaluations     int64    `json:"evaluations"`
	PairwiseSum     number   `json:"pairwise_sum"`
	PairwiseSums    []number `json:"pairwise_sums"`
	PairwiseMean    number   `json:"pairwise_mean"`
	PairwiseMeans   []number `json:"pairwise_means"`
	Sizes           []int64  `json:"sizes"`
	Iterations      int      `json:"iterations"`
	Converged       bool     `json:"converged"`
	NInit           int      `json:"n_init"`
	LabelsSHA256    string   `json:"labels_sha256"`
	CentroidsSHA256 string   `json:"centroids_sha256"`
	InputSHA256     string   `json:"input_sha256"`
	LabelsOut       string   `json:"labels_out,omitempty"`
	CentroidsOut    string   `json:"centroids_out,omitempty"`
	scoreReport
	// Explain and Pairwise are empty without --explain.
	Explain  []explainedReport `json:"explain"`
	Pairwise []pairwiseReport  `json:"pairwise_identity"`
}

func (a *app) clusterReport(data *dataset.Table, res *cluster.Result, dev *backend.Device, start time.Time) clusterReport {
	return clusterReport{
		envelope: a.envelope("cluster", dev, start),
		N:        res.N, D: res.D, K: res.K,
		Objective: res.Objective, Value: number(res.Value),
		WCSS: number(res.WCSS), MSE: number(res.MSE), SED: number(res.SED), SEDToMeans: number(res.SEDToMeans),
		Method: string(res.Method), Metric: string(res.Metric), Evaluations: res.Evaluations,
		PairwiseSum: number(res.PairwiseSum), PairwiseSums: numbers(res.PairwiseSums),
		Explain: []explainedReport{}, Pairwise: []pairwiseReport{},
		PairwiseMean: number(res.PairwiseMean), PairwiseMeans: numbers(res.PairwiseMeans), Sizes: res.Sizes,
		Iterations: res.Iterations, Converged: res.Converged, NInit: res.NInit,
		LabelsSHA256:    dataset.SHA256Int32(res.Labels),
		CentroidsSHA256: dataset.SHA256Float32(res.Centers.Data),
		InputSHA256:     fmt.Sprintf("%x", data.SHA256),
		scoreReport:     noScores(),
	}
}

func (a *app) printCluster(r clusterReport) {
	f := func(v number) string { return strconv.FormatFloat(float64(v), 'g', 10, 64) }
	w := a.stdout
	by := r.Objective
	if r.Method != string(cluster.Lloyd) {
		by += ", method " + r.Method
	}
	fmt.Fprintf(w, "%s × %s, k = %d, best of %s by %s\n\n", count(r.N, "row"), count(r.D, "column"), r.K, count(r.NInit, "start"), by)
	rows := [][]string{
		{"wcss", f(r.WCSS), "sum of squared distances to the centres"},
		{"mse", f(r.MSE), "wcss / rows"},
		{"sed", f(r.SED), "sum of unsquared distances to the centres"},
		{"sed to means", f(r.SEDToMeans), "the same to the means of the clusters"},
		{"pairwise sum", f(r.PairwiseSum), "squared distances over ordered pairs that share a cluster: sum of 2 × rows × wcss around the mean"},
		{"pairwise mean", f(r.PairwiseMean), "mean squared distance over pairs that share a cluster, a row with itself included"},
	}
	if r.Metric == string(cluster.Manhattan) || r.Metric == string(cluster.Cosine) {
		rows = append(rows, []string{r.Objective, f(r.Value), "sum of the metric's distances to the centres"})
	}
	for _, row := range rows {
		if row[0] == r.Objective || (row[0] == "sed to means" && r.Objective == string(cluster.SEDMeans)) {
			row[2] += " (minimised)"
		}
	}
	table(w, []string{"objective", ">value", "what it is"}, rows)
	state := "did not converge"
	if r.Converged {
		state = "converged"
	}
	if m := cluster.Method(r.Method); slices.Contains(cluster.Metaheuristics(), m) {
		state = fmt.Sprintf("best of %d evaluations", r.Evaluations)
	}
	fmt.Fprintf(w, "\nsizes %v; %s after %s; %.3g s on %s\n", r.Sizes, state, count(r.Iterations, "iteration"), r.Seconds, *r.Device)
	a.printScores(r.scoreReport, r.N, r.K)
	fmt.Fprintf(w, "labels    sha256 %s\ncentroids sha256 %s\n", r.LabelsSHA256, r.CentroidsSHA256)
	a.printExplained(r)
}

// explainedReport is the best solution found for one objective, scored by all.
type explainedReport struct {
	Objective    string `json:"objective"`
	Method       string `json:"method"`
	Evaluations  int64  `json:"evaluations"`
	Value        number `json:"value"`
	WCSS         number `json:"wcss"`
	MSE          number `json:"mse"`
	SED          number `json:"sed"`
	SEDToMeans   number `json:"sed_to_means"`
	PairwiseSum  number `json:"pairwise_sum"`
	PairwiseMean number `json:"pairwise_mean"`
}

// pairwiseReport compares the identity of one cluster with its pairs.
type pairwiseReport struct {
	Rows     int64  `json:"rows"`
	Identity number `json:"identity"` // 2·n_c·W_c
	Pairs    number `json:"pairs"`    // added pair by pair; null where the rows are too many
}

// maxPairRows bounds the rows whose pairs are added one by one.
const maxPairRows = 20_000

// explain minimises every objective in turn, and adds the pairs of the
// clustering found before.
func (a *app) explain(ctx context.Context, dev *backend.Device, data blas32.General, cfg cluster.Config, res *cluster.Result, rep *clusterReport) error {
	base := cluster.Config{K: cfg.K, Seed: cfg.Seed, Weights: cfg.Weights}
	if res.Metric == cluster.Manhattan || res.Metric == cluster.Cosine {
		return usagef("the metric %s has one objective alone", res.Metric)
	}
	all, err := cluster.Explain(ctx, dev, data, base)
	if err != nil {
		return err
	}
	for _, e := range all {
		rep.Explain = append(rep.Explain, explainedReport{Objective: string(e.Objective), Method: string(e.Method), Evaluations: e.Evaluations,
			Value: number(e.Value), WCSS: number(e.WCSS), MSE: number(e.MSE), SED: number(e.SED), SEDToMeans: number(e.SEDToMeans),
			PairwiseSum: number(e.PairwiseSum), PairwiseMean: number(e.PairwiseMean)})
	}
	pairs := slices.Repeat([]float64{math.NaN()}, res.K)
	if res.N <= maxPairRows && cfg.Weights == nil {
		if pairs, err = cluster.PairwiseSums(ctx, dev, data, res.Labels, res.K); err != nil {
			return err
		}
	}
	for c, n := range res.Sizes {
		rep.Pairwise = append(rep.Pairwise, pairwiseReport{n, number(res.PairwiseSums[c]), number(pairs[c])})
	}
	return nil
}

// printExplained prints what --explain found.
func (a *app) printExplained(r clusterReport) {
	if len(r.Explain) == 0 {
		return
	}
	f := func(v number) string { return strconv.FormatFloat(float64(v), 'f', 6, 64) }
	w := a.stdout
	fmt.Fprintf(w, "\nThe best solution found for each objective, scored by all of them:\n")
	rows := [][]string{}
	for _, e := range r.Explain {
		rows = append(rows, []string{e.Objective, f(e.WCSS), f(e.MSE), f(e.SED), f(e.SEDToMeans), f(e.PairwiseSum), f(e.PairwiseMean), strconv.FormatInt(e.Evaluations, 10)})
	}
	table(w, []string{"minimised", ">wcss", ">mse", ">sed", ">sed to means", ">pairwise sum", ">pairwise mean", ">evaluations"}, rows)
	fmt.Fprintf(w, "A published number that equals one on the diagonal was got by minimising that objective.\n"+
		"mse = wcss / rows, so both have the same best solution; sed is another objective.\n"+
		"\nPairs of the clustering above: their squared distances add up to 2 × rows × wcss of the\ncluster around its mean, so that their mean is 2 × wcss / rows, not wcss:\n")
	rows = rows[:0]
	for c, p := range r.Pairwise {
		pairs := "-"
		if v := float64(p.Pairs); v == v {
			pairs = f(p.Pairs)
		}
		rows = append(rows, []string{strconv.Itoa(c), strconv.FormatInt(p.Rows, 10), f(p.Identity), pairs})
	}
	table(w, []string{">cluster", ">rows", ">2 × rows × wcss", ">pair by pair"}, rows)
}
