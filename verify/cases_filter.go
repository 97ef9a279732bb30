package verify

import (
	"fmt"
	"math"

	"samebits/backend"
)

var drawShapes = [][2]int{{1, 1}, {3, 2}, {5, 63}, {4, 64}, {9, 65}, {67, 7}, {3, 257}, {2, 1000}, {0, 5}}

var filterFills = []fill{logits, ties, masked, planted, infinite, near, nanRow, twins}

// filterKinds are the filters of the cases.
var filterKinds = []struct {
	kind backend.FilterKind
	k    int
	p    float32
}{{backend.FilterTopK, 1, 0}, {backend.FilterTopK, 5, 0}, {backend.FilterTopK, 1000, 0}, {backend.FilterTopP, 0, 0}, {backend.FilterTopP, 0, 0.5},
	{backend.FilterTopP, 0, 0.9}, {backend.FilterTopP, 0, 1}, {backend.FilterMinP, 0, 0}, {backend.FilterMinP, 0, 0.1}, {backend.FilterMinP, 0, 1}}

func (b *builder) filters() {
	for s, d := range drawShapes {
		for i, kind := range filterFills {
			for j, o := range filterKinds {
				full := (s*7+i*3+j)%5 != 0 || d[0] > 9
				b.everyPlacement(func(p placement, other bool) {
					b.filter(full || other, d, kind, backend.Filter{Kind: o.kind, K: o.k, P: o.p}, p)
				})
			}
		}
	}
}

func (b *builder) filter(full bool, d [2]int, kind fill, op backend.Filter, p placement) {
	option := fmt.Sprintf("k=%d", op.K)
	if op.Kind != backend.FilterTopK {
		option = fmt.Sprintf("p=%v", op.P)
	}
	b.add("filter", full, []any{op.Kind, option, shape(d[:]), p, kind}, func(d []int, f *fills) *trial {
		x := f.in("x", 1, d[0], d[1], kind)
		var keep []Verdict // Decisive: kept; Wrong: dropped; Boundary: either
		for _, r := range rowsOf(x) {
			switch op.Kind {
			case backend.FilterTopK:
				keep = append(keep, keptTopK(r, op.K)...)
			case backend.FilterTopP:
				keep = append(keep, keptTopP(r, float64(op.P))...)
			default:
				keep = append(keep, keptMinP(r, float64(op.P))...)
			}
		}
		return &trial{
			arrays: place(p, out("y", backend.Float32, 1, d[0], d[1]), x),
			op: func(t tensors) backend.Op {
				return &backend.Filter{Y: t["y"], X: t["x"], Kind: op.Kind, K: op.K, P: op.P}
			},
			oracle: map[string]oracle{"y": func(got outputs, i int) opinion {
				const dropped = 0xff800000
				whole := x.words[i]
				if isNaNWord(whole) {
					whole = canonicalNaN
				}
				g := got["y"][i]
				o := opinion{want: math.Inf(-1), verdict: Wrong}
				if keep[i] != Wrong {
					o.want = float64(math.Float32frombits(whole))
				}
				switch {
				case keep[i] == Boundary && (g == whole || g == dropped):
					o.verdict = Boundary
				case keep[i] == Decisive && g == whole, keep[i] == Wrong && g == dropped:
					o.verdict = Decisive
				}
				return o
			}},
		}
	})
}

// before says that element i of x comes before element j where the larger
// comes first and the lower index first among equals.
func before(x []float64, i, j int) bool { return x[i] > x[j] || (x[i] == x[j] && i < j) }

func all(n int, v Verdict) []Verdict {
	s := make([]Verdict, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func hasNaN(x []float64) bool {
	for _, v := range x {
		if math.IsNaN(v) {
			return true
		}
	}
	return false
}

func keptTopK(x []float64, k int) []Verdict {
	keep := all(len(x), Decisive)
	if hasNaN(x) {
		return keep
	}
	for j := range x {
		ahead := 0
		for i := range x {
			if before(x, i, j) {
				ahead++
			}
		}
		if ahead >= k {
			keep[j] = Wrong
		}
	}
	return keep
}

// keptTopP decides by the probability that surely and that possibly comes
// before each element; the whole numbers that stand for probabilities add half
// a unit of 2⁻³⁰ each.
func keptTopP(x []float64, p float64) []Verdict {
	q := softmax(knownAll(x), 1)
	keep := all(len(x), Decisive)
	slack := float64(len(x)+2) * 0x1p-30
	for _, b := range q {
		if math.IsNaN(b.v) {
			return keep
		}
		slack += b.e
	}
	for j := range q {
		var sure, possible float64
		first := true
		for i := range q {
			if i == j {
				continue
			}
			same := x[i] == x[j] // equal logits have equal probabilities: the index decides
			switch {
			case (same && i < j) || (!same && q[i].v-q[i].e > q[j].v+q[j].e):
				sure += q[i].v
				possible += q[i].v
				first = false
			case !same && q[i].v+q[i].e >= q[j].v-q[j].e:
				possible += q[i].v
				first = false
			}
		}
		switch {
		case first || possible+slack < p:
		case sure-slack >= p && p > 0:
			keep[j] = Wrong
		default:
			keep[j] = Boundary
		}
	}
	if p == 0 {
		for j := range keep {
			if keep[j] == Boundary && sureBehind(x, j) {
				keep[j] = Wrong
			}
		}
	}
	return keep
}

// sureBehind says that element j of x is not the first of the largest.
func sureBehind(x []float64, j int) bool {
	for i := range x {
		if before(x, i, j) {
			return true
		}
	}
	return false
}

func keptMinP(x []float64, p float64) []Verdict {
	q := softmax(knownAll(x), 1)
	keep := all(len(x), Decisive)
	top := largest(q)
	if math.IsNaN(top.v) {
		return keep
	}
	least := top.mul(known(p))
	for j, b := range q {
		switch {
		case b.v-b.e > least.v+least.e, p == 0:
		case b.v+b.e < least.v-least.e:
			keep[j] = Wrong
		default:
			keep[j] = Boundary
		}
	}
	return keep
}
