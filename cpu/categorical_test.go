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

// TestGumbelBound proves what lets a draw skip its logarithms: no word of z
// leading zeros has a Gumbel number above gumbelBound[z]. The largest belongs
// to the smallest word, up to rounding that the dense sample covers.
func TestGumbelBound(t *testing.T) {
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		if g := float64(mac.Gumbel(0)); g > gumbelBound[32] {
			t.Errorf("%v: word 0 gives %v, above %v", mac, g, gumbelBound[32])
		}
		for z := range 32 {
			smallest := uint64(1) << (31 - z)
			step := max(1, smallest/4096)
			for w := smallest; w < 2*smallest; w += step {
				if g := float64(mac.Gumbel(uint32(w))); g > gumbelBound[z] {
					t.Fatalf("%v: word %#x gives %v, above %v", mac, w, g, gumbelBound[z])
				}
			}
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
