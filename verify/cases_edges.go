package verify

import "samebits/backend"

// aroundEdges adds, for each shape around an edge, a few cases with placement,
// fill and options by turns; those of products are in the quick suite once.
func (b *builder) aroundEdges() {
	turn := func(n, i int) placement { return placement((n + i) % 4) }
	for i, d := range productEdges() {
		for t := range 4 {
			ab := productFills[(i+t)%3]
			b.product(t != i%4, product{m: d[0], n: d[1], k: d[2], tA: t&1 != 0, tB: t&2 != 0, place: turn(i, t), fillA: ab[0], fillB: ab[1]})
			if d[0]*d[1]*d[2] < 20_000 {
				b.product(true, product{dtype: backend.Complex64, m: d[0], n: d[1], k: d[2], tA: t&1 != 0, tB: t&2 != 0, cA: i%2 == 0, cB: i%3 == 0,
					place: turn(i, t), fillA: ab[0], fillB: ab[1]})
			}
		}
	}
	for i, d := range integerEdges() {
		for t := range 4 {
			b.integerVariant(t != i%4, d, t, (i+t)%4, 1, turn(i, t))
		}
	}
	for i, d := range rowEdges() {
		for j, form := range softmaxForms {
			b.softmax(form, true, d, rowFills[(i+j)%len(rowFills)], []float32{0, 0.7, 3}[i%3], turn(i, j))
			b.softmax(form, true, d, logits, 0, turn(i, j+1))
		}
		for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
			b.reduce(true, r, backend.AlongRow, d, reduceFills[(i+int(r))%len(reduceFills)], turn(i, int(r)))
		}
	}
	for i, d := range columnEdges() {
		for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
			b.reduce(true, r, backend.AlongColumn, d, reduceFills[(i+int(r))%len(reduceFills)], turn(i, int(r)))
		}
	}
	for i, d := range drawEdges() {
		p := turn(i, 0)
		b.categorical(true, d, 1+i%3, drawFills[i%len(drawFills)], 0.5, p)
		b.withoutReplacement(true, d, 3, drawFills[i%len(drawFills)], 0, p)
		b.gumbelSoftmax(true, d, drawFills[i%len(drawFills)], 0.5, "y-onehot", p)
		b.topK(true, d, 64, rankFills[i%len(rankFills)], p)
		if d[1] <= mostFiltered {
			f := filterKinds[i%len(filterKinds)]
			b.filter(true, d, filterFills[i%len(filterFills)], backend.Filter{Kind: f.kind, K: f.k, P: f.p}, p)
		}
	}
	for i, d := range distanceEdges() {
		for j, m := range metrics {
			kind, p := distanceFills[(i+j)%len(distanceFills)], turn(i, j)
			b.distanceMatrix(true, d, m, kind, p)
			b.namedDistances(true, d, m, kind, p)
			b.pairwiseSum(true, d, m, kind, []int{0, 3, 33}[i%3], p)
			b.nearestRows(true, d, m, kind, 1, j < 2 && i%2 == 0, true, p)
			b.nearestRows(true, d, m, kind, min(d[2], []int{2, 63, 64, 65}[i%4]), false, i%2 == 0, p)
		}
	}
	for i, groups := range around("groups") {
		b.pairwiseSum(true, [3]int{5, 3, 67}, metrics[i%4], normal, groups, turn(i, 0))
	}
	for i, d := range sumEdges() {
		for v := range 4 {
			b.scatterSum(true, d, scatterFills[(i+v)%len(scatterFills)], v&1 != 0, v&2 == 0, false, turn(i, v))
		}
	}
	for i, d := range elementEdges() {
		for j, fn := range backend.Fns() {
			b.mapOf(true, fn, d, stretches[0], any32, -1, turn(i, j))
		}
		for dist := backend.Constant; dist <= backend.Bits; dist++ {
			b.fill(true, [2]int{d[1], d[2]}, dist, true, turn(i, int(dist)))
		}
	}
	for i, d := range moveEdges() {
		for j, t := range dtypes {
			for _, form := range []string{"transpose", "copy", "gather"} {
				if form != "gather" || d[0] == 1 {
					b.move(form, true, t, d, turn(i, j))
				}
			}
		}
	}
}

// mostFiltered is the longest row of a filter's cases: the oracle compares all
// pairs of elements.
const mostFiltered = 4097

// everything adds the product of all shapes, around every edge and of every
// class, with element types, transposes, batches, placements, fills and options.
func (b *builder) everything() {
	b.least = inNightly
	b.everyProduct()
	b.everyIntegerProduct()
	b.everyRow()
	b.everyDraw()
	b.everyDistance()
	b.everySupport()
}

// shapesOf returns the shapes, or the first where one is wanted.
func shapesOf[S any](b *builder, lists ...[]S) (all []S) {
	for _, l := range lists {
		all = append(all, l...)
	}
	if b.oneShape {
		all = all[:1]
	}
	return all
}

func placements(f func(p placement)) {
	for p := dense; p <= mixed; p++ {
		f(p)
	}
}

func (b *builder) everyProduct() {
	f := backend.Scalar
	placements(func(p placement) {
		for t := range 4 {
			base := product{tA: t&1 != 0, tB: t&2 != 0, place: p}
			sized := func(p product, d [3]int) product {
				p.m, p.n, p.k = d[0], d[1], d[2]
				return p
			}
			for i, ab := range productFills {
				base.fillA, base.fillB = ab[0], ab[1]
				shapes := shapesOf(b, classes())
				if i < 3 {
					shapes = shapesOf(b, classes(), productShapes, productEdges())
				}
				for _, d := range shapes {
					b.product(true, sized(base, d))
				}
			}
			base.fillA, base.fillB = wide, signs
			for _, d := range shapesOf(b, classes()) {
				for v := range 4 {
					q := sized(base, d)
					q.batch, q.oneA, q.oneB = 3, v&1 != 0, v&2 != 0
					b.product(true, q)
				}
				for act := backend.NoActivation; act <= backend.Softplus; act++ {
					q := sized(base, d)
					q.fillA, q.fillB = normal, normal
					q.alpha, q.beta, q.bias, q.act, q.options = f(0.7), f(-1.3), true, act, "alpha=0.7,beta=-1.3,bias,"+act.String()
					b.product(true, q)
				}
			}
			for conj := range 4 {
				q := base
				q.dtype, q.cA, q.cB = backend.Complex64, conj&1 != 0, conj&2 != 0
				for i, ab := range productFills {
					q.fillA, q.fillB = ab[0], ab[1]
					shapes := shapesOf(b, primes[:2], ones)
					if i < 3 {
						shapes = shapesOf(b, classes(), productEdges())
					}
					for _, d := range shapes {
						b.product(true, sized(q, d))
					}
				}
			}
		}
	})
}

func (b *builder) everyIntegerProduct() {
	placements(func(p placement) {
		for t := range 4 {
			for v := range 4 {
				for _, d := range shapesOf(b, classes(), integerEdges()) {
					b.integerVariant(true, d, t, v, 1, p)
				}
				for _, d := range shapesOf(b, classes()) {
					b.integerVariant(true, d, t, v, 3, p)
				}
			}
		}
	})
}

// rowClasses are batch, rows, columns of operations along rows.
var rowClasses = [][3]int{{1, 1, 1}, {1, 67, 1}, {1, 0, 5}, {1, 131, 3}, {3, 5, 31}, {1, 2, 1021}, {2, 31, 127}}

func (b *builder) everyRow() {
	placements(func(p placement) {
		for _, d := range shapesOf(b, rowClasses, rowEdges()) {
			for _, kind := range rowFills {
				for _, temp := range []float32{0, 0.7, 3} {
					for _, form := range softmaxForms {
						b.softmax(form, true, d, kind, temp, p)
					}
				}
			}
		}
		for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
			for _, kind := range reduceFills {
				for _, d := range shapesOf(b, rowClasses, rowEdges()) {
					b.reduce(true, r, backend.AlongRow, d, kind, p)
				}
				for _, d := range shapesOf(b, rowClasses, columnEdges()) {
					b.reduce(true, r, backend.AlongColumn, d, kind, p)
				}
			}
		}
	})
}

func (b *builder) everyDraw() {
	shapes := shapesOf(b, drawShapes, drawEdges(), [][2]int{{131, 3}, {31, 127}, {2, 1021}})
	placements(func(p placement) {
		for _, d := range shapes {
			for _, kind := range drawFills {
				for _, temp := range []float32{0, 0.5, 3} {
					for _, n := range []int{1, 3} {
						b.categorical(true, d, n, kind, temp, p)
					}
					for _, m := range []int{1, 3, 64} {
						b.withoutReplacement(true, d, m, kind, temp, p)
					}
					for _, outs := range []string{"y", "onehot", "y-onehot"} {
						b.gumbelSoftmax(true, d, kind, temp, outs, p)
					}
				}
			}
			for _, kind := range rankFills {
				for _, m := range []int{1, 3, 64, 65} {
					b.topK(true, d, m, kind, p)
				}
			}
			for _, kind := range filterFills {
				for _, f := range filterKinds {
					if d[1] <= mostFiltered/4 {
						b.filter(true, d, kind, backend.Filter{Kind: f.kind, K: f.k, P: f.p}, p)
					}
				}
			}
		}
		for dist := backend.Constant; dist <= backend.Bits; dist++ {
			for _, d := range shapesOf(b, elementEdges()) {
				b.fill(true, [2]int{d[0] * d[1], d[2]}, dist, true, p)
				if dist != backend.Bits {
					b.fill(true, [2]int{d[0] * d[1], d[2]}, dist, false, p)
				}
			}
		}
	})
}

func (b *builder) everyDistance() {
	placements(func(p placement) {
		for j, m := range metrics {
			for _, kind := range distanceFills {
				for i, d := range shapesOf(b, primes, distanceShapes, distanceEdges(), tall) {
					b.distanceMatrix(true, d, m, kind, p)
					b.namedDistances(true, d, m, kind, p)
					for _, groups := range []int{0, 3, 33} {
						b.pairwiseSum(true, d, m, kind, groups, p)
					}
					if b.oneShape {
						b.nearestNames(d, m, kind, p)
						continue
					}
					if d[2] == 0 {
						continue
					}
					several := min(d[2], []int{2, 5, 64, 65}[(i+j)%4])
					b.nearestRows(true, d, m, kind, 1, j < 2 && i%2 == 0, true, p)
					b.nearestRows(true, d, m, kind, several, j < 2 && i%2 == 1, i%3 != 0, p)
				}
			}
		}
		for v := range 4 {
			for _, kind := range scatterFills {
				for _, d := range shapesOf(b, primes, sumEdges(), tall, empty) {
					b.scatterSum(true, d, kind, v&1 != 0, v&2 == 0, false, p)
				}
			}
		}
	})
}

// nearestNames adds a case for every name that nearest can have.
func (b *builder) nearestNames(d [3]int, m backend.Metric, kind fill, p placement) {
	for count := 1; count <= 65; count++ {
		for v := range 4 {
			if v&1 == 0 || m < backend.Manhattan {
				b.nearestRows(true, d, m, kind, count, v&1 != 0, v&2 != 0, p)
			}
		}
	}
}

func (b *builder) everySupport() {
	placements(func(p placement) {
		for _, fn := range backend.Fns() {
			for v, st := range stretches {
				if fn.Args() == 1 && v > 0 && v < 4 {
					continue
				}
				for _, kind := range []fill{any32, normal, zeros, subnormal, nanRow, infColumn} {
					for _, d := range shapesOf(b, mapShapes, elementEdges()) {
						b.mapOf(true, fn, d, st, kind, -1, p)
					}
				}
			}
			for arg := range fn.Args() {
				for _, d := range shapesOf(b, mapShapes) {
					b.mapOf(true, fn, d, stretches[0], any32, arg, p)
				}
			}
		}
		for _, t := range dtypes {
			for _, d := range shapesOf(b, moveShapes, moveEdges()) {
				b.move("transpose", true, t, d, p)
				b.move("copy", true, t, d, p)
				b.move("copy-one", true, t, d, p)
				if d[0] == 1 {
					b.move("gather", true, t, d, p)
				}
			}
		}
	})
}
