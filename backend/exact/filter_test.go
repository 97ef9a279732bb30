package exact

import (
	"math"
	"testing"
)

func TestFilters(t *testing.T) {
	// The probabilities of log(8), log(4), log(2), log(1), log(1) are ½, ¼, ⅛, 1/16, 1/16.
	ln := func(v float64) float32 { return float32(math.Log(v)) }
	steps := []float32{ln(2), ln(8), 0, ln(4), 0}
	zeros := []float32{0, float32(math.Copysign(0, -1)), 0}
	for _, c := range []struct {
		name   string
		filter func(y, x []float32)
		x      []float32
		kept   string // 1 for each logit kept
	}{
		{"top-k 2", topK(2), steps, "01010"},
		{"top-k 4 by index", topK(4), steps, "11110"},
		{"top-k beyond the row", topK(9), steps, "11111"},
		{"top-k of zeros", topK(2), zeros, "110"},
		{"top-k with NaN", topK(1), []float32{1, nan, 2}, "111"},
		{"top-k with +Inf", topK(1), []float32{1, posInf, posInf}, "010"},
		{"top-p 0", topP(0), steps, "01000"},
		{"top-p 0.4", topP(0.4), steps, "01000"},
		{"top-p 0.7", topP(0.7), steps, "01010"},
		{"top-p 0.8", topP(0.8), steps, "11010"},
		{"top-p 0.9", topP(0.9), steps, "11110"},
		{"top-p 1", topP(1), steps, "11111"},
		{"top-p of equals", topP(0.5), []float32{3, 3, 3, 3}, "1100"},
		{"top-p with +Inf", topP(0.1), []float32{1, posInf, 0}, "111"},
		{"top-p with NaN", topP(0.1), []float32{1, nan, 0}, "111"},
		{"min-p 0", minP(0), steps, "11111"},
		{"min-p 0.2", minP(0.2), steps, "11010"},
		{"min-p 0.6", minP(0.6), steps, "01000"},
		{"min-p 1 of equals", minP(1), []float32{3, 3, 2}, "110"},
		{"min-p with NaN", minP(0.5), []float32{1, nan, 0}, "111"},
		{"min-p of −Inf", minP(0.5), []float32{negInf, negInf}, "11"},
	} {
		y := append([]float32(nil), c.x...)
		c.filter(y, y)
		for j, v := range c.x {
			want := negInf
			if c.kept[j] == '1' {
				want = CanonNaN(v)
			}
			if math.Float32bits(y[j]) != math.Float32bits(want) {
				t.Errorf("%s of %v: %v, kept should be %s", c.name, c.x, y, c.kept)
				break
			}
		}
	}
}

func topK(k int) func(y, x []float32) { return func(y, x []float32) { FilterTopKRow(y, x, k) } }
func topP(p float32) func(y, x []float32) {
	return func(y, x []float32) { Fused.FilterTopPRow(y, x, p) }
}
func minP(p float32) func(y, x []float32) {
	return func(y, x []float32) { Fused.FilterMinPRow(y, x, p) }
}

// TestTopPBelowTarget: the weights of 3·2¹⁶ equal probabilities round down and
// sum below 2³⁰, so P = 1 is never reached and all are kept.
func TestTopPBelowTarget(t *testing.T) {
	x := make([]float32, 3<<16)
	y := make([]float32, len(x))
	p := make([]float32, len(x))
	Fused.SoftmaxRow(p, x, 1)
	if sum := uint64(len(x)) * uint64(ProbabilityWeight(p[0])); sum >= 1<<30 {
		t.Fatalf("the weights sum to %d: the case shows nothing", sum)
	}
	Fused.FilterTopPRow(y, x, 1)
	for j, v := range y {
		if v != 0 {
			t.Fatalf("element %d was dropped", j)
		}
	}
}

func TestProbabilityWeight(t *testing.T) {
	for _, c := range []struct {
		p    float32
		want uint32
	}{{0, 0}, {1, 1 << 30}, {0.5, 1 << 29}, {0x1p-31, 0}, {0x1.8p-30, 2}, {0x1.4p-29, 2}, {0x1p-149, 0}} {
		if got := ProbabilityWeight(c.p); got != c.want {
			t.Errorf("weight of %v is %d, want %d", c.p, got, c.want)
		}
	}
}
