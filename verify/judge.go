package verify

import (
	"fmt"
	"math"

	"samebits/backend"
	"samebits/verify/internal/broken"
)

// side is what one device made of a trial.
type side struct {
	name    string
	out     outputs
	spoiled string // what it did to memory it must not write
	err     error
}

// judged is the comparison of one output of one side with the oracle.
type judged struct {
	wrong    int // the first element outside its bound, −1 for none
	verdict  opinion
	boundary int
	alarms   int     // elements farther off than chance explains
	worst    float64 // the largest error in bounds; NaN once any is NaN
	errors   Histogram
}

// judge compares one output of one side, every word, with the oracle.
func judge(a *array, o oracle, out outputs, verbatim bool) judged {
	j := judged{wrong: -1}
	words := out[a.name]
	if len(words) != a.elements()*width(a.dtype) {
		j.wrong = 0
		return j
	}
	for i, w := range words {
		op := o(out, i)
		if isFloat(a.dtype) && !verbatim && isNaNWord(w) && w != canonicalNaN {
			op.verdict = Wrong
		}
		j.worst = worse(j.worst, op.ratio)
		if op.alarm {
			j.alarms++
		}
		j.errors.add(op)
		switch op.verdict {
		case Boundary:
			j.boundary++
		case Wrong:
			if j.wrong < 0 {
				j.wrong, j.verdict = i, op
			}
		}
	}
	return j
}

// worse is the larger ratio, where a NaN is never swallowed.
func worse(a, b float64) float64 {
	if math.IsNaN(a) || math.IsNaN(b) {
		if broken.Is(broken.NaNErrorForgotten) {
			return 0
		}
		return math.NaN()
	}
	return math.Max(a, b)
}

func isNaNWord(w uint32) bool { return w&0x7fffffff > 0x7f800000 }

// firstDifference returns the first word in which a and b differ, −1 for none;
// outputs of different length differ at the shorter one's end.
func firstDifference(a, b []uint32) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			if broken.Is(broken.BitsAsFloats) && math.Float32frombits(a[i]) == math.Float32frombits(b[i]) {
				continue
			}
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// comparison is the result of one case.
type comparison struct {
	elements     int
	boundary     int
	alarms       int
	worst        float64
	errors       Histogram // of the device under test
	bitIdentical bool
	withinBound  bool
	failure      *Failure // nil where the case passes
}

// compare judges two sides of a trial. exact says that both promise the same
// bits. referee, which may be nil, runs the trial a third time where the bits
// differ although both sides lie within the bounds.
func compare(c Case, tr *trial, tested, against side, exact bool, referee func() (side, error)) comparison {
	res := comparison{bitIdentical: true, withinBound: true}
	fail := func(f Failure) {
		if res.failure == nil {
			f.Case, f.Op = c.Name, c.Op
			res.failure = &f
		}
	}
	for _, s := range []side{tested, against} {
		if s.err != nil {
			res.bitIdentical, res.withinBound = false, false
			fail(Failure{Kind: "error", Side: s.name, Message: s.err.Error()})
		}
	}
	if res.failure != nil {
		return res
	}
	for _, a := range tr.written() {
		x, y := tested.out[a.name], against.out[a.name]
		o := tr.oracle[a.name]
		if o == nil {
			fail(Failure{Kind: "error", Side: "verifier", Message: "output " + a.name + " has no oracle"})
			res.withinBound = false
			continue
		}
		jx, jy := judge(a, o, tested.out, tr.verbatim), judge(a, o, against.out, tr.verbatim)
		res.elements += len(x)
		res.boundary += jx.boundary + jy.boundary
		res.alarms += jx.alarms + jy.alarms
		res.worst = worse(worse(res.worst, jx.worst), jy.worst)
		res.errors.merge(jx.errors)
		diff := firstDifference(x, y)
		if diff >= 0 {
			res.bitIdentical = false
		}
		if jx.wrong >= 0 || jy.wrong >= 0 {
			res.withinBound = false
		} else if !exact || diff < 0 {
			continue
		}
		fail(describe(a, tr, tested, against, jx, jy, diff, referee))
	}
	for _, s := range []side{tested, against} {
		if s.spoiled != "" {
			fail(Failure{Kind: "memory", Side: s.name, Message: s.spoiled})
		}
	}
	return res
}

// describe builds the failure of one output.
func describe(a *array, tr *trial, tested, against side, jx, jy judged, diff int, referee func() (side, error)) Failure {
	x, y := tested.out[a.name], against.out[a.name]
	f := Failure{Kind: "bound", Output: a.name}
	if broken.Is(broken.SidesSwapped) {
		tested, against = against, tested
	}
	at := diff
	switch {
	case jx.wrong >= 0 && jy.wrong >= 0:
		f.Side = tested.name + " and " + against.name
		if at < 0 {
			at = jx.wrong
		}
	case jx.wrong >= 0:
		f.Side, at = tested.name, jx.wrong
	case jy.wrong >= 0:
		f.Side, at = against.name, jy.wrong
	default:
		f.Kind = "bits"
		f.Side = decide(a, tested, against, referee)
	}
	f.FirstDifference = diff
	f.Element = at / width(a.dtype)
	if a.cols > 0 && a.rows > 0 {
		e := f.Element
		f.Batch, f.Row, f.Column = e/(a.rows*a.cols), e/a.cols%a.rows, e%a.cols
	}
	if at < len(x) && at < len(y) {
		f.Tested, f.Against = valueOf(a.dtype, x[at]), valueOf(a.dtype, y[at])
		op := tr.oracle[a.name](tested.out, at)
		f.Oracle = Oracle{Value: Number(op.want), Bound: Number(op.bound)}
	}
	f.Message = fmt.Sprintf("%s[%d,%d,%d]: %s has %v, %s has %v, the oracle %v ± %.3g: %s is wrong",
		a.name, f.Batch, f.Row, f.Column, tested.name, f.Tested, against.name, f.Against, float64(f.Oracle.Value), float64(f.Oracle.Bound), f.Side)
	return f
}

// decide names the side that differs from the referee.
func decide(a *array, tested, against side, referee func() (side, error)) string {
	const undecided = "one of the two (both lie within the bound)"
	if referee == nil {
		return undecided
	}
	r, err := referee()
	if err != nil {
		return undecided
	}
	z := r.out[a.name]
	switch x, y := firstDifference(tested.out[a.name], z), firstDifference(against.out[a.name], z); {
	case x >= 0 && y < 0:
		return tested.name
	case y >= 0 && x < 0:
		return against.name
	}
	return tested.name + " and " + against.name
}

// valueOf shows a word of an output.
func valueOf(t backend.DType, w uint32) Value {
	v := Value{Bits: fmt.Sprintf("%08x", w), Number: Number(int32(w))}
	switch {
	case isFloat(t):
		v.Number = Number(math.Float32frombits(w))
	case t == backend.Uint32:
		v.Number = Number(w)
	}
	return v
}
