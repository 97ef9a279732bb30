package cpu

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

func filledInts(n int, v int32) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = v
	}
	return x
}

// scatterOp builds a scattersum over gapped tensors; nil labels or weights are
// left out.
func scatterOp(r *rig, n, d, k int, x []float32, labels []int32, weights []float32, exponent []int32) *backend.ScatterSum {
	words := exact.ScatterWords(d)
	o := &backend.ScatterSum{Sums: out(r, shape{1, k, words, 2}, make([]uint32, k*words)),
		X: in(r, shape{1, n, d, 3}, x), Exponent: in(r, shape{1, 1, d, 1}, exponent)}
	if labels != nil {
		o.Label = in(r, shape{1, n, 1, 1}, labels)
	}
	if weights != nil {
		o.Weight = in(r, shape{1, n, 1, 2}, weights)
	}
	return o
}

// scalesOf returns the columns' scales, as they follow from the data.
func scalesOf(x []float32, n, d int) []int32 {
	e := make([]int32, d)
	for j := range e {
		e[j] = exact.ScatterExponent(exact.MaxAbsFinite(n, func(i int) float32 { return x[i*d+j] }))
	}
	return e
}

func TestScatterSum(t *testing.T) { withLaneKernels(t, testScatterSum) }

func testScatterSum(t *testing.T) {
	for s, size := range [][3]int{{0, 3, 2}, {1, 1, 1}, {5, 0, 3}, {7, 3, 1}, {100, 5, 4}, {3000, 2, 3}, {5000, 3, 70},
		{2500, 1, 2400}, {4097, 4, 16}, {33, 17, 40},
		{1100, 64, 9}, {90, 71, 30}, {50, 101, 1}, {5, 40, 3000}} {
		n, d, k := size[0], size[1], size[2]
		for kind := range hardKinds {
			x := numbers(uint64(s), n*d, kind)
			labels, weights := labelsFor(n, k), numbers(3, n, 0)
			weighted := make([]float32, len(x))
			for i := range x {
				weighted[i] = x[i] * weights[i/d]
			}
			for _, profile := range profiles {
				for variant := range 4 {
					use := func(r *rig) *backend.ScatterSum {
						switch variant {
						case 0:
							return scatterOp(r, n, d, k, x, labels, nil, scalesOf(x, n, d))
						case 1:
							return scatterOp(r, n, d, k, x, labels, weights, scalesOf(weighted, n, d))
						case 2: // scales that some elements pass
							return scatterOp(r, n, d, k, x, labels, nil, filledInts(d, 30))
						}
						return scatterOp(r, n, d, k, x, nil, nil, filledInts(d, []int32{math.MinInt32, math.MaxInt32, -401, 179}[kind]))
					}
					same(t, profile, fmt.Sprintf("%v n=%d d=%d k=%d kind %d variant %d", profile, n, d, k, kind, variant),
						func(r *rig) backend.Op { return use(r) })
				}
			}
		}
	}
}

// The kernels split as ScatterSplit does, for any bits and any scale, in every
// place of a row, in a thread that flushes subnormals.
func TestScatterKernelsAreScatterSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 20))
	for _, v := range laneKernelSets() {
		for range 40_000 {
			const d = 13
			var (
				x, w  [d]float32
				e     [d]int32
				scale [2 * scatterWide]float64
				cells [4 * scatterWide]int64
				flags [2]uint8
				count [1]int64
				label = []int32{7}
			)
			for j := range d {
				x[j], e[j] = math.Float32frombits(rng.Uint32()), rng.Int32N(300)-110
				if rng.IntN(2) == 0 { // near the top of the scale, and ties
					e[j] = exact.ScatterExponent(x[j]) - rng.Int32N(40) + 1
					x[j] = math.Float32frombits(math.Float32bits(x[j]) &^ (1<<rng.IntN(24) - 1))
				}
				scale[j] = math.Ldexp(1, int(e[j]))
			}
			weight := float32(1)
			if rng.IntN(2) == 0 {
				weight = hard(rng, 1, 0)[0]
			}
			for j := range d {
				w[j] = weight * x[j]
			}
			a := scatterRows{x: &x[0], n: 1, cols: 1 + rng.IntN(d), label: &label[0], weight: &weight, scale: &scale[0],
				low: 7, span: 1, cells: &cells[0], count: &count[0], flags: &flags[0]}
			if v == plainLanes {
				a.plain()
			} else {
				flushing(func() { v.scatter(&a) })
			}
			for j := range d {
				hi, lo, held := exact.ScatterSplit(w[j], e[j])
				if j >= a.cols {
					hi, lo, held = 0, 0, true
				}
				cell := cells[j/scatterWide*2*scatterWide+j%scatterWide:]
				bias := int64(wholeBits)
				if j >= ceil(a.cols, scatterWide)*scatterWide || (v == plainLanes && j >= a.cols) {
					bias = 0
				}
				if cell[0]-bias != int64(hi) || cell[scatterWide]-bias != int64(lo) || (flags[j/scatterWide]>>(j%scatterWide)&1 == 0) != held || count[0] != 1 {
					t.Fatalf("%v: %x under 2^%d in column %d of %d: %d, %d, flags %b, want %d, %d, %v", v, w[j], e[j], j, a.cols,
						cell[0]-bias, cell[scatterWide]-bias, flags, hi, lo, held)
				}
			}
		}
	}
}

// Sums of the parts of a data set merge to the sums of the whole.
func TestScatterSumPartsMerge(t *testing.T) {
	const n, d, k = 1000, 3, 5
	x, labels := numbers(1, n*d, 2), labelsFor(n, k)
	scales := scalesOf(x, n, d)
	run := func(from, to int) *exact.ScatterSums {
		words, err := runRig(t, "cpu", backend.Config{Threads: 2}, func(r *rig) backend.Op {
			o := scatterOp(r, to-from, d, k, x[from*d:to*d], labels[from:to], nil, scales)
			sums, err := r.dev.NewTensor(backend.Uint32, k, exact.ScatterWords(d))
			if err != nil {
				t.Fatal(err)
			}
			o.Sums, r.fin = sums, []func(){func() {
				all, err := backend.ToSlice[uint32](r.ctx, sums)
				if err != nil {
					t.Fatal(err)
				}
				r.out = append(r.out, bytesOf(all))
			}}
			return o
		})
		if err != nil {
			t.Fatal(err)
		}
		all := make([]uint32, len(words[0])/4)
		copy(bytesOf(all), words[0])
		s, err := exact.DecodeScatter(all, k, scales)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	whole, parts := run(0, n), run(0, 123)
	for _, part := range []*exact.ScatterSums{run(700, n), run(123, 700)} {
		if err := parts.Merge(part); err != nil {
			t.Fatal(err)
		}
	}
	words := exact.ScatterWords(d)
	a, b := make([]uint32, k*words), make([]uint32, k*words)
	whole.Encode(a)
	parts.Encode(b)
	if diff := differing([][]byte{bytesOf(b)}, [][]byte{bytesOf(a)}); diff != "" {
		t.Error(diff)
	}
	counted := int64(0)
	for _, c := range whole.Count {
		counted += c
	}
	if counted == 0 || counted == n {
		t.Errorf("%d of %d rows counted; some labels lie outside", counted, n)
	}
}

func TestScatterSumStopsWithItsContext(t *testing.T) {
	dev, err := backend.Open(context.Background(), "cpu", backend.Config{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	r := &rig{t: t, ctx: context.Background(), dev: dev}
	o := scatterOp(r, 10, 1, 2, numbers(1, 10, 0), labelsFor(10, 2), nil, []int32{20})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := dev.Run(ctx, o); err != context.Canceled {
		t.Errorf("run under an ended context: %v", err)
	}
}

func BenchmarkScatterSum(b *testing.B) {
	for _, size := range [][3]int{{1_000_000, 32, 64}, {200_000, 64, 256}, {200_000, 64, 1}, {500_000, 4, 100}} {
		benchmarkScatterSum(b, size[0], size[1], size[2])
	}
}

func benchmarkScatterSum(b *testing.B, n, d, k int) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("%dx%d/k=%d/threads=%d", n, d, k, threads), func(b *testing.B) {
			ctx := context.Background()
			dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: threads})
			if err != nil {
				b.Fatal(err)
			}
			defer dev.Close()
			x := numbers(1, n*d, 0)
			labels := make([]int32, n)
			for i := range labels {
				labels[i] = int32(uint32(i) * 2654435761 >> 8 % uint32(k))
			}
			xt, err := backend.FromSlice(ctx, dev, n, d, x)
			if err != nil {
				b.Fatal(err)
			}
			label, err := backend.FromSlice(ctx, dev, n, 1, labels)
			if err != nil {
				b.Fatal(err)
			}
			exponent, err := backend.FromSlice(ctx, dev, 1, d, scalesOf(x, n, d))
			if err != nil {
				b.Fatal(err)
			}
			sums, err := dev.NewTensor(backend.Uint32, k, exact.ScatterWords(d))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := dev.Run(ctx, &backend.ScatterSum{Sums: sums, X: xt, Label: label, Exponent: exponent}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(4*float64(n*d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
		})
	}
}
