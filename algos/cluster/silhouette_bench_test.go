package cluster

import (
	"fmt"
	"testing"

	"samebits/backend"
)

// BenchmarkSilhouette measures whole data sets; macs are those of the distances.
func BenchmarkSilhouette(b *testing.B) {
	for _, c := range []struct{ n, d, k int }{{5_000, 4, 3}, {10_000, 4, 3}, {10_000, 64, 64}} {
		data := blobs(1, c.n, c.d, c.k, 0)
		labels := make([]int32, c.n)
		for i := range labels {
			labels[i] = int32(i % c.k)
		}
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dx%d/k=%d/threads=%d", c.n, c.d, c.k, threads), func(b *testing.B) {
				dev := open(b, "cpu", backend.Config{Threads: threads})
				for b.Loop() {
					if _, err := Silhouette(ctx, dev, data, labels, c.k, SilhouetteConfig{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(c.n)*float64(c.n)*float64(c.d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmac/s")
			})
		}
	}
}
