package verify

import (
	"math"

	"samebits/backend"
)

// stretch says which arguments of a map are stretched over Y: rows, columns or
// matrices of one.
type stretch struct {
	name string
	dims [3][3]bool // argument × (batch, row, column)
}

var stretches = []stretch{
	{name: ""},
	{"row", [3][3]bool{{}, {false, true, false}, {false, false, true}}},
	{"column", [3][3]bool{{false, false, true}, {}, {true, true, false}}},
	{"scalar", [3][3]bool{{}, {true, true, true}, {true, true, true}}},
	{"matrix", [3][3]bool{{true, false, false}, {true, true, false}, {}}},
}

var mapShapes = [][3]int{{1, 1, 1}, {1, 1, 300}, {1, 67, 17}, {3, 9, 31}, {1, 255, 1}, {1, 0, 3}}

func (b *builder) maps() {
	for i, fn := range backend.Fns() {
		for s, d := range mapShapes {
			for v, st := range stretches {
				if fn.Args() == 1 && v > 0 && v < 4 {
					continue
				}
				for k, kind := range []fill{any32, normal, zeros, subnormal} {
					full := k != 0 || (s != 1 && v != (i+s)%5) || s == 0
					b.mapOf(full, fn, d, st, kind, -1, placement((i+s+v)%4))
				}
				if v == 0 && s == 2 {
					for arg := range fn.Args() {
						b.mapOf(arg > 0 && i%2 == 0, fn, d, st, any32, arg, placement((i+arg)%4))
					}
				}
			}
		}
	}
}

// mapOf is one case; where at ≥ 0, argument at is overwritten in place.
func (b *builder) mapOf(full bool, fn backend.Fn, d [3]int, st stretch, kind fill, at int, p placement) {
	names := []string{"a", "b", "c"}[:fn.Args()]
	place2 := ""
	if at >= 0 {
		place2 = "in-place-" + names[at]
	}
	b.add("map", full, []any{fn, shape(d[:]), flag(st.name != "", "stretch-"+st.name, ""), place2, p, kind}, func(d []int, f *fills) *trial {
		y := out("y", backend.Float32, d[0], d[1], d[2])
		target := "y"
		arrays := []*array{y}
		if at >= 0 {
			arrays, target = nil, names[at]
		}
		var args []*array
		for i, name := range names {
			size := [3]int(d)
			for axis, one := range st.dims[i] {
				if one && d[axis] > 0 {
					size[axis] = 1
				}
			}
			x := f.matrix(kind, size[0]*size[1], size[2])
			if kind == any32 && i > 0 { // so that specials meet each other
				w := f.words(len(x))
				for e := range x {
					if w[e]%2 == 0 {
						x[e] = specials[w[e]>>1%uint32(len(specials))]
					}
				}
			}
			a := f.kept(&array{name: name, dtype: backend.Float32, batch: size[0], rows: size[1], cols: size[2], words: floatWords(x)}, 0)
			if i == at {
				inPlace(a)
			}
			args = append(args, a)
		}
		arrays = append(arrays, args...)
		want := make([]ball, y.elements())
		bits := make([]uint32, len(want))
		exactly := true
		for e := range want {
			var w [3]uint32
			for i, a := range args {
				w[i] = a.words[stretched(a, y, e)]
			}
			want[e], bits[e], exactly = mapped(fn, w)
		}
		t := &trial{
			arrays: place(p, arrays...),
			op: func(t tensors) backend.Op {
				return &backend.Map{Fn: fn, Y: t[target], A: t["a"], B: t["b"], C: t["c"]}
			},
			oracle: map[string]oracle{target: within(target, want)},
		}
		if exactly {
			t.oracle[target] = equal(target, bits, true)
		}
		return t
	})
}

// stretched returns the element of a that serves element e of y.
func stretched(a, y *array, e int) int {
	b, i, j := e/(y.rows*y.cols), e/y.cols%y.rows, e%y.cols
	if a.batch == 1 {
		b = 0
	}
	if a.rows == 1 {
		i = 0
	}
	if a.cols == 1 {
		j = 0
	}
	return (b*a.rows+i)*a.cols + j
}

// mapped is fn of the words of its arguments: the word where it is known to
// the bit (exactly), else the ball. float64 holds more than twice the bits of
// float32 and two more, so +, −, ×, ÷ and √ in it, rounded again, are rounded
// correctly (Figueroa, When is double rounding innocuous?, 1995).
func mapped(fn backend.Fn, w [3]uint32) (want ball, word uint32, exactly bool) {
	f := func(i int) float64 { return float64(math.Float32frombits(w[i])) }
	a, b := f(0), f(1)
	bitsOf := func(v float64) (ball, uint32, bool) { return known(v), canonical(math.Float32bits(float32(v))), true }
	of := func(x ball) (ball, uint32, bool) { return x, 0, false }
	switch fn {
	case backend.FnNeg:
		return ball{}, canonical(w[0] ^ 1<<31), true
	case backend.FnAbs:
		return ball{}, canonical(w[0] &^ (1 << 31)), true
	case backend.FnSquare:
		return bitsOf(a * a)
	case backend.FnSqrt:
		return bitsOf(math.Sqrt(a))
	case backend.FnRecip:
		return bitsOf(1 / a)
	case backend.FnRelu:
		if a > 0 || math.IsNaN(a) {
			return ball{}, canonical(w[0]), true
		}
		return ball{}, 0, true
	case backend.FnAdd:
		return bitsOf(a + b)
	case backend.FnSub:
		return bitsOf(a - b)
	case backend.FnMul:
		return bitsOf(a * b)
	case backend.FnDiv:
		return bitsOf(a / b)
	case backend.FnMax:
		return pick(w[0], w[1], math.IsNaN(b) || b > a)
	case backend.FnMin:
		return pick(w[0], w[1], math.IsNaN(b) || b < a)
	case backend.FnSelect:
		if a != 0 || math.IsNaN(a) {
			return ball{}, canonical(w[1]), true
		}
		return ball{}, canonical(w[2]), true
	case backend.FnMac:
		return of(known(a).add(known(b).mul(known(f(2)))))
	case backend.FnExp:
		return of(known(a).exp())
	case backend.FnExpm1:
		return of(known(a).elementary(math.Expm1, ulps["expm1"]))
	case backend.FnLog:
		return of(known(a).log())
	case backend.FnLog1p:
		return of(known(a).log1p())
	case backend.FnTanh:
		return of(known(a).tanh())
	case backend.FnSigmoid:
		return of(known(a).sigmoid())
	case backend.FnSoftplus:
		return of(known(a).softplus())
	case backend.FnSin:
		return of(known(a).elementary(math.Sin, ulps["sin"]))
	case backend.FnCos:
		return of(known(a).elementary(math.Cos, ulps["cos"]))
	}
	return ball{v: math.NaN()}, canonicalNaN, true
}

// pick is the maximum or minimum of a and b: a where it is NaN, else b where
// that is better or NaN.
func pick(a, b uint32, better bool) (ball, uint32, bool) {
	if better && !isNaNWord(a) {
		a = b
	}
	return ball{}, canonical(a), true
}

// canonical returns w, or the canonical NaN for any NaN.
func canonical(w uint32) uint32 {
	if isNaNWord(w) {
		return canonicalNaN
	}
	return w
}
