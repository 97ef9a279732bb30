package cluster_test

import (
	"context"
	"fmt"
	"log"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/cluster"
	"samebits/backend"
	_ "samebits/cpu"
)

// fourPairs is eight points in four pairs.
var fourPairs = blas32.General{Rows: 8, Cols: 2, Stride: 2, Data: []float32{
	0, 0, 0, 1, 20, 0, 20, 1, 0, 30, 0, 31, 20, 30, 20, 31}}

func ExampleElbow() {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "auto", backend.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	points, best, err := cluster.Elbow(ctx, dev, fourPairs, cluster.Config{NInit: 20, Seed: 1}, cluster.ElbowConfig{From: 2, To: 6})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range points {
		fmt.Printf("k = %d: wcss %6.1f, silhouette %.2f\n", p.K, p.WCSS, p.Silhouette)
	}
	fmt.Println("best", best.K)
	// Output:
	// k = 2: wcss  802.0, silhouette 0.59
	// k = 3: wcss  402.0, silhouette 0.75
	// k = 4: wcss    2.0, silhouette 0.95
	// k = 5: wcss    1.5, silhouette 0.71
	// k = 6: wcss    1.0, silhouette 0.48
	// best 4
}

func ExampleCompareLabels() {
	truth := []string{"setosa", "setosa", "virginica", "virginica"}
	found := []int32{1, 1, 0, 2}
	a, err := cluster.CompareLabels(truth, found)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ari %.4f, nmi %.4f\n", a.ARI, a.NMI)
	// Output: ari 0.5714, nmi 0.8000
}

func ExampleProject() {
	view, err := cluster.Project(context.Background(), fourPairs, cluster.ProjectionConfig{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("axes %.0f and %.0f hold %.0f %% and %.0f %% of the variance\n",
		view.Components[0], view.Components[1], 100*view.Explained[0], 100*view.Explained[1])
	// Output: axes [0 1] and [1 0] hold 69 % and 31 % of the variance
}
