//go:build gl && cgo

package gpu

import (
	"context"
	"testing"

	"samebits/backend"
)

// BenchmarkMatMul reports GFLOPS of a square product under each profile.
func BenchmarkMatMul(b *testing.B) {
	const n = 256
	for _, p := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		b.Run(string(p), func(b *testing.B) {
			dev := openGL(b, p)
			place := func(seed uint32) *backend.Tensor {
				x, _ := shape{backend.Float32, 1, n, n, 0, mixed(seed)}.place(b, dev)
				return x
			}
			op := &backend.MatMul{C: place(1), A: place(2), B: place(3)}
			run(b, op)
			if err := dev.Sync(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for range b.N {
				run(b, op)
			}
			if err := dev.Sync(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(2*n*n*n*float64(b.N)/1e9/b.Elapsed().Seconds(), "GFLOPS")
		})
	}
}

// BenchmarkDispatch is the cost of the smallest operation.
func BenchmarkDispatch(b *testing.B) {
	dev := openGL(b, backend.ProfileSplit)
	x, _ := shape{backend.Float32, 1, 1, 64, 0, mixed(1)}.place(b, dev)
	op := &backend.Map{Fn: backend.FnNeg, Y: x, A: x}
	for range b.N {
		run(b, op)
	}
	if err := dev.Sync(context.Background()); err != nil {
		b.Fatal(err)
	}
}
