package verify

import (
	"fmt"
	"math"
	"sort"

	"samebits/backend"
)

var columnShapes = [][3]int{{1, 1, 1}, {1, 255, 3}, {1, 256, 17}, {1, 257, 5}, {2, 513, 2}, {1, 7, 130}, {1, 0, 4}, {1, 1, 65}, {1, 70000, 1}}

var reduceFills = []fill{normal, wide, ties, planted, infinite, zeros, subnormal, large, near, nanRow, nanColumn, infRow, infColumn}

func (b *builder) reductions() {
	for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
		for axis, shapes := range [][][3]int{rowShapes, columnShapes} {
			for s, d := range shapes {
				for i, kind := range reduceFills {
					full := (s+i+int(r))%4 != 0 || (d[1]*d[2] > 20000 && i > 3)
					b.reduce(full, r, backend.Axis(axis), d, kind, placement((s+i+int(r))%4))
				}
			}
		}
	}
}

func (b *builder) reduce(full bool, r backend.Reduction, axis backend.Axis, d [3]int, kind fill, p placement) {
	if d[2-axis] == 0 && r != backend.Sum && r != backend.MaxAbsFinite {
		return
	}
	b.add("reduce", full, []any{r, flag(axis == backend.AlongRow, "rows", "columns"), shape(d[:]), p, kind}, func(d []int, f *fills) *trial {
		length, rows, cols := d[2], d[1], 1
		if axis == backend.AlongColumn {
			length, rows, cols = d[1], 1, d[2]
		}
		x := f.in("x", d[0], d[1], d[2], kind)
		y := out("y", backend.Float32, d[0], rows, cols)
		var want, likely []ball
		var bits []uint32
		for e := range d[0] * rows * cols {
			line := make([]uint32, length)
			for k := range line {
				if axis == backend.AlongRow {
					line[k] = x.words[e*length+k]
				} else {
					line[k] = x.words[(e/cols*length+k)*cols+e%cols]
				}
			}
			if r == backend.Sum {
				t := newTotal()
				for _, v := range floats64(line) {
					t.term(known(v))
				}
				depth := rowDepth(length)
				if axis == backend.AlongColumn {
					depth = min(length, 256) + (length+255)/256
				}
				want, likely = append(want, t.ball(depth)), append(likely, t.likely(depth))
				continue
			}
			bits = append(bits, reduced(r, line))
		}
		t := &trial{
			arrays: place(p, y, x),
			op: func(t tensors) backend.Op {
				return &backend.Reduce{Y: t["y"], X: t["x"], Reduction: r, Axis: axis}
			},
		}
		if r == backend.ArgMax || r == backend.ArgMin {
			y.dtype = backend.Int32
		}
		if r == backend.Sum {
			t.oracle = map[string]oracle{"y": watched("y", want, likely)}
		} else {
			t.oracle = map[string]oracle{"y": equal("y", bits, y.dtype == backend.Float32)}
		}
		return t
	})
}

// reduced is the word of a reduction that only chooses.
func reduced(r backend.Reduction, line []uint32) uint32 {
	x := floats64(line)
	if r == backend.MaxAbsFinite {
		most := uint32(0)
		for i, v := range x {
			if w := line[i] &^ (1 << 31); finite(v) && w > most {
				most = w
			}
		}
		return most
	}
	at := 0
	for i, v := range x {
		if math.IsNaN(v) {
			at = i
			break
		}
		if ((r == backend.Max || r == backend.ArgMax) && v > x[at]) || ((r == backend.Min || r == backend.ArgMin) && v < x[at]) {
			at = i
		}
	}
	if r == backend.ArgMax || r == backend.ArgMin {
		return uint32(at)
	}
	return canonical(line[at])
}

var rankFills = []fill{normal, ties, near, planted, infinite, zeros, nanRow, twins}

func (b *builder) rankings() {
	for s, d := range drawShapes {
		for i, kind := range rankFills {
			for j, m := range []int{1, 3, 64, d[1]} {
				if m = min(m, d[1]); m > 0 {
					b.topK((s+i+j)%3 != 0, d, m, kind, placement((s+i+j)%4))
				}
			}
		}
	}
}

func (b *builder) topK(full bool, d [2]int, m int, kind fill, p placement) {
	b.add("topk", full, []any{shape(d[:]), fmt.Sprintf("m=%d", m), p, kind}, func(d []int, f *fills) *trial {
		x := f.in("x", 1, d[0], d[1], kind)
		m := min(m, d[1])
		var want []uint32
		for _, r := range rowsOf(x) {
			order := make([]int, len(r))
			for j := range order {
				order[j] = j
			}
			sort.SliceStable(order, func(a, b int) bool {
				v, w := r[order[a]], r[order[b]]
				return (math.IsNaN(v) && !math.IsNaN(w)) || v > w
			})
			for _, j := range order[:m] {
				want = append(want, uint32(j))
			}
		}
		return &trial{
			arrays: place(p, out("index", backend.Int32, 1, d[0], m), x),
			op:     func(t tensors) backend.Op { return &backend.TopK{Index: t["index"], X: t["x"]} },
			oracle: map[string]oracle{"index": equal("index", want, false)},
		}
	})
}

var moveShapes = [][3]int{{1, 1, 1}, {1, 1, 17}, {1, 17, 1}, {1, 31, 33}, {1, 64, 65}, {3, 7, 18}, {1, 130, 15}, {2, 16, 16}, {1, 0, 3}, {1, 3, 0}}

// dtypes lists every element type.
var dtypes = []backend.DType{backend.Float32, backend.Complex64, backend.Int8, backend.Int32, backend.Uint32}

// anyBits is an input of random bits.
func anyBits(f *fills, name string, t backend.DType, batch, rows, cols int) *array {
	a := &array{name: name, dtype: t, batch: batch, rows: rows, cols: cols, words: f.words(batch * rows * cols * width(t))}
	for i, w := range a.words {
		switch {
		case t == backend.Int8:
			a.words[i] = uint32(int8(w))
		case isFloat(t) && isNaNWord(w):
			a.words[i] |= 1 << 22 // quiet: signalling payloads do not survive every copy in host registers
		}
	}
	return f.kept(a, 0)
}

func (b *builder) movements() {
	for s, d := range moveShapes {
		for i, t := range dtypes {
			b.everyPlacement(func(p placement, other bool) {
				full := other && (s != 3 || i > 1)
				b.move("transpose", full, t, d, p)
				b.move("copy", full, t, d, p)
				if d[0] > 1 {
					b.move("copy-one", full, t, d, p)
				} else {
					b.move("gather", full, t, d, p)
				}
			})
		}
	}
}

func (b *builder) move(form string, full bool, dtype backend.DType, d [3]int, p placement) {
	op, option := form, ""
	if form == "copy-one" {
		op, option = "copy", "one-matrix"
	}
	b.add(op, full, []any{option, dtype, shape(d[:]), p}, func(d []int, f *fills) *trial {
		batch := d[0]
		if option != "" {
			batch = 1
		}
		x := anyBits(f, "x", dtype, batch, d[1], d[2])
		y := out("y", dtype, d[0], d[1], d[2])
		t := &trial{verbatim: true}
		var index *array
		var from func(b, i, j int) int // the element of x, −1 for zero bits
		switch form {
		case "transpose":
			y.rows, y.cols = d[2], d[1]
			from = func(b, i, j int) int { return (b*d[1]+j)*d[2] + i }
			t.op = func(t tensors) backend.Op { return &backend.Transpose{Y: t["y"], X: t["x"]} }
		case "gather":
			y.rows = 2*d[1] + 3
			rows := f.ints(y.rows, -2, int32(d[1])+1)
			rows[0], rows[1], rows[2] = math.MinInt32, math.MaxInt32, 0
			index = f.kept(intIn("index", y.rows, 1, rows), 0)
			from = func(_, i, j int) int {
				row := int(int32(index.words[i]))
				if row < 0 || row >= d[1] {
					return -1
				}
				return row*d[2] + j
			}
			t.op = func(t tensors) backend.Op { return &backend.Gather{Y: t["y"], X: t["x"], Index: t["index"]} }
		default:
			from = func(b, i, j int) int { return (b%batch*d[1]+i)*d[2] + j }
			t.op = func(t tensors) backend.Op { return &backend.Copy{Y: t["y"], X: t["x"]} }
		}
		w := width(dtype)
		want := make([]uint32, y.elements()*w)
		for e := range y.elements() {
			if at := from(e/(y.rows*y.cols), e/y.cols%y.rows, e%y.cols); at >= 0 {
				copy(want[e*w:(e+1)*w], x.words[at*w:])
			}
		}
		t.arrays = place(p, y, x, index)
		t.oracle = map[string]oracle{"y": equal("y", want, isFloat(dtype))}
		return t
	})
}
