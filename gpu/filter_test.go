//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

func TestFilterIsTheContracts(t *testing.T) {
	fills := map[string]func(int) uint32{"logits": logits(1), "coarse": coarse(3), "specials": special(2),
		"-Inf": func(int) uint32 { return 0xff800000 }, "equal": func(int) uint32 { return 0x40000000 },
		"some -Inf": func(i int) uint32 {
			if i%3 != 0 {
				return 0xff800000
			}
			return coarse(4)(i)
		}}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, cols := range []int{1, 2, 5, 64, 65, 500, 16385} {
			for name, words := range fills {
				x := shape{dtype: backend.Float32, batch: 2, rows: max(1, rowsFor(cols)/2), cols: cols, gap: 1, words: words}
				var ops []backend.Filter
				for _, k := range []int{1, 2, 40, cols, cols + 1} {
					ops = append(ops, backend.Filter{Kind: backend.FilterTopK, K: k})
				}
				for _, p := range []float32{0, 1e-12, 0.1, 0.5, 0.9, 0.9999999, 1} {
					ops = append(ops, backend.Filter{Kind: backend.FilterTopP, P: p}, backend.Filter{Kind: backend.FilterMinP, P: p})
				}
				if cols > 1000 {
					ops = ops[1:10] // the rest says no more there and takes its time
				}
				for i, op := range ops {
					twin(t, fmt.Sprintf("%v k=%d p=%v of %d %s", op.Kind, op.K, op.P, cols, name), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
						op := op
						if i%2 == 0 {
							y := x
							y.words, y.gap = nil, 2
							op.X, op.Y = place(x), out(y)
						} else { // in place
							op.Y = out(x)
							op.X = op.Y
						}
						return &op
					})
				}
			}
		}
	})
}
