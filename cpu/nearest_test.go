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

func TestNearest(t *testing.T) {
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

func TestFollowKernelIsItsTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for range 50 {
		var got, want [mr]leader
		for i := range got {
			for l := range got[i].score {
				got[i].score[l] = float32(math.Inf(1))
			}
		}
		want = got
		for panel := range int32(6) {
			products, half := tile(hard(rng, mr*nr, 2+rng.IntN(2))), [nr]float32(hard(rng, nr, 2))
			follow(&products, &half, &got, panel, nr)
			followPlain(&products, &half, &want, panel, nr)
		}
		for i := range got {
			for l := range got[i].score {
				g, w := exact.CanonNaN(got[i].score[l]), exact.CanonNaN(want[i].score[l])
				if math.Float32bits(g) != math.Float32bits(w) || got[i].panel[l] != want[i].panel[l] {
					t.Fatalf("row %d, lane %d: %v of panel %d, want %v of panel %d", i, l, g, got[i].panel[l], w, want[i].panel[l])
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
