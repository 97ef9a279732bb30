package verify

import (
	"hash/fnv"
	"math"

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
	unitRange fill = "unit"      // uniform in (0, 1)
)

// fills makes the data of one case from the random stream: the same on every
// machine.
type fills struct {
	seed uint64
	step uint32 // the case
	sub  uint16 // the array
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

func (f *fills) normals(n int) []float32 {
	w := f.words(n + n%2)
	x := make([]float32, n+n%2)
	for i := 0; i < len(w); i += 2 {
		x[i], x[i+1] = exact.Split.NormalPair(w[i], w[i+1])
	}
	return x[:n]
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
