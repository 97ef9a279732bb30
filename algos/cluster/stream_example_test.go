package cluster_test

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
	"samebits/backend"
	_ "samebits/cpu"
)

// A file that does not fit into memory is opened with dataset.Open; here the
// rows come from a matrix. The chunk's size changes no bit.
func ExampleFitSource() {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", backend.Config{})
	if err != nil {
		panic(err)
	}
	defer dev.Close()
	rows := dataset.Rows(blas32.General{Rows: 6, Cols: 1, Stride: 1, Data: []float32{1, 2, 3, 11, 12, 13}}, nil)
	res, err := cluster.FitSource(ctx, dev, rows, cluster.StreamConfig{Config: cluster.Config{K: 2, Seed: 1}, ChunkRows: 4})
	if err != nil {
		panic(err)
	}
	fmt.Println(res.Sizes, res.WCSS)
	// Output: [3 3] 4
}

// One pass at a time: each shard computes a part wherever it is, and whoever has
// all of them advances the state.
func ExampleState_Advance() {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", backend.Config{})
	if err != nil {
		panic(err)
	}
	defer dev.Close()
	rows := dataset.Rows(blas32.General{Rows: 6, Cols: 1, Stride: 1, Data: []float32{1, 2, 3, 11, 12, 13}}, nil)
	cfg := cluster.StreamConfig{Config: cluster.Config{K: 2, Init: cluster.RandomRows, NInit: 1}}
	const shards = 3
	st, err := cluster.NewState(cfg, rows.Rows(), rows.Cols(), shards, dev.Profile().Mac)
	if err != nil {
		panic(err)
	}
	for !st.Done() {
		var parts []*cluster.Part
		for shard := range shards {
			part, err := st.Pass(ctx, dev, rows, shard, cluster.PassOptions{})
			if err != nil {
				panic(err)
			}
			parts = append(parts, part)
		}
		all, err := cluster.Merge(parts)
		if err != nil {
			panic(err)
		}
		if err := st.Advance(ctx, dev, all); err != nil {
			panic(err)
		}
	}
	res, err := st.Result()
	if err != nil {
		panic(err)
	}
	fmt.Println(res.WCSS)
	// Output: 4
}
