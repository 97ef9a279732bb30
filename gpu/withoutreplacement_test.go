//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

func TestWithoutReplacementIsTheContracts(t *testing.T) {
	fills := map[string]func(int) uint32{"logits": logits(1), "specials": special(2),
		"mostly -Inf": func(i int) uint32 {
			if i%7 == 0 {
				return 0
			}
			return 0xff800000
		}}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, cols := range []int{1, 3, 5, 64, 300} {
			for name, words := range fills {
				for _, m := range []int{1, 3, cols} {
					if m > cols {
						continue
					}
					twin(t, fmt.Sprintf("%d of %d %s", m, cols, name), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
						rows := rowsFor(cols)
						return &backend.WithoutReplacement{Temperature: backend.Scalar(1.7), Draws: somewhere,
							X:     place(shape{dtype: backend.Float32, batch: 1, rows: rows, cols: cols, gap: 1, words: words}),
							Index: out(shape{dtype: backend.Int32, batch: 1, rows: rows, cols: m, gap: 1})}
					})
				}
			}
		}
	})
}
