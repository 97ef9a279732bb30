//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

func TestTopKIsTheContracts(t *testing.T) {
	fills := map[string]func(uint32) func(int) uint32{"mixed": mixed, "coarse": coarse, "specials": special}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, cols := range []int{1, 2, 63, 64, 65, 1000, 16385} {
			for name, words := range fills {
				for _, m := range []int{1, 2, 10, cols} {
					if m > cols || m > 1000 {
						continue
					}
					twin(t, fmt.Sprintf("top %d of %d %s", m, cols, name), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
						rows := rowsFor(cols)
						return &backend.TopK{X: place(shape{dtype: backend.Float32, batch: 1, rows: rows, cols: cols, gap: 1, words: words(uint32(cols))}),
							Index: out(shape{dtype: backend.Int32, batch: 1, rows: rows, cols: m, gap: 1})}
					})
				}
			}
		}
	})
}
