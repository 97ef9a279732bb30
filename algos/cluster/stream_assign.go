package cluster

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/dataset"
	"samebits/backend"
)

// stageAssign labels rows by given centres; no state of a run stands there.
const stageAssign Stage = "assign"

// Assign labels the rows of shard i of shards, from 0, with their nearest
// centres, and returns how many each has. The labels are those of Fit: scores
// are shifted by the mean of all rows, so the whole source is read twice before.
// Of opts, Labels must be set; KeepLabels and Digest are not used.
func Assign(ctx context.Context, dev *backend.Device, src dataset.Source, centers blas32.General, shard, shards int, opts PassOptions) ([]int64, error) {
	if opts.Labels == nil {
		return nil, fmt.Errorf("nobody takes the labels: %w", ErrInput)
	}
	// Any number of centres label rows, also more than there are.
	first := blas32.General{Rows: 1, Cols: centers.Cols, Stride: centers.Stride, Data: centers.Data}
	cfg := StreamConfig{Config: Config{K: 1, Init: GivenCenters, Centers: &first, Tol: -1}, ChunkRows: opts.ChunkRows}
	st, err := NewState(cfg, src.Rows(), src.Cols(), 1, dev.Profile().Mac)
	if err != nil {
		return nil, err
	}
	if i, j, bad := notFinite(centers); bad {
		return nil, fmt.Errorf("given centre %d, column %d is not finite: %w", i+1, j+1, ErrInput)
	}
	st.K, st.Given = centers.Rows, nil
	for i := range centers.Rows {
		st.Given = append(st.Given, centers.Data[i*centers.Stride:i*centers.Stride+centers.Cols]...)
	}
	pass := func(shard int) (*Part, error) { return st.Pass(ctx, dev, src, shard, opts) }
	for st.Stage != StageStep {
		part, err := pass(0)
		if err != nil {
			return nil, err
		}
		all, err := Merge([]*Part{part})
		if err != nil {
			return nil, err
		}
		if err := st.Advance(ctx, dev, all); err != nil {
			return nil, err
		}
	}
	if shards < 1 || shards > st.N {
		return nil, fmt.Errorf("%d shards of %d rows: %w", shards, st.N, ErrInput)
	}
	st.Stage, st.Shards = stageAssign, shards
	part, err := pass(shard)
	if err != nil {
		return nil, err
	}
	return part.Sums[0].Count, nil
}
