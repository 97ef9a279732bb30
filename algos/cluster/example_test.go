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

// The sum of unsquared distances has its centre at the geometric median, which
// one far row hardly moves. Every score is reported, whichever is minimised.
func ExampleFit_objective() {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", backend.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()

	points := blas32.General{Rows: 5, Cols: 1, Stride: 1, Data: []float32{0, 1, 2, 3, 94}}
	for _, o := range []cluster.Objective{cluster.WCSS, cluster.SED} {
		res, err := cluster.Fit(ctx, dev, points, cluster.Config{K: 1, Objective: o})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s by %s: centre %.3g, wcss %.5g, sed %.4g\n", res.Objective, res.Method, res.Centers.Data[0], res.WCSS, res.SED)
	}
	// Output:
	// wcss by lloyd: centre 20, wcss 6850, sed 148
	// sed by weiszfeld: centre 2, wcss 8470, sed 96
}

// Explain shows which objective a number belongs to.
func ExampleExplain() {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", backend.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()

	points := blas32.General{Rows: 6, Cols: 1, Stride: 1, Data: []float32{0, 1, 8, 90, 100, 101}}
	all, err := cluster.Explain(ctx, dev, points, cluster.Config{K: 2, NInit: 10, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range all {
		fmt.Printf("%s: wcss %.4g, sed %.4g, sed to means %.4g\n", e.Objective, e.WCSS, e.SED, e.SEDToMeans)
	}
	// Output:
	// wcss: wcss 112, sed 24, sed to means 24
	// sed: wcss 151, sed 19, sed to means 24
	// sed-means: wcss 112, sed 24, sed to means 24
}

// A metaheuristic searches over all centres at once; Lloyd's or Weiszfeld's
// steps end a hybrid. Rows may weigh differently.
func ExampleFit_hybrid() {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", backend.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()

	points := blas32.General{Rows: 6, Cols: 1, Stride: 1, Data: []float32{1, 2, 3, 11, 12, 14}}
	res, err := cluster.Fit(ctx, dev, points, cluster.Config{
		K: 2, Method: cluster.Hybrid, Global: cluster.PSO, Seed: 1,
		Weights: []float32{1, 1, 1, 1, 1, 2},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Value, res.Sizes, res.Labels[0] == res.Labels[2], res.Labels[0] != res.Labels[3])
	// Output:
	// 8.75 [3 3] true true
}
