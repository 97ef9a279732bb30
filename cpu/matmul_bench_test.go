package cpu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// BenchmarkMatMul reports GFLOPS of square float32 products.
func BenchmarkMatMul(b *testing.B) {
	ctx := context.Background()
	for _, n := range []int{512, 1024, 2048} {
		for _, threads := range []int{1, 2} {
			for _, profile := range []backend.ProfileRequest{"", backend.ProfileSplit} {
				b.Run(fmt.Sprintf("%d/threads=%d/%s", n, threads, profile), func(b *testing.B) {
					dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: threads, Profile: profile})
					if err != nil {
						b.Fatal(err)
					}
					defer dev.Close()
					r := rand.New(rand.NewPCG(1, 1))
					op := &backend.MatMul{}
					for _, t := range []**backend.Tensor{&op.A, &op.B, &op.C} {
						if *t, err = backend.FromSlice(ctx, dev, n, n, hard(r, n*n, 0)); err != nil {
							b.Fatal(err)
						}
					}
					for b.Loop() {
						if err := dev.Run(ctx, op); err != nil {
							b.Fatal(err)
						}
					}
					rate := 2 * float64(n) * float64(n) * float64(n) * float64(b.N) / b.Elapsed().Seconds()
					b.ReportMetric(rate/1e9, "GFLOPS")
				})
			}
		}
	}
}

// BenchmarkMicroKernel reports the GFLOPS of one tile in L1: the ceiling that
// the product's packing and memory traffic are measured against.
func BenchmarkMicroKernel(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x, y := hard(r, kcBlock*mr, 0), hard(r, kcBlock*nr, 0)
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		b.Run(mac.String(), func(b *testing.B) {
			var c tile
			for b.Loop() {
				microKernel(mac, kcBlock, x, y, &c, true)
			}
			b.ReportMetric(2*kcBlock*mr*nr*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
}
