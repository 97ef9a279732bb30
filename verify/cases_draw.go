package verify

import (
	"fmt"
	"math"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// mostDraws is the largest number of draws a row in the cases, for which steps
// must be left in the stream.
const mostDraws = 1 << 20

// drawsOf returns where a case draws: at the first rows of the stream, up to
// the last, or anywhere, at any step.
func drawsOf(f *fills, use exact.Use, rows, place int) backend.Draws {
	w := f.words(5)
	d := backend.Draws{Seed: uint64(w[0])<<32 | uint64(w[1]), Use: use, Sub: uint16(w[2]), Step: min(w[3], math.MaxUint32-mostDraws)}
	last := uint32(1<<32 - int64(max(rows, 1)))
	switch {
	case place == 1:
		d.Row = last
	case w[4]&1 != 0:
		d.Row = min(w[4], last)
	}
	return d
}

var drawFills = []fill{logits, ties, masked, planted, infinite, near, far, nanRow, infRow, twins}

func (b *builder) draws() {
	for s, d := range drawShapes {
		for i, kind := range drawFills {
			for j, temp := range []float32{0, 0.5, 3} {
				full := (i != 0 && (s+i)%3 != 0) || j != (s+i)%3
				p := placement((s + i + j) % 4)
				for _, n := range []int{1, 3} {
					b.categorical(full || (n == 3) != (s%2 == 0), d, n, kind, temp, p)
				}
				for _, m := range []int{1, 3, 64} {
					if m > d[1] {
						m = d[1]
					}
					b.withoutReplacement(full || (s+m)%2 == 0, d, m, kind, temp, p)
				}
				for _, outs := range []string{"y", "onehot", "y-onehot"} {
					b.gumbelSoftmax(full || len(outs) < 7, d, kind, temp, outs, p)
				}
			}
		}
	}
}

// perturbed are the scores mac(gumbel, x, 1/T) of one row.
func perturbed(d backend.Draws, draw, row int, x []float64, temp float32) []ball {
	if temp == 0 {
		temp = 1
	}
	scale := known(float64(temp)).recip()
	s := make([]ball, len(x))
	for j, v := range x {
		s[j] = gumbelOf(wordOf(d, draw, row, j)).add(known(v).mul(scale))
	}
	return s
}

func negInfinite(s []ball) []bool {
	x := make([]bool, len(s))
	for j, b := range s {
		x[j] = math.IsInf(b.v, -1)
	}
	return x
}

func (b *builder) categorical(full bool, d [2]int, n int, kind fill, temp float32, p placement) {
	b.add("categorical", full, []any{shape(d[:]), fmt.Sprintf("draws=%d", n), p, kind, temperatureName(temp)}, func(d []int, f *fills) *trial {
		x := f.in("x", 1, d[0], d[1], kind)
		dr := drawsOf(f, exact.UseCategorical, d[0], d[0]%2)
		rows := rowsOf(x)
		if kind == masked && len(rows) > 1 {
			for j := range rows[1] {
				rows[1][j], x.words[d[1]+j] = math.Inf(-1), 0xff800000
			}
		}
		ranks := map[int]*ranking{}
		return &trial{
			arrays: place(p, out("index", backend.Int32, 1, d[0], n), x),
			op: func(t tensors) backend.Op {
				return &backend.Categorical{Index: t["index"], X: t["x"], Temperature: temperature(temp), Draws: dr}
			},
			oracle: map[string]oracle{"index": func(got outputs, i int) opinion {
				r := ranks[i]
				if r == nil {
					s := perturbed(dr, i%n, i/n, rows[i/n], temp)
					r = newRanking(s, negInfinite(s))
					ranks[i] = r
				}
				return r.judge(got["index"][i:i+1], 0)
			}},
		}
	})
}

func (b *builder) withoutReplacement(full bool, d [2]int, m int, kind fill, temp float32, p placement) {
	b.add("withoutreplacement", full, []any{shape(d[:]), fmt.Sprintf("m=%d", m), p, kind, temperatureName(temp)}, func(d []int, f *fills) *trial {
		x := f.in("x", 1, d[0], d[1], kind)
		m := min(m, d[1])
		dr := drawsOf(f, exact.UseWithoutReplacement, d[0], 1-d[0]%2)
		rows := rowsOf(x)
		return &trial{
			arrays: place(p, out("index", backend.Int32, 1, d[0], m), x),
			op: func(t tensors) backend.Op {
				return &backend.WithoutReplacement{Index: t["index"], X: t["x"], Temperature: temperature(temp), Draws: dr}
			},
			oracle: map[string]oracle{"index": ranked("index", m, func(i int) *ranking {
				s := perturbed(dr, 0, i, rows[i], temp)
				return newRanking(s, negInfinite(s))
			})},
		}
	})
}

// ranked judges an output of rows of m indices by one ranking a row.
func ranked(name string, m int, of func(row int) *ranking) oracle {
	made := map[int]*ranking{}
	return func(got outputs, i int) opinion {
		row := i / m
		r := made[row]
		if r == nil {
			r = of(row)
			made[row] = r
		}
		return r.judge(got[name][row*m:(row+1)*m], i%m)
	}
}

func (b *builder) gumbelSoftmax(full bool, d [2]int, kind fill, tau float32, outs string, p placement) {
	b.add("gumbelsoftmax", full, []any{outs, shape(d[:]), p, kind, temperatureName(tau)}, func(d []int, f *fills) *trial {
		x := f.in("x", 1, d[0], d[1], kind)
		dr := drawsOf(f, exact.UseGumbelSoftmax, d[0], d[0]%2)
		var y, onehot *array
		if outs != "onehot" {
			y = out("y", backend.Float32, 1, d[0], d[1])
		}
		if outs != "y" {
			onehot = out("onehot", backend.Float32, 1, d[0], d[1])
		}
		var want []ball
		var ranks []*ranking
		ones := map[*uint32]int{} // where a row that begins here holds its first 1
		for i, r := range rowsOf(x) {
			t := make([]ball, len(r))
			for j, v := range r {
				t[j] = gumbelOf(wordOf(dr, 0, i, j)).add(known(v))
			}
			want = append(want, softmax(t, tau)...)
			ranks = append(ranks, newRanking(t, negInfinite(t)))
		}
		return &trial{
			arrays: place(p, y, onehot, x),
			op: func(t tensors) backend.Op {
				return &backend.GumbelSoftmax{Y: t["y"], OneHot: t["onehot"], X: t["x"], Tau: temperature(tau), Draws: dr}
			},
			oracle: map[string]oracle{"y": within("y", want), "onehot": func(got outputs, i int) opinion {
				row := got["onehot"][i/d[1]*d[1] : (i/d[1]+1)*d[1]]
				at, ok := ones[&row[0]]
				if !ok {
					at = slices.Index(row, oneBits)
					ones[&row[0]] = at
				}
				return oneHot(row, at, ranks[i/d[1]], i%d[1])
			}},
		}
	})
}

// oneBits is the number 1.
const oneBits = 0x3f800000

// oneHot judges element j of a row that must hold 1 at the best of r and +0
// elsewhere; a row with nothing to choose is all +0. at is where its first 1
// stands, −1 for none.
func oneHot(row []uint32, at int, r *ranking, j int) opinion {
	if row[j] != 0 && j != at {
		return opinion{verdict: Wrong}
	}
	o := r.judge([]uint32{uint32(int32(at))}, 0)
	likely := o.want
	o.want = 0
	if int(likely) == j {
		o.want = 1
	}
	if o.verdict == Wrong && j != at && j != int(likely) {
		o.verdict = Decisive // the error stands at the two elements that differ
	}
	return o
}

func (b *builder) fillsOf() {
	for s, d := range [][2]int{{1, 1}, {3, 5}, {1, 4}, {7, 63}, {5, 130}, {65, 3}, {2, 1027}, {0, 3}} {
		for dist := backend.Constant; dist <= backend.Bits; dist++ {
			for _, plain := range []bool{true, false} {
				if dist == backend.Bits && !plain {
					continue
				}
				b.everyPlacement(func(p placement, other bool) { b.fill(other && s != 4, d, dist, plain, p) })
			}
		}
	}
}

func (b *builder) fill(full bool, d [2]int, dist backend.Distribution, plain bool, p placement) {
	b.add("fill", full, []any{dist, flag(plain, "plain", "scaled"), shape(d[:]), p}, func(d []int, f *fills) *trial {
		dr := drawsOf(f, [...]exact.Use{exact.UseTest, exact.UseUniformFill, exact.UseNormalFill, exact.UseExponentialFill,
			exact.UseGumbelFill, exact.UseTest}[dist], d[0], d[1]%2)
		y := out("y", backend.Float32, 1, d[0], d[1])
		var loc, scale backend.Factor
		l, s := 0.0, 1.0
		if !plain {
			l, s = -2.5, float64(float32(0.3))
			loc, scale = backend.Scalar(float32(l)), backend.Scalar(float32(s))
		}
		want := make([]ball, d[0]*d[1])
		bits := make([]uint32, len(want))
		for e := range want {
			i, j := e/d[1], e%d[1]
			word := wordOf(dr, 0, i, j)
			var v ball
			switch dist {
			case backend.Constant:
				v = known(l)
			case backend.Uniform:
				v = known(uniformOf(word))
			case backend.Normal:
				x, y := normalOf(wordOf(dr, 0, i, j&^1), wordOf(dr, 0, i, j|1))
				v = x
				if j&1 != 0 {
					v = y
				}
			case backend.Exponential:
				v = exponentialOf(word)
			case backend.Gumbel:
				v = gumbelOf(word)
			}
			if !plain && dist != backend.Constant {
				v = known(l).add(known(s).mul(v))
			}
			want[e], bits[e] = v, word
		}
		t := &trial{
			arrays: place(p, y),
			op: func(t tensors) backend.Op {
				return &backend.Fill{Y: t["y"], Distribution: dist, Loc: loc, Scale: scale, Draws: dr}
			},
			oracle: map[string]oracle{"y": within("y", want)},
		}
		if dist == backend.Bits {
			y.dtype = backend.Uint32
			t.oracle["y"] = equal("y", bits, false)
		}
		return t
	})
}
