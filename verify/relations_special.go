package verify

import (
	"fmt"
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

// special makes the relations that belong to one operation.
func (r *relating) special(f *fills) error {
	for _, rel := range []struct {
		op, name, would string
		holds           func(f *fills) (string, error)
	}{
		{"matmul", "zero-padded-k", "zeros behind the end of K change nothing", r.zeroPaddedProduct},
		{"matmul", "transposed-operands", "a transposed operand, transposed, gives the plain product", r.transposedOperands},
		{"matmul", "transposed-product", "Bᵀ·Aᵀ is the transposed product", r.transposedProduct},
		{"matmul", "permuted-columns", "permuted columns of B permute those of the product", r.permutedColumns},
		{"matmul", "batches", "a batch of N gives the bits of N products", r.batches},
		{"matmul", "freivalds-exact", "C·r = A·(B·r) for integers, whose sums are exact: a single wrong element shows but for 2⁻³²", r.freivaldsExact},
		{"matmul", "freivalds-bound", "C·r = A·(B·r) within the bound of K roundings", r.freivaldsBound},
		{"matmul", "chained", "operations that feed each other on the device, given at once, give the bits of single ones that the host carries", r.chained},
		{"qmatmul", "zero-padded-k", "zeros behind the end of K change nothing", r.zeroPaddedIntegers},
		{"softmax", "padded-by-minus-infinity", "columns of −Inf get 0 and change no other", r.paddedSoftmax},
		{"softmax", "temperature", "T = 2ᵏ gives the bits of x·2⁻ᵏ", r.softmaxTemperature},
		{"categorical", "temperature", "T = 2ᵏ gives the draws of x·2⁻ᵏ", r.drawTemperature},
		{"categorical", "steps", "draw d at step s is the first draw at step s+d", r.drawSteps},
		{"filter", "idempotent", "the k largest of the k largest are the same", r.filterTwice},
		{"fill", "prefix", "a wider fill begins with the narrower one", r.fillPrefix},
		{"nearest", "more-centres", "a centre that repeats one before it is never named, and the best of m is the best", r.moreCentres},
		{"nearest", "zero-padded-columns", "columns of zeros change nothing", r.zeroPaddedRows},
		{"distances", "named-pairs", "named pairs are the elements of the matrix", r.namedPairs},
		{"scattersum", "permuted", "rows in another order give the same words", r.scatterPermuted},
		{"scattersum", "merged", "parts of the rows merge by integer addition to the words of the whole", r.scatterMerged},
		{"scattersum", "scaled", "x·2ᵏ with exponents less k gives the same words", r.scatterScaled},
		{"reduce", "columns-alone", "a column computed alone has the bits it has among others", r.columnsAlone},
		{"topk", "prefix", "the m largest begin with the m−1 largest", r.topPrefix},
		{"transpose", "twice", "a matrix transposed twice is the matrix", r.transposedTwice},
	} {
		if !r.wanted(rel.op) {
			continue
		}
		differs, err := rel.holds(f)
		if err := r.report(rel.op, rel.name, rel.would, differs, err); err != nil {
			return err
		}
	}
	return nil
}

// one runs an operation on the device under test and returns output name.
func (r *relating) one(name string, op func(t tensors) backend.Op, arrays ...*array) ([]uint32, error) {
	out, err := r.on(r.o.Tested, op, arrays...)
	return out[name], err
}

func multiply(t tensors) backend.Op { return &backend.MatMul{C: t["c"], A: t["a"], B: t["b"]} }

func (r *relating) product(a, b *array) ([]uint32, error) {
	return r.one("c", multiply, a, b, out("c", backend.Float32, a.batch, a.rows, b.cols))
}

// columns returns cols columns of a, the j-th of which is column at(j); none
// where at is negative: zero words.
func columns(a *array, cols int, at func(j int) int) *array {
	b, w := *a, width(a.dtype)
	b.cols, b.words = cols, make([]uint32, a.batch*a.rows*cols*w)
	for i := range a.batch * a.rows {
		for j := range cols {
			if from := at(j); from >= 0 {
				copy(b.words[(i*cols+j)*w:(i*cols+j+1)*w], a.words[(i*a.cols+from)*w:])
			}
		}
	}
	return &b
}

func padded(a *array, cols int) *array {
	return columns(a, cols, func(j int) int {
		if j < a.cols {
			return j
		}
		return -1
	})
}

// firstRows returns a with rows rows, those behind its end zero.
func firstRows(a *array, rows int) *array {
	b := *a
	b.rows, b.words = rows, make([]uint32, rows*a.cols*width(a.dtype))
	copy(b.words, a.words)
	return &b
}

func transposed(a *array) *array {
	b := *a
	b.rows, b.cols, b.words = a.cols, a.rows, flipped(a.words, a.rows, a.cols)
	return &b
}

func flipped(words []uint32, rows, cols int) []uint32 {
	t := make([]uint32, len(words))
	for i := range rows {
		for j := range cols {
			t[j*rows+i] = words[i*cols+j]
		}
	}
	return t
}

func (r *relating) zeroPaddedProduct(f *fills) (string, error) {
	const m, k, n, longer = 35, 70, 37, 96
	a, b := in("a", 1, m, k, f.floats(normal, m*k)), in("b", 1, k, n, f.floats(normal, k*n))
	want, err := r.product(a, b)
	if err != nil {
		return "", err
	}
	got, err := r.product(padded(a, longer), firstRows(b, longer))
	return sameWords(got, want, backend.Float32), err
}

func (r *relating) transposedOperands(f *fills) (string, error) {
	const m, k, n = 33, 67, 35
	a, b := in("a", 1, m, k, f.floats(normal, m*k)), in("b", 1, k, n, f.floats(normal, k*n))
	want, err := r.product(a, b)
	if err != nil {
		return "", err
	}
	for _, ta := range []bool{false, true} {
		for _, tb := range []bool{false, true} {
			x, y := a, b
			if ta {
				x = transposed(a)
			}
			if tb {
				y = transposed(b)
			}
			got, err := r.one("c", func(t tensors) backend.Op {
				return &backend.MatMul{C: t["c"], A: t["a"], B: t["b"], TransA: ta, TransB: tb}
			}, x, y, out("c", backend.Float32, 1, m, n))
			if err != nil {
				return "", err
			}
			if d := sameWords(got, want, backend.Float32); d != "" {
				return fmt.Sprintf("A transposed %t, B transposed %t: %s", ta, tb, d), nil
			}
		}
	}
	return "", nil
}

func (r *relating) transposedProduct(f *fills) (string, error) {
	const m, k, n = 30, 65, 41
	a, b := in("a", 1, m, k, f.floats(normal, m*k)), in("b", 1, k, n, f.floats(normal, k*n))
	want, err := r.product(a, b)
	if err != nil {
		return "", err
	}
	x, y := transposed(b), transposed(a)
	x.name, y.name = "a", "b"
	got, err := r.product(x, y)
	return sameWords(got, flipped(want, m, n), backend.Float32), err
}

func (r *relating) permutedColumns(f *fills) (string, error) {
	const m, k, n = 18, 50, 45
	a, b := in("a", 1, m, k, f.floats(normal, m*k)), in("b", 1, k, n, f.floats(normal, k*n))
	want, err := r.product(a, b)
	if err != nil {
		return "", err
	}
	at := func(j int) int { return (j*7 + 3) % n }
	got, err := r.product(a, columns(b, n, at))
	whole := &array{batch: 1, rows: m, cols: n, words: want}
	return sameWords(got, columns(whole, n, at).words, backend.Float32), err
}

func (r *relating) batches(f *fills) (string, error) {
	const many, m, k, n = 3, 19, 40, 21
	a := in("a", many, m, k, f.floats(normal, many*m*k))
	for _, of := range []int{1, many} {
		b := in("b", of, k, n, f.floats(normal, of*k*n))
		whole, err := r.product(a, b)
		if err != nil {
			return "", err
		}
		for i := range many {
			x, y := in("a", 1, m, k, nil), in("b", 1, k, n, nil)
			x.words = a.words[i*m*k : (i+1)*m*k]
			y.words = b.words[min(i, of-1)*k*n : (min(i, of-1)+1)*k*n]
			got, err := r.product(x, y)
			if err != nil {
				return "", err
			}
			if d := sameWords(got, whole[i*m*n:(i+1)*m*n], backend.Float32); d != "" {
				return fmt.Sprintf("member %d of %d: %s", i, many, d), nil
			}
		}
	}
	return "", nil
}

// freivaldsSize is a product too large for an oracle at every element.
func (r *relating) freivaldsSize() (m, k, n int) {
	if r.o.Suite == Quick || r.o.Suite == "" {
		return 131, 300, 137
	}
	return 517, 1031, 523
}

// freivaldsExact checks an integer product, whose sums float32 holds exactly,
// by Freivalds' check with random 32-bit weights: a wrong row escapes with a
// probability of 2⁻³².
// Source: Freivalds 1977, Probabilistic machines can use less running time, IFIP.
func (r *relating) freivaldsExact(f *fills) (string, error) {
	m, k, n := r.freivaldsSize()
	for _, kinds := range [][2]fill{{wide, signs}, {signs, wide}} {
		a, b := in("a", 1, m, k, f.floats(kinds[0], m*k)), in("b", 1, k, n, f.floats(kinds[1], k*n))
		c, err := r.product(a, b)
		if err != nil {
			return "", err
		}
		weight := make([]int64, n)
		for j, w := range f.words(n) {
			weight[j] = int64(int32(w))
		}
		at := func(words []uint32, i int) int64 { return int64(math.Float32frombits(words[i])) }
		br := make([]int64, k) // wraps modulo 2⁶⁴, as do both sides
		for l := range k {
			for j := range n {
				br[l] += at(b.words, l*n+j) * weight[j]
			}
		}
		for i := range m {
			var left, right int64
			for j := range n {
				v := float64(math.Float32frombits(c[i*n+j]))
				if v != math.Trunc(v) || math.Abs(v) > exactInt {
					return fmt.Sprintf("c[%d,%d] is %v, no integer in reach", i, j, v), nil
				}
				left += int64(v) * weight[j]
			}
			for l := range k {
				right += at(a.words, i*k+l) * br[l]
			}
			if left != right {
				return fmt.Sprintf("%s·%s: row %d is wrong", kinds[0], kinds[1], i), nil
			}
		}
	}
	return "", nil
}

// freivaldsBound is the same on normal numbers with weights ±1: a row's error
// may be γ_K·(|A|·|B|)·1, the bound of its elements.
func (r *relating) freivaldsBound(f *fills) (string, error) {
	m, k, n := r.freivaldsSize()
	a, b := in("a", 1, m, k, f.floats(normal, m*k)), in("b", 1, k, n, f.floats(normal, k*n))
	c, err := r.product(a, b)
	if err != nil {
		return "", err
	}
	x, y, z := floats64(a.words), floats64(b.words), floats64(c)
	br, abs := make([]float64, k), make([]float64, k)
	weight := make([]float64, n)
	for j, w := range f.words(n) {
		weight[j] = 1 - 2*float64(w>>31)
	}
	for l := range k {
		for j := range n {
			br[l] += y[l*n+j] * weight[j]
			abs[l] += math.Abs(y[l*n+j])
		}
	}
	for i := range m {
		var left, right, most float64
		for j := range n {
			left += z[i*n+j] * weight[j]
		}
		for l := range k {
			right += x[i*k+l] * br[l]
			most += math.Abs(x[i*k+l]) * abs[l]
		}
		// Two roundings a mac, as the oracle counts, and float64's own.
		if bound := (gamma(2*k) + float64(2*(k+n))*0x1p-53) * most; !(math.Abs(left-right) <= bound) {
			return fmt.Sprintf("row %d is %.3g off, more than %.3g", i, left-right, bound), nil
		}
	}
	return "", nil
}

// chained runs softmax(A·B)·D and its largest columns without leaving the
// device, and with every intermediate result carried by the host.
func (r *relating) chained(f *fills) (string, error) {
	const m, k, n, p = 45, 66, 70, 37
	data := map[string]*array{"a": in("a", 1, m, k, f.floats(normal, m*k)), "b": in("b", 1, k, n, f.floats(normal, k*n)), "d": in("d", 1, n, p, f.floats(normal, n*p)),
		"ab": out("ab", backend.Float32, 1, m, n), "s": out("s", backend.Float32, 1, m, n), "c": out("c", backend.Float32, 1, m, p), "i": out("i", backend.Int32, 1, m, 1)}
	order := []string{"a", "b", "d", "ab", "s", "c", "i"}
	ops := []func(t tensors) backend.Op{
		func(t tensors) backend.Op { return &backend.MatMul{C: t["ab"], A: t["a"], B: t["b"]} },
		func(t tensors) backend.Op { return &backend.Softmax{Y: t["s"], X: t["ab"]} },
		func(t tensors) backend.Op { return &backend.MatMul{C: t["c"], A: t["s"], B: t["d"]} },
		func(t tensors) backend.Op { return &backend.Reduce{Y: t["i"], X: t["c"], Reduction: backend.ArgMax} },
	}
	carried := outputs{}
	for step, op := range ops {
		var arrays []*array
		for _, name := range order {
			a := *data[name]
			if w, done := carried[name]; done {
				a.role, a.words = input, w
			}
			arrays = append(arrays, &a)
		}
		out, err := r.on(r.o.Tested, op, arrays...)
		if err != nil {
			return "", err
		}
		name := []string{"ab", "s", "c", "i"}[step]
		carried[name] = out[name]
	}
	var all []*placed
	t := tensors{}
	defer func() {
		for _, p := range all {
			p.buffer.Close()
		}
	}()
	for _, name := range order {
		p, err := data[name].onDevice(r.ctx, r.o.Tested)
		if err != nil {
			return "", err
		}
		all = append(all, p)
		t[name] = p.view
	}
	var list []backend.Op
	for _, op := range ops {
		list = append(list, op(t))
	}
	if err := r.o.Tested.Run(r.ctx, list...); err != nil {
		return "", err
	}
	got := outputs{}
	for _, p := range all {
		words, spoiled, err := p.after(r.ctx)
		if err != nil || spoiled != "" {
			return spoiled, err
		}
		got[p.name] = words
	}
	if r.alter != nil {
		r.alter(got)
	}
	for _, name := range []string{"ab", "s", "c", "i"} {
		if d := sameWords(got[name], carried[name], data[name].dtype); d != "" {
			return name + ": " + d, nil
		}
	}
	return "", nil
}

func (r *relating) zeroPaddedIntegers(f *fills) (string, error) {
	const m, k, n, longer = 21, 45, 35, 64
	a := &array{name: "a", dtype: backend.Int8, batch: 1, rows: m, cols: k, words: intWords(f.bytes(m*k, -128, 127))}
	b := &array{name: "b", dtype: backend.Int8, batch: 1, rows: k, cols: n, words: intWords(f.bytes(k*n, -128, 127))}
	run := func(a, b *array) ([]uint32, error) {
		return r.one("c", func(t tensors) backend.Op { return &backend.QMatMul{C: t["c"], A: t["a"], B: t["b"]} }, a, b, out("c", backend.Int32, 1, m, n))
	}
	want, err := run(a, b)
	if err != nil {
		return "", err
	}
	got, err := run(padded(a, longer), firstRows(b, longer))
	return sameWords(got, want, backend.Int32), err
}

func (r *relating) paddedSoftmax(f *fills) (string, error) {
	const n, c, wider = 9, 75, 140
	x := in("x", 1, n, c, f.floats(logits, n*c))
	run := func(x *array) ([]uint32, error) {
		return r.one("y", func(t tensors) backend.Op { return &backend.Softmax{Y: t["y"], X: t["x"]} }, x, out("y", backend.Float32, 1, n, x.cols))
	}
	want, err := run(x)
	if err != nil {
		return "", err
	}
	more := padded(x, wider)
	for i := range n {
		for j := c; j < wider; j++ {
			more.words[i*wider+j] = math.Float32bits(float32(math.Inf(-1)))
		}
	}
	got, err := run(more)
	narrow := &array{batch: 1, rows: n, cols: c, words: want}
	return sameWords(got, padded(narrow, wider).words, backend.Float32), err
}

func (r *relating) softmaxTemperature(f *fills) (string, error) {
	const n, c = 9, 75
	x := in("x", 1, n, c, f.floats(logits, n*c))
	hot := *x
	hot.words = timesPower(x.words, -3)
	y := out("y", backend.Float32, 1, n, c)
	want, err := r.one("y", func(t tensors) backend.Op { return &backend.Softmax{Y: t["y"], X: t["x"]} }, &hot, y)
	if err != nil {
		return "", err
	}
	got, err := r.one("y", func(t tensors) backend.Op {
		return &backend.Softmax{Y: t["y"], X: t["x"], Temperature: backend.Scalar(8)}
	}, x, y)
	return sameWords(got, want, backend.Float32), err
}

func (r *relating) drawTemperature(f *fills) (string, error) {
	const n, c = 33, 75
	x := in("x", 1, n, c, f.floats(logits, n*c))
	hot := *x
	hot.words = timesPower(x.words, -3)
	index := out("index", backend.Int32, 1, n, 4)
	d := backend.Draws{Seed: f.seed, Use: exact.UseCategorical, Step: 5}
	want, err := r.one("index", func(t tensors) backend.Op { return &backend.Categorical{Index: t["index"], X: t["x"], Draws: d} }, &hot, index)
	if err != nil {
		return "", err
	}
	got, err := r.one("index", func(t tensors) backend.Op {
		return &backend.Categorical{Index: t["index"], X: t["x"], Draws: d, Temperature: backend.Scalar(8)}
	}, x, index)
	return sameWords(got, want, backend.Int32), err
}

func (r *relating) drawSteps(f *fills) (string, error) {
	const n, c, draws = 17, 75, 5
	x := in("x", 1, n, c, f.floats(logits, n*c))
	run := func(step, draws int) ([]uint32, error) {
		return r.one("index", func(t tensors) backend.Op {
			return &backend.Categorical{Index: t["index"], X: t["x"], Draws: backend.Draws{Seed: f.seed, Use: exact.UseCategorical, Step: uint32(step)}}
		}, x, out("index", backend.Int32, 1, n, draws))
	}
	whole, err := run(7, draws)
	if err != nil {
		return "", err
	}
	all := &array{batch: 1, rows: n, cols: draws, words: whole}
	for d := range draws {
		got, err := run(7+d, 1)
		if err != nil {
			return "", err
		}
		if diff := sameWords(got, columns(all, 1, func(int) int { return d }).words, backend.Int32); diff != "" {
			return fmt.Sprintf("draw %d: %s", d, diff), nil
		}
	}
	return "", nil
}

func (r *relating) filterTwice(f *fills) (string, error) {
	const n, c = 9, 75
	run := func(x *array) ([]uint32, error) {
		return r.one("y", func(t tensors) backend.Op {
			return &backend.Filter{Y: t["y"], X: t["x"], Kind: backend.FilterTopK, K: 7}
		}, x, out("y", backend.Float32, 1, n, c))
	}
	x := in("x", 1, n, c, f.floats(ties, n*c))
	want, err := run(x)
	if err != nil {
		return "", err
	}
	again := *x
	again.words = want
	got, err := run(&again)
	return sameWords(got, want, backend.Float32), err
}

func (r *relating) fillPrefix(f *fills) (string, error) {
	const n, narrow, broad = 11, 37, 90
	run := func(cols int) ([]uint32, error) {
		return r.one("y", func(t tensors) backend.Op {
			return &backend.Fill{Y: t["y"], Distribution: backend.Normal, Draws: backend.Draws{Seed: f.seed, Use: exact.UseTest, Step: 3}}
		}, out("y", backend.Float32, 1, n, cols))
	}
	want, err := run(narrow)
	if err != nil {
		return "", err
	}
	got, err := run(broad)
	if err != nil || len(got) != n*broad {
		return "a fill of another size", err
	}
	whole := &array{batch: 1, rows: n, cols: broad, words: got}
	return sameWords(columns(whole, narrow, func(j int) int { return j }).words, want, backend.Float32), nil
}

func (r *relating) moreCentres(f *fills) (string, error) {
	const n, d, k = 41, 13, 12
	x, c := in("x", 1, n, d, f.floats(normal, n*d)), in("c", 1, k, d, f.floats(normal, k*d))
	run := func(c *array, m int) ([]uint32, error) {
		return r.one("index", func(t tensors) backend.Op { return &backend.Nearest{Index: t["index"], X: t["x"], C: t["c"]} }, x, c, out("index", backend.Int32, 1, n, m))
	}
	want, err := run(c, 1)
	if err != nil {
		return "", err
	}
	more := firstRows(c, 3*k)
	copy(more.words[k*d:], c.words)
	copy(more.words[2*k*d:], c.words)
	got, err := run(more, 1)
	if err != nil {
		return "", err
	}
	if diff := sameWords(got, want, backend.Int32); diff != "" {
		return "repeated centres: " + diff, nil
	}
	five, err := run(c, 5)
	all := &array{batch: 1, rows: n, cols: 5, words: five}
	if err != nil {
		return "", err
	}
	return sameWords(columns(all, 1, func(int) int { return 0 }).words, want, backend.Int32), nil
}

func (r *relating) zeroPaddedRows(f *fills) (string, error) {
	const n, d, k, wider = 29, 13, 12, 40
	x, c := in("x", 1, n, d, f.floats(normal, n*d)), in("c", 1, k, d, f.floats(normal, k*d))
	run := func(x, c *array, m backend.Metric) (outputs, error) {
		return r.on(r.o.Tested, func(t tensors) backend.Op {
			return &backend.Nearest{Index: t["index"], Distance: t["distance"], X: t["x"], C: t["c"], Metric: m}
		}, x, c, out("index", backend.Int32, 1, n, 2), out("distance", backend.Float32, 1, n, 2))
	}
	for _, m := range metrics {
		want, err := run(x, c, m)
		if err != nil {
			return "", err
		}
		got, err := run(padded(x, wider), padded(c, wider), m)
		if err != nil {
			return "", err
		}
		for _, name := range []string{"index", "distance"} {
			if d := sameWords(got[name], want[name], backend.Float32); d != "" {
				return fmt.Sprintf("%v: %s: %s", m, name, d), nil
			}
		}
	}
	return "", nil
}

func (r *relating) namedPairs(f *fills) (string, error) {
	const n, d, k, named = 23, 17, 12, 5
	x, c := in("x", 1, n, d, f.floats(normal, n*d)), in("c", 1, k, d, f.floats(normal, k*d))
	index := intIn("index", n, named, f.ints(n*named, 0, k-1))
	whole, err := r.one("d", func(t tensors) backend.Op { return &backend.Distances{D: t["d"], X: t["x"], C: t["c"]} }, x, c, out("d", backend.Float32, 1, n, k))
	if err != nil {
		return "", err
	}
	var want []uint32
	for e, j := range index.words {
		want = append(want, whole[e/named*k+int(j)])
	}
	got, err := r.one("d", func(t tensors) backend.Op {
		return &backend.Distances{D: t["d"], X: t["x"], C: t["c"], Index: t["index"]}
	}, x, c, index, out("d", backend.Float32, 1, n, named))
	return sameWords(got, want, backend.Float32), err
}

// scatter are the operands of a scatter sum of n rows of d columns under k labels.
type scatter struct {
	n, d, k            int
	x, label, exponent *array
}

func newScatter(f *fills) *scatter {
	s := &scatter{n: 211, d: 9, k: 6}
	x := f.floats(normal, s.n*s.d)
	e := make([]int32, s.d)
	for j := range e {
		var most float32
		for i := range s.n {
			most = max(most, float32(math.Abs(float64(x[i*s.d+j]))))
		}
		e[j] = exact.ScatterExponent(most)
	}
	s.x, s.exponent = in("x", 1, s.n, s.d, x), intIn("exponent", 1, s.d, e)
	s.label = intIn("label", s.n, 1, f.ints(s.n, -1, int32(s.k)))
	return s
}

func (r *relating) scatterSums(s *scatter, x, label, exponent *array) ([]uint32, error) {
	return r.one("sums", func(t tensors) backend.Op {
		return &backend.ScatterSum{Sums: t["sums"], X: t["x"], Label: t["label"], Exponent: t["exponent"]}
	}, x, label, exponent, out("sums", backend.Uint32, 1, s.k, exact.ScatterWords(s.d)))
}

func (r *relating) scatterPermuted(f *fills) (string, error) {
	s := newScatter(f)
	want, err := r.scatterSums(s, s.x, s.label, s.exponent)
	if err != nil {
		return "", err
	}
	x, label := firstRows(s.x, s.n), firstRows(s.label, s.n)
	for i := range s.n {
		from := (i*7 + 3) % s.n
		copy(x.words[i*s.d:(i+1)*s.d], s.x.words[from*s.d:])
		label.words[i] = s.label.words[from]
	}
	got, err := r.scatterSums(s, x, label, s.exponent)
	return sameWords(got, want, backend.Uint32), err
}

func (r *relating) scatterMerged(f *fills) (string, error) {
	s := newScatter(f)
	want, err := r.scatterSums(s, s.x, s.label, s.exponent)
	if err != nil {
		return "", err
	}
	stride := exact.ScatterWords(s.d)
	got := make([]uint32, s.k*stride)
	for _, c := range [][2]int{{0, 64}, {64, 65}, {65, s.n}} {
		x, label := *s.x, *s.label
		x.rows, x.words = c[1]-c[0], s.x.words[c[0]*s.d:c[1]*s.d]
		label.rows, label.words = c[1]-c[0], s.label.words[c[0]:c[1]]
		part, err := r.scatterSums(s, &x, &label, s.exponent)
		if err != nil {
			return "", err
		}
		mergeScattered(got, part, s.k, s.d)
	}
	return sameWords(got, want, backend.Uint32), nil
}

// mergeScattered adds the words of a part: per label and column two sums of 64
// bits, low word first, and a flag; then the count of rows.
func mergeScattered(to, part []uint32, k, d int) {
	stride := exact.ScatterWords(d)
	for l := range k {
		a, b := to[l*stride:(l+1)*stride], part[l*stride:(l+1)*stride]
		for j := range d {
			for _, at := range []int{5 * j, 5*j + 2} {
				sum := (uint64(a[at]) | uint64(a[at+1])<<32) + (uint64(b[at]) | uint64(b[at+1])<<32)
				a[at], a[at+1] = uint32(sum), uint32(sum>>32)
			}
			a[5*j+4] |= b[5*j+4]
		}
		a[stride-1] += b[stride-1]
	}
}

func (r *relating) scatterScaled(f *fills) (string, error) {
	s := newScatter(f)
	want, err := r.scatterSums(s, s.x, s.label, s.exponent)
	if err != nil {
		return "", err
	}
	x, exponent := *s.x, *s.exponent
	x.words = timesPower(s.x.words, 11)
	exponent.words = nil
	for _, e := range s.exponent.words {
		exponent.words = append(exponent.words, e-11)
	}
	got, err := r.scatterSums(s, &x, s.label, &exponent)
	return sameWords(got, want, backend.Uint32), err
}

func (r *relating) columnsAlone(f *fills) (string, error) {
	const n, c = 600, 13
	x := in("x", 1, n, c, f.floats(normal, n*c))
	for _, red := range []backend.Reduction{backend.Sum, backend.Max, backend.MaxAbsFinite} {
		run := func(x *array) ([]uint32, error) {
			return r.one("y", func(t tensors) backend.Op {
				return &backend.Reduce{Y: t["y"], X: t["x"], Reduction: red, Axis: backend.AlongColumn}
			}, x, out("y", backend.Float32, 1, 1, x.cols))
		}
		whole, err := run(x)
		if err != nil {
			return "", err
		}
		for _, j := range []int{0, 5, c - 1} {
			got, err := run(columns(x, 1, func(int) int { return j }))
			if err != nil {
				return "", err
			}
			if d := sameWords(got, whole[j:j+1], backend.Float32); d != "" {
				return fmt.Sprintf("%v of column %d: %s", red, j, d), nil
			}
		}
	}
	return "", nil
}

func (r *relating) topPrefix(f *fills) (string, error) {
	const n, c, m = 17, 75, 9
	x := in("x", 1, n, c, f.floats(ties, n*c))
	run := func(m int) ([]uint32, error) {
		return r.one("index", func(t tensors) backend.Op { return &backend.TopK{Index: t["index"], X: t["x"]} }, x, out("index", backend.Int32, 1, n, m))
	}
	whole, err := run(m)
	if err != nil {
		return "", err
	}
	all := &array{batch: 1, rows: n, cols: m, words: whole}
	for _, less := range []int{1, m - 1} {
		got, err := run(less)
		if err != nil {
			return "", err
		}
		if d := sameWords(got, columns(all, less, func(j int) int { return j }).words, backend.Int32); d != "" {
			return fmt.Sprintf("m = %d: %s", less, d), nil
		}
	}
	return "", nil
}

func (r *relating) transposedTwice(f *fills) (string, error) {
	const n, c = 35, 67
	x := in("x", 1, n, c, f.floats(any32, n*c))
	run := func(x *array) ([]uint32, error) {
		return r.one("y", func(t tensors) backend.Op { return &backend.Transpose{Y: t["y"], X: t["x"]} }, x, out("y", backend.Float32, 1, x.cols, x.rows))
	}
	once, err := run(x)
	if err != nil {
		return "", err
	}
	flip := in("x", 1, c, n, nil)
	flip.words = once
	got, err := run(flip)
	return sameWords(got, x.words, backend.Float32), err
}
