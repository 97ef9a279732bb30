package verify

import (
	"fmt"
	"math"

	"samebits/backend"
)

// rowShapes are batch, rows, columns around the 64 lanes and the blocks of
// 16384 of a row reduction.
var rowShapes = [][3]int{{1, 1, 1}, {1, 3, 2}, {1, 5, 63}, {1, 4, 64}, {1, 3, 65}, {1, 67, 7}, {1, 2, 257}, {1, 7, 1000}, {3, 5, 33},
	{1, 1, 16385}, {1, 2, 16449}, {1, 0, 5}, {1, 4, 0}}

// expensive says that a shape is for one fill of the quick suite alone.
func expensive(d [3]int) bool { return d[2] > 4096 }

var rowFills = []fill{logits, large, ties, masked, planted, infinite, zeros, small, far, wide, twins, nanRow, nanColumn, infRow, infColumn}

func temperatureName(t float32) string {
	if t == 0 {
		return ""
	}
	return fmt.Sprintf("temperature=%v", t)
}

// temperature is the factor of a case; 0 leaves it out.
func temperature(t float32) (f backend.Factor) {
	if t != 0 {
		f = backend.Scalar(t)
	}
	return f
}

var softmaxForms = []string{"softmax", "log-softmax", "in-place", "logsumexp"}

func (b *builder) softmaxes() {
	for s, d := range rowShapes {
		for i, kind := range rowFills {
			for j, temp := range []float32{0, 0.7, 3} {
				chosen := (i == 0 && j == s%3) || (i == 1+s%9 && j == (s+1)%3 && !expensive(d)) || (s == 4 && j == i%3) || (s == 8 && j == (i+1)%3)
				p := placement((s + i + j) % 4)
				b.softmax("softmax", !chosen, d, kind, temp, p)
				b.softmax("log-softmax", !chosen, d, kind, temp, p)
				b.softmax("in-place", !chosen || i%2 == 1, d, kind, temp, p)
				b.softmax("logsumexp", !chosen, d, kind, temp, p)
			}
		}
	}
}

func (b *builder) softmax(form string, full bool, d [3]int, kind fill, temp float32, p placement) {
	if form == "logsumexp" && d[2] == 0 {
		return
	}
	op := "softmax"
	parts := []any{form, shape(d[:]), p, kind, temperatureName(temp)}
	if form == "logsumexp" {
		op, parts = form, parts[1:]
	}
	b.add(op, full, parts, func(d []int, f *fills) *trial {
		x := f.in("x", d[0], d[1], d[2], kind)
		if d[1] > 2 && kind == masked { // a row without a finite element
			for j := range d[2] {
				x.words[d[2]+j] = 0xff800000
			}
		}
		rows := rowsOf(x)
		var want []ball
		for _, r := range rows {
			switch form {
			case "log-softmax":
				want = append(want, logSoftmax(r, temp)...)
			case "logsumexp":
				want = append(want, logSumExp(r, temp))
			default:
				want = append(want, softmax(knownAll(r), temp)...)
			}
		}
		t := &trial{}
		switch form {
		case "logsumexp":
			t.arrays = place(p, out("y", backend.Float32, d[0], d[1], 1), x)
			t.op = func(t tensors) backend.Op {
				return &backend.LogSumExp{Y: t["y"], X: t["x"], Temperature: temperature(temp)}
			}
		case "in-place":
			t.arrays = place(p, inPlace(x))
			t.op = func(t tensors) backend.Op {
				return &backend.Softmax{Y: t["x"], X: t["x"], Temperature: temperature(temp)}
			}
			t.oracle = map[string]oracle{"x": within("x", want)}
			return t
		default:
			t.arrays = place(p, out("y", backend.Float32, d[0], d[1], d[2]), x)
			t.op = func(t tensors) backend.Op {
				return &backend.Softmax{Y: t["y"], X: t["x"], Log: form == "log-softmax", Temperature: temperature(temp)}
			}
		}
		t.oracle = map[string]oracle{"y": within("y", want)}
		return t
	})
}

// rowsOf returns the rows of all matrices of a float32 array.
func rowsOf(a *array) [][]float64 {
	rows := make([][]float64, a.batch*a.rows)
	for i := range rows {
		rows[i] = floats64(a.words[i*a.cols : (i+1)*a.cols])
	}
	return rows
}

func knownAll(x []float64) []ball {
	b := make([]ball, len(x))
	for i, v := range x {
		b[i] = known(v)
	}
	return b
}

// scaled is x·(1/T), each factor rounded; T = 0 stands for 1.
func scaled(x []ball, temp float32) []ball {
	if temp == 0 || temp == 1 {
		return x
	}
	scale := known(float64(temp)).recip()
	z := make([]ball, len(x))
	for i := range x {
		z[i] = x[i].mul(scale)
	}
	return z
}

// largest is the maximum of z, NaN if one is.
func largest(z []ball) ball {
	top := ball{v: math.Inf(-1)}
	for _, b := range z {
		if math.IsNaN(b.v) {
			return b
		}
		if b.v > top.v {
			top.v = b.v
		}
		top.e = math.Max(top.e, b.e)
	}
	return top
}

// exponentials are exp(z − top) and their sum. No z passes top, and where the
// bounds leave one candidate for the maximum its difference is 0.
func exponentials(z []ball, top ball) ([]ball, ball) {
	candidates := 0
	for _, b := range z {
		if b.v+b.e >= top.v-top.e {
			candidates++
		}
	}
	y := make([]ball, len(z))
	sum := newTotal()
	for i := range z {
		d := z[i].sub(top)
		if candidates == 1 && z[i].v == top.v && finite(top.v) {
			d = known(0)
		}
		y[i] = d.elementary(func(x float64) float64 { return math.Exp(math.Min(x, 0)) }, ulps["exp"])
		if math.IsNaN(d.v) {
			y[i] = d
		}
		sum.term(y[i])
	}
	return y, sum.ball(rowDepth(len(z)))
}

func softmax(x []ball, temp float32) []ball {
	z := scaled(x, temp)
	y, sum := exponentials(z, largest(z))
	r := sum.recip()
	for i := range y {
		y[i] = y[i].mul(r)
	}
	return y
}

func logSoftmax(x []float64, temp float32) []ball {
	z := scaled(knownAll(x), temp)
	top := largest(z)
	_, sum := exponentials(z, top)
	logSum := sum.log()
	y := make([]ball, len(z))
	for i := range y {
		y[i] = z[i].sub(top).sub(logSum)
	}
	return y
}

func logSumExp(x []float64, temp float32) ball {
	z := scaled(knownAll(x), temp)
	top := largest(z)
	_, sum := exponentials(z, top)
	return top.add(sum.log())
}
