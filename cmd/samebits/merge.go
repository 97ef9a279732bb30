package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
)

// mergeFlags are the flags of samebits merge.
type mergeFlags struct {
	state        string
	labelsOut    string
	centroidsOut string
}

func (a *app) mergeCommand() *cobra.Command {
	var fl mergeFlags
	cmd := &cobra.Command{
		Use:   "merge PART... --state FILE",
		Short: "Join the parts of a sharded step of cluster",
		Long: "merge joins the parts that cluster --step has written, one of each shard, and writes the\n" +
			"run's next state: the next centres, whether they have converged, and what the next pass\n" +
			"computes. Column scales, seeding and scores are passes too. Repeat cluster --step and\n" +
			"merge until merge says that the run is done; the result is that of one machine, bit for\n" +
			"bit. The folder examples beside the program's source holds the loop for Kubernetes and Slurm.",
		Example: "  for i in 1 2 3; do samebits cluster points.npy --k 8 --step --shard $i/3 --state run.state --part $i.part; done\n" +
			"  samebits merge 1.part 2.part 3.part --state run.state --centroids-out centres.npy",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("merge takes the parts of all shards")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.merge(cmd.Context(), args, fl) },
	}
	f := cmd.Flags()
	f.StringVar(&fl.state, "state", "", "write the run's next state to this file; one that is there must be the parts' own")
	f.StringVar(&fl.labelsOut, "labels-out", "", "write the labels to this .npy file (int32) with the parts that hold them")
	f.StringVar(&fl.centroidsOut, "centroids-out", "", "write the centres, once there are any, to this .npy file (float32)")
	return cmd
}

// mergeReport is the JSON object of samebits merge.
type mergeReport struct {
	envelope
	Merged          cluster.Stage `json:"merged"`    // the pass whose parts these are
	Next            cluster.Stage `json:"next"`      // what the next computes
	Start           int           `json:"start"`     // from 1
	Iteration       int           `json:"iteration"` // complete ones of this start
	Converged       bool          `json:"converged"`
	Done            bool          `json:"done"`
	Shards          int           `json:"shards"`
	CentroidsSHA256 *string       `json:"centroids_sha256"` // null before there are any
	LabelsSHA256    *string       `json:"labels_sha256"`
	State           string        `json:"state"`
	LabelsOut       string        `json:"labels_out,omitempty"`
	CentroidsOut    string        `json:"centroids_out,omitempty"`
	Result          *mergedScores `json:"result"` // null before the run is done
}

// mergedScores are the scores of a run that is done.
type mergedScores struct {
	N             int      `json:"n"`
	D             int      `json:"d"`
	K             int      `json:"k"`
	WCSS          number   `json:"wcss"`
	MSE           number   `json:"mse"`
	SED           number   `json:"sed"`
	SEDToMeans    number   `json:"sed_to_means"`
	PairwiseSum   number   `json:"pairwise_sum"`
	PairwiseMean  number   `json:"pairwise_mean"`
	PairwiseMeans []number `json:"pairwise_means"`
	Sizes         []int64  `json:"sizes"`
	Iterations    int      `json:"iterations"`
	Converged     bool     `json:"converged"`
	NInit         int      `json:"n_init"`
}

func (a *app) merge(ctx context.Context, paths []string, fl mergeFlags) error {
	start := time.Now()
	if fl.state == "" {
		return usagef("merge needs --state, the file for the run's next state")
	}
	used := map[string]bool{}
	for _, o := range []string{fl.state, fl.labelsOut, fl.centroidsOut} {
		if o != "" && used[samePath(o)] {
			return usagef("%s: --state, --labels-out and --centroids-out take a file each", o)
		}
		used[samePath(o)] = true
		if o == "-" {
			return usagef("--state, --labels-out and --centroids-out take a file")
		}
		if o != "" && slices.ContainsFunc(paths, func(p string) bool { return samePath(p) == samePath(o) }) {
			return usagef("%s: the file is also a part", o)
		}
	}
	parts := make([]*cluster.Part, len(paths))
	for i, path := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := readPart(path)
		if err != nil {
			return err
		}
		parts[i] = p
	}
	all, err := cluster.Merge(parts)
	if err != nil {
		return err
	}
	st, merged := all.State, all.State.Stage
	if err := sameState(fl.state, st); err != nil {
		return err
	}
	dev, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer dev.Close()
	if mac := dev.Profile().Mac.String(); mac != st.Mac {
		return fmt.Errorf("the parts follow profile %s, the device %s: %w", st.Mac, mac, cluster.ErrForeign)
	}
	if err := st.Advance(ctx, dev, all); err != nil {
		return err
	}
	rep := mergeReport{Merged: merged, Next: st.Stage, Start: st.Start + 1, Iteration: st.Iteration, Converged: st.Converged,
		Done: st.Done(), Shards: st.Shards, State: fl.state}
	if st.Centers != nil {
		sum := dataset.SHA256Float32(st.Centers)
		rep.CentroidsSHA256 = &sum
		if fl.centroidsOut != "" {
			if err := dataset.WriteNpyFloat32(fl.centroidsOut, st.K, st.D, st.Centers); err != nil {
				return err
			}
			rep.CentroidsOut = fl.centroidsOut
		}
	}
	if st.LabelsSHA256 != "" {
		rep.LabelsSHA256 = &st.LabelsSHA256
	}
	if merged == cluster.StageScore && fl.labelsOut != "" {
		if err := dataset.WriteNpyInt32(fl.labelsOut, all.Labels); err != nil {
			return err
		}
		rep.LabelsOut = fl.labelsOut
	}
	if st.Done() {
		res, err := st.Result()
		if err != nil {
			return err
		}
		rep.Result = &mergedScores{N: res.N, D: res.D, K: res.K, WCSS: number(res.WCSS), MSE: number(res.MSE), SED: number(res.SED),
			SEDToMeans: number(res.SEDToMeans), PairwiseSum: number(res.PairwiseSum), PairwiseMean: number(res.PairwiseMean),
			PairwiseMeans: numbers(res.PairwiseMeans), Sizes: res.Sizes, Iterations: res.Iterations, Converged: res.Converged, NInit: res.NInit}
	}
	// The state is last: until it is there, the same merge can be repeated.
	if err := dataset.WriteFile(fl.state, st.Encode); err != nil {
		return err
	}
	rep.envelope = a.envelope("merge", dev, start)
	rep.Seed = st.Seed
	if a.json {
		return a.printJSON(rep)
	}
	a.printMerge(rep)
	return nil
}

func readPart(path string) (*cluster.Part, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := cluster.DecodePart(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// sameState refuses parts of another pass than the state file's next one.
func sameState(path string, st *cluster.State) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if st.Stage != cluster.StageScan {
			return usagef("--state %s: the file is not there, and the parts are not of a first pass", path)
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	has, err := cluster.DecodeState(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	a, err := has.Digest()
	if err != nil {
		return err
	}
	b, err := st.Digest()
	if err != nil {
		return err
	}
	if a != b {
		return fmt.Errorf("%s: the parts are of another run, or of another pass than the next: %w", path, cluster.ErrForeign)
	}
	return nil
}

func (a *app) printMerge(r mergeReport) {
	state := ""
	if r.Iteration > 0 {
		state = fmt.Sprintf(" after %s", count(r.Iteration, "iteration"))
		if r.Converged {
			state += ", converged"
		}
	}
	if r.Result == nil {
		fmt.Fprintf(a.stdout, "pass %q of start %d is complete%s; next pass %q\n", r.Merged, r.Start, state, r.Next)
		return
	}
	fmt.Fprintf(a.stdout, "done: start %d of %d%s; wcss %.10g, sed %.10g, sizes %v\n", r.Start, r.Result.NInit, state, float64(r.Result.WCSS), float64(r.Result.SED), r.Result.Sizes)
	if r.LabelsSHA256 != nil {
		fmt.Fprintf(a.stdout, "labels    sha256 %s\n", *r.LabelsSHA256)
	}
	fmt.Fprintf(a.stdout, "centroids sha256 %s\n", *r.CentroidsSHA256)
}
