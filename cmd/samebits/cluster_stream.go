package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
	"samebits/backend"
)

// streamFlags are the flags of samebits cluster for files larger than memory,
// shards and checkpoints.
type streamFlags struct {
	stream     bool
	chunkRows  int
	seedRows   int
	checkpoint string
	resume     bool
	step       bool
	shard      string
	state      string
	part       string
	assign     bool
}

// register adds the flags, and notes those that change no result.
func (s *streamFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.stream, "stream", false, "read the file in chunks, once a pass, for data larger than memory; more than 16 centres are then seeded by --seed-rows unless --init says otherwise")
	f.IntVar(&s.chunkRows, "chunk-rows", 0, "rows of a chunk, 0 for some 32 MiB; never changes a result")
	f.IntVar(&s.seedRows, "seed-rows", 0, "seed k-means++ from so many rows drawn at random, 0 for all; implies --stream")
	f.StringVar(&s.checkpoint, "checkpoint", "", "keep the run's state in this file after every pass; implies --stream")
	f.BoolVar(&s.resume, "resume", false, "go on from --checkpoint, or begin where it is not there yet")
	f.BoolVar(&s.step, "step", false, "compute one pass over --shard into --part, for samebits merge")
	f.StringVar(&s.shard, "shard", "", "the part i/n of the rows that --step or --assign looks at, such as 1/7")
	f.StringVar(&s.state, "state", "", "the sharded run's state, as samebits merge writes it; without it --step begins a run")
	f.StringVar(&s.part, "part", "", "write the shard's part of the pass to this file")
	f.BoolVar(&s.assign, "assign", false, "only label the rows with the centres of --init")
}

// streamOutputs are the flags that change no result.
func streamOutputs() []string {
	return []string{"chunk-rows", "checkpoint", "resume", "step", "state", "part"}
}

func (s *streamFlags) used() bool {
	return s.stream || s.seedRows != 0 || s.checkpoint != "" || s.resume || s.step || s.assign || s.shard != "" || s.state != "" || s.part != "" || s.chunkRows != 0
}

// streamFits are the flags of samebits cluster that a stream knows besides.
var streamFits = []string{"k", "label", "init", "n-init", "max-iter", "tol", "objective", "metric", "method", "labels-out", "centroids-out", "manifest"}

// check refuses what needs no file to be refused.
func (s *streamFlags) check(cmd *cobra.Command, fl *clusterFlags) error {
	var own []string
	own = append(own, streamFits...)
	own = append(own, streamOutputs()...)
	own = append(own, "stream", "seed-rows", "assign", "shard")
	known := map[string]bool{}
	for _, name := range own {
		known[name] = true
	}
	var err error
	parameters := cmd.LocalNonPersistentFlags()
	parameters.VisitAll(func(f *pflag.Flag) {
		if f.Value.String() != f.DefValue && !known[f.Name] && err == nil { // a replay sets every flag
			err = usagef("--%s does not go with --stream, --checkpoint, --step or --assign", f.Name)
		}
	})
	switch {
	case err != nil:
		return err
	case fl.scores.largest(fl.k) != fl.k:
		return usagef("--k: a stream takes one number of clusters")
	case s.chunkRows < 0 || s.seedRows < 0:
		return usagef("--chunk-rows and --seed-rows take 0 or a positive number")
	case s.resume && s.checkpoint == "":
		return usagef("--resume needs --checkpoint, the file to go on from")
	case s.step && s.assign, s.checkpoint != "" && (s.step || s.assign):
		return usagef("--step, --assign and --checkpoint do not go together")
	case s.step && (s.shard == "" || s.part == ""):
		return usagef("--step needs --shard i/n and --part, the file to write")
	case !s.step && (s.state != "" || s.part != ""):
		return usagef("--state and --part go with --step")
	case s.shard != "" && !s.step && !s.assign:
		return usagef("--shard goes with --step or --assign")
	case s.assign && !fl.givenCenters():
		return usagef("--assign needs --init, a file of centres")
	case s.assign && givenBeside(cmd) != "":
		return usagef("--%s: --assign names the nearest of the given centres by squared Euclidean distance, without any fit", givenBeside(cmd))
	case s.part == "-" || s.checkpoint == "-" || s.state == "-":
		return usagef("--part, --state and --checkpoint take a file")
	case s.step && (fl.labelsOut != "" || fl.centroidsOut != ""):
		return usagef("--step writes --part alone; samebits merge writes labels and centres")
	}
	return nil
}

// givenBeside returns a flag that says how to fit and is not left at its default.
func givenBeside(cmd *cobra.Command) string {
	for _, name := range []string{"metric", "objective", "method", "global", "population", "batch", "weight", "tol", "max-iter"} {
		f := cmd.Flags().Lookup(name)
		if v := f.Value.String(); v != f.DefValue && (name != "metric" || v != "sqeuclidean") && (name != "objective" || v != "wcss") && (name != "method" || v != "lloyd") {
			return name
		}
	}
	return ""
}

// shardOf reads "i/n", from 1; the empty text is the whole.
func shardOf(text string) (shard, shards int, err error) {
	if text == "" {
		return 0, 1, nil
	}
	var rest string
	if n, _ := fmt.Sscanf(text+" .", "%d/%d %s", &shard, &shards, &rest); n != 3 || rest != "." || shard < 1 || shard > shards {
		return 0, 0, usagef("--shard %q: want i/n, such as 1/7", text)
	}
	return shard - 1, shards, nil
}

// clusterStream is samebits cluster over a file that is read in chunks.
func (a *app) clusterStream(cmd *cobra.Command, path string, fl clusterFlags) error {
	start, ctx, s := time.Now(), cmd.Context(), &fl.streams
	if err := s.check(cmd, &fl); err != nil {
		return err
	}
	shard, shards, err := shardOf(s.shard)
	if err != nil {
		return err
	}
	if !s.step && !s.assign {
		if err := cmd.Flags().Set("stream", "true"); err != nil { // what the manifest says, as it is
			return err
		}
	}
	if s.step && a.manifest != "" {
		return usagef("--manifest: a step has no result to record")
	}
	src, err := dataset.Open(ctx, path, dataset.Options{Label: fl.label})
	if err != nil {
		return err
	}
	defer src.Close()
	cfg, err := a.streamConfig(cmd, path, src, &fl)
	if err != nil {
		return err
	}
	dev, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer dev.Close()
	progress := &passBar{a: a}
	defer progress.close()
	cfg.Passing = progress.set
	opts := cluster.PassOptions{ChunkRows: s.chunkRows, KeepLabels: true, Digest: true, Progress: progress.set}
	switch {
	case s.assign:
		return a.assign(cmd, path, src, dev, *cfg.Centers, shard, shards, opts, &fl, start)
	case s.step:
		return a.step(ctx, path, src, dev, cfg, s, opts, start)
	}
	if s.checkpoint != "" {
		if cfg.Resume, err = s.begin(); err != nil {
			return err
		}
		cfg.Checkpoint = func(st *cluster.State) error { return dataset.WriteFile(s.checkpoint, st.Encode) }
	}
	cfg.Observe = a.observeCenters()
	res, err := cluster.FitSource(ctx, dev, src, cfg)
	progress.close()
	if errors.Is(err, cluster.ErrForeign) && s.resume {
		return fmt.Errorf("%s: --resume %s: %w", path, s.checkpoint, err)
	}
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
	if err := a.recordClusters(res); err != nil {
		return err
	}
	digest, err := fileSHA256(ctx, path)
	if err != nil {
		return err
	}
	rep := a.clusterReport(&dataset.Table{Path: path, SHA256: digest}, res, dev, start)
	undefined := number(math.NaN()) // a stream keeps no labels to compare, and no rows
	rep.ARI, rep.NMI, rep.Silhouette, rep.Silhouettes = undefined, undefined, undefined, []number{}
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

// begin reads the checkpoint to resume, if there is one.
func (s *streamFlags) begin() (*cluster.State, error) {
	f, err := os.Open(s.checkpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil
	}
	if !s.resume {
		return nil, usagef("--checkpoint %s: the file is there already; --resume goes on from it", s.checkpoint)
	}
	st, err := cluster.DecodeState(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.checkpoint, err)
	}
	return st, nil
}

// streamConfig is the library's configuration for a source.
func (a *app) streamConfig(cmd *cobra.Command, path string, src dataset.Source, fl *clusterFlags) (cluster.StreamConfig, error) {
	cfg, err := fl.config(cmd.Context(), cmd, a.seed, a.rec)
	if err != nil {
		return cluster.StreamConfig{}, err
	}
	if c := cfg.Centers; c != nil && c.Cols != src.Cols() {
		return cluster.StreamConfig{}, usagef("%s: centres of %d columns, %s has %d", fl.init, c.Cols, path, src.Cols())
	}
	if fl.k > src.Rows() && !fl.streams.assign {
		return cluster.StreamConfig{}, usagef("%s: k = %d clusters of %d rows: want k ≤ rows", path, fl.k, src.Rows())
	}
	s := &fl.streams
	if given := cmd.Flags().Changed; s.stream && fl.k > manyCenters && !given("init") && !given("seed-rows") {
		s.seedRows = min(src.Rows(), max(1<<16, 64*fl.k))
		if err := cmd.Flags().Set("seed-rows", fmt.Sprint(s.seedRows)); err != nil {
			return cluster.StreamConfig{}, err
		}
		if !a.quiet && !a.json {
			fmt.Fprintf(a.stderr, "first centres by k-means++ from %d rows drawn at random (--seed-rows)\n", s.seedRows)
		}
	}
	return cluster.StreamConfig{Config: cfg, SeedRows: s.seedRows, ChunkRows: s.chunkRows}, nil
}

// manyCenters is from where on k-means++ would pass over a stream too often.
const manyCenters = 16

// fileSHA256 is the digest of a file's bytes.
func fileSHA256(ctx context.Context, path string) (sum [32]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return [32]byte(h.Sum(nil)), nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return sum, err
		}
	}
}

// stepReport is the JSON object of cluster --step.
type stepReport struct {
	envelope
	Stage     cluster.Stage `json:"stage"`
	Start     int           `json:"start"`
	Iteration int           `json:"iteration"`
	Shard     int           `json:"shard"`
	Shards    int           `json:"shards"`
	Part      string        `json:"part"`
}

// step computes one shard's part of the next pass.
func (a *app) step(ctx context.Context, path string, src dataset.Source, dev *backend.Device, cfg cluster.StreamConfig, s *streamFlags,
	opts cluster.PassOptions, start time.Time) error {
	shard, shards, err := shardOf(s.shard)
	if err != nil {
		return err
	}
	st, err := cluster.NewState(cfg, src.Rows(), src.Cols(), shards, dev.Profile().Mac)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if s.state != "" {
		f, err := os.Open(s.state)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		default:
			defer f.Close()
			if st, err = cluster.DecodeState(f); err == nil {
				err = st.Continues(cfg, src.Rows(), src.Cols(), shards)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", s.state, err)
			}
		}
	}
	part, err := st.Pass(ctx, dev, src, shard, opts)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := dataset.WriteFile(s.part, part.Encode); err != nil {
		return err
	}
	rep := stepReport{envelope: a.envelope("cluster", dev, start), Stage: st.Stage, Start: st.Start + 1, Iteration: st.Iteration,
		Shard: shard + 1, Shards: st.Shards, Part: s.part}
	if a.json {
		return a.printJSON(rep)
	}
	fmt.Fprintf(a.stdout, "%s: shard %d of %d of pass %q, start %d, iteration %d\n", s.part, shard+1, st.Shards, st.Stage, rep.Start, rep.Iteration)
	return nil
}
