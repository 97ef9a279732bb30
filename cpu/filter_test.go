package cpu

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"samebits/backend"
	"samebits/backend/exact"
)

func filterCase(kind backend.FilterKind, k int, p float32, inPlace bool) samplingCase {
	return samplingCase{fmt.Sprintf("%v k=%d p=%v inplace=%t", kind, k, p, inPlace), true,
		func(dev *backend.Device, x *backend.Tensor) (backend.Op, []*backend.Tensor, error) {
			y, err := x, error(nil)
			if !inPlace {
				y, err = newGapped(dev, backend.Float32, x.Batch(), x.Rows(), x.Cols())
			}
			return &backend.Filter{Y: y, X: x, Kind: kind, K: k, P: p}, []*backend.Tensor{y}, err
		}}
}

func filterCases() []samplingCase {
	return []samplingCase{
		filterCase(backend.FilterTopK, 1, 0, false), filterCase(backend.FilterTopK, 63, 0, true),
		filterCase(backend.FilterTopP, 0, 0, false), filterCase(backend.FilterTopP, 0, 0.1, false),
		filterCase(backend.FilterTopP, 0, 0.9, true), filterCase(backend.FilterTopP, 0, 1, false),
		filterCase(backend.FilterMinP, 0, 0, false), filterCase(backend.FilterMinP, 0, 0.05, true),
		filterCase(backend.FilterMinP, 0, 1, false),
	}
}

func TestFilterEqualsReference(t *testing.T) { compareEverywhere(t, filterCases()...) }

// TestFilterKeepsByRank checks the statements and the pivot search against the
// definition by ranks: an element is kept by what stands before it in the
// order (largest first, lowest index first), counted pair by pair.
func TestFilterKeepsByRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Few distinct values make ties; −Inf is one of them.
		values := []float32{0, float32(math.Copysign(0, -1)), 1, 1.0000001, -2, 5, -9, negInf, 0.25, -30}
		x := rapid.SliceOfN(rapid.SampledFrom(values), 1, 80).Draw(t, "x")
		x[rapid.IntRange(0, len(x)-1).Draw(t, "finite")] = 0.5 // no row of −Inf
		k := rapid.IntRange(1, len(x)+1).Draw(t, "k")
		p := rapid.SampledFrom([]float32{0, 1e-9, 0.1, 0.5, 0.9, 0.999, 1}).Draw(t, "p")
		mac := rapid.SampledFrom([]exact.Mac{exact.Fused, exact.Split}).Draw(t, "mac")

		prob := make([]float32, len(x))
		mac.SoftmaxRow(prob, x, 1)
		largest := float32(0)
		for _, q := range prob {
			largest = max(largest, q)
		}
		target := uint64(math.RoundToEven(float64(p) * (1 << 30)))
		topK, topP, minP := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
		for j, v := range x {
			var rank, probRank int
			var weight uint64
			for i, u := range x {
				if u > v || (u == v && i < j) {
					rank++
				}
				if prob[i] > prob[j] || (prob[i] == prob[j] && i < j) {
					probRank++
					weight += uint64(math.RoundToEven(float64(prob[i]) * (1 << 30)))
				}
			}
			topK[j] = kept(v, rank < k)
			topP[j] = kept(v, probRank == 0 || weight < target)
			minP[j] = kept(v, prob[j] >= p*largest)
		}

		y, s, soft := make([]float32, len(x)), new(rowScratch), &softmaxKernel{mac: mac, scale: 1}
		exact.FilterTopKRow(y, x, k)
		sameRow(t, "exact top-k", y, topK)
		filterTopKRow(t.Context(), y, x, k, s)
		sameRow(t, "top-k", y, topK)
		mac.FilterTopPRow(y, x, p)
		sameRow(t, "exact top-p", y, topP)
		filterTopPRow(t.Context(), soft, y, x, p, s)
		sameRow(t, "top-p", y, topP)
		mac.FilterMinPRow(y, x, p)
		sameRow(t, "exact min-p", y, minP)
		filterMinPRow(t.Context(), soft, y, x, p, s)
		sameRow(t, "min-p", y, minP)
	})
}

func kept(v float32, keep bool) float32 {
	if keep {
		return v
	}
	return negInf
}

func sameRow(t *rapid.T, name string, got, want []float32) {
	for j := range want {
		if math.Float32bits(got[j]) != math.Float32bits(want[j]) {
			t.Fatalf("%s: element %d is %v, want %v", name, j, got[j], want[j])
		}
	}
}

func BenchmarkFilterTopP(b *testing.B) {
	benchmarkSampling(b, filterCase(backend.FilterTopP, 0, 0.9, false))
}
