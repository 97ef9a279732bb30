//go:build gl && cgo

package gpu

import (
	"slices"
	"testing"

	"samebits/backend"
)

// Each planted error of the products and the support family changes bits that the right kernel gets right, so that a
// verifier that misses it is itself wrong.
func TestPlantedErrorsChangeBits(t *testing.T) {
	good := openGL(t, backend.ProfileSplit)
	cases := map[string]func(dev *backend.Device) *backend.Tensor{
		"matmul-k-tail-dropped": func(dev *backend.Device) *backend.Tensor {
			return product{batch: 1, m: 5, n: 6, k: 7}.on(t, dev, backend.Float32)
		},
		"matmul-beta-reads-c": func(dev *backend.Device) *backend.Tensor {
			return product{batch: 1, m: 5, n: 6, k: 7}.on(t, dev, backend.Complex64)
		},
		"reduce-nan-blind-argmax": func(dev *backend.Device) *backend.Tensor {
			return reduceOn(t, dev, backend.ArgMax, backend.AlongRow, 1, 20, 50, 0, special(3))
		},
		"map-relu-keeps-minus-zero": func(dev *backend.Device) *backend.Tensor {
			y, whole := shape{backend.Float32, 1, 1, 100, 0, nil}.place(t, dev)
			x, _ := shape{backend.Float32, 1, 1, 100, 0, special(4)}.place(t, dev)
			run(t, &backend.Map{Fn: backend.FnRelu, Y: y, A: x})
			return whole
		},
		"gather-index-out-of-bounds": func(dev *backend.Device) *backend.Tensor {
			y, whole := shape{backend.Float32, 1, 4, 3, 0, nil}.place(t, dev)
			x, _ := shape{backend.Float32, 1, 5, 3, 0, mixed(4)}.place(t, dev)
			index, _ := shape{backend.Int32, 1, 4, 1, 0, func(i int) uint32 { return uint32(i + 3) }}.place(t, dev)
			run(t, &backend.Gather{Y: y, X: x, Index: index})
			return whole
		},
	}
	for name, result := range cases {
		if !slices.Contains(Faults(), name) {
			t.Errorf("%s is not listed", name)
		}
		right, again := result(good), result(good)
		if differ(t, right, again) {
			t.Errorf("%s: the right kernel does not repeat its bits", name)
		}
		if !differ(t, right, result(openGLFault(t, backend.ProfileSplit, name))) {
			t.Errorf("%s changes nothing", name)
		}
	}
}
