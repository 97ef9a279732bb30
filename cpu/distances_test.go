package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

var metrics = []backend.Metric{backend.SquaredEuclidean, backend.Euclidean, backend.Manhattan, backend.Cosine}

// distanceShapes are sizes n, d, k at the edges of tiles, panels and cuts.
func distanceShapes() [][3]int {
	shapes := [][3]int{{3, 0, 2}, {1, 1, 1}, {7, 4095, 3}, {5, 4096, 2}, {13, 4097, 17}, {2, 8193, 2}, {6, 6000, 17}, {200, 3, 5}}
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

func TestDistances(t *testing.T) {
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
			}
		}
	}
}

func TestDistanceKernelsAreTheirTwins(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for kind := range hardKinds {
		for _, kc := range []int{0, 1, 2, 3, 4, 5, 63, 64, 65} {
			for _, chains := range []chain{fusedSquares, splitSquares, magnitudes} {
				a, b := hard(rng, kc*mr, kind), hard(rng, kc*nr, kind)
				var got, want tile
				got[3] = 17 // what a tile held must not matter
				distanceKernel(chains, kc, a, b, &got)
				distanceKernelPlain(chains, kc, a, b, &want)
				if err := sameTile(&got, &want); err != nil {
					t.Fatalf("tile, kind %d, chain %d, kc=%d: %v", kind, chains, kc, err)
				}
				var x, c quad
				for l := range x {
					x[l], c[l] = hard(rng, kc, kind), hard(rng, kc, kind)
				}
				gotSums, wantSums := [4]float32{1, 2, 3, 4}, [4]float32{}
				pairKernel(chains, kc, &x, &c, &gotSums)
				pairKernelPlain(chains, kc, &x, &c, &wantSums)
				for l := range gotSums {
					if g, w := exact.CanonNaN(gotSums[l]), exact.CanonNaN(wantSums[l]); math.Float32bits(g) != math.Float32bits(w) {
						t.Fatalf("pairs, kind %d, chain %d, kc=%d: %x, want %x", kind, chains, kc, g, w)
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
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		var got [5]float32
		pairSums(chainOf(backend.SquaredEuclidean, mac), got[:], func(int) []float32 { return x }, func(int) []float32 { return c })
		for _, g := range got {
			if g != mac.SquaredDistance(x, c) || math.Abs(float64(g)-want) > want*100*0x1p-23 {
				t.Errorf("%v: distance %v, statement %v, float64 %v", mac, g, mac.SquaredDistance(x, c), want)
			}
		}
	}
}
