package cpu

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// withKernels runs a test under each set of vector kernels that the processor
// has.
func withKernels(t *testing.T, test func(t *testing.T)) {
	sets := vectorSets()
	if len(sets) == 0 {
		t.Skip("this processor has no vector kernels: only their plain twins run")
	}
	saved := vec
	defer func() { vec = saved }()
	for _, set := range sets {
		vec = set
		t.Run(set.name, test)
	}
}

var bothMacs = []exact.Mac{exact.Fused, exact.Split}

// vectorLengths go around the sizes of vectors, of unrolled loops and of the
// lanes of a sum.
func vectorLengths() (lengths []int) {
	for n := range 140 {
		lengths = append(lengths, n)
	}
	return append(lengths, 191, 192, 193, 255, 256, 257, 1000, 1023, 1024, 1025, exact.SumBlock-1, exact.SumBlock)
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d of %d is %x, want %x", what, i, len(want), math.Float32bits(got[i]), math.Float32bits(want[i]))
		}
	}
}

// guarded returns n elements inside a painted slice, offset by off elements,
// and a check that nothing around them was written.
func guarded(t *testing.T, n, off int) (y []float32, check func(what string)) {
	const paint = -12345.5
	all := make([]float32, n+off+80)
	for i := range all {
		all[i] = paint
	}
	return all[off : off+n : off+n], func(what string) {
		t.Helper()
		for i, v := range all {
			if (i < off || i >= off+n) && v != paint {
				t.Fatalf("%s: element %d outside %d was written", what, i-off, n)
			}
		}
	}
}

// awkward are arguments at the edges of the elementary functions.
func awkward() (x []float32) {
	for _, u := range []uint32{
		0, 1, 0x007fffff, 0x00800000, 0x3f800000, 0x3f7fffff, 0x3f800001, 0x3f400000, 0x3fc00000, 0x7f7fffff, 0x7f800000,
		0x7fc00000, 0x7f800001, 0x7fc12345, 0x42b17217, 0x42b17218, 0x42aeac4f, 0x33000000,
		0x3f490fda, 0x3fc90fdb, 0x4096cbe4, 0x437ce5f1, 0x50a3e87f, // about π/4, and close to multiples of π/2
	} {
		for _, sign := range []uint32{0, 0x80000000} {
			for d := range uint32(5) {
				x = append(x, math.Float32frombits((u+d-2)^sign))
			}
		}
	}
	return x
}

func TestElementaryKernelsEqualTwins(t *testing.T) {
	functions := []struct {
		name        string
		fast, plain func(mac exact.Mac, y, x []float32)
	}{{"exp", vecExp, expPlain}, {"log", vecLog, logPlain}, {"log1p", vecLog1p, log1pPlain},
		{"sin", vecSin, sinPlain}, {"cos", vecCos, cosPlain}}
	withKernels(t, func(t *testing.T) {
		for _, f := range functions {
			for _, mac := range bothMacs {
				what := fmt.Sprintf("%s, %v", f.name, mac)
				compare := func(x []float32) {
					got, want := make([]float32, len(x)), make([]float32, len(x))
					f.fast(mac, got, x)
					f.plain(mac, want, x)
					sameBits(t, what, got, want)
				}
				edges := awkward()
				compare(edges)
				x := make([]float32, 1<<16)
				sweep(func(words []uint32) {
					for i, w := range words {
						x[i] = math.Float32frombits(w)
					}
					compare(x[:len(words)])
				})
				for _, n := range vectorLengths() {
					y, check := guarded(t, n, n%5)
					want := make([]float32, n)
					f.fast(mac, y, x[:n])
					f.plain(mac, want, x[:n])
					sameBits(t, what, y, want)
					check(what)
				}
			}
		}
	})
}

// sweep calls visit with words from all over the range, up to 1<<16 at a time:
// every 3001st of them, fewer in short tests, all with SAMEBITS_FULL=1.
func sweep(visit func(words []uint32)) {
	stride := uint64(3001)
	switch {
	case os.Getenv("SAMEBITS_FULL") == "1":
		stride = 1
	case testing.Short():
		stride = 300007
	}
	words := make([]uint32, 0, 1<<16)
	for w := uint64(0); w < 1<<32; w += stride {
		if words = append(words, uint32(w)); len(words) == cap(words) {
			visit(words)
			words = words[:0]
		}
	}
	visit(words[:len(words)&^3])
}

func TestVariateKernelsEqualTwins(t *testing.T) {
	ignoreMac := func(f func(y []float32, words []uint32)) func(exact.Mac, []float32, []uint32) {
		return func(_ exact.Mac, y []float32, words []uint32) { f(y, words) }
	}
	functions := []struct {
		name        string
		fast, plain func(mac exact.Mac, y []float32, words []uint32)
	}{
		{"uniform", ignoreMac(vecUniform), ignoreMac(uniformPlain)}, {"exponential", vecExponential, exponentialPlain},
		{"gumbel", vecGumbel, gumbelPlain}, {"normal", vecNormal, normalPlain},
	}
	var edges []uint32
	for w := range uint32(600) {
		edges = append(edges, w, ^w, w+1<<31-300, w+1<<16-300, w+1<<30-300, w+3<<30-300, w+1<<29-300, w+7<<29-300)
	}
	withKernels(t, func(t *testing.T) {
		for _, f := range functions {
			for _, mac := range bothMacs {
				what := fmt.Sprintf("%s, %v", f.name, mac)
				compare := func(words []uint32) {
					got, want := make([]float32, len(words)), make([]float32, len(words))
					f.fast(mac, got, words)
					f.plain(mac, want, words)
					sameBits(t, what, got, want)
				}
				compare(edges)
				sweep(compare)
				sweep(func(words []uint32) { // so that pairs of words differ, for normal numbers
					for i := range words {
						words[i] *= 2654435761
					}
					compare(words)
				})
				words := make([]uint32, exact.SumBlock)
				philoxPlain(words, exact.Position{Seed: 2}, 0, philoxRounds)
				for _, n := range vectorLengths() {
					y, check := guarded(t, n, n%5)
					want := make([]float32, n)
					f.fast(mac, y, words[:(n+3)&^3])
					f.plain(mac, want, words[:(n+3)&^3])
					sameBits(t, what, y, want)
					check(what)
				}
			}
		}
	})
}

func TestPhiloxKernelsEqualTwin(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		for i, at := range []exact.Position{
			{}, {Seed: math.MaxUint64, Use: math.MaxUint16, Sub: math.MaxUint16, Step: math.MaxUint32, Row: math.MaxUint32},
			{Seed: 0x123456789abcdef0, Use: 3, Sub: 7, Step: 0x80000001, Row: 0xdeadbeef},
		} {
			var s wordSource
			s.set(at, philoxRounds)
			for _, n := range vectorLengths() {
				n &^= 3
				for _, block := range []uint32{0, 1, 1<<31 - 3, math.MaxUint32 - uint32(n/4)} {
					got, want := make([]uint32, n+8), make([]uint32, n+8)
					s.words(got[:n], block)
					philoxPlain(want[:n], at, block, philoxRounds)
					for j := range got {
						if got[j] != want[j] {
							t.Fatalf("position %d, block %d: word %d of %d is %x, want %x", i, block, j, n, got[j], want[j])
						}
					}
				}
			}
		}
	})
}

// kernelRows are logits of n elements with the values that decide a row.
func kernelRows(n int) (rows [][]float32) {
	smooth := make([]float32, n)
	for j := range smooth {
		smooth[j] = 3 * exact.Fused.NormalAt(exact.Position{Seed: 3}, uint64(j))
	}
	rows = append(rows, smooth)
	inf := float32(math.Inf(1))
	for i, v := range []float32{inf, -inf, float32(math.NaN()), math.Float32frombits(0xffc12345), 30, -200, 1e-40} {
		r := append([]float32(nil), smooth...)
		for _, j := range []int{n / 2, n - 1} {
			if n > 0 && i < n {
				r[j] = v
			}
		}
		rows = append(rows, r)
	}
	for _, pair := range [][2]float32{{-inf, -inf}, {0, float32(math.Copysign(0, -1))}, {float32(math.Copysign(0, -1)), 0},
		{-1, -1}, {math.MaxFloat32, -math.MaxFloat32}} {
		r := make([]float32, n)
		for j := range r {
			r[j] = pair[j%2]
		}
		rows = append(rows, r)
	}
	return rows
}

func TestRowKernelsEqualTwins(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		for _, n := range vectorLengths() {
			for r, x := range kernelRows(n) {
				for _, scale := range []float32{1, 0.7, 30, 0, float32(math.Inf(1))} {
					what := fmt.Sprintf("row %d, %d elements, scale %v", r, n, scale)
					top := topPlain(x, scale)
					sameBits(t, "top, "+what, []float32{vecTop(x, scale)}, []float32{top})
					if top-top != 0 {
						continue
					}
					for _, mac := range bothMacs {
						y, check := guarded(t, n, r)
						want := make([]float32, n)
						got := vecExpSum(mac, y, x, scale, top, n)
						sum := expSumPlain(mac, want, x, scale, top)
						check("exponentials, " + what)
						sameBits(t, "exponentials, "+what, y, want)
						sameBits(t, "their sum, "+what, []float32{got}, []float32{sum})
						if n == 0 {
							continue
						}
						for _, stream := range []bool{false, true} {
							z, check := guarded(t, n, r)
							vecScale(z, y, exact.Recip(sum), stream)
							check("scaled, " + what)
							scalePlain(want, y, exact.Recip(sum))
							sameBits(t, "scaled, "+what, z, want)
						}
						logFinishPlain(want, x, scale, top, mac.Log(sum))
						vecLogFinish(y, x, scale, top, mac.Log(sum))
						check("logarithms, " + what)
						sameBits(t, "logarithms, "+what, y, want)
					}
				}
			}
		}
	})
}

func TestAffineAndScoresKernelsEqualTwins(t *testing.T) {
	inf := float32(math.Inf(1))
	words := make([]uint32, exact.SumBlock)
	philoxPlain(words, exact.Position{Seed: 5}, 0, philoxRounds)
	withKernels(t, func(t *testing.T) {
		for _, n := range vectorLengths() {
			for r, x := range kernelRows(n) {
				for _, mac := range bothMacs {
					for _, f := range [][2]float32{{0.3, -1.7}, {inf, 1}, {0, inf}, {float32(math.NaN()), 1}, {1e-39, 1e-30}} {
						what := fmt.Sprintf("%v, row %d, %v", mac, r, f)
						y, check := guarded(t, n, r)
						copy(y, x)
						want := append([]float32(nil), x...)
						vecAffine(mac, y, f[0], f[1])
						affinePlain(mac, want, f[0], f[1])
						check("affine, " + what)
						sameBits(t, "affine, "+what, y, want)

						vecScores(mac, y, words, x, f[1])
						scoresPlain(mac, want, words, x, f[1])
						check("scores, " + what)
						for j := range y {
							y[j], want[j] = exact.CanonNaN(y[j]), exact.CanonNaN(want[j])
						}
						sameBits(t, "scores, "+what, y, want)
					}
				}
			}
		}
	})
}

func TestDrawKernelsEqualTwin(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		var s wordSource
		for _, n := range vectorLengths() {
			for r, x := range kernelRows(n) {
				for _, scale := range []float32{1, 0.05, 30, 0, float32(math.Inf(1))} {
					for _, mac := range bothMacs {
						at := exact.Position{Seed: uint64(n), Row: uint32(r), Step: 9, Use: 3}
						s.set(at, philoxRounds)
						for _, from := range []int{0, 4 * n} {
							got, want := s.draw(mac, x, from, scale), drawPlain(mac, at, x, from, scale)
							same := got.score == want.score || (got.score != got.score && want.score != want.score)
							if got.index != want.index || !same {
								t.Fatalf("%v, row %d of %d elements from %d, scale %v: %v, want %v", mac, r, n, from, scale, got, want)
							}
						}
					}
				}
			}
		}
		// Ascending logits pass the best score again and again.
		x := make([]float32, exact.SumBlock)
		for j := range x {
			x[j] = float32(j) / 16
		}
		s.set(exact.Position{}, philoxRounds)
		for _, mac := range bothMacs {
			if got, want := s.draw(mac, x, 0, 1), drawPlain(mac, s.at, x, 0, 1); got != want {
				t.Errorf("%v, ascending logits: %v, want %v", mac, got, want)
			}
		}
	})
}

func TestFilterKernelsEqualTwins(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		for _, n := range vectorLengths()[1:] {
			for r, x := range kernelRows(n) {
				what := fmt.Sprintf("row %d of %d elements", r, n)
				keys, want := make([]uint32, n), make([]uint32, n)
				nan := orderKeys(keys, x)
				if wantNaN := orderKeysPlain(want, x); nan != wantNaN || !slices.Equal(keys, want) {
					t.Fatalf("%s: order keys differ, NaN %t, want %t", what, nan, wantNaN)
				}
				if nan {
					continue
				}
				q := make([]float32, n)
				for j := range q {
					q[j] = exact.Uniform(uint32(j) * 2654435761 >> (j % 28))
				}
				weights, wantWeights := make([]uint32, n), make([]uint32, n)
				probabilityWeights(weights, q)
				probabilityWeightsPlain(wantWeights, q)
				if !slices.Equal(weights, wantWeights) {
					t.Fatalf("%s: weights differ", what)
				}
				for j := range weights { // equal keys have equal weights
					weights[j] = keys[j] >> 2
				}
				sum := uint64(0)
				for _, w := range weights {
					sum += uint64(w)
				}
				y, wantY := make([]float32, n), make([]float32, n)
				compare := func(weights []uint32, target uint64) {
					t.Helper()
					end, _ := findPivot(t.Context(), keys, weights, target)
					keepPrefix(t.Context(), y, x, keys, end)
					end, _ = findPivotPlain(t.Context(), keys, weights, target)
					keepPlain(wantY, x, keys, end)
					sameBits(t, fmt.Sprintf("%s, target %d", what, target), y, wantY)
				}
				for _, k := range []int{1, 2, n / 3, n - 1, n, n + 1} {
					compare(nil, uint64(max(1, k)))
				}
				for _, target := range []uint64{1, sum / 10, sum / 2, sum - 1, sum, sum + 1} {
					compare(weights, max(1, target))
				}
			}
		}
	})
}

// TestFamilyEqualsReferenceUnderEverySet runs the whole family under each set
// of kernels and under the plain twins.
func TestFamilyEqualsReferenceUnderEverySet(t *testing.T) {
	check := func(t *testing.T) {
		for _, c := range everySamplingCase() {
			for _, cols := range []int{5, 64, 333} {
				comparePasses(t, c, 1, 7, cols, samplingLogits(7, cols))
				rows, x := specialRows(cols)
				comparePasses(t, c, 1, rows, cols, x)
			}
		}
	}
	withKernels(t, check)
	saved := vec
	defer func() { vec = saved }()
	vec = nil
	t.Run("plain", check)
}

// TestStreamedSoftmax runs a softmax whose output is past the caches' size.
func TestStreamedSoftmax(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 100 MB")
	}
	const rows, cols = streamElements/4100 + 1, 4100 // 16-byte aligned rows
	comparePasses(t, softmaxCase(false, false, backend.Factor{}), 1, rows, cols, samplingLogits(rows, cols))
}

// TestRowsDoNotAllocate: in steady state a row of any operation of the family
// allocates nothing.
func TestRowsDoNotAllocate(t *testing.T) {
	ctx := t.Context()
	if raceDetector {
		t.Skip("under the race detector sync.Pool drops memory at random")
	}
	const n = 3000
	x, y, words := samplingLogits(1, n), make([]float32, n), make([]uint32, n)
	k := &softmaxKernel{mac: exact.Fused, scale: 1}
	index := make([]int32, 9)
	scratch := takeRowScratch()
	defer scratch.give()
	at := exact.Position{Seed: 1}
	normal := variates{mac: exact.Fused, distribution: backend.Normal, plain: true}
	for name, row := range map[string]func(){
		"softmax":             func() { k.shortRow(y, x, false, false) },
		"streamed softmax":    func() { k.shortRow(y, x, false, true) },
		"log-softmax":         func() { k.shortRow(y, x, true, false) },
		"draw":                func() { drawBlock(exact.Split, at, x, 0, 1) },
		"perturbation":        func() { perturb(exact.Fused, at, y, x, 0) },
		"words":               func() { fillWords(words, at, 0, philoxRounds) },
		"normal numbers":      func() { fillFloats(y, at, 0, philoxRounds, &normal) },
		"without replacement": func() { withoutReplacementRow(ctx, exact.Fused, at, index, x, 1, scratch) },
		"top-k filter":        func() { filterTopKRow(ctx, y, x, 40, scratch) },
		"top-p filter":        func() { filterTopPRow(ctx, k, y, x, 0.9, scratch) },
	} {
		if allocs := testing.AllocsPerRun(20, row); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// BenchmarkKernels reports millions of elements a second of rows of 8192 on
// one thread, under each set of kernels.
func BenchmarkKernels(b *testing.B) {
	const n = 8192
	x, y, words := samplingLogits(1, n), make([]float32, n), make([]uint32, n)
	saved := vec
	defer func() { vec = saved }()
	for _, set := range append([]*vectorKernels{nil}, vectorSets()...) {
		vec = set
		name := "plain"
		if set != nil {
			name = set.name
		}
		var s wordSource
		s.set(exact.Position{Seed: 1}, philoxRounds)
		s.words(words, 0)
		for _, mac := range bothMacs {
			k := &softmaxKernel{mac: mac, scale: 1}
			for _, f := range []struct {
				name string
				run  func()
			}{
				{"philox", func() { s.words(words, 0) }},
				{"uniform", func() { vecUniform(y, words) }},
				{"exponential", func() { vecExponential(mac, y, words) }},
				{"gumbel", func() { vecGumbel(mac, y, words) }},
				{"normal", func() { vecNormal(mac, y, words) }},
				{"exp", func() { vecExp(mac, y, x) }},
				{"log", func() { vecLog(mac, y, x) }},
				{"log1p", func() { vecLog1p(mac, y, x) }},
				{"sin", func() { vecSin(mac, y, x) }},
				{"cos", func() { vecCos(mac, y, x) }},
				{"top", func() { vecTop(x, 1) }},
				{"expsum", func() { vecExpSum(mac, y, x, 1, 10, 0) }},
				{"softmax", func() { k.shortRow(y, x, false, false) }},
				{"draw", func() { drawBlock(mac, exact.Position{Seed: 1}, x, 0, 1) }},
			} {
				b.Run(fmt.Sprintf("%s/%v/%s", name, mac, f.name), func(b *testing.B) {
					for b.Loop() {
						f.run()
					}
					b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "Melements/s")
				})
			}
		}
	}
}
