package verify

import "samebits/backend"

// farApart adds cases of every operation whose tensors have rows far apart, each
// tensor's at a distance of its own; one of each kind is in the quick suite.
func (b *builder) farApart() {
	for i, d := range [][3]int{{13, 35, 18}, {70, 66, 33}, {5, 70, 300}, {3, 4, 4100}, {61, 1, 37}, {1, 61, 37}, {130, 33, 257}} {
		for t := range 4 {
			p := product{m: d[0], n: d[1], k: d[2], tA: t&1 != 0, tB: t&2 != 0, place: strided, fillA: wide, fillB: signs}
			b.product(i > 2, p)
			p.beta, p.bias, p.options, p.fillA = backend.Scalar(0.5), true, "beta=0.5,bias", normal
			b.product(i > 0 || t != 1, p)
			p.batch = 3
			b.product(true, p)
			c := product{dtype: backend.Complex64, m: d[0], n: d[1], k: d[2] % 100, tA: t&1 != 0, tB: t&2 != 0, cA: i%2 == 0, cB: t > 1, place: strided,
				fillA: wide, fillB: signs}
			b.product(i > 0, c)
			for v := range 4 {
				b.integerVariant(i > 0 || v != t, d, t, v, 1+i%2*2, strided)
			}
		}
	}
	for i, d := range [][3]int{{1, 5, 63}, {3, 5, 130}, {1, 70, 1000}} {
		for _, form := range softmaxForms {
			b.softmax(form, i > 1, d, logits, 0.7, strided)
		}
		for r := backend.Sum; r <= backend.MaxAbsFinite; r++ {
			b.reduce(i > 0, r, backend.AlongRow, d, normal, strided)
			b.reduce(i > 1, r, backend.AlongColumn, d, normal, strided)
		}
		rows := [2]int{d[1], d[2]}
		b.categorical(i > 0, rows, 3, logits, 0.5, strided)
		b.withoutReplacement(i > 0, rows, 3, logits, 0, strided)
		b.gumbelSoftmax(i > 0, rows, logits, 0.5, "y-onehot", strided)
		b.topK(i > 0, rows, 5, ties, strided)
		for _, f := range filterKinds[1:] {
			b.filter(i > 0, rows, logits, backend.Filter{Kind: f.kind, K: f.k, P: f.p}, strided)
		}
		for dist := backend.Constant; dist <= backend.Bits; dist++ {
			b.fill(i > 0, rows, dist, true, strided)
		}
		for j, fn := range backend.Fns() {
			b.mapOf(i > 0 || j%5 != 0, fn, d, stretches[0], any32, -1, strided)
			b.mapOf(true, fn, d, stretches[2+2*(d[0]/3)], normal, -1, strided)
		}
		for j, t := range dtypes {
			for _, form := range []string{"transpose", "copy", "gather"} {
				if form != "gather" || d[0] == 1 {
					b.move(form, i != j%3, t, d, strided)
				}
			}
		}
	}
	for i, d := range [][3]int{{19, 33, 18}, {67, 130, 35}, {257, 5, 70}} {
		for j, m := range metrics {
			full := i != j%3
			b.nearestRows(full, d, m, normal, 1, j < 2, true, strided)
			b.nearestRows(full, d, m, normal, 5, false, true, strided)
			b.distanceMatrix(full, d, m, normal, strided)
			b.namedDistances(full, d, m, normal, strided)
			b.pairwiseSum(full, d, m, normal, 3, strided)
		}
		for v := range 4 {
			b.scatterSum(i > 0, d, normal, v&1 != 0, v&2 == 0, false, strided)
		}
	}
}
