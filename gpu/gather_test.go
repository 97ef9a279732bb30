//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

// Moves keep all bits and write nothing between the rows, for every element type and alignment.
func TestMovesGiveTheBitsOfTheReference(t *testing.T) {
	gl, plain := openGL(t, backend.ProfileSplit), openPlain(t, backend.ProfileSplit)
	types := []backend.DType{backend.Float32, backend.Complex64, backend.Int8, backend.Int32, backend.Uint32}
	sizes := [][4]int{ // batch, rows, columns, gap
		{1, 1, 1, 0}, {1, 1, 1, 1}, {1, 7, 1, 0}, {1, 9, 3, 1}, {2, 5, 4, 0}, {2, 5, 7, 0}, {3, 4, 5, 3}, {1, 6, 16, 2}, {1, 70, 33, 1}, {1, 1, 3000, 0},
	}
	for _, dtype := range types {
		for _, s := range sizes {
			batch, rows, cols, gap := s[0], s[1], s[2], s[3]
			both := func(what string, move func(dev *backend.Device) *backend.Tensor) {
				sameBits(t, fmt.Sprintf("%s %v %v", what, dtype, s), move(gl), move(plain))
			}
			x := func(dev *backend.Device, batch int) *backend.Tensor {
				x, _ := shape{dtype, batch, rows, cols, (gap + 1) % 4, special(21)}.place(t, dev)
				return x
			}
			y := func(dev *backend.Device, batch, rows, cols int) (*backend.Tensor, *backend.Tensor) {
				return shape{dtype, batch, rows, cols, gap, nil}.place(t, dev)
			}
			both("copy", func(dev *backend.Device) *backend.Tensor {
				y, whole := y(dev, batch, rows, cols)
				run(t, &backend.Copy{Y: y, X: x(dev, batch)})
				return whole
			})
			both("copy of one", func(dev *backend.Device) *backend.Tensor {
				y, whole := y(dev, batch, rows, cols)
				run(t, &backend.Copy{Y: y, X: x(dev, 1)})
				return whole
			})
			both("transpose", func(dev *backend.Device) *backend.Tensor {
				y, whole := y(dev, batch, cols, rows)
				run(t, &backend.Transpose{Y: y, X: x(dev, batch)})
				return whole
			})
			both("gather", func(dev *backend.Device) *backend.Tensor {
				const n = 11
				index, _ := shape{backend.Int32, 1, n, 1, 2, func(i int) uint32 {
					return []uint32{0, uint32(rows - 1), ^uint32(0), uint32(rows), 0x80000000, 0x7fffffff, uint32(i % rows)}[i%7]
				}}.place(t, dev)
				y, whole := y(dev, 1, n, cols)
				run(t, &backend.Gather{Y: y, X: x(dev, 1), Index: index})
				return whole
			})
		}
	}
}
