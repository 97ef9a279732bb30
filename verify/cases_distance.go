package verify

import (
	"fmt"
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

var metrics = []backend.Metric{backend.SquaredEuclidean, backend.Euclidean, backend.Manhattan, backend.Cosine}

// distanceShapes are n, d, k.
var distanceShapes = [][3]int{{1, 1, 1}, {5, 3, 2}, {17, 8, 6}, {33, 31, 17}, {65, 2, 129}, {130, 64, 65}, {64, 16, 16}, {7, 4099, 5}, {19, 13, 33}, {6, 7, 64}, {0, 3, 2}, {4, 0, 3}}

var distanceFills = []fill{normal, digits, ties, near, far, zeros, planted, infinite, large, small, twins, nanRow, infRow, nanColumn}

// measured is the distance of two rows, Σ over rounded differences.
func measured(m backend.Metric, x, c []ball) ball { return measuredBy(hard, m, x, c) }

// measuredBy is measured with sums of hard or probable bounds.
func measuredBy(by bounding, m backend.Metric, x, c []ball) ball {
	t := newTotal()
	for k := range x {
		d := x[k].sub(c[k])
		if m == backend.Manhattan {
			t.term(ball{math.Abs(d.v), d.e})
		} else {
			t.term(d.times(d))
		}
	}
	sum := by(&t, chainDepth(len(x)))
	switch m {
	case backend.Euclidean:
		return ball{math.Max(sum.v, 0), sum.e}.sqrt()
	case backend.Cosine:
		return sum.times(known(0.5)).rounded()
	}
	return sum
}

// normalised is a row scaled by the reciprocal of its norm.
func normalised(x []ball) []ball {
	norm := dot(len(x), func(k int) (ball, ball) { return x[k], x[k] }).sqrt()
	if norm.v == 0 && norm.e == 0 {
		return x
	}
	r := norm.recip()
	y := make([]ball, len(x))
	for k := range x {
		y[k] = x[k].mul(r)
	}
	return y
}

func ballRows(a *array, m backend.Metric) [][]ball {
	var rows [][]ball
	for _, r := range rowsOf(a) {
		b := knownAll(r)
		if m == backend.Cosine {
			b = normalised(b)
		}
		rows = append(rows, b)
	}
	return rows
}

func (b *builder) distances() {
	for s, d := range distanceShapes {
		for i, kind := range distanceFills {
			for j, m := range metrics {
				full := (s+i)%5 != 0 && (i != 0 || j != s%4)
				p := placement((s + i + j) % 4)
				b.distanceMatrix(full, d, m, kind, p)
				b.namedDistances(full, d, m, kind, p)
				for _, groups := range []int{0, 1, 3, 37} {
					b.pairwiseSum(full || (s+i+j+groups)%4 != 0, d, m, kind, groups, p)
				}
			}
		}
	}
}

func (b *builder) distanceMatrix(full bool, d [3]int, m backend.Metric, kind fill, p placement) {
	b.add("distances", full, []any{m, shape(d[:]), p, kind}, func(d []int, f *fills) *trial {
		x, c := f.in("x", 1, d[0], d[1], kind), f.in("c", 1, d[2], d[1], kind)
		return &trial{
			arrays: place(p, out("d", backend.Float32, 1, d[0], d[2]), x, c),
			op: func(t tensors) backend.Op {
				return &backend.Distances{D: t["d"], X: t["x"], C: t["c"], Metric: m}
			},
			oracle: map[string]oracle{"d": watched("d", distanceBalls(hard, x, c, m), distanceBalls(probable, x, c, m))},
		}
	})
}

func (b *builder) namedDistances(full bool, d [3]int, m backend.Metric, kind fill, p placement) {
	const named = 3
	b.add("distances", full, []any{"named", m, shape(d[:]), p, kind}, func(d []int, f *fills) *trial {
		x, c := f.in("x", 1, d[0], d[1], kind), f.in("c", 1, d[2], d[1], kind)
		index := f.intIn("index", d[0], named, -1, int32(d[2])) // one before and one past the centres
		all := distanceBalls(hard, x, c, m)
		var want []ball
		for i, w := range index.words {
			if j := int(int32(w)); j < 0 || j >= d[2] {
				want = append(want, known(math.NaN()))
			} else {
				want = append(want, all[i/named*d[2]+j])
			}
		}
		return &trial{
			arrays: place(p, out("d", backend.Float32, 1, d[0], named), x, c, index),
			op: func(t tensors) backend.Op {
				return &backend.Distances{D: t["d"], X: t["x"], C: t["c"], Index: t["index"], Metric: m}
			},
			oracle: map[string]oracle{"d": within("d", want)},
		}
	})
}

func distanceBalls(by bounding, x, c *array, m backend.Metric) []ball {
	rows, centres := ballRows(x, m), ballRows(c, m)
	var want []ball
	for _, r := range rows {
		for _, s := range centres {
			want = append(want, measuredBy(by, m, r, s))
		}
	}
	return want
}

func (b *builder) pairwiseSum(full bool, d [3]int, m backend.Metric, kind fill, groups int, p placement) {
	b.add("pairwisesum", full, []any{m, shape(d[:]), fmt.Sprintf("groups=%d", groups), p, kind}, func(d []int, f *fills) *trial {
		x, c := f.in("x", 1, d[0], d[1], kind), f.in("c", 1, d[2], d[1], kind)
		var label *array
		sums := max(groups, 1)
		if groups > 0 {
			label = f.intIn("label", d[2], 1, -1, int32(groups))
		}
		dist := distanceBalls(hard, x, c, m)
		var want []ball
		for i := range d[0] {
			groups := make([]total, sums)
			for g := range groups {
				groups[g] = newTotal()
			}
			for j := range d[2] {
				g := 0
				if label != nil {
					g = int(int32(label.words[j]))
				}
				if g >= 0 && g < sums {
					groups[g].term(dist[i*d[2]+j])
				}
			}
			for g := range groups {
				want = append(want, groups[g].ball(rowDepth(d[2])))
			}
		}
		return &trial{
			arrays: place(p, out("y", backend.Float32, 1, d[0], sums), x, c, label),
			op: func(t tensors) backend.Op {
				return &backend.PairwiseSum{Y: t["y"], X: t["x"], C: t["c"], Label: t["label"], Metric: m}
			},
			oracle: map[string]oracle{"y": within("y", want)},
		}
	})
}

func (b *builder) nearest() {
	for s, d := range distanceShapes {
		if d[2] == 0 {
			continue
		}
		for i, kind := range distanceFills {
			for j, m := range metrics {
				for v := range 4 {
					shifted, most := v&1 != 0, v&2 != 0
					if shifted && j > 1 {
						continue
					}
					count := 1
					if most {
						count = min(d[2], []int{2, 5, 64}[(s+i)%3])
					}
					full := ((s+i)%4 != 0 && i != 0) || (s+i+j+v)%3 != 0
					b.nearestRows(full, d, m, kind, count, shifted, (s+v)%5 != 0, placement((s+i+j+v)%4))
				}
			}
		}
	}
}

func (b *builder) nearestRows(full bool, d [3]int, m backend.Metric, kind fill, count int, shifted, withDistance bool, p placement) {
	b.add("nearest", full, []any{m, shape(d[:]), fmt.Sprintf("m=%d", count), flag(shifted, "shifted", ""),
		flag(withDistance, "", "index"), p, kind}, func(d []int, f *fills) *trial {
		x, c := f.in("x", 1, d[0], d[1], kind), f.in("c", 1, d[2], d[1], kind)
		count := min(count, d[2])
		if d[2] > 3 { // the last centre repeats the first
			copy(c.words[(d[2]-1)*d[1]:], c.words[:d[1]])
		}
		var shift, distance *array
		if shifted {
			known := kind
			if kind == planted || kind == infinite {
				known = normal
			}
			shift = f.in("shift", 1, 1, d[1], known)
		}
		if withDistance {
			distance = out("distance", backend.Float32, 1, d[0], count)
		}
		rows, centres := ballRows(x, m), ballRows(c, m)
		score := scores(m, rows, centres, shift)
		twins := twinsOf(c)
		return &trial{
			arrays: place(p, out("index", backend.Int32, 1, d[0], count), distance, x, c, shift),
			op: func(t tensors) backend.Op {
				return &backend.Nearest{Index: t["index"], Distance: t["distance"], X: t["x"], C: t["c"], Shift: t["shift"], Metric: m}
			},
			oracle: map[string]oracle{
				"index": ranked("index", count, func(i int) *ranking {
					r := newRanking(score(i), nil)
					r.twin = twins
					return r
				}),
				"distance": func(got outputs, i int) opinion {
					g := int(int32(got["index"][i]))
					if g < 0 || g >= d[2] {
						return opinion{verdict: Wrong, want: math.NaN()}
					}
					return measured(m, rows[i/count], centres[g]).judge(got["distance"][i])
				},
			},
		}
	})
}

// twinsOf returns for each row the last row before it that has the same bits, −1
// for none.
func twinsOf(a *array) []int {
	last := map[string]int{}
	twins := make([]int, a.rows)
	for i := range twins {
		key := fmt.Sprint(a.words[i*a.cols : (i+1)*a.cols])
		twins[i] = -1
		if j, ok := last[key]; ok {
			twins[i] = j
		}
		last[key] = i
	}
	return twins
}

// scores returns the negated scores of one row against all centres, so that
// the nearest is the largest; an infinite score is the farthest.
func scores(m backend.Metric, rows, centres [][]ball, shift *array) func(i int) []ball {
	if m == backend.Manhattan {
		return func(i int) []ball {
			s := make([]ball, len(centres))
			for j, c := range centres {
				s[j] = measured(m, rows[i], c).neg()
			}
			return s
		}
	}
	moved := func(x []ball) []ball {
		if shift == nil {
			return x
		}
		y := make([]ball, len(x))
		for k, v := range floats64(shift.words) {
			y[k] = x[k].sub(known(v))
		}
		return y
	}
	half := make([]ball, len(centres))
	cs := make([][]ball, len(centres))
	for j, c := range centres {
		cs[j] = moved(c)
		half[j] = dot(len(c), func(k int) (ball, ball) { return cs[j][k], cs[j][k] }).times(known(0.5)).rounded()
	}
	return func(i int) []ball {
		x := moved(rows[i])
		s := make([]ball, len(centres))
		for j := range centres {
			s[j] = half[j].sub(dot(len(x), func(k int) (ball, ball) { return x[k], cs[j][k] })).neg()
		}
		return s
	}
}

var scatterFills = []fill{normal, wide, large, small, subnormal, planted, infinite, far, zeros, nanRow, nanColumn, infColumn}

func (b *builder) scatterSums() {
	for s, d := range [][3]int{{1, 1, 1}, {7, 3, 2}, {64, 5, 4}, {257, 2, 33}, {1000, 17, 3}, {33, 130, 5}, {5, 3, 1}, {0, 3, 2}, {4, 0, 3}, {513, 1, 300}} {
		for i, kind := range scatterFills {
			for v := range 4 {
				b.scatterSum((s+i+v)%4 != 0, d, kind, v&1 != 0, v&2 == 0, false, placement((s+i+v)%4))
			}
		}
		b.scatterSum(s%3 != 0, d, normal, false, true, true, dense)
	}
}

// scatterSum is one case. small scales make some elements pass 2³⁰.
func (b *builder) scatterSum(full bool, d [3]int, kind fill, weighted, labelled, smallScale bool, p placement) {
	b.add("scattersum", full, []any{shape(d[:]), flag(weighted, "weighted", ""), flag(labelled, "labels", "one"),
		flag(smallScale, "passing-scale", ""), p, kind}, func(d []int, f *fills) *trial {
		n, cols, k := d[0], d[1], d[2]
		x := f.in("x", 1, n, cols, kind)
		var weight, label *array
		if weighted {
			weight = f.in("weight", 1, n, 1, unitRange)
		}
		if labelled {
			label = f.intIn("label", n, 1, -1, int32(k))
		}
		values := make([]float32, len(x.words))
		for e, w := range x.words {
			values[e] = math.Float32frombits(w)
			if weighted { // the product is exact in float64
				values[e] = float32(float64(math.Float32frombits(weight.words[e/cols])) * float64(values[e]))
			}
		}
		exponent := make([]int32, cols)
		for j := range exponent {
			var most float32
			for i := range n {
				if v := float32(math.Abs(float64(values[i*cols+j]))); finite(float64(v)) {
					most = max(most, v)
				}
			}
			exponent[j] = exact.ScatterExponent(most)
			if smallScale {
				exponent[j] += int32(1 + j%3)
			}
		}
		return &trial{
			arrays: place(p, out("sums", backend.Uint32, 1, k, exact.ScatterWords(cols)), x, label, weight, intIn("exponent", 1, cols, exponent)),
			op: func(t tensors) backend.Op {
				return &backend.ScatterSum{Sums: t["sums"], X: t["x"], Label: t["label"], Weight: t["weight"], Exponent: t["exponent"]}
			},
			oracle: map[string]oracle{"sums": equal("sums", scattered(values, n, cols, k, label, exponent), false)},
		}
	})
}

// scattered are the words of the sums: with t = x·2^e in float64, which holds
// it exactly, hi = roundEven(t) and lo = roundEven((t−hi)·2³⁰).
func scattered(x []float32, n, cols, k int, label *array, exponent []int32) []uint32 {
	stride := 5*cols + 1
	words := make([]uint32, k*stride)
	add := func(at int, v int64) {
		sum := uint64(words[at]) | uint64(words[at+1])<<32
		sum += uint64(v)
		words[at], words[at+1] = uint32(sum), uint32(sum>>32)
	}
	for i := range n {
		l := int32(0)
		if label != nil {
			l = int32(label.words[i])
		}
		if l < 0 || int(l) >= k {
			continue
		}
		row := words[int(l)*stride : int(l+1)*stride]
		for j := range cols {
			at := int(l)*stride + 5*j
			t := math.Ldexp(float64(x[i*cols+j]), int(exponent[j]))
			if !finite(t) || math.Abs(t) > 1<<30 {
				row[5*j+4] = 1
				continue
			}
			hi := math.RoundToEven(t)
			add(at, int64(hi))
			add(at+2, int64(math.RoundToEven((t-hi)*(1<<30))))
		}
		row[stride-1]++
	}
	return words
}
