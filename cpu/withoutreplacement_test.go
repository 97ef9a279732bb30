package cpu

import (
	"fmt"
	"math"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

func withoutReplacementCase(draws int, temperature backend.Factor) samplingCase {
	return samplingCase{fmt.Sprintf("withoutreplacement m=%d", draws), false,
		func(dev *backend.Device, x *backend.Tensor) (backend.Op, []*backend.Tensor, error) {
			index, err := newGapped(dev, backend.Int32, 1, x.Rows(), min(draws, x.Cols()))
			return &backend.WithoutReplacement{Index: index, X: x, Temperature: temperature, Draws: samplingDraws},
				[]*backend.Tensor{index}, err
		}}
}

func TestWithoutReplacementEqualsReference(t *testing.T) {
	compareEverywhere(t, withoutReplacementCase(1, backend.Factor{}), withoutReplacementCase(5, backend.Scalar(0.3)),
		withoutReplacementCase(300, backend.Scalar(2)), withoutReplacementCase(1<<20, backend.Factor{}))
}

func TestDrawKeyHoldsScore(t *testing.T) {
	last := uint64(0)
	for _, s := range []float32{float32(math.NaN()), float32(math.Inf(1)), 3, 1e-45, 0, -1e-45, -3, negInf} {
		key := drawKey(s, 77)
		if key <= last {
			t.Errorf("key of %v does not follow its predecessor's", s)
		}
		last = key
		if got := keyedScore(key); got != s && !(s != s && got != got) {
			t.Errorf("score %v comes back as %v", s, got)
		}
	}
}

// TestWithoutReplacementMarginals compares two draws from four classes with
// the Plackett-Luce probabilities p_i·p_j/(1−p_i) by a χ² test of 11 degrees
// of freedom, whose 99.99 % point is 37.4.
func TestWithoutReplacementMarginals(t *testing.T) {
	const rows, limit = 20000, 37.4
	logits := []float32{0, 1, -1, 0.5}
	counts := map[[2]int32]int{}
	index := make([]int32, 2)
	s := new(rowScratch)
	for i := range rows {
		at := exact.Position{Seed: 5, Use: exact.UseWithoutReplacement, Row: uint32(i)}
		withoutReplacementRow(t.Context(), exact.Fused, at, index, logits, 2, s)
		counts[[2]int32{index[0], index[1]}]++
	}
	chi2 := func(temperature float64) (sum float64) {
		p := softmax64(logits, temperature)
		for i := range p {
			for j := range p {
				if i != j {
					want := rows * p[i] * p[j] / (1 - p[i])
					d := float64(counts[[2]int32{int32(i), int32(j)}]) - want
					sum += d * d / want
				}
			}
		}
		return sum
	}
	if got := chi2(0.5); got > limit {
		t.Errorf("χ² %.1f for ordered pairs, want at most %v", got, limit)
	}
	if got := chi2(1); got < limit {
		t.Errorf("χ² %.1f at the wrong temperature: the test sees nothing", got)
	}
}

// softmax64 is the softmax of x/temperature in float64.
func softmax64(x []float32, temperature float64) []float64 {
	p := make([]float64, len(x))
	sum := 0.0
	for j, v := range x {
		p[j] = math.Exp(float64(v) / temperature)
		sum += p[j]
	}
	for j := range p {
		p[j] /= sum
	}
	return p
}

func BenchmarkWithoutReplacement(b *testing.B) {
	benchmarkSampling(b, withoutReplacementCase(10, backend.Factor{}))
}
