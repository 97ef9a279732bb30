package verify

import (
	"math"
	"slices"
	"sort"

	"samebits/verify/internal/broken"
)

// Verdict is an oracle's opinion of one element.
type Verdict uint8

const (
	// Decisive: the element is what it must be.
	Decisive Verdict = iota
	// Boundary: the element is one of several that the bounds allow.
	Boundary
	// Wrong: the element lies outside the bound.
	Wrong
)

func (v Verdict) String() string { return [...]string{"decisive", "boundary", "wrong"}[v] }

// opinion is what an oracle says of one word of an output.
type opinion struct {
	verdict Verdict
	want    float64 // the right value, as near as the oracle knows it
	bound   float64 // how far from it a right result may lie
	ratio   float64 // the error in bounds, where there is a bound
	alarm   bool    // within the bound, but farther off than chance explains
}

// outputs holds the words of a run's outputs by name.
type outputs map[string][]uint32

// oracle judges word i of an output. got holds all outputs of the run, since
// one may explain another.
type oracle func(got outputs, i int) opinion

// judge judges a float32 word against the ball it must lie in.
func (b ball) judge(word uint32) opinion {
	got := float64(math.Float32frombits(word))
	o := opinion{want: b.v, bound: b.e, verdict: Wrong}
	switch {
	case math.IsNaN(b.v):
		if math.IsNaN(got) {
			o.verdict = Decisive
		}
	case !finite(b.e):
		o.verdict = Boundary
	case math.IsInf(b.v, 0):
		if got == b.v {
			o.verdict = Decisive
		}
	case b.e == 0:
		if got == b.v {
			o.verdict = Decisive
		}
	default:
		o.ratio = math.Abs(got-b.v) / b.e
		if broken.Is(broken.BoundX1000) {
			o.ratio /= 1000
		}
		if o.ratio <= 1 || (math.IsNaN(o.ratio) && broken.Is(broken.NaNOutput)) {
			o.verdict = Decisive
		}
	}
	return o
}

// within judges an output of float32 by one ball a word.
func within(name string, want []ball) oracle {
	return func(got outputs, i int) opinion { return want[i].judge(got[name][i]) }
}

// watched is within with an alarm: likely are the balls that chance does not
// leave.
func watched(name string, want, likely []ball) oracle {
	return func(got outputs, i int) opinion {
		o := want[i].judge(got[name][i])
		o.alarm = o.verdict != Wrong && finite(o.bound) && o.bound > 0 && likely[i].judge(got[name][i]).verdict == Wrong
		return o
	}
}

// equal judges an output whose every bit is known. asFloat says how to show a word.
func equal(name string, want []uint32, asFloat bool) oracle {
	return func(got outputs, i int) opinion {
		o := opinion{want: float64(int32(want[i]))}
		if asFloat {
			o.want = float64(math.Float32frombits(want[i]))
		}
		if got[name][i] != want[i] {
			if near := math.Abs(float64(int32(got[name][i]))-o.want) <= 0.005*math.Abs(o.want); near && broken.Is(broken.IndexAsFloat) {
				return o
			}
			o.verdict = Wrong
		}
		return o
	}
}

// ranking judges rows of indices that pick the best of scored candidates, best
// first: place p of a row may hold any candidate whose score can be the p-th
// best within the bounds. Candidates without a score that counts are excluded:
// where fewer are left than places, the row ends in −1.
type ranking struct {
	score    []ball // larger is better; +Inf ties are taken in order
	excluded []bool // nil for none
	lo, hi   []float64
	order    []int // of candidates with infinite score or NaN, which come first
	twin     []int // the last candidate before each that is the same in every bit, −1 for none; nil for no twins
	left     int
	sorted   []int // the candidates after those of order, best first; made when first asked for
}

func newRanking(score []ball, excluded []bool) *ranking {
	r := &ranking{score: score, excluded: excluded}
	var nans, infs []int
	for j, s := range score {
		switch {
		case excluded != nil && excluded[j]:
			continue
		case math.IsNaN(s.v):
			nans = append(nans, j)
		case math.IsInf(s.v, 1):
			infs = append(infs, j)
		default:
			e := s.e
			if math.IsNaN(e) {
				e = math.Inf(1)
			}
			r.lo = append(r.lo, s.v-e)
			r.hi = append(r.hi, s.v+e)
		}
		r.left++
	}
	r.order = append(nans, infs...)
	sort.Sort(sort.Reverse(sort.Float64Slice(r.lo)))
	sort.Sort(sort.Reverse(sort.Float64Slice(r.hi)))
	return r
}

// judge says whether row, the indices of one row of the output, may hold
// row[p] at place p.
func (r *ranking) judge(row []uint32, p int) opinion {
	got := int(int32(row[p]))
	o := opinion{verdict: Wrong, want: -1}
	switch {
	case p >= r.left:
		if got == -1 {
			o.verdict = Decisive
		}
		return o
	case p < len(r.order):
		o.want = float64(r.order[p])
		if got == r.order[p] {
			o.verdict = Decisive
		}
		return o
	}
	o.want = float64(r.likely(p))
	if got < 0 || got >= len(r.score) || (r.excluded != nil && r.excluded[got]) {
		return o
	}
	if slices.Contains(row[:p], row[p]) {
		return o
	}
	if r.twin != nil && !broken.Is(broken.TwinsIgnored) && r.twin[got] >= 0 && !slices.Contains(row[:p], uint32(r.twin[got])) {
		return o // of equals the lower index comes first
	}
	s, q := r.score[got], p-len(r.order)
	if !finite(s.v) && !math.IsInf(s.v, -1) {
		return o
	}
	if (s.v+s.e < r.lo[q] || s.v-s.e > r.hi[q]) && !broken.Is(broken.GapIgnored) {
		return o
	}
	o.verdict = Boundary
	alone := (q == 0 || s.v+s.e < r.lo[q-1]) && (q+1 == len(r.hi) || s.v-s.e > r.hi[q+1])
	if alone {
		o.verdict = Decisive
	}
	return o
}

// likely returns the candidate at place p if the scores were exact.
func (r *ranking) likely(p int) int {
	if r.sorted == nil {
		r.sorted = make([]int, 0, len(r.lo))
		for j, s := range r.score {
			if (r.excluded == nil || !r.excluded[j]) && !math.IsNaN(s.v) && !math.IsInf(s.v, 1) {
				r.sorted = append(r.sorted, j)
			}
		}
		sort.SliceStable(r.sorted, func(a, b int) bool { return r.score[r.sorted[a]].v > r.score[r.sorted[b]].v })
	}
	if p -= len(r.order); p < len(r.sorted) {
		return r.sorted[p]
	}
	return -1
}
