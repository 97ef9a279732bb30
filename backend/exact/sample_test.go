package exact

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"testing"
)

var samplePosition = Position{Seed: 42, Use: UseCategorical, Sub: 1, Step: 2, Row: 3}

func TestPositionIsWord(t *testing.T) {
	for e := range uint64(9) {
		if got, want := samplePosition.Word(e), Word(42, UseCategorical, 1, 2, 3, e); got != want {
			t.Errorf("element %d: %x, want %x", e, got, want)
		}
	}
}

func TestCategoricalSpecials(t *testing.T) {
	big := float32(math.MaxFloat32)
	for _, c := range []struct {
		x           []float32
		temperature float32
		want        int32
	}{
		{[]float32{negInf, negInf, negInf}, 1, -1},
		{nil, 1, -1},
		{[]float32{negInf, 0, negInf}, 1, 1},
		{[]float32{5, posInf, 7, posInf}, 1, 1},
		{[]float32{posInf, 0, nan, nan}, 1, 2},
		{[]float32{0, 1000, 0}, 1, 1},
		{[]float32{-big, -big}, 0.5, -1}, // both scores overflow to −Inf
		{[]float32{big, 2 * (big / 2)}, 0.5, 0},
		{[]float32{1, 0, 1}, 1e-40, 1}, // 1/T is +Inf and 0·Inf a NaN
	} {
		for _, m := range []Mac{Fused, Split} {
			if got := m.CategoricalDraw(samplePosition, c.x, c.temperature); got != c.want {
				t.Errorf("%v: draw from %v at %v is %d, want %d", m, c.x, c.temperature, got, c.want)
			}
		}
	}
}

// TestCategoricalIsGumbelMax checks a draw against the definition in float64:
// where the two best scores are further apart than rounding, both agree.
func TestCategoricalIsGumbelMax(t *testing.T) {
	differ := 0
	for row := range uint32(500) {
		at := samplePosition
		at.Row = row
		x := make([]float32, 33)
		best, bestScore, second := 0, math.Inf(-1), math.Inf(-1)
		for j := range x {
			x[j] = float32(math.Sin(float64(j) * 1.7))
			v := float64(Uniform(Word(at.Seed, at.Use, at.Sub, at.Step, row, uint64(j))))
			score := float64(x[j])/0.5 - math.Log(-math.Log1p(-v))
			if score > bestScore {
				best, bestScore, second = j, score, bestScore
			} else {
				second = max(second, score)
			}
		}
		if bestScore-second < 1e-4 {
			continue
		}
		if got := Fused.CategoricalDraw(at, x, 0.5); got != int32(best) {
			t.Errorf("row %d: drew %d, want %d", row, got, best)
		}
		if Fused.CategoricalDraw(at, x, 1) != int32(best) {
			differ++
		}
	}
	if differ == 0 {
		t.Error("the temperature never mattered")
	}
}

// TestWithoutReplacement: the first draw is the categorical draw, indices are
// different, their scores descend, and what cannot be drawn is −1.
func TestWithoutReplacement(t *testing.T) {
	x := []float32{0, negInf, 2, -1, negInf, 1, 0.5}
	for row := range uint32(200) {
		at := samplePosition
		at.Row = row
		index := make([]int32, len(x))
		Fused.WithoutReplacementRow(at, index, x, 0.7)
		if want := Fused.CategoricalDraw(at, x, 0.7); index[0] != want {
			t.Fatalf("row %d: first draw %d, want %d", row, index[0], want)
		}
		seen := map[int32]bool{}
		last := posInf
		for i, j := range index {
			if i >= 5 {
				if j != -1 {
					t.Fatalf("row %d: draw %d is %d, want −1", row, i, j)
				}
				continue
			}
			if j < 0 || seen[j] || x[j] == negInf {
				t.Fatalf("row %d: draws %v", row, index)
			}
			seen[j] = true
			score := Fused.gumbelScore(at, int(j), x[j], Recip(0.7))
			if score > last {
				t.Fatalf("row %d: scores ascend at draw %d", row, i)
			}
			last = score
		}
	}
	index := make([]int32, 4)
	Split.WithoutReplacementRow(samplePosition, index, []float32{negInf, nan, posInf, 3, nan}, 1)
	for i, want := range []int32{1, 4, 2, 3} {
		if index[i] != want {
			t.Errorf("draws %v, want NaNs, then +Inf, then the rest", index)
			break
		}
	}
}

func TestGumbelSoftmaxRow(t *testing.T) {
	x := []float32{0.3, -1, 2, 0.1, 0}
	y, oneHot, want := make([]float32, 5), make([]float32, 5), make([]float32, 5)
	for _, m := range []Mac{Fused, Split} {
		m.GumbelSoftmaxRow(samplePosition, y, oneHot, x, 0.5)
		perturbed := make([]float32, 5)
		for j, v := range x {
			perturbed[j] = v + m.Gumbel(samplePosition.Word(uint64(j)))
		}
		m.SoftmaxRow(want, perturbed, 0.5)
		drawn := m.CategoricalDraw(samplePosition, x, 1)
		for j := range x {
			if y[j] != want[j] {
				t.Errorf("%v: y[%d] = %v, want %v", m, j, y[j], want[j])
			}
			if (oneHot[j] == 1) != (int32(j) == drawn) || (oneHot[j] != 1 && oneHot[j] != 0) {
				t.Errorf("%v: one-hot %v, want a 1 at %d", m, oneHot, drawn)
			}
		}
	}
	Fused.GumbelSoftmaxRow(samplePosition, y[:2], oneHot[:2], []float32{negInf, negInf}, 1)
	if math.Float32bits(y[0]) != nanBits || oneHot[0] != 0 || oneHot[1] != 0 {
		t.Errorf("a row of −Inf gives y %v and one-hot %v, want NaN and zeros", y[:2], oneHot[:2])
	}
	Fused.GumbelSoftmaxRow(samplePosition, nil, oneHot[:3], []float32{posInf, nan, 0}, 1)
	if oneHot[0] != 0 || oneHot[1] != 1 || oneHot[2] != 0 {
		t.Errorf("one-hot %v, want the NaN's index", oneHot[:3])
	}
}

// samplingGolden holds the first 8 bytes of the SHA-256 of the family's results
// over rows of normal logits (see TestSamplingGoldenBits), as golden does for
// the elementary functions.
var samplingGolden = map[string]string{
	"softmax/fused":             "36289393faa22c00",
	"log-softmax/fused":         "598c237ad12b56fe",
	"log-sum-exp/fused":         "0b07ec3e8144ebad",
	"categorical/fused":         "98b22d15792e8176",
	"without replacement/fused": "7c10377889c91a2e",
	"gumbel-softmax/fused":      "f7d90d22ee365844",
	"top-k/fused":               "0be723c5f9d50845",
	"top-p/fused":               "1612758b5702d237",
	"min-p/fused":               "5069fef69d6e4f06",
	"softmax/split":             "be115c632ecef73b",
	"log-softmax/split":         "44d61bf449e41cb7",
	"log-sum-exp/split":         "0b07ec3e8144ebad",
	"categorical/split":         "98b22d15792e8176",
	"without replacement/split": "7c10377889c91a2e",
	"gumbel-softmax/split":      "0732de6988c4c4db",
	"top-k/split":               "d0f070503b67afc4",
	"top-p/split":               "526de58f68804ae5",
	"min-p/split":               "d886cdecdd332b92",
}

func TestSamplingGoldenBits(t *testing.T) {
	tested := 0
	for _, m := range []Mac{Fused, Split} {
		rows := func(name string, f func(at Position, y, x []float32)) {
			hash := sha256.New()
			for row, n := range []int{1, 64, 100, 5000, 17000} {
				at := samplePosition
				at.Row = uint32(row)
				x, y := make([]float32, n), make([]float32, n)
				for j := range x {
					x[j] = 3 * m.NormalAt(Position{Seed: 4, Row: uint32(row)}, uint64(j))
				}
				f(at, y, x)
				if err := binary.Write(hash, binary.LittleEndian, y); err != nil {
					t.Fatal(err)
				}
			}
			name = fmt.Sprintf("%s/%v", name, m)
			if got := hex.EncodeToString(hash.Sum(nil)[:8]); got != samplingGolden[name] {
				t.Errorf("%q: %q, want %q", name, got, samplingGolden[name])
			}
			tested++
		}
		rows("softmax", func(_ Position, y, x []float32) { m.SoftmaxRow(y, x, 0.7) })
		rows("log-softmax", func(_ Position, y, x []float32) { m.LogSoftmaxRow(y, x, 0.7) })
		rows("log-sum-exp", func(_ Position, y, x []float32) { y[0] = m.LogSumExpRow(x, 0.7) })
		rows("categorical", func(at Position, y, x []float32) { y[0] = float32(m.CategoricalDraw(at, x, 0.7)) })
		rows("without replacement", func(at Position, y, x []float32) {
			index := make([]int32, min(9, len(x)))
			m.WithoutReplacementRow(at, index, x, 0.7)
			for i, j := range index {
				y[i] = float32(j)
			}
		})
		rows("gumbel-softmax", func(at Position, y, x []float32) { m.GumbelSoftmaxRow(at, y, nil, x, 0.7) })
		rows("top-k", func(_ Position, y, x []float32) { FilterTopKRow(y, x, 50) })
		rows("top-p", func(_ Position, y, x []float32) { m.FilterTopPRow(y, x, 0.9) })
		rows("min-p", func(_ Position, y, x []float32) { m.FilterMinPRow(y, x, 0.01) })
	}
	if len(samplingGolden) != tested {
		t.Errorf("%d golden values for %d results", len(samplingGolden), tested)
	}
}
