package verify

import (
	"samebits/backend"
)

// batches adds products of batches with all their options: what belongs to one
// matrix of the batch, as C under beta, must not serve another.
func (b *builder) batches() {
	f, z := backend.Scalar, backend.ComplexScalar
	shapes := [][3]int{{13, 18, 21}, {70, 66, 12}, {3, 5, 4100}}
	for i, e := range []product{
		{beta: f(1), options: "beta=1"},
		{alpha: f(0.7), beta: f(-1.3), options: "alpha=0.7,beta=-1.3"},
		{alpha: f(-2), options: "alpha=-2"},
		{bias: true, options: "bias"},
		{beta: f(0.5), bias: true, act: backend.Relu, options: "beta=0.5,bias,relu"},
		{act: backend.Tanh, options: "tanh"},
		{bias: true, act: backend.Sigmoid, options: "bias,sigmoid"},
		{alpha: f(0), beta: f(1), options: "alpha=0,beta=1"},
	} {
		for s, d := range shapes {
			for t := range 4 {
				p := e
				p.batch, p.m, p.n, p.k, p.tA, p.tB = 3, d[0], d[1], d[2], t&1 != 0, t&2 != 0
				p.oneA, p.oneB = (i+t)%4 == 1, (i+t)%4 == 2
				p.place, p.fillA, p.fillB = placement((i+s+t)%4), normal, normal
				b.product(t != (i+s)%4, p)
			}
		}
		// More matrices than threads, too small for a thread each.
		p := e
		p.batch, p.m, p.n, p.k, p.place, p.fillA, p.fillB = 37, 33, 35, 19+i, placement(i%4), wide, signs
		b.product(i > 1, p)
	}
	for i, e := range []product{
		{options: ""}, {beta: z(1), options: "beta=1"}, {alpha: z(0.5 - 2i), beta: z(0.3 + 1i), options: "alpha=0.5-2i,beta=0.3+1i"},
		{bias: true, options: "bias"}, {alpha: z(1i), bias: true, options: "alpha=1i,bias"},
	} {
		for s, d := range [][3]int{{5, 7, 9}, {35, 34, 6}, {2, 3, 2100}} {
			for t := range 16 {
				p := e
				p.dtype, p.batch, p.m, p.n, p.k = backend.Complex64, 3, d[0], d[1], d[2]
				p.tA, p.tB, p.cA, p.cB = t&1 != 0, t&2 != 0, t&4 != 0, t&8 != 0
				p.place, p.fillA, p.fillB = placement((i+s+t)%4), normal, normal
				b.product(t != (5*i+s)%16, p)
			}
		}
	}
	for s, d := range [][3]int{{13, 33, 31}, {50, 40, 70}} {
		for t := range 4 {
			for v := range 4 {
				b.integerVariant((s+t+v)%2 != 0, d, t, v, 3, placement((s+t+v)%4))
			}
		}
	}
}

// deepProducts adds products of several cuts with several tiles of outputs, on
// integers that make every sum exact, and distances of several cuts.
func (b *builder) deepProducts() {
	fills := [][2]fill{{wide, signs}, {digits, signs}, {signs, wide}}
	for s, d := range [][3]int{{70, 80, 8200}, {13, 1030, 4100}, {70, 33, 12_300}, {5, 9, 8193}, {1, 70, 12_289}, {70, 1, 12_289}} {
		for t := range 4 {
			for i, ab := range fills {
				if s < 3 && (s+t)%3 != i {
					continue
				}
				full := (s != 2 || t != 2) && (s < 3 || t != s%4 || i != 0)
				b.product(full, product{m: d[0], n: d[1], k: d[2], tA: t&1 != 0, tB: t&2 != 0, place: placement((s + t + i) % 4), fillA: ab[0], fillB: ab[1]})
			}
		}
	}
	for t := 0; t < 16; t += 5 {
		b.product(t != 5, product{dtype: backend.Complex64, m: 18, n: 35, k: 6200, tA: t&1 != 0, tB: t&2 != 0, cA: t&4 != 0, cB: t&8 != 0,
			place: placement(t % 4), fillA: digits, fillB: signs})
	}
	for i, d := range [][3]int{{9, 4101, 7}, {35, 8200, 19}, {3, 12_290, 2}} {
		for j, m := range metrics {
			for k, kind := range []fill{digits, far} {
				p := placement((i + j + k) % 4)
				b.nearestRows(i > 0 || k == 0, d, m, kind, 1, j < 2, true, p)
				b.nearestRows(true, d, m, kind, 2, false, i == 1, p)
				b.distanceMatrix(i != 2 || j != k, d, m, kind, p)
				b.namedDistances(true, d, m, kind, p)
				b.pairwiseSum(true, d, m, kind, 3*(i%2), p)
			}
		}
	}
}

// requantisations adds integer products whose multipliers, shifts and sums are
// the ends of their ranges and the ties of both roundings.
func (b *builder) requantisations() {
	for s, d := range [][3]int{{7, 337, 3}, {50, 160, 1}, {1, 1000, 2}} {
		for t := range 4 {
			p := integerProduct{m: d[0], n: d[1], k: d[2], tA: t&1 != 0, tB: t&2 != 0, batch: 1 + s%2, place: placement((s + t) % 4),
				requant: "roundings", min: -128, max: 127}
			b.integerProduct(t%2 != s%2, p)
		}
	}
}

// longFilters adds top-k filters that keep more than a short list, and filters
// of long rows.
func (b *builder) longFilters() {
	for i, kind := range filterFills {
		for j, k := range []int{2, 64, 65, 300, 999} {
			b.filter((i+j)%4 != 0, [2]int{3, 1000}, kind, backend.Filter{Kind: backend.FilterTopK, K: k}, placement((i+j)%4))
			b.filter(true, [2]int{2, 20_001}, kind, backend.Filter{Kind: backend.FilterTopK, K: k}, placement((i+j+1)%4))
		}
		for j, f := range filterKinds[3:] {
			b.filter(true, [2]int{2, 20_001}, kind, backend.Filter{Kind: f.kind, K: f.k, P: f.p}, placement((i+j)%4))
		}
	}
}

// binadeMaps adds maps over all binades.
func (b *builder) binadeMaps() {
	for i, fn := range backend.Fns() {
		b.mapOf(fn.Args() > 1, fn, [3]int{1, 2, 2048}, stretches[0], binades, -1, placement(i%4))
		b.mapOf(true, fn, [3]int{1, 16, 4096}, stretches[0], binades, -1, placement((i+1)%4))
	}
}
