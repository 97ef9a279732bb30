//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

func TestPairwiseSumIsTheContracts(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, size := range [][3]int{{1, 1, 0}, {1, 1, 1}, {5, 3, 63}, {5, 3, 65}, {33, 7, 200}, {2, 2, 16384}, {2, 1, 16385}, {1, 2, 33000}} {
			n, d, k := size[0], size[1], size[2]
			for _, metric := range metrics {
				for _, groups := range []int{0, 1, 3, 33} { // 0: no labels
					if groups > 3 && k > 1000 && metric != backend.Euclidean {
						continue
					}
					twin(t, fmt.Sprintf("%v, %d×%d, %d rows in %d groups", metric, n, d, k, groups), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
						op := &backend.PairwiseSum{Metric: metric,
							X: place(shape{dtype: backend.Float32, batch: 1, rows: n, cols: d, gap: 1, words: mixed(1)}),
							C: place(shape{dtype: backend.Float32, batch: 1, rows: k, cols: d, words: mixed(2)}),
							Y: out(shape{dtype: backend.Float32, batch: 1, rows: n, cols: max(1, groups), gap: 1}),
						}
						if groups > 0 {
							// Some labels lie outside the groups.
							op.Label = place(shape{dtype: backend.Int32, batch: 1, rows: k, cols: 1, gap: 1,
								words: func(i int) uint32 { return hash(uint32(i))%uint32(groups+2) - 1 }})
						}
						return op
					})
				}
			}
		}
	})
}
