package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
	"samebits/backend"
	"samebits/verify/manifest"
)

// clusterFlags are the flags of samebits cluster.
type clusterFlags struct {
	k            int
	label        string
	init         string
	nInit        int
	maxIter      int
	tol          float64
	labelsOut    string
	centroidsOut string
}

func (a *app) clusterCommand() *cobra.Command {
	var fl clusterFlags
	cmd := &cobra.Command{
		Use:   "cluster FILE --k K",
		Short: "Cluster the rows of a file with k-means and score every objective",
		Long: "cluster groups the rows of a CSV or .npy file around K centres by Lloyd's k-means and\n" +
			"reports the objectives that are often confused side by side: the within-cluster sum of\n" +
			"squares, its mean, the sums of unsquared distances, and the mean over pairs.",
		Example: "  samebits cluster iris.csv --label class --k 3 --n-init 50\n" +
			"  samebits cluster points.npy --k 64 --labels-out labels.npy --json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("cluster takes one file, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("k") {
				return usagef("cluster needs --k, the number of clusters")
			}
			return a.cluster(cmd, args[0], fl)
		},
	}
	f := cmd.Flags()
	f.IntVar(&fl.k, "k", 0, "number of clusters")
	f.StringVar(&fl.label, "label", "", "column to keep out of the data, by name or 1-based number")
	f.StringVar(&fl.init, "init", string(cluster.KMeansPlusPlus), "first centres: k-means++, random, or an .npy or CSV file of k rows")
	f.IntVar(&fl.nInit, "n-init", 10, "number of starts, the best of which is kept")
	f.IntVar(&fl.maxIter, "max-iter", 300, "most iterations of one start")
	f.Float64Var(&fl.tol, "tol", 1e-4, "stop when the centres' squared movement is at most this part of the mean variance; 0 goes on until nothing changes")
	f.StringVar(&fl.labelsOut, "labels-out", "", "write the labels to this .npy file (int32)")
	f.StringVar(&fl.centroidsOut, "centroids-out", "", "write the centres to this .npy file (float32)")
	return recordable(cmd, "labels-out", "centroids-out")
}

// check refuses what needs no file to be refused.
func (fl clusterFlags) check(nInitGiven bool) error {
	switch {
	case fl.k < 1:
		return usagef("--k %d: want at least 1", fl.k)
	case fl.nInit < 1 || fl.nInit > 65535:
		return usagef("--n-init %d: want 1 to 65535", fl.nInit)
	case fl.maxIter < 1:
		return usagef("--max-iter %d: want at least 1", fl.maxIter)
	case !(fl.tol >= 0) || fl.tol > 1e300:
		return usagef("--tol %v: want 0 or a positive number", fl.tol)
	case fl.labelsOut == "-" || fl.centroidsOut == "-":
		return usagef("--labels-out and --centroids-out take a file, not standard output")
	case nInitGiven && fl.nInit > 1 && fl.givenCenters():
		return usagef("--n-init %d: given centres make one start", fl.nInit)
	}
	return nil
}

// checkOutputs refuses outputs that would replace an input or each other, or
// whose folder is not there, before anything is computed.
func (fl clusterFlags) checkOutputs(input string) error {
	used := map[string]string{}
	same := func(path string) string {
		if p, err := filepath.EvalSymlinks(path); err == nil {
			path = p
		}
		if p, err := filepath.Abs(path); err == nil {
			path = p
		}
		return path
	}
	used[same(input)] = "the data"
	if fl.givenCenters() {
		used[same(fl.init)] = "--init"
	}
	for _, o := range []struct{ flag, path string }{{"--labels-out", fl.labelsOut}, {"--centroids-out", fl.centroidsOut}} {
		if o.path == "" {
			continue
		}
		if other, taken := used[same(o.path)]; taken {
			return usagef("%s %s: the file is also %s", o.flag, o.path, other)
		}
		used[same(o.path)] = o.flag
		if dir, err := os.Stat(filepath.Dir(o.path)); err != nil || !dir.IsDir() {
			return usagef("%s %s: no such folder", o.flag, o.path)
		}
	}
	return nil
}

func (fl clusterFlags) givenCenters() bool {
	return fl.init != string(cluster.KMeansPlusPlus) && fl.init != string(cluster.RandomRows)
}

// config returns the library's configuration; it reads the file of centres.
func (fl clusterFlags) config(ctx context.Context, seed uint64, rec *manifest.Recorder) (cluster.Config, error) {
	cfg := cluster.Config{K: fl.k, Init: cluster.Init(fl.init), NInit: fl.nInit, MaxIter: fl.maxIter, Tol: fl.tol, Seed: seed}
	if fl.tol == 0 {
		cfg.Tol = -1
	}
	if !fl.givenCenters() {
		return cfg, nil
	}
	cfg.Init, cfg.NInit = cluster.GivenCenters, 1
	if !strings.ContainsAny(fl.init, "./\\") {
		if _, err := os.Stat(fl.init); err != nil {
			return cfg, usagef("--init %q: want k-means++, random, or a file of centres", fl.init)
		}
	}
	if err := rec.Input(fl.init); err != nil {
		return cfg, err
	}
	t, err := dataset.Read(ctx, fl.init, dataset.Options{})
	if err != nil {
		return cfg, err
	}
	if t.Matrix.Rows != fl.k {
		return cfg, usagef("%s: %d centres, want --k %d", fl.init, t.Matrix.Rows, fl.k)
	}
	cfg.Centers = &t.Matrix
	return cfg, nil
}

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
}

func (a *app) cluster(cmd *cobra.Command, path string, fl clusterFlags) error {
	start, ctx := time.Now(), cmd.Context()
	if err := fl.check(cmd.Flags().Changed("n-init")); err != nil {
		return err
	}
	if err := fl.checkOutputs(path); err != nil {
		return err
	}
	if err := a.notTheManifest(path, fl.init, fl.labelsOut, fl.centroidsOut); err != nil {
		return err
	}
	if err := a.rec.Input(path); err != nil {
		return err
	}
	if fl.givenCenters() {
		if err := cmd.Flags().Set("n-init", "1"); err != nil { // what the manifest says, as it is
			return err
		}
	}
	data, err := dataset.Read(ctx, path, dataset.Options{Label: fl.label})
	if err != nil {
		return err
	}
	cfg, err := fl.config(ctx, a.seed, a.rec)
	if err != nil {
		return err
	}
	if fl.k > data.Matrix.Rows {
		return usagef("%s: k = %d clusters of %d rows: want k ≤ rows", path, fl.k, data.Matrix.Rows)
	}
	if c := cfg.Centers; c != nil && c.Cols != data.Matrix.Cols {
		return usagef("%s: centres of %d columns, %s has %d", fl.init, c.Cols, path, data.Matrix.Cols)
	}
	dev, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer dev.Close()
	progress := a.newBar(cfg.NInit*cfg.MaxIter, "clustering")
	cfg.Progress = func(p cluster.Progress) {
		progress.set((p.Start-1)*cfg.MaxIter + p.Iteration)
		if p.Converged {
			progress.set(p.Start * cfg.MaxIter)
		}
	}
	cfg.Observe = a.observeCenters()
	res, err := cluster.Fit(ctx, dev, data.Matrix, cfg)
	progress.close()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if fl.labelsOut != "" {
		if err := dataset.WriteNpyInt32(fl.labelsOut, res.Labels); err != nil {
			return err
		}
	}
	if fl.centroidsOut != "" {
		if err := dataset.WriteNpyFloat32(fl.centroidsOut, res.K, res.D, res.Centers.Data); err != nil {
			return err
		}
	}
	rep := a.clusterReport(data, res, dev, start)
	if err := a.recordClusters(res); err != nil {
		return err
	}
	if err := a.finishManifest(cmd, []string{path}, dev); err != nil {
		return err
	}
	rep.LabelsOut, rep.CentroidsOut = fl.labelsOut, fl.centroidsOut
	if a.json {
		return a.printJSON(rep)
	}
	a.printCluster(rep)
	return nil
}

// observeCenters records the centres of every iteration, if anything is recorded.
func (a *app) observeCenters() func(cluster.Step) error {
	if a.rec == nil {
		return nil
	}
	return func(s cluster.Step) error {
		return a.rec.Step(fmt.Sprintf("start %d, iteration %d: centres", s.Start, s.Iteration), dataset.SHA256Float32(s.Centers))
	}
}

// recordClusters records a clustering's results.
func (a *app) recordClusters(res *cluster.Result) error {
	if a.rec == nil {
		return nil
	}
	scores := fmt.Sprintf("%x %x %x %x %x", res.WCSS, res.MSE, res.SED, res.SEDToMeans, res.PairwiseMean)
	return errors.Join(
		a.rec.Output("labels", dataset.SHA256Int32(res.Labels)),
		a.rec.Output("centroids", dataset.SHA256Float32(res.Centers.Data)),
		a.rec.Output("scores", fmt.Sprintf("%x", sha256.Sum256([]byte(scores)))))
}

func (a *app) clusterReport(data *dataset.Table, res *cluster.Result, dev *backend.Device, start time.Time) clusterReport {
	return clusterReport{
		envelope: a.envelope("cluster", dev, start),
		N:        res.N, D: res.D, K: res.K,
		Objective: res.Objective, Value: number(res.Value),
		WCSS: number(res.WCSS), MSE: number(res.MSE), SED: number(res.SED), SEDToMeans: number(res.SEDToMeans),
		PairwiseMean: number(res.PairwiseMean), PairwiseMeans: numbers(res.PairwiseMeans), Sizes: res.Sizes,
		Iterations: res.Iterations, Converged: res.Converged, NInit: res.NInit,
		LabelsSHA256:    dataset.SHA256Int32(res.Labels),
		CentroidsSHA256: dataset.SHA256Float32(res.Centers.Data),
		InputSHA256:     fmt.Sprintf("%x", data.SHA256),
	}
}

func (a *app) printCluster(r clusterReport) {
	f := func(v number) string { return strconv.FormatFloat(float64(v), 'g', 10, 64) }
	w := a.stdout
	fmt.Fprintf(w, "%s × %s, k = %d, best of %s by %s\n\n", count(r.N, "row"), count(r.D, "column"), r.K, count(r.NInit, "start"), r.Objective)
	table(w, []string{"objective", ">value", "what it is"}, [][]string{
		{"wcss", f(r.WCSS), "sum of squared distances to the centres (minimised)"},
		{"mse", f(r.MSE), "wcss / rows"},
		{"sed", f(r.SED), "sum of unsquared distances to the centres"},
		{"sed to means", f(r.SEDToMeans), "the same to the means of the clusters"},
		{"pairwise mean", f(r.PairwiseMean), "mean squared distance over pairs that share a cluster, a row with itself included"},
	})
	state := "did not converge"
	if r.Converged {
		state = "converged"
	}
	fmt.Fprintf(w, "\nsizes %v; %s after %s; %.3g s on %s\n", r.Sizes, state, count(r.Iterations, "iteration"), r.Seconds, *r.Device)
	fmt.Fprintf(w, "labels    sha256 %s\ncentroids sha256 %s\n", r.LabelsSHA256, r.CentroidsSHA256)
}
