package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
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
	objective    string
	metric       string
	method       string
	global       string
	population   int
	batch        int
	weight       string
	explain      bool
	table        bool
	labelsOut    string
	centroidsOut string
	scores       scoreFlags
	streams      streamFlags
}

func (a *app) clusterCommand() *cobra.Command {
	var fl clusterFlags
	cmd := &cobra.Command{
		Use:   "cluster FILE --k K",
		Short: "Cluster the rows of a file and score every objective",
		Long: "cluster groups the rows of a CSV or .npy file around K centres, by Lloyd's k-means unless\n" +
			"told otherwise, and reports the objectives that are often confused side by side: the\n" +
			"within-cluster sum of squares, its mean, the sums of unsquared distances, and the sum and\n" +
			"mean over pairs. --explain shows what the best solution found for each scores under all.\n\n" +
			"Methods: " + methodNames() + ".\n" +
			"With --table the arguments are data files, or folders of them, of the sets that papers on\n" +
			"metaheuristic clustering share (iris, wine, cancer, cmc): their tables are computed again,\n" +
			"with the published value beside each.",
		Example: "  samebits cluster iris.csv --label class --k 3 --n-init 50\n" +
			"  samebits cluster iris.csv --label class --k 3 --objective sed --n-init 50\n" +
			"  samebits cluster iris.csv --label class --k 3 --objective sed --method hybrid --global de\n" +
			"  samebits cluster points.npy --k 64 --labels-out labels.npy --json\n" +
			"  samebits cluster iris.csv --label class --k 2..12 --html report.html --plot iris.png\n" +
			"  samebits cluster --table data",
		Args: func(cmd *cobra.Command, args []string) error {
			if fl.table {
				return nil
			}
			if len(args) != 1 {
				return usagef("cluster takes one file, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if fl.table {
				return a.clusterTable(cmd, args, fl)
			}
			if !cmd.Flags().Changed("k") {
				return usagef("cluster needs --k, the number of clusters")
			}
			return a.cluster(cmd, args[0], fl)
		},
	}
	f := cmd.Flags()
	fl.scores.register(cmd, &fl.k)
	fl.streams.register(cmd)
	f.StringVar(&fl.label, "label", "", "column to keep out of the data, by name or 1-based number")
	f.StringVar(&fl.init, "init", string(cluster.KMeansPlusPlus), "first centres: k-means++, k-means||, random, or an .npy or CSV file of k rows")
	f.IntVar(&fl.nInit, "n-init", 10, "number of starts, the best of which is kept; a method may have a default of its own")
	f.IntVar(&fl.maxIter, "max-iter", 300, "most iterations of one start, or generations; a method may have a default of its own")
	f.Float64Var(&fl.tol, "tol", 1e-4, "stop when the centres' squared movement is at most this part of the mean variance; 0 goes on until nothing changes")
	f.StringVar(&fl.objective, "objective", "", "what is minimised: wcss, sed or sed-means (default: what the metric sums, wcss)")
	f.StringVar(&fl.metric, "metric", "", "distance: sqeuclidean, euclidean, manhattan or cosine (default: the objective's)")
	f.StringVar(&fl.method, "method", "", "how it is minimised (default: lloyd; weiszfeld for sed; transfer for sed-means)")
	f.StringVar(&fl.global, "global", "", "the metaheuristic of --method hybrid (default pso)")
	f.IntVar(&fl.population, "population", 0, "candidates a metaheuristic scores at a time, 0 for its paper's")
	f.IntVar(&fl.batch, "batch", 0, "rows of a mini-batch, 0 for 1024")
	f.StringVar(&fl.weight, "weight", "", "column of row weights to keep out of the data, by name or 1-based number")
	f.BoolVar(&fl.explain, "explain", false, "also minimise each objective in turn and score what is found by all of them")
	f.BoolVar(&fl.table, "table", false, "compute the tables of papers again from the files or folders named")
	f.StringVar(&fl.labelsOut, "labels-out", "", "write the labels to this .npy file (int32)")
	f.StringVar(&fl.centroidsOut, "centroids-out", "", "write the centres to this .npy file (float32)")
	return a.recordable(cmd, append(append(scoreOutputs(), streamOutputs()...), "labels-out", "centroids-out")...)
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
	case fl.population < 0 || fl.batch < 0:
		return usagef("--population and --batch take 0 or a positive number")
	case fl.weight != "" && fl.weight == fl.label:
		return usagef("--weight %s: the column is also --label", fl.weight)
	}
	return fl.scores.check(fl.givenCenters())
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
	if fl.streams.state != "" {
		used[same(fl.streams.state)] = "--state"
	}
	for _, o := range append(append(fl.scores.outputs(), fl.streams.outputs()...), namedFile{"--labels-out", fl.labelsOut}, namedFile{"--centroids-out", fl.centroidsOut}) {
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
	switch cluster.Init(fl.init) {
	case cluster.KMeansPlusPlus, cluster.KMeansParallel, cluster.RandomRows:
		return false
	}
	return true
}

// config returns the library's configuration; it reads the file of centres.
// What was not given is left to the method.
func (fl clusterFlags) config(ctx context.Context, cmd *cobra.Command, seed uint64, rec *manifest.Recorder) (cluster.Config, error) {
	cfg := cluster.Config{K: fl.k, Init: cluster.Init(fl.init), Seed: seed,
		Objective: cluster.Objective(fl.objective), Metric: cluster.Metric(fl.metric),
		Method: cluster.Method(fl.method), Global: cluster.Method(fl.global), Population: fl.population, BatchRows: fl.batch}
	given := cmd.Flags().Changed
	if given("n-init") {
		cfg.NInit = fl.nInit
	}
	if given("max-iter") {
		cfg.MaxIter = fl.maxIter
	}
	if given("tol") {
		if cfg.Tol = fl.tol; fl.tol == 0 {
			cfg.Tol = -1
		}
	}
	if !fl.givenCenters() {
		return cfg, nil
	}
	cfg.Init, cfg.NInit = cluster.GivenCenters, 1
	if !strings.ContainsAny(fl.init, "./\\") {
		if _, err := os.Stat(fl.init); err != nil {
			return cfg, usagef("--init %q: want k-means++, k-means||, random, or a file of centres", fl.init)
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

func (a *app) cluster(cmd *cobra.Command, path string, fl clusterFlags) error {
	start, ctx := time.Now(), cmd.Context()
	if err := fl.check(cmd.Flags().Changed("n-init")); err != nil {
		return err
	}
	if err := fl.checkOutputs(path); err != nil {
		return err
	}
	if err := a.notTheManifest(append(fl.scores.paths(), path, fl.init, fl.labelsOut, fl.centroidsOut)...); err != nil {
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
	if fl.streams.used() {
		return a.clusterStream(cmd, path, fl)
	}
	data, err := dataset.Read(ctx, path, dataset.Options{Label: fl.label})
	if err != nil {
		return err
	}
	if err := checkLabels(data); err != nil {
		return err
	}
	cfg, err := fl.config(ctx, cmd, a.seed, a.rec)
	if err != nil {
		return err
	}
	if fl.weight != "" {
		if cfg.Weights, err = takeColumn(data, fl.weight, fl.label); err != nil {
			return err
		}
	}
	if k := fl.scores.largest(fl.k); k > data.Matrix.Rows {
		return usagef("%s: k = %d clusters of %d rows: want k ≤ rows", path, k, data.Matrix.Rows)
	}
	if c := cfg.Centers; c != nil && c.Cols != data.Matrix.Cols {
		return usagef("%s: centres of %d columns, %s has %d", fl.init, c.Cols, path, data.Matrix.Cols)
	}
	if cfg, err = cfg.Complete(data.Matrix); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := recordDefaults(cmd, cfg); err != nil {
		return err
	}
	dev, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer dev.Close()
	scores := a.newScoring(data, fl)
	cfg.Observe = scores.observe(a)
	res, err := scores.fit(ctx, a, dev, cfg)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	cfg.K = res.K // the one of a range that is kept
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
	if err := errors.Join(a.recordClusters(res), scores.record(a)); err != nil {
		return err
	}
	rep := a.clusterReport(data, res, dev, start)
	if fl.explain {
		if err := a.explain(ctx, dev, data.Matrix, cfg, res, &rep); err != nil {
			return fmt.Errorf("%s: --explain: %w", path, err)
		}
		rep.Seconds = time.Since(start).Seconds()
	}
	if err := scores.draw(ctx, cmd, a, dev, cfg, res, &rep); err != nil {
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

// recordDefaults sets the flags that were not given to what the method made of
// them, so that a manifest says what was done.
func recordDefaults(cmd *cobra.Command, cfg cluster.Config) error {
	tol := cfg.Tol
	if tol < 0 {
		tol = 0
	}
	f := cmd.Flags()
	return errors.Join(f.Set("n-init", fmt.Sprint(cfg.NInit)), f.Set("max-iter", fmt.Sprint(cfg.MaxIter)), f.Set("tol", fmt.Sprint(tol)))
}

// takeColumn takes a column out of the data and returns it. A number counts the
// file's columns, the label's included.
func takeColumn(t *dataset.Table, name, label string) ([]float32, error) {
	at := slices.Index(t.Columns, name)
	if at < 0 && t.Columns == nil {
		if n, err := strconv.Atoi(name); err == nil {
			at = n - 1
			if l, err := strconv.Atoi(label); err == nil && l < n {
				at--
			}
		}
	}
	m := t.Matrix
	switch {
	case at < 0 || at >= m.Cols:
		return nil, usagef("%s: --weight %s: no such column of numbers", t.Path, name)
	case m.Cols == 1:
		return nil, usagef("%s: --weight %s: no other column of numbers", t.Path, name)
	}
	column := make([]float32, 0, m.Rows)
	packed := make([]float32, 0, m.Rows*(m.Cols-1))
	for i := range m.Rows {
		row := m.Data[i*m.Stride:][:m.Cols]
		column = append(column, row[at])
		packed = append(append(packed, row[:at]...), row[at+1:]...)
	}
	t.Matrix.Cols, t.Matrix.Stride, t.Matrix.Data = m.Cols-1, m.Cols-1, packed
	if t.Columns != nil {
		t.Columns = slices.Delete(slices.Clone(t.Columns), at, at+1)
	}
	return column, nil
}

func methodNames() string {
	var s []string
	for _, m := range cluster.Methods() {
		s = append(s, string(m))
	}
	return strings.Join(s, ", ")
}
