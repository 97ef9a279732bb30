package verify

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"samebits/backend"
)

// product describes one case of matmul.
type product struct {
	dtype          backend.DType
	batch          int
	oneA, oneB     bool // one matrix serves the batch
	m, n, k        int
	tA, tB, cA, cB bool
	place          placement
	fillA, fillB   fill
	alpha, beta    backend.Factor
	bias           bool
	act            backend.Activation
	options        string // names alpha, beta, bias and act
}

// productShapes are M, N, K around the edges of the tiles in use (6×16 on the
// processor; 16, 32, 64 and 128 on devices; K in blocks of 8, 16 and 256, cut
// every 4096), primes, ones and empty.
var productShapes = [][3]int{
	{1, 1, 1}, {1, 17, 5}, {17, 1, 5}, {5, 15, 3}, {6, 16, 8}, {7, 17, 9}, {12, 32, 16}, {13, 31, 29},
	{63, 65, 64}, {64, 64, 16}, {65, 63, 33}, {127, 129, 17}, {128, 128, 8}, {129, 127, 15}, {97, 33, 257}, {31, 47, 255},
	{2, 3, 4097}, {3, 5, 4096}, {3, 2, 8193}, {1, 131, 61}, {131, 1, 61}, {0, 5, 3}, {5, 0, 3}, {3, 5, 0},
}

func (b *builder) products() {
	fills := [][2]fill{{wide, signs}, {normal, normal}, {signs, wide}}
	for s, d := range productShapes {
		for t := range 4 {
			for p := dense; p <= mixed; p++ {
				for i, ab := range fills {
					full := int(p) != (s+t)%4 || (i != t%3 && i != 0)
					b.product(full, product{m: d[0], n: d[1], k: d[2], tA: t&1 != 0, tB: t&2 != 0, place: p, fillA: ab[0], fillB: ab[1]})
				}
			}
		}
	}
	// Square: a transpose that is ignored keeps the shape.
	for t := range 4 {
		b.product(false, product{m: 19, n: 19, k: 19, tA: t&1 != 0, tB: t&2 != 0, place: gapped, fillA: wide, fillB: signs})
	}
	for _, ab := range [][2]fill{{large, large}, {small, small}, {large, small}, {subnormal, large}, {zeros, zeros},
		{planted, normal}, {normal, planted}, {infinite, normal}, {normal, infinite}, {ties, near}, {far, normal},
		{nanRow, normal}, {nanColumn, normal}, {normal, nanRow}, {normal, nanColumn}, {infRow, signs}, {infColumn, normal}, {normal, infRow}, {signs, infColumn}, {twins, twins}} {
		for i, d := range [][3]int{{17, 33, 65}, {5, 70, 19}} {
			b.product(false, product{m: d[0], n: d[1], k: d[2], tB: i == 1, place: placement(i * 2), fillA: ab[0], fillB: ab[1]})
		}
	}
	for i, s := range []struct {
		batch      int
		oneA, oneB bool
	}{{3, false, false}, {3, true, false}, {3, false, true}, {2, true, true}, {0, false, false}} {
		for p := dense; p <= mixed; p++ {
			b.product(false, product{batch: s.batch + 1, oneA: s.oneA, oneB: s.oneB, m: 7, n: 18, k: 33, tA: i%2 == 1, place: p, fillA: wide, fillB: signs})
		}
	}
	b.epilogues()
	b.complexProducts()
}

// productFills are those of A and B: wide integers both ways first.
var productFills = [][2]fill{{wide, signs}, {signs, wide}, {normal, normal}, {large, large}, {small, small}, {large, small}, {subnormal, large}, {zeros, zeros},
	{planted, normal}, {normal, planted}, {infinite, normal}, {normal, infinite}, {nanRow, normal}, {nanColumn, normal}, {normal, nanRow}, {normal, nanColumn},
	{infRow, normal}, {infColumn, normal}, {normal, infRow}, {normal, infColumn}, {ties, near}, {far, normal}, {twins, twins}}

func (b *builder) epilogues() {
	f := backend.Scalar
	for _, e := range []struct {
		name        string
		alpha, beta backend.Factor
		bias        bool
		act         backend.Activation
	}{
		{"alpha=0", f(0), backend.Factor{}, false, 0},
		{"alpha=0,beta=1", f(0), f(1), false, 0},
		{"alpha=0,bias", f(0), backend.Factor{}, true, 0},
		{"alpha=-1", f(-1), backend.Factor{}, false, 0},
		{"alpha=0.7", f(0.7), f(0), false, 0},
		{"beta=1", backend.Factor{}, f(1), false, 0},
		{"alpha=0.7,beta=-1.3", f(0.7), f(-1.3), false, 0},
		{"bias", backend.Factor{}, backend.Factor{}, true, 0},
		{"alpha=3,beta=0.1,bias,relu", f(3), f(0.1), true, backend.Relu},
		{"relu", backend.Factor{}, backend.Factor{}, false, backend.Relu},
		{"bias,sigmoid", backend.Factor{}, backend.Factor{}, true, backend.Sigmoid},
		{"bias,tanh", backend.Factor{}, backend.Factor{}, true, backend.Tanh},
		{"beta=0.5,softplus", backend.Factor{}, f(0.5), false, backend.Softplus},
	} {
		for i, s := range []product{{m: 9, n: 37, k: 21, fillA: normal, fillB: normal, place: gapped},
			{m: 70, n: 66, k: 12, tB: true, fillA: wide, fillB: signs, place: dense},
			{m: 3, n: 4, k: 0, fillA: normal, fillB: normal, place: offset}, {m: 2, n: 5, k: 4100, fillA: normal, fillB: normal}} {
			s.alpha, s.beta, s.bias, s.act, s.options = e.alpha, e.beta, e.bias, e.act, e.name
			b.product(i == 3 && e.act == 0, s)
		}
	}
	// alpha = 0 must not read what would make the result NaN.
	b.product(false, product{m: 5, n: 6, k: 7, alpha: f(0), options: "alpha=0", fillA: infinite, fillB: planted})
}

func (b *builder) complexProducts() {
	f := backend.ComplexScalar
	for s, d := range [][3]int{{1, 1, 1}, {5, 7, 3}, {6, 16, 8}, {17, 33, 19}, {65, 31, 17}, {2, 3, 4097}, {0, 3, 2}, {3, 2, 0}} {
		for t := range 16 {
			b.product(s != 3 && t%5 != s%5, product{dtype: backend.Complex64, m: d[0], n: d[1], k: d[2], tA: t&1 != 0, tB: t&2 != 0,
				cA: t&4 != 0, cB: t&8 != 0, place: placement((s + t) % 4), fillA: [...]fill{wide, normal}[t%2], fillB: [...]fill{signs, normal}[t%2]})
		}
	}
	base := product{dtype: backend.Complex64, m: 9, n: 18, k: 11, place: gapped, fillA: normal, fillB: normal}
	for _, e := range []struct {
		name        string
		alpha, beta backend.Factor
		bias        bool
	}{{"alpha=i", f(1i), backend.Factor{}, false}, {"alpha=0.5-2i,beta=1", f(0.5 - 2i), f(1), false},
		{"beta=0.3+1i,bias", backend.Factor{}, f(0.3 + 1i), true}, {"bias", backend.Factor{}, backend.Factor{}, true}, {"alpha=0", f(0), backend.Factor{}, false}} {
		p := base
		p.alpha, p.beta, p.bias, p.options = e.alpha, e.beta, e.bias, e.name
		b.product(false, p)
	}
	batched := base
	batched.batch, batched.oneB = 3, true
	b.product(false, batched)
	for _, x := range []fill{large, small, zeros, planted, infinite} {
		p := base
		p.fillA = x
		b.product(false, p)
	}
}

func flag(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

func (b *builder) product(full bool, p product) {
	if p.dtype == 0 {
		p.dtype = backend.Float32
	}
	p.batch = max(p.batch, 1)
	form := flag(p.tA, "t", "n") + flag(p.tB, "t", "n") + flag(p.cA, "-conja", "") + flag(p.cB, "-conjb", "")
	batch := ""
	if p.batch > 1 {
		batch = fmt.Sprintf("batch%d", p.batch) + flag(p.oneA, "-onea", "") + flag(p.oneB, "-oneb", "")
	}
	b.add("matmul", full, []any{p.dtype, form, shape{p.m, p.n, p.k}, batch, p.place, p.fillA + "-" + p.fillB, p.options}, func(d []int, f *fills) *trial {
		p := p
		p.m, p.n, p.k = d[0], d[1], d[2]
		return p.trial(f)
	})
}

func (p product) trial(f *fills) *trial {
	matrix := func(name string, batch, rows, cols int, trans bool, kind fill) *array {
		if trans {
			rows, cols = cols, rows
		}
		return f.floatsOf(name, p.dtype, batch, rows, cols, kind)
	}
	batchA, batchB := p.batch, p.batch
	if p.oneA {
		batchA = 1
	}
	if p.oneB {
		batchB = 1
	}
	a := matrix("a", batchA, p.m, p.k, p.tA, p.fillA)
	bm := matrix("b", batchB, p.k, p.n, p.tB, p.fillB)
	c := out("c", p.dtype, p.batch, p.m, p.n)
	if p.beta.Or(0) != 0 {
		c = inPlace(matrix("c", p.batch, p.m, p.n, false, normal))
	}
	var bias *array
	if p.bias {
		bias = matrix("bias", 1, 1, p.n, false, normal)
	}
	var judged oracle // computed when the oracle is first asked
	return &trial{
		arrays: place(p.place, c, a, bm, bias),
		op: func(t tensors) backend.Op {
			return &backend.MatMul{C: t["c"], A: t["a"], B: t["b"], TransA: p.tA, TransB: p.tB, ConjA: p.cA, ConjB: p.cB,
				Alpha: p.alpha, Beta: p.beta, Bias: t["bias"], Act: p.act}
		},
		oracle: map[string]oracle{"c": func(got outputs, i int) opinion {
			if judged == nil {
				judged = watched("c", p.want(hard, a, bm, c, bias), p.want(probable, a, bm, c, bias))
			}
			return judged(got, i)
		}},
	}
}

// want returns the product's words as balls, sums with hard or probable
// bounds.
func (p product) want(by bounding, a, b, c, bias *array) []ball {
	w, n := width(p.dtype), p.m*p.n
	want := make([]ball, 0, p.batch*n*w)
	part := func(x *array, one bool, i int) []float64 {
		size := len(x.words) / x.batch
		if one {
			i = 0
		}
		return floats64(x.words[i*size : (i+1)*size])
	}
	for i := range p.batch {
		var r []ball
		switch {
		case p.alpha.Or(1) == 0:
			r = make([]ball, n*w)
		case w == 2:
			r = p.complexChains(by, part(a, p.oneA, i), part(b, p.oneB, i))
		default:
			r = p.chains(by, part(a, p.oneA, i), part(b, p.oneB, i))
		}
		var old, add []float64
		if c.role == inout {
			old = part(c, false, i)
		}
		if bias != nil {
			add = floats64(bias.words)
		}
		for e := range n {
			if w == 2 {
				re, im := p.complexEpilogue(r[2*e], r[2*e+1], e, old, add)
				want = append(want, re, im)
			} else {
				want = append(want, p.epilogue(r[e], e, old, add))
			}
		}
	}
	return want
}

// chains returns op(A)·op(B) with |op(A)|·|op(B)| behind its bound: by gonum for
// finite data, element by element where NaN and infinities must get through
// (gonum's product passes zeros by).
func (p product) chains(by bounding, a, b []float64) []ball {
	n := p.m * p.n
	r := make([]ball, n)
	if p.k == 0 {
		return r
	}
	if allFinite(a) && allFinite(b) {
		sum, mag := p.gemm(a, b), p.gemm(absolute(a), absolute(b))
		integers := allIntegers(a) && allIntegers(b)
		for e := range r {
			t := total{sum: sum[e], magnitude: mag[e], n: p.k, integers: integers}
			r[e] = by(&t, chainDepth(p.k))
		}
		return r
	}
	at := func(x []float64, rows, cols int, trans bool, i, j int) ball {
		if trans {
			return known(x[j*rows+i])
		}
		return known(x[i*cols+j])
	}
	for e := range r {
		t := dotTotal(p.k, func(k int) (ball, ball) {
			return at(a, p.m, p.k, p.tA, e/p.n, k), at(b, p.k, p.n, p.tB, k, e%p.n)
		})
		r[e] = by(&t, chainDepth(p.k))
	}
	return r
}

// gemm is op(A)·op(B) by gonum.
func (p product) gemm(a, b []float64) []float64 {
	general := func(x []float64, rows, cols int, trans bool) (blas.Transpose, blas64.General) {
		if trans {
			return blas.Trans, blas64.General{Rows: cols, Cols: rows, Stride: max(1, rows), Data: x}
		}
		return blas.NoTrans, blas64.General{Rows: rows, Cols: cols, Stride: max(1, cols), Data: x}
	}
	c := blas64.General{Rows: p.m, Cols: p.n, Stride: max(1, p.n), Data: make([]float64, p.m*p.n)}
	if len(c.Data) == 0 {
		return c.Data
	}
	tA, ga := general(a, p.m, p.k, p.tA)
	tB, gb := general(b, p.k, p.n, p.tB)
	blas64.Gemm(tA, tB, 1, ga, gb, 0, c)
	return c.Data
}

// complexChains is chains for complex numbers: 2K macs a part.
func (p product) complexChains(by bounding, a, b []float64) []ball {
	at := func(x []float64, rows, cols int, trans, conj bool, i, j int) (re, im float64) {
		e := i*cols + j
		if trans {
			e = j*rows + i
		}
		if re, im = x[2*e], x[2*e+1]; conj {
			im = -im
		}
		return re, im
	}
	r := make([]ball, 2*p.m*p.n)
	for e := range p.m * p.n {
		re, im := newTotal(), newTotal()
		for k := range p.k {
			ar, ai := at(a, p.m, p.k, p.tA, p.cA, e/p.n, k)
			br, bi := at(b, p.k, p.n, p.tB, p.cB, k, e%p.n)
			re.term(known(ar * br))
			re.term(known(-ai * bi))
			im.term(known(ar * bi))
			im.term(known(ai * br))
		}
		depth := min(2*p.k, 8192) + (p.k+4095)/4096 + 2
		r[2*e], r[2*e+1] = by(&re, depth), by(&im, depth)
	}
	return r
}

func (p product) epilogue(r ball, e int, old, bias []float64) ball {
	if alpha := float64(p.alpha.Real(1)); alpha != 1 && alpha != 0 {
		r = r.mul(known(alpha))
	}
	if beta := float64(p.beta.Real(0)); beta != 0 {
		r = r.add(known(beta).mul(known(old[e])))
	}
	if bias != nil {
		r = r.add(known(bias[e%p.n]))
	}
	switch p.act {
	case backend.Relu:
		return r.relu()
	case backend.Sigmoid:
		return r.sigmoid()
	case backend.Tanh:
		return r.tanh()
	case backend.Softplus:
		return r.softplus()
	}
	return r
}

func (p product) complexEpilogue(re, im ball, e int, old, bias []float64) (ball, ball) {
	mac := func(accRe, accIm ball, f complex64, xr, xi ball) (ball, ball) {
		fr, fi := known(float64(real(f))), known(float64(imag(f)))
		return accRe.add(fr.mul(xr)).add(fi.neg().mul(xi)), accIm.add(fr.mul(xi)).add(fi.mul(xr))
	}
	if alpha := p.alpha.Or(1); alpha != 1 && alpha != 0 {
		re, im = mac(ball{}, ball{}, alpha, re, im)
	}
	if beta := p.beta.Or(0); beta != 0 {
		re, im = mac(re, im, beta, known(old[2*e]), known(old[2*e+1]))
	}
	if bias != nil {
		j := e % p.n
		re, im = re.add(known(bias[2*j])), im.add(known(bias[2*j+1]))
	}
	return re, im
}

func allFinite(x []float64) bool {
	for _, v := range x {
		if !finite(v) {
			return false
		}
	}
	return true
}

func allIntegers(x []float64) bool {
	for _, v := range x {
		if v != math.Trunc(v) {
			return false
		}
	}
	return true
}

func absolute(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Abs(v)
	}
	return y
}
