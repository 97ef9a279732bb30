package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

var metrics = []backend.Metric{backend.SquaredEuclidean, backend.Euclidean, backend.Manhattan, backend.Cosine}

// distanceShapes are sizes n, d, k at the edges of tiles, panels and cuts.
func distanceShapes() [][3]int {
	shapes := [][3]int{{3, 0, 2}, {1, 1, 1}, {7, 4095, 3}, {5, 4096, 2}, {13, 4097, 17}, {2, 8193, 2}, {6, 6000, 17}, {200, 3, 5}}
	if testing.Short() {
		return append(shapes[:2:2], [][3]int{{1, 4096, 2}, {2, 4097, 3}, {50, 3, 5}, {5, 16, 17}, {6, 15, 16}, {7, 17, 33}, {13, 64, 17}}...)
	}
	for _, n := range []int{1, 5, 6, 7, 13} {
		for _, k := range []int{1, 2, 15, 16, 17, 33} {
			for _, d := range []int{1, 2, 3, 15, 16, 17, 64} {
				if (n+k+d)%3 == 0 {
					shapes = append(shapes, [3]int{n, d, k})
				}
			}
		}
	}
	return shapes
}

// distanceData returns rows of one kind of hard numbers: the kinds of hard,
// then rows that repeat others, so that scores tie, then centres so near to
// each other that the roundings of a score decide.
func distanceData(n, d, k, kind int) (x, c []float32) {
	c = numbers(uint64(kind)+99, k*d, kind%hardKinds)
	x = numbers(uint64(kind), n*d, kind%hardKinds)
	switch kind {
	case hardKinds:
		for j := 1; j < k; j++ {
			if j%3 != 0 {
				copy(c[j*d:(j+1)*d], c[(j/2)*d:(j/2+1)*d])
			}
		}
		for i := range n {
			copy(x[i*d:(i+1)*d], c[(i%k)*d:])
		}
	case hardKinds + 1:
		x, c = numbers(1, n*d, 0), numbers(2, k*d, 0)
		for i := d; i < len(c); i++ {
			c[i] = c[i%d] * (1 + 0x1p-22*c[i])
		}
	}
	return x, c
}

const distanceKinds = hardKinds + 2

func TestDistances(t *testing.T) { withLaneKernels(t, testDistances) }

func testDistances(t *testing.T) {
	for s, size := range distanceShapes() {
		n, d, k := size[0], size[1], size[2]
		for _, profile := range profiles {
			for _, metric := range metrics {
				kind := s % distanceKinds
				if d > exact.Cut {
					kind = 0
				}
				x, c := distanceData(n, d, k, kind)
				same(t, profile, fmt.Sprintf("%v %v n=%d d=%d k=%d kind %d", profile, metric, n, d, k, kind), func(r *rig) backend.Op {
					return &backend.Distances{D: out(r, shape{1, n, k, 2}, make([]float32, n*k)),
						X: in(r, shape{1, n, d, 3}, x), C: in(r, shape{1, k, d, 1}, c), Metric: metric}
				})
				for _, m := range []int{1, 3} {
					index := make([]int32, n*m) // some of them outside C
					for i := range index {
						index[i] = int32((i*7+s)%(k+2)) - 1
					}
					same(t, profile, fmt.Sprintf("%v %v n=%d d=%d k=%d kind %d, %d named", profile, metric, n, d, k, kind, m), func(r *rig) backend.Op {
						return &backend.Distances{D: out(r, shape{1, n, m, 2}, make([]float32, n*m)), Index: in(r, shape{1, n, m, 1}, index),
							X: in(r, shape{1, n, d, 3}, x), C: in(r, shape{1, k, d, 1}, c), Metric: metric}
					})
				}
			}
		}
	}
}

// laneKernelSets are the kernel sets that this processor has.
func laneKernelSets() (sets []laneKernels) {
	for v := plainLanes; v <= distanceKernels; v++ {
		sets = append(sets, v)
	}
	return sets
}

// withLaneKernels runs test on every kernel set.
func withLaneKernels(t *testing.T, test func(t *testing.T)) {
	best := distanceKernels
	defer func() { distanceKernels = best }()
	for _, v := range laneKernelSets() {
		distanceKernels = v
		t.Run(v.String(), test)
	}
}

// tableOf returns a table of lanes rows of d hard numbers.
func tableOf(rng *rand.Rand, d, kind int) *rowTable {
	var t rowTable
	for l := range t {
		t[l] = &append(hard(rng, d, kind), 1)[0]
	}
	return &t
}

func sameLanes(got, want []float32) error {
	for i := range want {
		g, w := exact.CanonNaN(got[i]), exact.CanonNaN(want[i])
		if math.Float32bits(g) != math.Float32bits(w) {
			return fmt.Errorf("element %d: %x, want %x", i, math.Float32bits(g), math.Float32bits(w))
		}
	}
	return nil
}

// Kernels ignore a flushing mode that their thread may be in, and restore it.
func TestDistanceKernelsAreTheirTwins(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, v := range laneKernelSets() {
		lanes, group := v.lanes(), v.group()
		run := flushing
		if v == plainLanes {
			run = func(f func()) { f() }
		}
		for kind := range hardKinds {
			for _, kc := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65} {
				what := fmt.Sprintf("%v, kind %d, kc=%d", v, kind, kc)
				rows, shift := tableOf(rng, kc, kind), hard(rng, kc, kind)
				panel, want := make([]float32, kc*lanes+1), make([]float32, kc*lanes+1)
				panel[kc*lanes], want[kc*lanes] = 5, 5
				run(func() { v.pack(panel, rows, kc, shift) })
				packPlain(want, lanes, rows, kc, shift)
				if err := sameLanes(panel, want); err != nil {
					t.Fatalf("%s: pack: %v", what, err)
				}
				for _, chains := range []chain{fusedSquares, splitSquares, magnitudes} {
					var got, want [maxLanes]float32
					c := tableOf(rng, kc, kind)
					run(func() { v.pairs(chains, kc, rows, c, &got) })
					pairsPlain(chains, lanes, kc, rows, c, &want)
					if err := sameLanes(got[:lanes], want[:lanes]); err != nil {
						t.Fatalf("%s, chain %d: pairs: %v", what, chains, err)
					}
				}
				for chains := fusedProducts; chains <= magnitudes; chains++ {
					stride, outStride := kc+rng.IntN(3), lanes+rng.IntN(3)
					beside := hard(rng, group*stride, kind)
					got, want := filled(group*outStride, 17), filled(group*outStride, 17)
					run(func() { v.chains(chains, kc, panel, beside, stride, got, outStride) })
					tilePlain(chains, v, kc, panel, beside, stride, want, outStride)
					if err := sameLanes(got, want); err != nil {
						t.Fatalf("%s, chain %d: tile: %v", what, chains, err)
					}
				}
			}
		}
	}
}

// Rows past the matrix are zeros in the panels, and rows of other blocks and
// other centres never show: a distance is that of its two rows alone.
func TestDistancesOfOnePair(t *testing.T) {
	x, c := numbers(1, 100, 0), numbers(2, 100, 0)
	var want float64
	for j := range x {
		want += (float64(x[j]) - float64(c[j])) * (float64(x[j]) - float64(c[j]))
	}
	for _, v := range laneKernelSets() {
		for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
			got := make([]float32, 6)
			rows, index := exact.Dense(append(slices.Clone(x), x...), 2, len(x)), []int32{0, 0, 0, 0, 0, 0}
			v.pairSums(chainOf(backend.SquaredEuclidean, mac), got, pairing{rows, exact.Dense(c, 1, len(c)), exact.Dense(index, 2, 3)})
			for _, g := range got {
				if g != mac.SquaredDistance(x, c) || math.Abs(float64(g)-want) > want*100*0x1p-23 {
					t.Errorf("%v: distance %v, statement %v, float64 %v", mac, g, mac.SquaredDistance(x, c), want)
				}
			}
		}
	}
}
