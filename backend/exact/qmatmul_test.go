package exact

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// goldenFile reads a file of shared/golden: under SAMEBITS_SHARED, or beside
// the module's root.
func goldenFile(t *testing.T, name string, v any) {
	t.Helper()
	shared := os.Getenv("SAMEBITS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(shared, "golden", name)
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("MISSING %s: set SAMEBITS_SHARED to the folder that holds golden/%s", path, name)
	}
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// quantizeMultiplier is the decomposition that the golden real multipliers
// were scaled with: q·2^(shift−31).
func quantizeMultiplier(real float64) (q, shift int32) {
	frac, exp := math.Frexp(real)
	fixed := int64(math.Round(frac * (1 << 31)))
	if fixed == 1<<31 {
		fixed, exp = fixed/2, exp+1
	}
	if exp < -31 {
		return 0, 0
	}
	return int32(fixed), int32(exp)
}

func TestRequantisationGolden(t *testing.T) {
	type multiply struct {
		X          int32
		Multiplier float64
		Q, Shift   int32
		Out        int32
		Double     int32 `json:"double_rounding"`
	}
	var golden struct {
		Quantize []struct {
			Multiplier float64
			Q, Shift   int32
		} `json:"quantize_multiplier"`
		Both   []multiply                         `json:"multiply_int32_both_modes"`
		Double []multiply                         `json:"multiply_int32_double_rounding_only"`
		Max    multiply                           `json:"multiply_int32_max"`
		Diverg []multiply                         `json:"single_vs_double_rounding_divergence"`
		SRDHM  []struct{ A, B, Out int32 }        `json:"saturating_rounding_doubling_high_mul"`
		POT    []struct{ X, Exponent, Out int32 } `json:"rounding_divide_by_pot"`
	}
	goldenFile(t, "quant_multiplier.json", &golden)
	for _, c := range golden.Quantize {
		if q, shift := quantizeMultiplier(c.Multiplier); q != c.Q || shift != c.Shift {
			t.Errorf("multiplier %v: %d, %d, want %d, %d", c.Multiplier, q, shift, c.Q, c.Shift)
		}
	}
	checks := 0
	check := func(x, q, shift, want int32) {
		checks++
		if got := MultiplyByQuantizedMultiplier(x, q, shift); got != want {
			t.Errorf("%d·%d·2^(%d−31): %d, want %d", x, q, shift, got, want)
		}
	}
	for _, c := range slices.Concat(golden.Both, golden.Double) {
		q, shift := quantizeMultiplier(c.Multiplier)
		check(c.X, q, shift, c.Out)
	}
	check(golden.Max.X, golden.Max.Q, golden.Max.Shift, golden.Max.Out)
	for _, c := range golden.Diverg {
		check(c.X, c.Q, c.Shift, c.Double)
	}
	for _, c := range golden.SRDHM {
		checks++
		if got := SaturatingRoundingDoublingHighMul(c.A, c.B); got != c.Out {
			t.Errorf("SRDHM(%d, %d) = %d, want %d", c.A, c.B, got, c.Out)
		}
	}
	for _, c := range golden.POT {
		checks++
		if got := RoundingDivideByPOT(c.X, c.Exponent); got != c.Out {
			t.Errorf("%d/2^%d = %d, want %d", c.X, c.Exponent, got, c.Out)
		}
	}
	if checks < 70 {
		t.Errorf("only %d golden values were compared", checks)
	}
}

// The int8 fully connected layers of TensorFlow Lite's own tests: accumulators
// and outputs.
func TestQMatMulGolden(t *testing.T) {
	var golden struct {
		Cases []struct {
			Name          string
			Relu          *bool
			Input         [][]int32 `json:"input_q"`
			Weight        [][]int32 `json:"weight_q"`
			Bias          []int32   `json:"bias_q"`
			Acc           [][]int32
			Output        [][]int32 `json:"output_q"`
			Multipliers   []struct{ Q, Shift int32 }
			IZP, WZP, OZP int32
			Bits          json.RawMessage
		}
	}
	goldenFile(t, "quant_fc.json", &golden)
	compared := 0
	for _, c := range golden.Cases {
		if c.Bits != nil {
			continue // uint8 layers
		}
		a, b := int8View(c.Input), int8View(c.Weight)
		q := Requant{Zero: c.OZP, Min: -128, Max: 127}
		for _, m := range c.Multipliers {
			q.Multiplier, q.Shift = append(q.Multiplier, m.Q), append(q.Shift, m.Shift)
		}
		if c.Relu == nil || *c.Relu {
			q.Min = c.OZP // the real number 0
		}
		QMatMul(a.Rows, b.Rows, a, b, false, true, c.IZP, c.WZP, c.Bias, func(i, j int, acc int32) {
			compared++
			if acc != c.Acc[i][j] || int32(q.Apply(acc, j)) != c.Output[i][j] {
				t.Errorf("%s: element %d, %d: %d, then %d, want %d, then %d", c.Name, i, j, acc, q.Apply(acc, j), c.Acc[i][j], c.Output[i][j])
			}
		})
	}
	if compared < 50 {
		t.Errorf("only %d golden elements were compared", compared)
	}
}

func int8View(rows [][]int32) View[int8] {
	v := Dense(make([]int8, len(rows)*len(rows[0])), len(rows), len(rows[0]))
	for i, row := range rows {
		for j, x := range row {
			v.Set(i, j, int8(x))
		}
	}
	return v
}

// The two roundings by their definitions.
func TestRequantisationRoundings(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	ends := []int32{0, 1, -1, 2, -2, 3, 1 << 30, -1 << 30, math.MaxInt32, math.MinInt32, math.MinInt32 + 1}
	for n := range 200_000 {
		a, b := int32(r.Uint32()), int32(r.Uint32())>>r.UintN(32)
		if n < len(ends)*len(ends) {
			a, b = ends[n/len(ends)], ends[n%len(ends)]
		}
		high := (int64(a)*int64(b) + 1<<30) >> 31 // ⌊ab/2³¹ + ½⌋
		if got := SaturatingRoundingDoublingHighMul(a, b); int64(got) != min(high, math.MaxInt32) {
			t.Fatalf("SRDHM(%d, %d) = %d, want %d", a, b, got, high)
		}
		e := int32(n % 32)
		magnitude := (int64(math.Abs(float64(a))) + int64(1)<<e>>1) >> e // halves away from zero
		if a < 0 {
			magnitude = -magnitude
		}
		if got := RoundingDivideByPOT(a, e); int64(got) != magnitude {
			t.Fatalf("%d/2^%d = %d, want %d", a, e, got, magnitude)
		}
	}
}

// A product that saturates stays at its end when the zero point is added.
func TestRequantSaturates(t *testing.T) {
	q := Requant{Multiplier: []int32{math.MaxInt32}, Shift: []int32{0}, Zero: 100, Min: -128, Max: 127}
	if hi, lo := q.Apply(math.MaxInt32, 3), q.Apply(math.MinInt32, 3); hi != 127 || lo != -128 {
		t.Errorf("ends give %d and %d, want 127 and −128", hi, lo)
	}
}
