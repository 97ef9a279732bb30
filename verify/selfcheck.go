package verify

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"samebits/backend"
	"samebits/verify/gradcheck"
	"samebits/verify/internal/glsl"
	"samebits/verify/stats"
)

// selfChecks are the checks of the verifier itself.
var selfChecks = []struct {
	check string
	run   func() error
}{
	{bySelf, SelfCheck},
	{bySelf, SamplersSelfCheck},
	{bySelf, stats.SelfCheck},
	{byGradients, gradcheck.SelfCheck},
}

// SelfCheck makes the comparators judge outputs of known verdict: right ones
// against right ones, right against wrong on either side, NaN, signed zeros,
// indices, spoiled memory, runs that compare nothing. Its error says what was
// misjudged; it takes milliseconds.
func SelfCheck() error {
	var errs []error
	want := func(what string, ok bool) {
		if !ok {
			errs = append(errs, errors.New("verifier: "+what))
		}
	}
	checkComparison(want)
	checkRanking(want)
	checkMemory(want)
	checkReport(want)
	checkBarriers(want)
	return errors.Join(errs...)
}

// judgePair compares the words of two sides with one ball.
func judgePair(b ball, tested, against uint32, exact bool) comparison {
	y := out("y", backend.Float32, 1, 1, 1)
	tr := &trial{arrays: []*array{y}, oracle: map[string]oracle{"y": within("y", []ball{b})}}
	t, a := side{name: "tested", out: outputs{"y": {tested}}}, side{name: "against", out: outputs{"y": {against}}}
	return compare(Case{Name: "self-check", Op: "copy"}, tr, t, a, exact, func() (side, error) { return a, nil })
}

func checkComparison(want func(string, bool)) {
	bits := math.Float32bits
	tight := ball{1, 0x1p-23}
	for _, c := range []struct {
		name            string
		b               ball
		tested, against uint32
		exact           bool
		kind, side      string // of the failure; empty for none
	}{
		{"right against right", tight, bits(1), bits(1), true, "", ""},
		{"the device under test is wrong", tight, bits(1.0001), bits(1), true, "bound", "tested"},
		{"the other device is wrong", tight, bits(1), bits(1.0001), true, "bound", "against"},
		{"both are wrong", tight, bits(2), bits(2), true, "bound", "tested and against"},
		{"bits differ within the bound", ball{1, 1}, bits(1.5), bits(1), true, "bits", "tested"},
		{"bits may differ in bounded mode", ball{1, 1}, bits(1.5), bits(1), false, "", ""},
		{"minus zero is not zero", ball{0, 1}, 0x80000000, 0, true, "bits", "tested"},
		{"NaN in place of a number", ball{1, 1}, canonicalNaN, bits(1), true, "bound", "tested"},
		{"NaN in place of a number, bounded", ball{1, 1}, canonicalNaN, bits(1), false, "bound", "tested"},
		{"NaN on both sides", ball{1, 1}, canonicalNaN, canonicalNaN, true, "bound", "tested and against"},
		{"NaN where it belongs", known(math.NaN()), canonicalNaN, canonicalNaN, true, "", ""},
		{"a number in place of NaN", known(math.NaN()), bits(1), canonicalNaN, true, "bound", "tested"},
		{"infinity where it belongs", known(math.Inf(1)), bits(float32(math.Inf(1))), bits(float32(math.Inf(1))), true, "", ""},
		{"the other infinity", known(math.Inf(1)), bits(float32(math.Inf(-1))), bits(float32(math.Inf(1))), true, "bound", "tested"},
	} {
		got := judgePair(c.b, c.tested, c.against, c.exact)
		kind, blamed := "", ""
		if got.failure != nil {
			kind, blamed = got.failure.Kind, got.failure.Side
		}
		want(fmt.Sprintf("%s: got %q and blame %q", c.name, kind, blamed), kind == c.kind && blamed == c.side)
	}
	want("a NaN among errors is forgotten", math.IsNaN(worse(worse(0.1, math.NaN()), 0.2)))
	index := equal("y", []uint32{1000}, false)
	want("a right index is wrong", index(outputs{"y": {1000}}, 0).verdict == Decisive)
	want("a neighbouring index passes", index(outputs{"y": {1001}}, 0).verdict == Wrong)
	want("a missing element passes", firstDifference([]uint32{1, 2}, []uint32{1}) == 1)
}

// checkRanking judges draws and nearest rows by the gap against the bound.
func checkRanking(want func(string, bool)) {
	scores := []ball{{1, 0.1}, {0.9, 0.1}, {-5, 0.1}, {-5, 0.1}}
	r := newRanking(scores, nil)
	r.twin = []int{-1, -1, -1, 2}
	for _, c := range []struct {
		row  []uint32
		p    int
		want Verdict
	}{
		{[]uint32{0}, 0, Boundary}, {[]uint32{1}, 0, Boundary}, {[]uint32{2}, 0, Wrong}, {[]uint32{9}, 0, Wrong},
		{[]uint32{0, 0}, 1, Wrong}, {[]uint32{0, 1}, 1, Boundary}, {[]uint32{0, 1, 3}, 2, Wrong}, {[]uint32{0, 1, 2}, 2, Boundary},
	} {
		got := r.judge(c.row, c.p).verdict
		want(fmt.Sprintf("the row %v at place %d is %v", c.row, c.p, got), got == c.want)
	}
	alone := newRanking([]ball{{1, 0.1}, {0, 0.1}}, nil)
	want("the only best index is not decisive", alone.judge([]uint32{0}, 0).verdict == Decisive)
}

// guarded is an array of one row between guard words, without a device.
func guarded(a *array) *placed {
	p := &placed{array: a}
	for j := range a.cols {
		p.at = append(p.at, guardFront+j)
	}
	p.guard(guardFront + a.cols + guardBack)
	return p
}

// checkMemory looks for guard words and inputs that were overwritten.
func checkMemory(want func(string, bool)) {
	for _, c := range []struct {
		what  string
		role  role
		place int // in the buffer
		seen  bool
	}{
		{"an untouched guard", output, -1, false}, {"a written output", output, guardFront, false},
		{"a guard before an output", output, guardFront - 1, true}, {"a guard after an output", output, guardFront + 2, true},
		{"an input", input, guardFront, true}, {"a guard after an input", input, guardFront + 2, true},
		{"an operand in place", inout, guardFront + 1, false},
	} {
		a := &array{name: "y", dtype: backend.Float32, batch: 1, rows: 1, cols: 2, place: offset, role: c.role, words: []uint32{7, 8}}
		p := guarded(a)
		got := slices.Clone(p.before)
		if c.place >= 0 {
			got[c.place] ^= 1
		}
		words, spoiled := p.examine(got)
		want(c.what+" is misjudged", (spoiled != "") == c.seen && len(words) == 2)
	}
	y := out("y", backend.Float32, 1, 1, 2)
	y.place = offset
	p := guarded(y)
	want("an output is not poisoned", p.before[guardFront] == y.poison() && p.before[guardFront-1] == guardAt("y", guardFront-1) && p.before[guardFront-1] != p.before[guardFront-2])
}

// checkReport refuses runs that prove nothing.
func checkReport(want func(string, bool)) {
	good := Report{Mode: exactMode, Cases: 1, Compared: 1, Elements: 1, WithinBound: 1, BitIdentical: 1}
	want("a good run fails", good.Err() == nil)
	nothing := good
	nothing.Compared, nothing.Elements, nothing.WithinBound, nothing.BitIdentical = 0, 0, 0, 0
	want("a run that compares nothing passes", nothing.Err() != nil)
	nan := good
	nan.WorstError = Number(math.NaN())
	want("a run whose error is NaN passes", nan.Err() != nil)
	failed := good
	failed.Failed = 1
	want("a failed case passes", failed.Err() != nil)
	differs := good
	differs.BitIdentical = 0
	want("a case of other bits passes", differs.Err() != nil)
}

// checkBarriers reads a kernel with its barrier and without.
func checkBarriers(want func(string, bool)) {
	const kernel = `shared float sums[64];
void main() {
	uint l = gl_LocalInvocationID.x;
	sums[l] = 1.0;
#ifdef SOUND
	memoryBarrierShared();
	barrier();
#endif
	y[l] = sums[0];
}`
	sound, err := glsl.Barriers("#define SOUND\n" + kernel)
	want("a kernel with its barrier is accused", err == nil && len(sound) == 0)
	unsound, err := glsl.Barriers(kernel)
	want("a missing barrier is not seen", err == nil && len(unsound) == 1)
}
