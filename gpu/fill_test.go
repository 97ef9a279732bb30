//go:build gl && cgo

package gpu

import (
	"fmt"
	"math"
	"testing"

	"samebits/backend"
)

func TestFillIsTheContracts(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for d := backend.Constant; d <= backend.Bits; d++ {
			for _, cols := range []int{1, 2, 3, 4, 5, 63, 257, 9001} {
				for _, located := range []bool{false, true} {
					if located && d == backend.Bits {
						continue
					}
					y := shape{dtype: backend.Float32, batch: 1, rows: rowsFor(cols), cols: cols, gap: 1}
					if d == backend.Bits {
						y.dtype = backend.Uint32
					}
					twin(t, fmt.Sprintf("%v, %d columns, located %v", d, cols, located), gl, plain, func(_, out func(shape) *backend.Tensor) backend.Op {
						op := &backend.Fill{Y: out(y), Distribution: d, Draws: somewhere}
						if located {
							op.Loc, op.Scale = backend.Scalar(-3.3), backend.Scalar(0.7)
						}
						return op
					})
				}
			}
		}
	})
}

func TestFillWithConstants(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, c := range []float32{0, float32(math.Copysign(0, -1)), 1.5, float32(math.Inf(-1)), math.Float32frombits(0xffc12345), 1e-42} {
			twin(t, fmt.Sprint(c), gl, plain, func(_, out func(shape) *backend.Tensor) backend.Op {
				return &backend.Fill{Y: out(shape{dtype: backend.Float32, batch: 1, rows: 3, cols: 5, gap: 1}), Loc: backend.Scalar(c)}
			})
		}
	})
}
