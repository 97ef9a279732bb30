package verify

import (
	"math"
	"slices"
	"strings"
	"testing"

	"samebits/backend"
)

const (
	one      = 0x3f800000
	next     = 0x3f800001
	minusOne = 0xbf800000
)

// vector is an output of float32 words and its trial.
func vector(oracleOf oracle, n int) (Case, *trial) {
	y := out("y", backend.Float32, 1, 1, n)
	return Case{Name: "test/vector", Op: "copy"}, &trial{arrays: []*array{y}, oracle: map[string]oracle{"y": oracleOf}}
}

func sides(x, y []uint32) (side, side) {
	return side{name: "x", out: outputs{"y": x}}, side{name: "y", out: outputs{"y": y}}
}

func TestCompareNamesTheWrongSide(t *testing.T) {
	inf := math.Inf(1)
	tight := ball{1, 0x1p-30}
	loose := ball{1, 0.5}
	for _, c := range []struct {
		name      string
		want      ball
		x, y      uint32
		exact     bool
		kind      string // empty: no failure
		side      string
		identical bool
	}{
		{"equal", tight, one, one, true, "", "", true},
		{"first wrong", tight, next, one, true, "bound", "x", false},
		{"second wrong", tight, one, next, true, "bound", "y", false},
		{"both wrong, same bits", tight, minusOne, minusOne, true, "bound", "x and y", true},
		{"bits differ within the bound", loose, next, one, true, "bits", "x", false},
		{"bits differ within the bound, bounded mode", loose, next, one, false, "", "", false},
		{"NaN is not swallowed by a wide bound", loose, canonicalNaN, one, true, "bound", "x", false},
		{"NaN on both sides", loose, canonicalNaN, canonicalNaN, true, "bound", "x and y", true},
		{"NaN in bounded mode", loose, one, canonicalNaN, false, "bound", "y", false},
		{"NaN where it must be", known(math.NaN()), canonicalNaN, canonicalNaN, true, "", "", true},
		{"a number where NaN must be", known(math.NaN()), one, canonicalNaN, true, "bound", "x", false},
		{"NaN of another payload", known(math.NaN()), 0x7fc00001, canonicalNaN, true, "bound", "x", false},
		{"NaN of another payload on both sides", known(math.NaN()), 0xffc00000, 0xffc00000, true, "bound", "x and y", true},
		{"minus zero and zero", known(0), 0x80000000, 0, true, "bits", "x", false},
		{"infinity where it must be", known(inf), 0x7f800000, 0x7f800000, true, "", "", true},
		{"the other infinity", known(inf), 0xff800000, 0x7f800000, true, "bound", "x", false},
		{"an overflow that the bound allows", ball{3e38, inf}, 0x7f800000, 0x7f800000, true, "", "", true},
		{"undecided by the oracle, decided by the bits", ball{3e38, inf}, 0x7f800000, one, true, "bits", "x", false},
	} {
		cs, tr := vector(within("y", []ball{{}, c.want}), 2)
		x, y := sides([]uint32{0, c.x}, []uint32{0, c.y})
		referee := func() (side, error) { return side{out: outputs{"y": {0, c.y}}}, nil }
		got := compare(cs, tr, x, y, c.exact, referee)
		if got.bitIdentical != c.identical || got.withinBound != (c.kind != "bound") || got.elements != 2 {
			t.Errorf("%s: %+v", c.name, got)
		}
		switch f := got.failure; {
		case f == nil && c.kind != "":
			t.Errorf("%s: passed", c.name)
		case f != nil && (f.Kind != c.kind || f.Side != c.side || f.Element != 1 || f.Column != 1):
			t.Errorf("%s: %+v", c.name, *f)
		}
	}
}

func TestCompareSeesLengthsErrorsAndMemory(t *testing.T) {
	cs, tr := vector(within("y", []ball{known(1)}), 1)
	x, y := sides([]uint32{one}, []uint32{})
	if c := compare(cs, tr, x, y, true, nil); c.failure == nil || c.bitIdentical || c.failure.Side != "y" {
		t.Errorf("a missing output passed: %+v", c)
	}
	x, y = sides([]uint32{one}, []uint32{one})
	x.spoiled = "guard word 3 was overwritten"
	if c := compare(cs, tr, x, y, true, nil); c.failure == nil || c.failure.Kind != "memory" || c.failure.Side != "x" {
		t.Errorf("spoiled memory passed: %+v", c)
	}
	x.spoiled, y.err = "", backend.ErrOutOfMemory
	if c := compare(cs, tr, x, y, true, nil); c.failure == nil || c.failure.Kind != "error" || c.failure.Side != "y" || c.withinBound {
		t.Errorf("an error passed: %+v", c)
	}
	tr.oracle = nil
	y.err = nil
	if c := compare(cs, tr, x, y, true, nil); c.failure == nil {
		t.Error("an output without an oracle passed")
	}
}

// TestSwappedOperands proves that the oracles know which operand is which: a
// product, difference or distance with swapped arguments is wrong.
func TestSwappedOperands(t *testing.T) {
	p := product{dtype: backend.Float32, batch: 1, m: 4, n: 4, k: 4, fillA: wide, fillB: signs}
	tr := p.trial(newFills(1, "swapped"))
	a, b := tr.arrays[1], tr.arrays[2]
	right, swapped := p.want(hard, a, b, tr.arrays[0], nil), p.want(hard, b, a, tr.arrays[0], nil)
	words := func(w []ball) []uint32 {
		var x []float32
		for _, v := range w {
			x = append(x, float32(v.v))
		}
		return floatWords(x)
	}
	x, y := sides(words(swapped), words(right))
	x.out["c"], y.out["c"] = x.out["y"], y.out["y"]
	c := compare(Case{}, tr, x, y, true, nil)
	if c.failure == nil || c.failure.Side != "x" {
		t.Errorf("B·A passed for A·B: %+v", c)
	}
	if w, _, _ := mapped(backend.FnSub, [3]uint32{one, 0, 0}); w.v != 1 {
		t.Errorf("1 − 0 = %v", w.v)
	}
	if _, w, _ := mapped(backend.FnMax, [3]uint32{0x80000000, 0, 0}); w != 0x80000000 {
		t.Errorf("max(−0, +0) = %08x, want the first of equals", w)
	}
	if _, w, _ := mapped(backend.FnMin, [3]uint32{one, canonicalNaN | 5, 0}); w != canonicalNaN {
		t.Errorf("min(1, NaN) = %08x", w)
	}
}

func TestWorstErrorKeepsNaN(t *testing.T) {
	nan := math.NaN()
	if !math.IsNaN(worse(nan, 1)) || !math.IsNaN(worse(1, nan)) || worse(1, 2) != 2 || worse(2, 1) != 2 {
		t.Error("worse loses a NaN or the larger")
	}
}

func TestReportRefusesWhatProvesNothing(t *testing.T) {
	good := Report{Mode: exactMode, Cases: 2, Compared: 2, Elements: 5, BitIdentical: 2, WithinBound: 2}
	if err := good.Err(); err != nil {
		t.Errorf("a good run: %v", err)
	}
	for _, c := range []struct {
		name, say string
		change    func(r *Report)
	}{
		{"nothing compared", "nothing was compared", func(r *Report) { r.Compared, r.BitIdentical, r.WithinBound, r.Elements = 0, 0, 0, 0 }},
		{"only empty cases", "nothing was compared", func(r *Report) { r.Elements = 0 }},
		{"one failed", "1 of 2 cases failed", func(r *Report) { r.Failed = 1 }},
		{"NaN aggregate", "not a number", func(r *Report) { r.WorstError = Number(math.NaN()) }},
		{"a case outside its bound that was not counted as failed", "within the bounds", func(r *Report) { r.WithinBound = 1 }},
		{"a case of other bits that was not counted as failed", "same bits", func(r *Report) { r.BitIdentical = 1 }},
	} {
		r := good
		c.change(&r)
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want %q", c.name, err, c.say)
		}
	}
	bounded := good
	bounded.Mode, bounded.BitIdentical = boundedMode, 0
	if err := bounded.Err(); err != nil {
		t.Errorf("bounded mode: %v", err)
	}
}

// TestRanking: three candidates 3, 2, 1 with gaps against the bounds.
func TestRanking(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	r := func(e float64) *ranking { return newRanking([]ball{{1, e}, {3, e}, {2, e}}, nil) }
	special := newRanking([]ball{known(1), known(inf), known(nan), known(nan), known(inf)}, nil)
	masked := newRanking([]ball{known(-inf), known(2)}, []bool{true, false})
	twins := newRanking([]ball{{1, .1}, {1, .1}, {0, .1}}, nil)
	twins.twin = []int{-1, 0, -1}
	const none = 0xffffffff
	for _, c := range []struct {
		name string
		r    *ranking
		row  []uint32
		want []Verdict
	}{
		{"right", r(0.1), []uint32{1, 2, 0}, []Verdict{Decisive, Decisive, Decisive}},
		{"off by one", r(0.1), []uint32{2, 1, 0}, []Verdict{Wrong, Wrong, Decisive}},
		{"a gap the bound covers", r(0.6), []uint32{2, 1, 0}, []Verdict{Boundary, Boundary, Boundary}},
		{"two gaps away", r(0.6), []uint32{0, 2, 1}, []Verdict{Wrong, Boundary, Wrong}},
		{"the gap is the bound", r(0.5), []uint32{2, 1, 0}, []Verdict{Boundary, Boundary, Boundary}},
		{"the gap just passes the bound", r(0.499), []uint32{2, 1, 0}, []Verdict{Wrong, Wrong, Decisive}},
		{"twice the same", r(0.6), []uint32{1, 1}, []Verdict{Boundary, Wrong}},
		{"outside", r(0.1), []uint32{3, none}, []Verdict{Wrong, Wrong}},
		{"NaN, then infinity, lower index first", special, []uint32{2, 3, 1, 4, 0}, []Verdict{Decisive, Decisive, Decisive, Decisive, Decisive}},
		{"infinity before NaN", special, []uint32{1, 2}, []Verdict{Wrong, Wrong}},
		{"reversed ties of NaN", special, []uint32{3, 2}, []Verdict{Wrong, Wrong}},
		{"the excluded end the row", masked, []uint32{1, none}, []Verdict{Decisive, Decisive}},
		{"an excluded candidate", masked, []uint32{1, 0}, []Verdict{Decisive, Wrong}},
		{"of twins the first", twins, []uint32{0, 1}, []Verdict{Boundary, Boundary}},
		{"of twins the second", twins, []uint32{1, 0}, []Verdict{Wrong, Boundary}},
	} {
		for p, want := range c.want {
			if got := c.r.judge(c.row, p).verdict; got != want {
				t.Errorf("%s: place %d is %v, want %v", c.name, p, got, want)
			}
		}
	}
}

func TestOneHot(t *testing.T) {
	r := newRanking([]ball{{1, .1}, {3, .1}, {2, .1}}, nil)
	wrong := func(row ...uint32) (n int) {
		for j := range row {
			if oneHot(row, slices.Index(row, oneBits), r, j).verdict == Wrong {
				n++
			}
		}
		return n
	}
	if n := wrong(0, one, 0); n != 0 {
		t.Errorf("the right row has %d wrong elements", n)
	}
	for _, row := range [][]uint32{{one, 0, 0}, {0, 0, 0}, {one, one, 0}, {0, next, 0}, {0, one, 0x80000000}, {0, canonicalNaN, 0}} {
		if wrong(row...) == 0 {
			t.Errorf("%08x passed", row)
		}
	}
}
