package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

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

// ranks returns the indices of x, the one that comes before all others first.
func ranks(x []float64) []int {
	order := make([]int, len(x))
	for j := range order {
		order[j] = j
	}
	sort.Slice(order, func(a, b int) bool { return before(x, order[a], order[b]) })
	return order
}

func keptTopK(x []float64, k int) []Verdict {
	keep := all(len(x), Decisive)
	if hasNaN(x) {
		return keep
	}
	for _, j := range ranks(x)[min(k, len(x)):] {
		keep[j] = Wrong
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
	least, most := newHeads(q, func(b ball) float64 { return b.v - b.e }), newHeads(q, func(b ball) float64 { return b.v + b.e })
	order := ranks(x)
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		// Equal logits have equal probabilities: the index decides.
		b, equals := q[order[from]], float64(to-from)
		ahead, _ := least.of(func(lo float64) bool { return lo > b.v+b.e })
		others, count := most.of(func(hi float64) bool { return hi >= b.v-b.e })
		others -= equals * b.v
		for i, j := range order[from:to] {
			earlier := float64(i) * b.v
			switch {
			case (i == 0 && count == to-from) || others+earlier+slack < p:
			case ahead+earlier-slack >= p && p > 0, p == 0 && j != order[0]:
				keep[j] = Wrong
			default:
				keep[j] = Boundary
			}
		}
		from = to
	}
	return keep
}

// heads holds some bounds of probabilities, largest first, and the sums of the
// probabilities up to each.
type heads struct{ bounds, sums []float64 }

func newHeads(q []ball, bound func(ball) float64) heads {
	sorted := slices.SortedFunc(slices.Values(q), func(a, b ball) int { return cmp.Compare(bound(b), bound(a)) })
	h := heads{sums: []float64{0}}
	for _, b := range sorted {
		h.bounds = append(h.bounds, bound(b))
		h.sums = append(h.sums, h.sums[len(h.sums)-1]+b.v)
	}
	return h
}

// of returns the sum and the number of the probabilities whose bounds are in,
// which holds for the largest if for any.
func (h heads) of(in func(bound float64) bool) (float64, int) {
	n := sort.Search(len(h.bounds), func(i int) bool { return !in(h.bounds[i]) })
	return h.sums[n], n
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
