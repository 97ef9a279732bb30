package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// Blocks without a candidate are passed over, and no other: rows that ascend,
// descend, repeat themselves, and hold NaN late or from the start.
func TestTopKPassesOverBlocks(t *testing.T) {
	const n = 5*topKBlock + 7
	r := rand.New(rand.NewPCG(4, 4))
	nan := float32(math.NaN())
	rows := map[string]func(i int) float32{
		"ascending":  func(i int) float32 { return float32(i) },
		"descending": func(i int) float32 { return float32(-i) },
		"equal":      func(int) float32 { return 3 },
		"zeros":      func(i int) float32 { return float32(math.Copysign(0, float64(i%2)-.5)) },
		"steps":      func(i int) float32 { return float32(i / 100 % 3) },
		"late NaN": func(i int) float32 {
			if i%topKBlock == 77 {
				return nan
			}
			return float32(-i)
		},
		"NaN":      func(int) float32 { return nan },
		"infinity": func(i int) float32 { return float32(math.Inf(i%200 - 100)) },
		"random":   func(int) float32 { return float32(r.NormFloat64()) },
	}
	for name, at := range rows {
		x := make([]float32, n)
		for i := range x {
			x[i] = at(i)
		}
		for _, m := range []int{1, 5, 64, n} {
			got, want := make([]int32, m), make([]int32, m)
			topKRow(t.Context(), got, x, make([]uint64, 0, m))
			exact.TopK(want, x)
			if !slices.Equal(got, want) {
				t.Errorf("%d of %s: %v, want %v", m, name, got, want)
			}
		}
	}
}

func BenchmarkTopK(b *testing.B) {
	ctx := b.Context()
	dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer dev.Close()
	for _, m := range []int{1, 50} {
		b.Run(fmt.Sprintf("64x8192/m=%d", m), func(b *testing.B) {
			s := backend.NewScope(ctx, dev)
			defer s.Close()
			op := &backend.TopK{X: backend.Put(s, 64, 8192, numbers(1, 64*8192, 0)), Index: s.New(backend.Int32, 64, m)}
			for b.Loop() {
				if err := dev.Run(ctx, op); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/(64*8192), "ns/element")
		})
	}
}
