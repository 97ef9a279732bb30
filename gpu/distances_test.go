//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

func TestDistancesAreTheContracts(t *testing.T) {
	fills := map[string]func(uint32) func(int) uint32{"mixed": mixed, "coarse": coarse, "specials": special}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, size := range distanceSizes {
			n, d, k := size[0], size[1], size[2]
			for _, metric := range metrics {
				for name, words := range fills {
					twin(t, fmt.Sprintf("%v, %d×%d, %d %s rows", metric, n, d, k, name), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
						return &backend.Distances{Metric: metric,
							X: place(shape{dtype: backend.Float32, batch: 1, rows: n, cols: d, gap: n % 2, words: words(1)}),
							C: place(shape{dtype: backend.Float32, batch: 1, rows: k, cols: d, gap: k % 2, words: words(2)}),
							D: out(shape{dtype: backend.Float32, batch: 1, rows: n, cols: k, gap: 1}),
						}
					})
					twin(t, fmt.Sprintf("%v, %d×%d, named among %d %s rows", metric, n, d, k, name), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
						return &backend.Distances{Metric: metric,
							X:     place(shape{dtype: backend.Float32, batch: 1, rows: n, cols: d, gap: n % 2, words: words(1)}),
							C:     place(shape{dtype: backend.Float32, batch: 1, rows: k, cols: d, gap: k % 2, words: words(2)}),
							Index: place(shape{dtype: backend.Int32, batch: 1, rows: n, cols: 2, gap: 1, words: func(i int) uint32 { return uint32(i*5%(k+2) - 1) }}),
							D:     out(shape{dtype: backend.Float32, batch: 1, rows: n, cols: 2, gap: 1}),
						}
					})
				}
			}
		}
	})
}
