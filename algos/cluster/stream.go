package cluster

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/dataset"
	"samebits/backend"
)

// StreamConfig says how to cluster a source. Config's objective is WCSS, its
// method Lloyd, and it has no weights; its Observe and Progress are called as by
// Fit.
type StreamConfig struct {
	Config
	// SeedRows, with init k-means++, draws so many rows with equal weights, other
	// ones for each start, and seeds from them alone: one pass instead of some 2K.
	// 0 means all rows.
	SeedRows int
	// ChunkRows is the number of rows on the device at a time; 0 means some 32
	// MiB. It changes no bit.
	ChunkRows int
	// Labels, when set, takes the labels in the order of the rows; Result.Labels
	// is nil then. They are given once a run, at its end.
	Labels func(first int, labels []int32) error
	// Resume goes on from a state of a run of the same configuration and data,
	// which is hashed first to make sure.
	Resume *State
	// Checkpoint, when set, is called after each pass with the state that the
	// next pass begins from; it may be encoded during the call. An error ends the
	// fit, which returns it.
	Checkpoint func(*State) error
	// Passing, when set, is called after each chunk of each pass.
	Passing func(PassProgress)
}

// FitSource is Fit by Lloyd's k-means over rows that need not fit into memory:
// centres, labels and scores are those of Fit, bit for bit, for any ChunkRows.
// Reading overlaps the device's work by one chunk.
//
// Without SeedRows, k-means++ takes two passes a centre, or three where a
// scale changes, and k-means|| two to three a round. Each iteration takes one
// pass, and one more where a cluster has no rows. Scores take three or four at
// the end, and two a start where there are several.
//
// Host memory: two chunks, 4 bytes a row for seeding by distance up to 2²⁵ rows
// (larger sources measure anew), and labels unless Labels takes them.
func FitSource(ctx context.Context, dev *backend.Device, src dataset.Source, cfg StreamConfig) (*Result, error) {
	st := cfg.Resume
	if st == nil {
		var err error
		if st, err = NewState(cfg, src.Rows(), src.Cols(), 1, dev.Profile().Mac); err != nil {
			return nil, err
		}
		if err := st.checkProfile(dev); err != nil {
			return nil, err
		}
	} else {
		resumed := *st
		st = &resumed
		if err := resume(ctx, dev, src, st, cfg); err != nil {
			return nil, err
		}
	}
	var labels []int32
	opts := PassOptions{ChunkRows: cfg.ChunkRows, Labels: cfg.Labels, Progress: cfg.Passing}
	if opts.Labels == nil {
		opts.Labels = func(_ int, l []int32) error {
			if labels == nil {
				labels = make([]int32, 0, st.N)
			}
			labels = append(labels, l...)
			return nil
		}
	}
	if st.Init == KMeansParallel || st.Init == KMeansPlusPlus && st.Sample == 0 {
		opts.near = newNearCache(st.N)
	}
	if st.Done() || st.Stage == StageAround { // the labels are not in the state
		if err := relabel(ctx, dev, src, *st, opts); err != nil {
			return nil, err
		}
	}
	for !st.Done() {
		part, err := st.Pass(ctx, dev, src, 0, opts)
		if err != nil {
			return nil, err
		}
		all, err := Merge([]*Part{part})
		if err != nil {
			return nil, err
		}
		before := *st
		if err := st.Advance(ctx, dev, all); err != nil {
			return nil, err
		}
		if cfg.Checkpoint != nil {
			if err := cfg.Checkpoint(st); err != nil {
				return nil, fmt.Errorf("checkpoint: %w", err)
			}
		}
		if err := cfg.tell(&before, st); err != nil {
			return nil, err
		}
	}
	r, err := st.Result()
	if err == nil {
		r.Labels = labels
	}
	return r, err
}

// resume checks that a state continues with this configuration, device and data.
func resume(ctx context.Context, dev *backend.Device, src dataset.Source, st *State, cfg StreamConfig) error {
	if err := st.check(); err != nil {
		return err
	}
	if err := st.Continues(cfg, src.Rows(), src.Cols(), 1); err != nil {
		return err
	}
	if err := st.checkProfile(dev); err != nil {
		return err
	}
	if st.Stage == StageScan {
		return nil
	}
	seen := func(rows int) {
		if cfg.Passing != nil {
			cfg.Passing(PassProgress{Stage: "check", Start: st.Start + 1, Starts: st.NInit, Iteration: st.Iteration, MaxIter: st.MaxIter,
				Row: rows, Rows: st.N, Shard: 1, Shards: 1})
		}
	}
	digest, err := digestRows(ctx, src, 0, st.N, chunkRows(cfg.ChunkRows, st.D), seen)
	if err != nil {
		return err
	}
	if digest != st.Digests[0] {
		return fmt.Errorf("the data has sha256 %s here and %s there: %w", digest, st.Digests[0], ErrForeign)
	}
	return nil
}

// relabel gives the labels of a state that is past them.
func relabel(ctx context.Context, dev *backend.Device, src dataset.Source, st State, opts PassOptions) error {
	st.Stage, st.Farthest = StageScore, st.Best.Farthest
	_, err := st.Pass(ctx, dev, src, 0, opts)
	return err
}

// tell calls Observe and Progress for what a pass has led to.
func (c *StreamConfig) tell(before, st *State) error {
	first := before.Centers == nil && st.Centers != nil || before.Start != st.Start && st.Stage == StageStep
	moved := before.Stage == StageStep && st.Stage != StageFar || before.Stage == StageFar
	if c.Observe != nil && (first || moved) {
		if err := c.Observe(Step{Start: st.Start + 1, Iteration: st.Iteration, Centers: st.Centers}); err != nil {
			return err
		}
	}
	if c.Progress != nil && moved {
		shift, _ := movement(before.Centers, st.Centers)
		c.Progress(Progress{Start: st.Start + 1, Starts: st.NInit, Iteration: st.Iteration, MaxIter: st.MaxIter, Shift: shift, Converged: st.Converged})
	}
	return nil
}

// completeStream fills in defaults and refuses what a source cannot have.
func (c StreamConfig) completeStream(n, d int) (StreamConfig, error) {
	refuse := func(format string, args ...any) (StreamConfig, error) {
		return c, fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrInput)
	}
	var err error
	if c.Config, err = c.Config.completeFor(n, d); err != nil {
		return c, err
	}
	switch {
	case c.Objective != WCSS || c.Method != Lloyd:
		return refuse("objective %s by %s over a source: want %s by %s", c.Objective, c.Method, WCSS, Lloyd)
	case c.Weights != nil:
		return refuse("weights over a source")
	case c.SeedRows < 0 || c.SeedRows > 0 && c.Init != KMeansPlusPlus:
		return refuse("init %s takes no sample of rows", c.Init)
	case c.SeedRows > 0 && c.SeedRows < c.K:
		return refuse("a sample of %d rows for k = %d", c.SeedRows, c.K)
	case c.ChunkRows < 0:
		return refuse("chunks of %d rows", c.ChunkRows)
	case d > math.MaxInt32/4:
		return refuse("%d columns", d)
	}
	c.SeedRows = min(c.SeedRows, n)
	return c, nil
}

// packedGeneral is a packed matrix.
func packedGeneral(rows, cols int, data []float32) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: data}
}
