package cpu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

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

// BenchmarkFewOutputs reports GFLOPS of deep products of few results on one
// thread, which a chain's latency bounds.
func BenchmarkFewOutputs(b *testing.B) {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer dev.Close()
	const k = 4096
	for _, s := range [][2]int{{4, 4}, {8, 8}, {1, 8}, {1, 16}, {8, 1}, {12, 1}, {16, 1}, {4, 16}, {16, 4}, {16, 16}} {
		m, n := s[0], s[1]
		b.Run(fmt.Sprintf("%dx%d", m, n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			op := &backend.MatMul{}
			for _, t := range []struct {
				t    **backend.Tensor
				m, n int
			}{{&op.A, m, k}, {&op.B, k, n}, {&op.C, m, n}} {
				if *t.t, err = backend.FromSlice(ctx, dev, t.m, t.n, hard(r, t.m*t.n, 0)); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if err := dev.Run(ctx, op); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(2*k*float64(m*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
}

// BenchmarkMicroKernel reports the GFLOPS of one tile in L1: the ceiling that
// the product's packing and memory traffic are measured against.
func BenchmarkMicroKernel(b *testing.B) {
	const steps = 256
	r := rand.New(rand.NewPCG(1, 1))
	x, y := hard(r, steps*mr, 0), hard(r, steps*nr, 0)
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		b.Run(mac.String(), func(b *testing.B) {
			var c tile
			for b.Loop() {
				microKernel(mac, steps, x, y, &c, true)
			}
			b.ReportMetric(2*steps*mr*nr*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
}

// BenchmarkOrder reports what the contract's order costs. In turn it times the
// product, the same kernels in a freer order (chains of 256 steps, added up, as
// blocked libraries do), and fused multiply-adds in registers, which no order
// passes. "of-free" and "of-ceiling" compare the best rates of the rounds, which
// other work on the machine disturbs least.
func BenchmarkOrder(b *testing.B) {
	ctx := context.Background()
	var fma *Ceiling
	for _, c := range Ceilings(1) {
		if rate, err := c.Measure(ctx); c.Bound == Compute && err == nil {
			if best, _ := measured(ctx, fma); rate > best {
				fma = c
			}
		}
	}
	for _, s := range [][3]int{{4, 4, 4096}, {1, 16, 4096}, {16, 16, 256}, {16, 16, 4096}, {24, 32, 4096}, {64, 64, 4096},
		{128, 128, 128}, {256, 256, 256}, {512, 512, 512}, {1024, 1024, 1024}} {
		b.Run(fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), func(b *testing.B) {
			m, n, k := s[0], s[1], s[2]
			r := rand.New(rand.NewPCG(1, 1))
			x, y := exact.Dense(hard(r, m*k, 0), m, k), exact.Dense(hard(r, k*n, 0), k, n)
			z := exact.Dense(make([]float32, m*n), m, n)
			product := func(cut int) float64 {
				flops := 2 * float64(m*n) * float64(k)
				times := int(2e8/flops) + 1
				start := time.Now()
				for range times {
					g := gemmPool.Get().(*gemm)
					g.d, g.mac, g.threads, g.kern = &driver{threads: 1}, exact.Fused, 1, best32
					g.m, g.n, g.k, g.cut, g.c, g.plain = m, n, k, cut, z, true
					g.a, g.b = operand{view: x, order: laneMajor}, operand{view: y, order: stepMajor}
					if err := g.run(ctx); err != nil {
						b.Fatal(err)
					}
					gemmPool.Put(g)
				}
				return flops * float64(times) / time.Since(start).Seconds() / 1e9
			}
			var ours, free, ceiling float64
			for b.Loop() {
				ours, free = max(ours, product(exact.Cut)), max(free, product(256))
				rate, err := measured(ctx, fma)
				if err != nil {
					b.Fatal(err)
				}
				ceiling = max(ceiling, rate)
			}
			b.ReportMetric(ours, "GFLOPS")
			b.ReportMetric(ours/free, "of-free")
			b.ReportMetric(ours/ceiling, "of-ceiling")
		})
	}
}

func measured(ctx context.Context, c *Ceiling) (float64, error) {
	if c == nil {
		return 0, nil
	}
	return c.Measure(ctx)
}
