package cluster

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"samebits/backend"
)

// BenchmarkLloyd clusters normal numbers, which never converge in so few
// iterations. GFLOPS counts the products of the iterations alone, not those of
// the last assignment.
func BenchmarkLloyd(b *testing.B) {
	const n, d, k, iterations = 200_000, 64, 256, 5
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, n*d)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	data, centers := general(n, d, values), general(k, d, values[:k*d])
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			dev := open(b, "cpu", backend.Config{Threads: threads})
			for b.Loop() {
				if _, err := Fit(ctx, dev, data, Config{K: k, Centers: &centers, MaxIter: iterations, Tol: -1}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(2*n*d*k*iterations*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
}
