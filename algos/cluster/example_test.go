package cluster_test

import (
	"context"
	"fmt"
	"log"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/cluster"
	"samebits/backend"
	_ "samebits/cpu"
	_ "samebits/gpu"
)

// Two groups of three points each. Labels, centres and scores are the same
// bits on every device.
func ExampleFit() {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "auto", backend.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()

	points := blas32.General{Rows: 6, Cols: 2, Stride: 2, Data: []float32{
		0, 0, 0, 3, 3, 0,
		10, 10, 10, 13, 13, 10,
	}}
	res, err := cluster.Fit(ctx, dev, points, cluster.Config{K: 2, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("labels", res.Labels)
	fmt.Println("centres", res.Centers.Data)
	fmt.Println("sizes", res.Sizes, "wcss", res.WCSS, "pairwise mean", res.PairwiseMean)
	// Output:
	// labels [1 1 1 0 0 0]
	// centres [11 11 1 1]
	// sizes [3 3] wcss 24 pairwise mean 8
}

// Given centres make one start; an error says what cannot be clustered.
func ExampleFit_givenCenters() {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", backend.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()

	points := blas32.General{Rows: 4, Cols: 1, Stride: 1, Data: []float32{1, 2, 8, 9}}
	centers := blas32.General{Rows: 2, Cols: 1, Stride: 1, Data: []float32{0, 10}}
	res, err := cluster.Fit(ctx, dev, points, cluster.Config{K: 2, Centers: &centers})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Labels, res.Centers.Data, res.Iterations, res.Converged)

	_, err = cluster.Fit(ctx, dev, points, cluster.Config{K: 5})
	fmt.Println(err)
	// Output:
	// [0 0 1 1] [1.5 8.5] 2 true
	// k = 5 clusters of 4 rows: want k ≤ rows: cannot cluster
}
