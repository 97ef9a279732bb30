package verify

import (
	"fmt"

	"samebits/backend"
	"samebits/backend/exact"
)

// Rows and columns of the subjects: no multiples of a tile or of 7.
const (
	subjectRows = 37
	subjectCols = 75
)

// subjects lists every operation that works row by row, with data of its own of n rows.
func subjects(f *fills, n int) []*subject {
	const c = subjectCols
	var all []*subject
	add := func(s subject) *subject {
		s.rows = n
		s.op = s.run(tensors{}, 0).Name()
		all = append(all, &s)
		return &s
	}
	rows := func(name string, kind fill, cols int) *array { return in(name, 1, n, cols, f.floats(kind, n*cols)) }
	full := func(name string, kind fill, r, cols int) *array { return in(name, 1, r, cols, f.floats(kind, r*cols)) }
	result := func(name string, t backend.DType, cols int) *array { return out(name, t, 1, n, cols) }
	float := backend.Float32

	for _, act := range []backend.Activation{backend.NoActivation, backend.Sigmoid} {
		s := add(subject{name: "activation=" + act.String(), byRow: []*array{rows("a", normal, c)}, fixed: []*array{full("b", normal, c, 51), full("bias", normal, 1, 51)},
			outputs: []*array{result("c", float, 51)},
			run: func(t tensors, _ int) backend.Op {
				return &backend.MatMul{C: t["c"], A: t["a"], B: t["b"], Bias: t["bias"], Act: act}
			}})
		if act == backend.NoActivation {
			s.scales = &scaling{operands: []string{"a", "bias"}, power: map[string]int{"c": 1}}
		}
	}
	add(subject{name: "transposed", byRow: []*array{rows("a", normal, c)}, fixed: []*array{full("b", normal, 19, c)}, outputs: []*array{result("c", float, 19)},
		scales: &scaling{operands: []string{"a", "b"}, power: map[string]int{"c": 2}},
		run: func(t tensors, _ int) backend.Op {
			return &backend.MatMul{C: t["c"], A: t["a"], B: t["b"], TransB: true}
		}})
	long := 4111
	if n > subjectRows {
		long = 300 // many rows need no long ones
	}
	add(subject{name: longName(long), byRow: []*array{rows("a", normal, long)}, fixed: []*array{full("b", normal, long, 3)}, outputs: []*array{result("c", float, 3)},
		scales: &scaling{operands: []string{"b"}, power: map[string]int{"c": 1}},
		run:    func(t tensors, _ int) backend.Op { return &backend.MatMul{C: t["c"], A: t["a"], B: t["b"]} }})
	za := &array{name: "a", dtype: backend.Complex64, batch: 1, rows: n, cols: 21, words: floatWords(f.floats(normal, n*21*2))}
	zb := &array{name: "b", dtype: backend.Complex64, batch: 1, rows: 21, cols: 18, words: floatWords(f.floats(normal, 21*18*2))}
	add(subject{name: "complex", byRow: []*array{za}, fixed: []*array{zb}, outputs: []*array{result("c", backend.Complex64, 18)},
		scales: &scaling{operands: []string{"a", "b"}, power: map[string]int{"c": 2}},
		run: func(t tensors, _ int) backend.Op {
			return &backend.MatMul{C: t["c"], A: t["a"], B: t["b"], ConjB: true}
		}})
	qa := &array{name: "a", dtype: backend.Int8, batch: 1, rows: n, cols: c, words: intWords(f.bytes(n*c, -128, 127))}
	qb := &array{name: "b", dtype: backend.Int8, batch: 1, rows: c, cols: 33, words: intWords(f.bytes(c*33, -127, 127))}
	add(subject{byRow: []*array{qa}, fixed: []*array{qb}, outputs: []*array{result("c", backend.Int32, 33)},
		run: func(t tensors, _ int) backend.Op {
			return &backend.QMatMul{C: t["c"], A: t["a"], B: t["b"], ZeroA: -3, ZeroB: 5}
		}})

	x := func() []*array { return []*array{rows("x", logits, c)} }
	y := []*array{result("y", float, c)}
	draw := func(use exact.Use, row int) backend.Draws {
		return backend.Draws{Seed: f.seed, Use: use, Row: uint32(row)}
	}
	for _, log := range []bool{false, true} {
		add(subject{name: flag(log, "log", ""), byRow: x(), outputs: y, run: func(t tensors, _ int) backend.Op {
			return &backend.Softmax{Y: t["y"], X: t["x"], Log: log}
		}})
	}
	add(subject{byRow: x(), outputs: []*array{result("y", float, 1)}, run: func(t tensors, _ int) backend.Op { return &backend.LogSumExp{Y: t["y"], X: t["x"]} }})
	add(subject{name: "top-k", byRow: x(), outputs: y, scales: &scaling{operands: []string{"x"}, power: map[string]int{"y": 1}},
		run: func(t tensors, _ int) backend.Op {
			return &backend.Filter{Y: t["y"], X: t["x"], Kind: backend.FilterTopK, K: 9}
		}})
	add(subject{name: "top-p", byRow: x(), outputs: y, run: func(t tensors, _ int) backend.Op {
		return &backend.Filter{Y: t["y"], X: t["x"], Kind: backend.FilterTopP, P: 0.7}
	}})
	add(subject{name: "min-p", byRow: x(), outputs: y, run: func(t tensors, _ int) backend.Op {
		return &backend.Filter{Y: t["y"], X: t["x"], Kind: backend.FilterMinP, P: 0.01}
	}})
	add(subject{byRow: x(), outputs: []*array{result("index", backend.Int32, 3)}, numbered: true, run: func(t tensors, row int) backend.Op {
		return &backend.Categorical{Index: t["index"], X: t["x"], Draws: draw(exact.UseCategorical, row)}
	}})
	add(subject{byRow: x(), outputs: []*array{result("index", backend.Int32, 5)}, numbered: true, run: func(t tensors, row int) backend.Op {
		return &backend.WithoutReplacement{Index: t["index"], X: t["x"], Draws: draw(exact.UseWithoutReplacement, row)}
	}})
	add(subject{byRow: x(), outputs: []*array{result("y", float, c), result("onehot", float, c)}, numbered: true, run: func(t tensors, row int) backend.Op {
		return &backend.GumbelSoftmax{Y: t["y"], OneHot: t["onehot"], X: t["x"], Tau: backend.Scalar(0.7), Draws: draw(exact.UseGumbelSoftmax, row)}
	}})
	for _, d := range []backend.Distribution{backend.Uniform, backend.Normal, backend.Gumbel} {
		add(subject{name: d.String(), outputs: y, numbered: true, run: func(t tensors, row int) backend.Op {
			return &backend.Fill{Y: t["y"], Distribution: d, Draws: draw(exact.UseTest, row)}
		}})
	}

	const dims, centres = 19, 23
	for _, m := range metrics {
		power := map[backend.Metric]int{backend.SquaredEuclidean: 2, backend.Euclidean: 1, backend.Manhattan: 1}[m]
		for _, most := range []int{1, 4} {
			add(subject{name: fmt.Sprintf("%v/m=%d", m, most), byRow: []*array{rows("x", normal, dims)}, fixed: []*array{full("c", normal, centres, dims)},
				outputs: []*array{result("index", backend.Int32, most), result("distance", float, most)},
				scales:  &scaling{operands: []string{"x", "c"}, power: map[string]int{"distance": power}},
				run: func(t tensors, _ int) backend.Op {
					return &backend.Nearest{Index: t["index"], Distance: t["distance"], X: t["x"], C: t["c"], Metric: m}
				}})
		}
		add(subject{name: m.String(), byRow: []*array{rows("x", normal, dims)}, fixed: []*array{full("c", normal, centres, dims)}, outputs: []*array{result("d", float, centres)},
			scales: &scaling{operands: []string{"x", "c"}, power: map[string]int{"d": power}},
			run: func(t tensors, _ int) backend.Op {
				return &backend.Distances{D: t["d"], X: t["x"], C: t["c"], Metric: m}
			}})
		add(subject{name: m.String(), byRow: []*array{rows("x", normal, dims)}, fixed: []*array{full("c", normal, centres, dims), intIn("label", centres, 1, f.ints(centres, 0, 2))},
			outputs: []*array{result("y", float, 3)}, scales: &scaling{operands: []string{"x", "c"}, power: map[string]int{"y": power}},
			run: func(t tensors, _ int) backend.Op {
				return &backend.PairwiseSum{Y: t["y"], X: t["x"], C: t["c"], Label: t["label"], Metric: m}
			}})
	}

	for _, fn := range []backend.Fn{backend.FnExp, backend.FnTanh, backend.FnSin, backend.FnSqrt} {
		add(subject{name: fn.String(), byRow: x(), outputs: y, run: func(t tensors, _ int) backend.Op { return &backend.Map{Fn: fn, Y: t["y"], A: t["x"]} }})
	}
	add(subject{name: "mac", byRow: []*array{rows("a", normal, c), rows("b", normal, c)}, fixed: []*array{full("c", normal, 1, c)}, outputs: y,
		scales: &scaling{operands: []string{"a", "b"}, power: map[string]int{"y": 1}},
		run: func(t tensors, _ int) backend.Op {
			return &backend.Map{Fn: backend.FnMac, Y: t["y"], A: t["a"], B: t["b"], C: t["c"]}
		}})
	for _, red := range []backend.Reduction{backend.Sum, backend.Max, backend.ArgMin, backend.MaxAbsFinite} {
		o, power := result("y", float, 1), 1
		if red == backend.ArgMin {
			o, power = result("y", backend.Int32, 1), 0
		}
		add(subject{name: red.String(), byRow: []*array{rows("x", normal, 150)}, outputs: []*array{o}, scales: &scaling{operands: []string{"x"}, power: map[string]int{"y": power}},
			run: func(t tensors, _ int) backend.Op { return &backend.Reduce{Y: t["y"], X: t["x"], Reduction: red} }})
	}
	add(subject{byRow: x(), outputs: []*array{result("index", backend.Int32, 6)}, scales: &scaling{operands: []string{"x"}},
		run: func(t tensors, _ int) backend.Op { return &backend.TopK{Index: t["index"], X: t["x"]} }})
	add(subject{byRow: []*array{intIn("index", n, 1, f.ints(n, -1, 11))}, fixed: []*array{full("x", normal, 11, c)}, outputs: y,
		scales: &scaling{operands: []string{"x"}, power: map[string]int{"y": 1}},
		run:    func(t tensors, _ int) backend.Op { return &backend.Gather{Y: t["y"], X: t["x"], Index: t["index"]} }})
	add(subject{byRow: x(), outputs: y, scales: &scaling{operands: []string{"x"}, power: map[string]int{"y": 1}},
		run: func(t tensors, _ int) backend.Op { return &backend.Copy{Y: t["y"], X: t["x"]} }})
	return all
}

// longName names a product by how many cuts of 4096 its K has.
func longName(k int) string {
	if k > exact.Cut {
		return "two-cuts"
	}
	return "narrow"
}
