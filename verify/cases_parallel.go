package verify

import "samebits/backend"

// workEdges are rows and columns about the elements of one piece of work, as
// rows are dealt out whole: one piece, a row more, two and more, in rows of a few
// elements, of many, and of more than a piece has.
func workEdges(elements int) (shapes [][2]int) {
	for _, cols := range []int{3, 1000} {
		rows := elements / cols
		for _, n := range []int{rows, rows + 1, 2*rows + 1, 5*rows + 3} {
			shapes = append(shapes, [2]int{n, cols})
		}
	}
	return append(shapes, [2]int{2, elements + 1}, [2]int{5, elements + 67}, [2]int{1, 3*elements + 5})
}

// parallelWork adds cases of every operation that are more than one thread's
// work, and as much as one takes.
func (b *builder) parallelWork() {
	b.parallelSums()
	b.parallelProducts()
	b.parallelDistances()
	for i, d := range workEdges(TileEdges("work")[0]) {
		p, s := placement(i%4), [3]int{1, d[0], d[1]}
		full := i != 2 && i != 5
		for j, form := range softmaxForms {
			b.softmax(form, full || j == 1, s, logits, 0, p)
		}
		for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
			kind := [...]fill{wide, ties}[int(r)%2]
			b.reduce(full || r > backend.Max, r, backend.AlongRow, s, kind, p)
			b.reduce(true, r, backend.AlongColumn, s, kind, p)
			b.reduce(true, r, backend.AlongColumn, [3]int{1, d[1], d[0]}, kind, p)
		}
		b.categorical(full, d, 1, logits, 0.5, p)
		b.withoutReplacement(full, d, 2, logits, 0, p)
		b.gumbelSoftmax(full, d, logits, 0.5, "y-onehot", p)
		b.topK(full, d, 2, ties, p)
		for j, f := range filterKinds[1:] {
			b.filter(j != i%9 || i > 3, d, logits, backend.Filter{Kind: f.kind, K: f.k, P: f.p}, p)
		}
		for dist := backend.Constant; dist <= backend.Bits; dist++ {
			b.fill(full || dist == backend.Exponential, d, dist, true, p)
		}
		for j, fn := range backend.Fns() {
			b.mapOf(true, fn, s, stretches[(i+j)%len(stretches)%(1+4*(fn.Args()/2))], normal, -1, p)
		}
		b.mapOf(i != 2, backend.FnAdd, s, stretches[0], wide, -1, p)
		b.mapOf(i != 5, backend.FnExp, s, stretches[0], normal, -1, p)
	}
	for i, d := range workEdges(TileEdges("work moved")[0]) {
		p := placement(i % 4)
		for j, t := range dtypes {
			full := i != 1 || j != 0
			b.move("copy", full, t, [3]int{1, d[0], d[1]}, p)
			b.move("gather", true, t, [3]int{1, max(1, (d[0]-2)/2), d[1]}, p)
			b.move("transpose", full, t, [3]int{1, d[0], d[1]}, p)
			b.move("transpose", true, t, [3]int{1, d[1], d[0]}, p)
		}
	}
}

// parallelSums adds scatter sums on more than one thread: of few labels, whose
// sums each thread has for itself, and of so many that threads own labels.
func (b *builder) parallelSums() {
	for i, n := range append(around("sum rows"), 2049, 5003, 20_011) {
		for j, labels := range []int{1, 3, n/3 + 1, n + 5} {
			for v := range 4 {
				cols := []int{1, 5, 33}[(i+j+v)%3]
				kind := []fill{wide, normal, infinite}[(i+v)%3]
				full := (n != 2049 && n != 5003) || v != j
				b.scatterSum(full, [3]int{n, cols, labels}, kind, v&1 != 0, v&2 == 0, false, placement((i+v)%4))
			}
		}
	}
	b.scatterSum(true, [3]int{5003, 33, 40}, near, false, true, true, gapped)
}

// parallelProducts adds products about the multiply-adds that one thread takes,
// and of every way in which one is cut among threads.
func (b *builder) parallelProducts() {
	f := backend.Scalar
	for i, d := range [][3]int{{64, 64, 127}, {64, 64, 128}, {64, 64, 129}, {65, 64, 128}, {128, 128, 63}, {128, 128, 64}, {128, 129, 64}, {203, 517, 33},
		{3, 4001, 70}, {4001, 3, 70}, {9001, 1, 70}, {1, 9001, 70}, {517, 40, 31}, {97, 1100, 17}, {3, 2500, 130}} {
		for t := range 4 {
			p := product{m: d[0], n: d[1], k: d[2], tA: t&1 != 0, tB: t&2 != 0, place: placement((i + t) % 4), fillA: wide, fillB: signs}
			b.product(t != i%4 || i < 2 || i == 6, p)
			p.beta, p.bias, p.act, p.options = f(-1), true, backend.Relu, "beta=-1,bias,relu"
			b.product(true, p)
			p.batch = 3
			b.product(t != 2 || i != 3, p)
		}
	}
	for t := range 16 {
		for i, d := range [][3]int{{64, 64, 32}, {65, 66, 33}, {40, 300, 31}, {3, 1400, 70}} {
			b.product(i != 1 || t%5 != 0, product{dtype: backend.Complex64, m: d[0], n: d[1], k: d[2], tA: t&1 != 0, tB: t&2 != 0, cA: t&4 != 0, cB: t&8 != 0,
				place: placement((i + t) % 4), fillA: wide, fillB: signs})
		}
	}
	for i, d := range [][3]int{{128, 256, 63}, {128, 256, 64}, {129, 256, 64}, {128, 256, 16}, {128, 256, 17}, {131, 517, 70}, {300, 40, 230}, {40, 300, 230}, {17, 6, 16_500}} {
		for t := range 4 {
			for v := range 4 {
				b.integerVariant(i != 5 || (t+v)%4 != 0, d, t, v, 1, placement((i+t+v)%4))
			}
		}
	}
}

// parallelDistances adds operations of the distance family on several blocks of
// rows, each of several groups, and of centres beyond a cache.
func (b *builder) parallelDistances() {
	for i, d := range [][3]int{{1100, 3, 5}, {2049, 5, 17}, {5003, 2, 3}, {700, 33, 65}, {67, 64, 1100}, {67, 16, 600}} {
		for j, m := range metrics {
			for k, kind := range []fill{digits, normal} {
				if i == 4 && (j+k)%2 != 0 {
					continue
				}
				p, full := placement((i+j+k)%4), k != 0 || i%4 != j
				b.nearestRows(full, d, m, kind, 1, j < 2 && i%2 == 0, true, p)
				b.nearestRows(true, d, m, kind, 3, false, i%2 == 0, p)
				b.distanceMatrix(full || i > 3, d, m, kind, p)
				b.namedDistances(full || i > 3, d, m, kind, p)
				b.pairwiseSum(full || i > 3, d, m, kind, 3*(i%2), p)
			}
		}
	}
}
