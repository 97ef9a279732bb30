//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

func TestGumbelSoftmaxIsTheContracts(t *testing.T) {
	fills := map[string]func(int) uint32{"logits": logits(1), "specials": special(2), "-Inf": func(int) uint32 { return 0xff800000 }}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, cols := range []int{1, 2, 5, 64, 300, 16385} {
			for name, words := range fills {
				for outputs := 1; outputs <= 3; outputs++ { // bit 0: y, bit 1: onehot
					twin(t, fmt.Sprintf("%d %s, outputs %b", cols, name, outputs), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
						rows := rowsFor(cols)
						op := &backend.GumbelSoftmax{Tau: backend.Scalar(0.6), Draws: somewhere,
							X: place(shape{dtype: backend.Float32, batch: 1, rows: rows, cols: cols, gap: 1, words: words})}
						if outputs&1 != 0 {
							op.Y = out(shape{dtype: backend.Float32, batch: 1, rows: rows, cols: cols, gap: 2})
						}
						if outputs&2 != 0 {
							op.OneHot = out(shape{dtype: backend.Float32, batch: 1, rows: rows, cols: cols, gap: 1})
						}
						return op
					})
				}
			}
		}
	})
}
