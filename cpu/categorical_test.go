package cpu

import (
	"context"
	"fmt"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

func categoricalCase(draws int, temperature backend.Factor) samplingCase {
	return samplingCase{fmt.Sprintf("categorical draws=%d T=%v", draws, temperature.Real(1)), false,
		func(dev *backend.Device, x *backend.Tensor) (backend.Op, []*backend.Tensor, error) {
			index, err := newGapped(dev, backend.Int32, 1, x.Rows(), draws)
			return &backend.Categorical{Index: index, X: x, Temperature: temperature, Draws: samplingDraws},
				[]*backend.Tensor{index}, err
		}}
}

func TestCategoricalEqualsReference(t *testing.T) {
	compareEverywhere(t, categoricalCase(1, backend.Factor{}), categoricalCase(3, backend.Scalar(0.5)),
		categoricalCase(1, backend.Scalar(30)), categoricalCase(1, backend.Scalar(1e-40)))
}

// TestGumbelBound shows what lets a draw skip its logarithms: gumbelBound is
// no less than the Gumbel number of any word, with 10⁻⁴ to spare for kernels
// that round otherwise on the way, in a dense sample (all words with
// SAMEBITS_FULL=1) and at the edges where a bit is won. It must also be a
// close bound, or nothing is skipped: within 0.7 of the numbers above 0.
func TestGumbelBound(t *testing.T) {
	g := make([]float32, 1<<16)
	for _, mac := range bothMacs {
		check := func(words []uint32) {
			vecGumbel(mac, g[:len(words)], words)
			for i, w := range words {
				if b := gumbelBound(w); b-1e-4 < g[i] || (g[i] > 0 && w > 1 && b > g[i]+0.7) {
					t.Fatalf("%v: word %#x gives %v, bounded by %v", mac, w, g[i], b)
				}
			}
		}
		sweep(check)
		for z := range 32 {
			var edge []uint32
			for d := range uint32(4096) {
				edge = append(edge, uint32(1)<<z+d-2048)
			}
			check(edge)
		}
	}
}

// TestCategoricalFrequencies draws at temperature 2 and compares with the
// softmax by a χ² test of 5 degrees of freedom, whose 99.99 % point is 25.7.
// At the wrong temperature the same counts, and the planted error, must fail.
func TestCategoricalFrequencies(t *testing.T) {
	const draws, limit = 30000, 25.7
	logits := []float32{0, 1, -1, 2, 0.5, -2}
	chi2 := func(fault string, temperature float64) (sum float64) {
		ctx := context.Background()
		dev, err := backend.Open(ctx, "cpu", backend.Config{Fault: fault})
		if err != nil {
			t.Fatal(err)
		}
		defer dev.Close()
		x, err := backend.FromSlice(ctx, dev, 1, len(logits), logits)
		if err != nil {
			t.Fatal(err)
		}
		index, err := dev.NewTensor(backend.Int32, 1, draws)
		if err != nil {
			t.Fatal(err)
		}
		op := &backend.Categorical{Index: index, X: x, Temperature: backend.Scalar(2),
			Draws: backend.Draws{Seed: 1, Use: exact.UseCategorical}}
		if err := dev.Run(ctx, op); err != nil {
			t.Fatal(err)
		}
		drawn, err := backend.ToSlice[int32](ctx, index)
		if err != nil {
			t.Fatal(err)
		}
		counts := make([]float64, len(logits))
		for _, j := range drawn {
			counts[j]++
		}
		for j, p := range softmax64(logits, temperature) {
			d := counts[j] - draws*p
			sum += d * d / (draws * p)
		}
		return sum
	}
	if got := chi2("", 2); got > limit {
		t.Errorf("χ² %.1f, want at most %v", got, limit)
	}
	if got := chi2("", 1); got < limit {
		t.Errorf("χ² %.1f against another temperature: the test sees nothing", got)
	}
	if got := chi2(faultCategoricalTemperature, 2); got < limit {
		t.Errorf("χ² %.1f with %s planted: the test sees nothing", got, faultCategoricalTemperature)
	}
}

func BenchmarkCategorical(b *testing.B) { benchmarkSampling(b, categoricalCase(1, backend.Factor{})) }
