package verify

import "samebits/backend"

// past is a size beyond 2¹⁶, where an index of 16 bits begins again and some
// devices have no more work groups along one dimension.
const past = 70_001

// pastSixteenBits adds cases of every operation with more than 2¹⁶ along each of
// its dimensions, one at a time; those that are cheap on any device are in the
// quick suite.
func (b *builder) pastSixteenBits() {
	b.largeProducts()
	b.largeRows()
	b.largeDraws()
	b.largeDistances()
	b.largeSupport()
}

func (b *builder) largeProducts() {
	for t := range 4 {
		p := product{tA: t&1 != 0, tB: t&2 != 0, place: placement(t), fillA: wide, fillB: signs}
		for i, d := range [][3]int{{past, 2, 3}, {2, past, 3}, {3, 2, past}, {past, 1, 1}, {1, past, 1}} {
			p.m, p.n, p.k = d[0], d[1], d[2]
			b.product(i > 1 || t != i, p)
			c := p
			c.dtype, c.cA = backend.Complex64, t > 1
			b.product(true, c)
			c = p
			c.beta, c.bias, c.act, c.options = backend.Scalar(1), true, backend.Relu, "beta=1,bias,relu"
			b.product(true, c)
		}
		for v := range 4 {
			for _, d := range [][3]int{{past, 2, 3}, {2, past, 3}, {3, 2, past}} {
				b.integerVariant(true, d, t, v, 1, placement(v))
			}
		}
	}
	for i, d := range [][3]int{{1, 1, 1}, {2, 1, 3}} {
		p := product{batch: past, m: d[0], n: d[1], k: d[2], place: placement(2 * i), fillA: wide, fillB: signs}
		b.product(true, p)
		p.beta, p.options = backend.Scalar(1), "beta=1"
		b.product(true, p)
		b.integerVariant(true, d, i, 3*i, past, placement(2*i))
	}
	b.integerVariant(true, [3]int{70, 5, past}, 0, 3, 1, dense)
	b.integerVariant(true, [3]int{5, 70, past}, 3, 1, 1, gapped)
}

func (b *builder) largeRows() {
	for i, d := range [][3]int{{1, past, 3}, {1, 2, past}, {past, 1, 2}, {1, 1, 100_001}} {
		p := placement(i)
		for j, form := range softmaxForms {
			b.softmax(form, i > 1 || j != i, d, [...]fill{logits, ties}[i%2], 0, p)
		}
		for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
			b.reduce(i > 1 || int(r)%3 != i, r, backend.AlongRow, d, wide, p)
			b.reduce(i != 1 || int(r)%3 != 2, r, backend.AlongColumn, d, wide, p)
			b.reduce(true, r, backend.AlongRow, d, planted, p)
			b.reduce(true, r, backend.AlongColumn, d, planted, p)
		}
	}
	for i, d := range [][2]int{{past, 3}, {2, past}} {
		b.topK(false, d, 3, wide, placement(i))
		b.topK(true, d, 3, ties, placement(i+1))
		for j, f := range filterKinds {
			b.filter(j != 4*i+1, d, [...]fill{logits, ties}[(i+j+1)%2], backend.Filter{Kind: f.kind, K: f.k, P: f.p}, placement((i+j)%4))
		}
	}
	b.topK(true, [2]int{1, past}, 5000, normal, gapped)
}

func (b *builder) largeDraws() {
	for i, d := range [][2]int{{past, 3}, {2, past}} {
		for j, temp := range []float32{0, 0.5} {
			p := placement(2*i + j)
			b.categorical(i != 1 || j != 1, d, 1, logits, temp, p)
			b.categorical(true, d, 1, masked, temp, p)
			b.withoutReplacement(i != 1 || j != 1, d, 2, logits, temp, p)
			b.gumbelSoftmax(true, d, logits, temp, "y-onehot", p)
		}
	}
	b.categorical(true, [2]int{1, 3}, past, logits, 0, offset)
	for i, m := range []int{65, 101, 300, 1000} {
		b.withoutReplacement(i != 1, [2]int{2, 1000}, m, logits, 0, placement(i))
		b.withoutReplacement(true, [2]int{2, 5003}, m, masked, 0.5, placement(i))
	}
	for i, d := range [][2]int{{2, past}, {past, 1}, {past, 2}, {1, 300_001}} {
		for dist := backend.Constant; dist <= backend.Bits; dist++ {
			b.fill(i > 1 || (dist != backend.Bits && int(dist) != 1+i), d, dist, true, placement(i))
		}
	}
}

func (b *builder) largeDistances() {
	for i, d := range [][3]int{{past, 2, 3}, {2, 3, past}, {2, past, 3}} {
		for j, m := range metrics {
			p := placement((i + j) % 4)
			b.nearestRows(i > 1 || i != j, d, m, digits, 1, j < 2, true, p)
			b.nearestRows(true, d, m, normal, 3, false, true, p)
			b.distanceMatrix(i > 1 || i != j, d, m, digits, p)
			b.namedDistances(true, d, m, digits, p)
			for g, groups := range []int{0, 3} {
				b.pairwiseSum(i != 1 || j != 1 || g != 0, d, m, digits, groups, p)
			}
		}
	}
	b.namedDistances(true, [3]int{past, 2, 3}, backend.Manhattan, normal, gapped)
	b.pairwiseSum(true, [3]int{2, 2, 50}, backend.Manhattan, digits, past, dense)
	for v := range 4 {
		for i, d := range [][3]int{{past, 1, 3}, {past, 3, 5000}, {3, past, 2}, {50, 2, past}, {past, 2, past}} {
			kind := [...]fill{wide, normal}[v%2]
			b.scatterSum(i > 0 || v != 0, d, kind, v&1 != 0, v&2 == 0, false, placement((i+v)%4))
		}
	}
}

func (b *builder) largeSupport() {
	for i, d := range [][3]int{{1, 1, past}, {1, past, 1}, {past, 1, 1}, {1, past, 2}} {
		for j, fn := range backend.Fns() {
			b.mapOf(i > 1 || j%11 != i, fn, d, stretches[0], normal, -1, placement((i+j)%4))
			if fn.Args() > 1 {
				b.mapOf(true, fn, d, stretches[1+(i+j)%4], wide, -1, placement((i+j)%4))
			}
		}
	}
	for i, d := range [][3]int{{1, 300, 517}, {1, past, 3}, {1, 2, past}, {past, 1, 2}, {past, 2, 1}} {
		for j, t := range dtypes {
			p := placement((i + j) % 4)
			b.move("transpose", j != i || i > 2, t, d, p)
			b.move("copy", j != i+1 || i > 2, t, d, p)
			if d[0] == 1 {
				b.move("gather", j != 3 || i == 0, t, d, p)
			} else {
				b.move("copy-one", true, t, d, p)
			}
		}
	}
}
