package cpu

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// nearestOp builds a nearest operation over gapped tensors.
func nearestOp(r *rig, metric backend.Metric, n, d, k, m int, x, c, shift []float32, distance bool) *backend.Nearest {
	o := &backend.Nearest{Index: out(r, shape{1, n, m, 1}, make([]int32, n*m)),
		X: in(r, shape{1, n, d, 3}, x), C: in(r, shape{1, k, d, 2}, c), Metric: metric}
	if distance {
		o.Distance = out(r, shape{1, n, m, 2}, make([]float32, n*m))
	}
	if shift != nil {
		o.Shift = in(r, shape{1, 1, d, 1}, shift)
	}
	return o
}

func TestNearest(t *testing.T) { withLaneKernels(t, testNearest) }

func testNearest(t *testing.T) {
	for s, size := range distanceShapes() {
		n, d, k := size[0], size[1], size[2]
		for _, profile := range profiles {
			for m, metric := range metrics {
				kind := (s + m) % distanceKinds
				if d > exact.Cut {
					kind = distanceKinds - 1
				}
				x, c := distanceData(n, d, k, kind)
				var shift []float32
				if s%2 == 0 && (metric == backend.SquaredEuclidean || metric == backend.Euclidean) {
					shift = numbers(5, d, 0)
				}
				for _, wanted := range []int{1, min(2, k), k/2 + 1, k} {
					what := fmt.Sprintf("%v %v n=%d d=%d k=%d m=%d kind %d shift %t", profile, metric, n, d, k, wanted, kind, shift != nil)
					same(t, profile, what, func(r *rig) backend.Op {
						return nearestOp(r, metric, n, d, k, wanted, x, c, shift, s%3 != 0)
					})
				}
			}
		}
	}
}

// The search kernels follow scores as their twin does: ties, NaN and infinities
// in any place, leaders that other centres have set.
func TestSearchKernelsAreTheirTwins(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, v := range laneKernelSets() {
		lanes, group := v.lanes(), v.group()
		run := flushing
		if v == plainLanes {
			run = func(f func()) { f() }
		}
		for round := range 300 {
			kind, d, panels, groups := round%hardKinds, 1+rng.IntN(9), 1+rng.IntN(3), 1+rng.IntN(4)
			rows, centres := hard(rng, panels*lanes*d, kind), hard(rng, groups*group*d, kind)
			for j := 1; j < groups*group; j++ {
				if rng.IntN(2) == 0 {
					copy(centres[j*d:(j+1)*d], centres[rng.IntN(j)*d:])
				}
			}
			half, number := make([]float32, groups*group), make([]int32, groups*group)
			for j := range half {
				number[j] = int32(j + round)
				if rng.IntN(9) == 0 {
					half[j] = hard(rng, 1, kind)[0]
				}
			}
			start := make([]int32, panels*2*lanes)
			for i := range start {
				start[i] = infinityBits
				if rng.IntN(5) == 0 {
					start[i] = int32(math.Float32bits(hard(rng, 1, kind)[0]))
				}
			}
			got, want := slices.Clone(start), slices.Clone(start)
			h := hunt{steps: d, rows: &rows[0], panels: panels, centres: &centres[0], groups: groups,
				half: &half[0], number: &number[0], stride: 4 * d}
			for _, chains := range []chain{fusedProducts, splitProducts, magnitudes} {
				h.leaders = &got[0]
				run(func() { v.search(chains, &h) })
				h.leaders = &want[0]
				h.plain(chains, v)
				for i := range want {
					g, w := got[i], want[i]
					if i%(2*lanes) < lanes {
						g = int32(math.Float32bits(exact.CanonNaN(math.Float32frombits(uint32(g)))))
						w = int32(math.Float32bits(exact.CanonNaN(math.Float32frombits(uint32(w)))))
					}
					if g != w {
						t.Fatalf("%v, round %d, chain %d: leader %d is %x, want %x", v, round, chains, i, g, w)
					}
				}
			}
		}
	}
}

func TestSiftKernelsAreTheirTwins(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for _, v := range laneKernelSets() {
		if v == plainLanes {
			continue // the twin itself
		}
		lanes := v.lanes()
		for round := range 500 {
			k, kind := 1+rng.IntN(40), round%hardKinds
			from := rng.IntN(k)
			threshold := [maxLanes]float32(hard(rng, maxLanes, kind))
			if round%3 == 0 {
				for l := range threshold {
					threshold[l] = -1e38 // seldom passed
				}
			}
			scores, half := hard(rng, k*lanes, kind), hard(rng, k, kind)
			for _, chains := range []chain{fusedProducts, magnitudes} {
				got, want := slices.Clone(scores), slices.Clone(scores)
				var j, wantJ int
				var mask, wantMask uint32
				flushing(func() { j, mask = v.sift(chains, got, half, &threshold, from, k) })
				wantJ, wantMask = siftPlain(chains, lanes, want, half, &threshold, from, k)
				if err := sameLanes(got, want); err != nil || j != wantJ || mask != wantMask {
					t.Fatalf("%v, round %d, chain %d: %d, %b, want %d, %b: %v", v, round, chains, j, mask, wantJ, wantMask, err)
				}
			}
		}
	}
}

func TestListKernelsAreTheirTwins(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	for _, v := range laneKernelSets() {
		if v == plainLanes {
			continue // the twin itself
		}
		lanes := v.lanes()
		for round := range 500 {
			k, kind := 1+rng.IntN(40), round%hardKinds
			m := 1 + rng.IntN(k)
			scores, half := hard(rng, k*lanes, kind), hard(rng, k, kind)
			for i := range scores { // ties
				if rng.IntN(3) == 0 {
					scores[i] = scores[rng.IntN(i+1)]
				}
			}
			for _, chains := range []chain{fusedProducts, magnitudes} {
				got, want := make([]int32, m*2*lanes), make([]int32, m*2*lanes)
				a, b := slices.Clone(scores), slices.Clone(scores)
				flushing(func() { v.first(chains, a, half, got, m, k) })
				firstPlain(chains, lanes, b, half, want, m, k)
				for p := range m {
					at := 2 * p * lanes
					if !slices.Equal(got[at+lanes:at+2*lanes], want[at+lanes:at+2*lanes]) {
						t.Fatalf("%v, round %d, chain %d, m=%d k=%d: place %d: %v, want %v", v, round, chains, m, k, p,
							got[at+lanes:at+2*lanes], want[at+lanes:at+2*lanes])
					}
				}
			}
		}
	}
}

// nearestOn runs one nearest operation on a device of its own.
func nearestOn(t *testing.T, cfg backend.Config, metric backend.Metric, n, d, k, m int, x, c, shift []float32) ([]int32, []float32) {
	t.Helper()
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	r := &rig{t: t, ctx: ctx, dev: dev}
	o := nearestOp(r, metric, n, d, k, m, x, c, shift, true)
	if err := dev.Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	index, err := backend.ToSlice[int32](ctx, o.Index)
	if err != nil {
		t.Fatal(err)
	}
	distance, err := backend.ToSlice[float32](ctx, o.Distance)
	if err != nil {
		t.Fatal(err)
	}
	return index, distance
}

func TestNearestOfNoRows(t *testing.T) {
	for _, threads := range []int{1, 3} {
		index, distance := nearestOn(t, backend.Config{Threads: threads}, backend.SquaredEuclidean, 0, 3, 2, 1, nil, make([]float32, 6), nil)
		if len(index) != 0 || len(distance) != 0 {
			t.Errorf("%d threads: %v, %v", threads, index, distance)
		}
	}
}

func TestNearestTiesTakeTheLowestIndex(t *testing.T) {
	const n, d, k = 40, 5, 37
	for _, metric := range metrics {
		c := filled(k*d, 2) // all centres alike
		index, _ := nearestOn(t, backend.Config{}, metric, n, d, k, 3, numbers(1, n*d, 0), c, nil)
		for i := range n {
			if !slices.Equal(index[3*i:3*i+3], []int32{0, 1, 2}) {
				t.Fatalf("%v: row %d has %v", metric, i, index[3*i:3*i+3])
			}
		}
	}
}

func TestNearestPutsNaNFirst(t *testing.T) {
	const d, k = 3, 20
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x := []float32{nan, 0, 0, 1, 1, 1, inf, 0, 0}
	c := numbers(3, k*d, 0)
	c[17*d] = nan
	for _, metric := range metrics {
		for _, m := range []int{1, 2} {
			index, distance := nearestOn(t, backend.Config{}, metric, 3, d, k, m, x, c, nil)
			if index[0] != 0 || math.Float32bits(distance[0]) != 0x7fc00000 {
				t.Errorf("%v, m=%d: a row with NaN goes to %d at %x, want 0 at NaN", metric, m, index[0], math.Float32bits(distance[0]))
			}
			if index[m] != 17 || math.Float32bits(distance[m]) != 0x7fc00000 {
				t.Errorf("%v, m=%d: a sound row goes to %d, want the NaN centre 17", metric, m, index[m])
			}
		}
	}
}

// Far from the origin cancellation mislabels most rows; shifted by the exact
// column mean every row has the label of exact arithmetic, except where the
// two nearest centres are as near as roundings of the distance itself.
func TestNearestFarFromTheOrigin(t *testing.T) {
	const n, d, k = 1000, 8, 24
	rng := rand.New(rand.NewPCG(15, 16))
	far := func(rows int) []float32 {
		x := make([]float32, rows*d)
		for i := range x {
			x[i] = float32(1e4 + rng.NormFloat64())
		}
		return x
	}
	x, c := far(n), far(k)
	exponent := make([]int32, d)
	for j := range exponent {
		var largest float32
		for i := range n {
			largest = max(largest, x[i*d+j])
		}
		exponent[j] = exact.ScatterExponent(largest)
	}
	sums := exact.NewScatterSums(1, exponent)
	for i := range n {
		sums.Add(0, x[i*d:(i+1)*d])
	}
	shift := exact.ColumnMeans(sums)
	wrong := func(index []int32) (count int) {
		for i := range n {
			// In float64 these differences are exact and their squares nearly so.
			to := func(j int) (s float64) {
				for q := range d {
					v := float64(x[i*d+q]) - float64(c[j*d+q])
					s += v * v
				}
				return s
			}
			own := to(int(index[i]))
			for j := range k {
				if to(j) < own*(1-1e-4) {
					count++
					break
				}
			}
		}
		return count
	}
	for _, profile := range profiles {
		cfg := backend.Config{Profile: profile}
		plain, _ := nearestOn(t, cfg, backend.SquaredEuclidean, n, d, k, 1, x, c, nil)
		shifted, distance := nearestOn(t, cfg, backend.SquaredEuclidean, n, d, k, 1, x, c, shift)
		if w := wrong(plain); w < n/2 {
			t.Errorf("%v: only %d of %d labels are wrong without a shift, so this data proves nothing", profile, w, n)
		}
		if w := wrong(shifted); w != 0 {
			t.Errorf("%v: %d of %d labels are wrong with a shift", profile, w, n)
		}
		mac, _ := exact.ParseMac(string(profile))
		for i := range n {
			j := int(shifted[i])
			if want := mac.SquaredDistance(x[i*d:(i+1)*d], c[j*d:(j+1)*d]); distance[i] != want {
				t.Fatalf("%v: row %d is at %v, its unshifted distance is %v", profile, i, distance[i], want)
			}
		}
	}
}

// The m nearest under Manhattan distance between small integers, which float32
// holds exactly, are a plain sort by (distance, index).
func TestNearestIsASort(t *testing.T) {
	const n, d, k, m = 50, 4, 61, 9
	x, c := numbers(1, n*d, 3), numbers(2, k*d, 3)
	for _, metric := range []backend.Metric{backend.Manhattan, backend.SquaredEuclidean} {
		index, distance := nearestOn(t, backend.Config{}, metric, n, d, k, m, x, c, nil)
		for i := range n {
			to := make([]int64, k)
			order := make([]int32, k)
			for j := range k {
				order[j] = int32(j)
				for q := range d {
					v := int64(x[i*d+q]) - int64(c[j*d+q])
					if metric == backend.Manhattan {
						v = new(big.Int).Abs(big.NewInt(v)).Int64()
					} else {
						v *= v
					}
					to[j] += v
				}
			}
			slices.SortStableFunc(order, func(a, b int32) int { return int(to[a] - to[b]) })
			for p := range m {
				if index[i*m+p] != order[p] || distance[i*m+p] != float32(to[order[p]]) {
					t.Fatalf("%v: row %d, place %d: %d at %v, want %d at %d", metric, i, p,
						index[i*m+p], distance[i*m+p], order[p], to[order[p]])
				}
			}
		}
	}
}

func TestWorstFirstKeepsTheSmallest(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	for range 200 {
		keys := make([]uint64, 1+rng.IntN(60))
		for i := range keys {
			keys[i] = rng.Uint64N(40)<<32 | uint64(i)
		}
		m := 1 + rng.IntN(len(keys))
		var h worstFirst
		for _, key := range keys {
			h.offer(key, m)
		}
		slices.Sort(h)
		slices.Sort(keys)
		if !slices.Equal(h, keys[:m]) {
			t.Fatalf("%d smallest are %v, want %v", m, h, keys[:m])
		}
	}
}

func TestPlantedErrorsOfDistancesShow(t *testing.T) {
	const n, d, k = 20, 6, 18
	far := numbers(1, n*d, 0)
	for i := range far {
		far[i] += 1e4
	}
	duplicates := append(numbers(2, k/2*d, 0), numbers(2, k/2*d, 0)...)
	for fault, build := range map[string]func(*rig) backend.Op{
		faultNearestTies: func(r *rig) backend.Op {
			return nearestOp(r, backend.SquaredEuclidean, n, d, k, 1, numbers(1, n*d, 0), duplicates, nil, false)
		},
		faultNearestShift: func(r *rig) backend.Op {
			return nearestOp(r, backend.SquaredEuclidean, n, d, k, 1, far, far[:k*d], filled(d, 1e4), false)
		},
		faultScatterLow: func(r *rig) backend.Op {
			return scatterOp(r, n, d, 3, numbers(1, n*d, 0), labelsFor(n, 3), nil, filledInts(d, 27))
		},
	} {
		want, err := runRig(t, "reference", backend.Config{}, build)
		if err != nil {
			t.Fatal(err)
		}
		for _, planted := range []string{"", fault} {
			got, err := runRig(t, "cpu", backend.Config{Fault: planted}, build)
			if err != nil {
				t.Fatal(err)
			}
			if diff := differing(got, want); (diff != "") != (planted != "") {
				t.Errorf("fault %q, planted %q: difference %q", fault, planted, diff)
			}
		}
	}
}

func BenchmarkNearest(b *testing.B) {
	const n, d, k = 200_000, 64, 256
	for _, threads := range []int{1, 2} {
		for _, profile := range profiles {
			b.Run(fmt.Sprintf("%v/threads=%d", profile, threads), func(b *testing.B) {
				ctx := context.Background()
				dev, err := backend.Open(ctx, "cpu", backend.Config{Profile: profile, Threads: threads})
				if err != nil {
					b.Fatal(err)
				}
				defer dev.Close()
				x, err := backend.FromSlice(ctx, dev, n, d, numbers(1, n*d, 0))
				if err != nil {
					b.Fatal(err)
				}
				c, err := backend.FromSlice(ctx, dev, k, d, numbers(2, k*d, 0))
				if err != nil {
					b.Fatal(err)
				}
				shift, err := backend.FromSlice(ctx, dev, 1, d, numbers(3, d, 0))
				if err != nil {
					b.Fatal(err)
				}
				index, err := dev.NewTensor(backend.Int32, n, 1)
				if err != nil {
					b.Fatal(err)
				}
				distance, err := dev.NewTensor(backend.Float32, n, 1)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := dev.Run(ctx, &backend.Nearest{Index: index, Distance: distance, X: x, C: c, Shift: shift}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(2*n*d*k*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
			})
		}
	}
}

// Operations of the distance family allocate nothing once their scratch is
// there, and stop when their context has ended.
func TestDistanceFamilyInSteadyState(t *testing.T) {
	const n, d, k = 500, 20, 30
	for _, threads := range []int{1, 2} {
		dev, err := backend.Open(context.Background(), "cpu", backend.Config{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer dev.Close()
		r := &rig{t: t, ctx: context.Background(), dev: dev}
		x, c := numbers(1, n*d, 0), numbers(2, k*d, 0)
		drv := &driver{mac: exact.Fused, threads: threads}
		for what, run := range map[string]func(ctx context.Context) error{
			"nearest": func() func(context.Context) error {
				o := nearestOp(r, backend.SquaredEuclidean, n, d, k, 1, x, c, numbers(5, d, 0), true)
				return func(ctx context.Context) error { return nearestFast(ctx, drv, o) }
			}(),
			"three nearest": func() func(context.Context) error {
				o := nearestOp(r, backend.Cosine, n, d, k, 3, x, c, nil, true)
				return func(ctx context.Context) error { return nearestFast(ctx, drv, o) }
			}(),
			"scattersum": func() func(context.Context) error {
				o := scatterOp(r, n, d, k, x, labelsFor(n, k), nil, scalesOf(x, n, d))
				return func(ctx context.Context) error { return scatterSumFast(ctx, drv, o) }
			}(),
			"distances": func() func(context.Context) error {
				o := &backend.Distances{D: out(r, shape{1, n, k, 2}, make([]float32, n*k)), X: in(r, shape{1, n, d, 0}, x), C: in(r, shape{1, k, d, 0}, c)}
				return func(ctx context.Context) error { return distancesFast(ctx, drv, o) }
			}(),
			"distances of pairs": func() func(context.Context) error {
				o := &backend.Distances{D: out(r, shape{1, n, 1, 0}, make([]float32, n)), X: in(r, shape{1, n, d, 0}, x), C: in(r, shape{1, k, d, 0}, c),
					Index: in(r, shape{1, n, 1, 0}, labelsFor(n, k)), Metric: backend.Cosine}
				return func(ctx context.Context) error { return distancesFast(ctx, drv, o) }
			}(),
		} {
			ended, cancel := context.WithCancel(context.Background())
			cancel()
			if err := run(ended); err != context.Canceled {
				t.Errorf("%s on %d threads under an ended context: %v", what, threads, err)
			}
			// Scratch is lost to a collection now and then, so less than one will do.
			if a := testing.AllocsPerRun(50, func() {
				if err := run(context.Background()); err != nil {
					t.Fatal(err)
				}
			}); a >= 1 && !raceDetector {
				t.Errorf("%s on %d threads: %v allocations a run", what, threads, a)
			}
		}
	}
}
