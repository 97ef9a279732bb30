package verify

import (
	"hash/fnv"
	"math"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// fill names a way to make input data.
type fill string

const (
	wide      fill = "wide"      // integers in [−4095, 4095]
	signs     fill = "signs"     // −1, 0, 1: a product of wide and signs is exact, so one wrong term shows
	digits    fill = "digits"    // integers in [0, 16]
	normal    fill = "normal"    // standard normal
	logits    fill = "logits"    // normal, spread 4
	large     fill = "large"     // normal · 2⁴⁰ to 2⁶⁰
	small     fill = "small"     // normal · 2⁻⁷⁵ to 2⁻⁵⁵: products reach the subnormals
	subnormal fill = "subnormal" // subnormals and their neighbours
	zeros     fill = "zeros"     // half are zeros of either sign
	planted   fill = "planted"   // normal with a few NaN of any payload
	infinite  fill = "infinite"  // normal with a few infinities of either sign
	masked    fill = "masked"    // logits, a third of them −Inf
	ties      fill = "ties"      // seven values, both zeros among them
	near      fill = "near"      // neighbours: 1 + k·2⁻²³
	far       fill = "far"       // normal, 10⁴ away from the origin
	any32     fill = "any"       // the values where functions change their formula, then any bits
	nanRow    fill = "nanrow"    // normal, one row NaN
	nanColumn fill = "nancolumn" // normal, one column NaN
	infRow    fill = "infrow"    // normal, one row infinities of either sign
	infColumn fill = "infcolumn" // normal, one column infinities of either sign
	twins     fill = "twins"     // rows that differ from the first in at most one place by one unit
	unitRange fill = "unit"      // uniform in (0, 1)
	binades   fill = "binades"   // of every binade both signs, its first two numbers, its last and any
)

// fills makes the data of one case from the random stream: the same on every
// machine.
type fills struct {
	seed uint64
	step uint32 // the case
	sub  uint16 // the array
	keep map[string]kept
}

func newFills(seed uint64, name string) *fills {
	h := fnv.New32a()
	h.Write([]byte(name))
	return &fills{seed: seed, step: h.Sum32()}
}

// words returns n random words; each call has words of its own.
func (f *fills) words(n int) []uint32 {
	f.sub++
	w := make([]uint32, 0, n+3)
	for b := uint32(0); len(w) < n; b++ {
		block := exact.Block(f.seed, exact.UseVerify, f.sub, f.step, 0, b)
		w = append(w, block[:]...)
	}
	return w[:n]
}

// ints returns n integers in [lo, hi].
func (f *fills) ints(n int, lo, hi int32) []int32 {
	x := make([]int32, n)
	for i, w := range f.words(n) {
		x[i] = lo + int32(uint64(w)*uint64(hi-lo+1)>>32)
	}
	return x
}

// bytes returns n int8 in [lo, hi].
func (f *fills) bytes(n int, lo, hi int32) []int8 {
	x := make([]int8, n)
	for i, v := range f.ints(n, lo, hi) {
		x[i] = int8(v)
	}
	return x
}

// floatsOf makes an input of float32 or complex64.
func (f *fills) floatsOf(name string, t backend.DType, batch, rows, cols int, kind fill) *array {
	a := &array{name: name, dtype: t, batch: batch, rows: rows, cols: cols}
	a.words = floatWords(f.matrix(kind, batch*rows, cols*width(t)))
	return f.kept(a, 0)
}

// in makes an input of float32.
func (f *fills) in(name string, batch, rows, cols int, kind fill) *array {
	return f.floatsOf(name, backend.Float32, batch, rows, cols, kind)
}

// intIn makes an input of integers in [lo, hi].
func (f *fills) intIn(name string, rows, cols int, lo, hi int32) *array {
	return f.kept(intIn(name, rows, cols, f.ints(rows*cols, lo, hi)), nearestTo0(lo, hi))
}

// kept gives all words of an input the simplest value but those that the
// case's name keeps, if it says anything about this input.
func (f *fills) kept(a *array, simplest uint32) *array {
	k, ok := f.keep[a.name]
	if !ok {
		return a
	}
	words := slices.Repeat([]uint32{simplest}, len(a.words))
	for _, r := range k {
		for i := r.from; i <= r.to && i < len(words); i++ {
			words[i] = a.words[i]
		}
	}
	a.words = words
	return a
}

// nearestTo0 is the simplest integer in [lo, hi].
func nearestTo0(lo, hi int32) uint32 { return uint32(min(max(0, lo), hi)) }

func (f *fills) normals(n int) []float32 {
	w := f.words(n + n%2)
	x := make([]float32, n+n%2)
	for i := 0; i < len(w); i += 2 {
		x[i], x[i+1] = exact.Split.NormalPair(w[i], w[i+1])
	}
	return x[:n]
}

// matrix returns rows·cols numbers.
func (f *fills) matrix(kind fill, rows, cols int) []float32 {
	switch kind {
	case nanRow, nanColumn, infRow, infColumn, twins:
	default:
		return f.floats(kind, rows*cols)
	}
	x := f.normals(rows * cols)
	w := f.words(rows + 2)
	if rows*cols == 0 {
		return x
	}
	row, col := int(w[0]%uint32(rows)), int(w[1]%uint32(cols))
	for i := range rows {
		for j := range cols {
			e := i*cols + j
			switch {
			case kind == twins:
				x[e] = x[j]
			case (kind == nanRow && i == row) || (kind == nanColumn && j == col):
				x[e] = math.Float32frombits(math.Float32bits(x[e]) | 0x7fc00000)
			case (kind == infRow && i == row) || (kind == infColumn && j == col):
				x[e] = math.Float32frombits(math.Float32bits(x[e])&0x80000000 | 0x7f800000)
			}
		}
	}
	if kind == twins { // as many rows stay the same
		for i := 1; i < rows; i++ {
			if at := w[2+i]; at&1 != 0 {
				e := i*cols + int(at>>2%uint32(cols))
				x[e] = math.Float32frombits(math.Float32bits(x[e]) + at&2 - 1)
			}
		}
	}
	return x
}

// floats returns n numbers.
func (f *fills) floats(kind fill, n int) []float32 {
	switch kind {
	case wide:
		return converted(f.ints(n, -4095, 4095))
	case signs:
		return converted(f.ints(n, -1, 1))
	case digits:
		return converted(f.ints(n, 0, 16))
	case ties:
		values := [...]float32{-1, -0.5, float32(math.Copysign(0, -1)), 0, 0.5, 1, 2}
		return chosen(f.words(n), func(w uint32) float32 { return values[w%7] })
	case near:
		return chosen(f.words(n), func(w uint32) float32 { return math.Float32frombits(0x3f800000 + w%8) })
	case unitRange:
		return chosen(f.words(n), exact.Uniform)
	case subnormal:
		return chosen(f.words(n), func(w uint32) float32 { return math.Float32frombits(w & 0x81ffffff) })
	case binades:
		w := f.words(n)
		x := make([]float32, n)
		for e := range x {
			const binade = 1 << 23
			mantissa := w[e] % binade
			if first := [...]uint32{0, 1, binade - 1}; e>>9 < len(first) {
				mantissa = first[e>>9]
			}
			x[e] = math.Float32frombits(uint32(e&1)<<31 | uint32(e>>1&255)<<23 | mantissa)
		}
		return x
	case any32:
		x := chosen(f.words(n), math.Float32frombits)
		copy(x, specials)
		return x
	}
	x := f.normals(n)
	w := f.words(n)
	for i := range x {
		switch kind {
		case logits:
			x[i] *= 4
		case large:
			x[i] *= math.Float32frombits((127 + 40 + w[i]%21) << 23)
		case small:
			x[i] *= math.Float32frombits((127 - 75 + w[i]%21) << 23)
		case far:
			x[i] += 1e4
		case zeros:
			if w[i]%2 == 0 {
				x[i] = math.Float32frombits(w[i] & 0x80000000)
			}
		case masked:
			x[i] *= 4
			if w[i]%3 == 0 {
				x[i] = float32(math.Inf(-1))
			}
		}
	}
	if kind == planted || kind == infinite {
		for i := 0; n > 0 && i <= n/97; i++ {
			at := w[(3*i)%n] % uint32(n)
			if kind == planted {
				x[at] = math.Float32frombits(w[i] | 0x7fc00000)
			} else {
				x[at] = math.Float32frombits(w[i]&0x80000000 | 0x7f800000)
			}
		}
	}
	return x
}

// specials are where elementwise functions change their formula or their mind.
var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 2, 3, -3, 16, 1 - 0x1p-24, 1 + 0x1p-23, -1 + 0x1p-24, -1 - 0x1p-23,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0xffc12345), math.Float32frombits(0x7f800001),
	0x1p-126, -0x1p-126, 0x1p-149, -0x1p-149, 0x1.fffffcp-127, 0x1p-127, math.MaxFloat32, -math.MaxFloat32,
	88.72283, 88.72284, -87.33654, -87.33655, -103.97, 17.32868, -17.32868, 9.010914, -9.010914, 0.6931472,
	math.Pi, math.Pi / 2, math.Pi / 4, 3 * math.Pi / 4, 1e-4, -1e-4, 1e10, 0x1p24, 0x1p100, -0x1p100, 0.75, 1.5, 0x1p-60,
}

func converted(x []int32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func chosen(words []uint32, of func(uint32) float32) []float32 {
	x := make([]float32, len(words))
	for i, w := range words {
		x[i] = of(w)
	}
	return x
}
