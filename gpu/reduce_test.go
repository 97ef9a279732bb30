//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

func reduceOn(t *testing.T, dev *backend.Device, r backend.Reduction, axis backend.Axis, batch, rows, cols, gap int, words func(int) uint32) *backend.Tensor {
	t.Helper()
	x, _ := shape{backend.Float32, batch, rows, cols, gap, words}.place(t, dev)
	dtype := backend.Float32
	if r == backend.ArgMax || r == backend.ArgMin {
		dtype = backend.Int32
	}
	yRows, yCols := rows, 1
	if axis == backend.AlongColumn {
		yRows, yCols = 1, cols
	}
	y, whole := shape{dtype, batch, yRows, yCols, gap, nil}.place(t, dev)
	run(t, &backend.Reduce{Y: y, X: x, Reduction: r, Axis: axis})
	return whole
}

var reductions = []backend.Reduction{backend.Sum, backend.Max, backend.Min, backend.ArgMax, backend.ArgMin, backend.MaxAbsFinite}

// Reductions use no mac, so that one profile covers them.
func TestReduceGivesTheBitsOfExact(t *testing.T) {
	gl, plain := openGL(t, backend.ProfileSplit), openPlain(t, backend.ProfileSplit)
	// No NaN among them, so that ties of the largest show: a few values, both zeros, both infinities.
	few := func(i int) uint32 {
		values := []uint32{0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000}
		return values[hash(uint32(i))%uint32(len(values))]
	}
	negativeZeros := func(int) uint32 { return 0x80000000 }
	sizes := [][4]int{ // batch, rows, columns, gap
		{1, 1, 1, 0}, {1, 3, 63, 0}, {1, 3, 64, 1}, {2, 5, 65, 2}, {1, 2, 1000, 0}, {1, 2, 16384, 0}, {1, 2, 16385, 3},
		{1, 1, 5*16384 + 77, 0}, {1, 255, 3, 1}, {1, 256, 2, 0}, {2, 257, 3, 1}, {1, 1500, 5, 2}, {1, 66000, 1, 0},
	}
	for _, s := range sizes {
		for name, words := range map[string]func(int) uint32{"mixed": mixed(11), "special": special(12), "few": few, "zeros": zeros(13), "−0": negativeZeros} {
			large := s[1]*s[2] > 20000
			if large && name != "mixed" && name != "special" {
				continue
			}
			for _, axis := range []backend.Axis{backend.AlongRow, backend.AlongColumn} {
				for _, r := range reductions {
					if large && r != backend.Sum && r != backend.Max && r != backend.ArgMin {
						continue
					}
					what := fmt.Sprintf("%v along axis %d of %v %s", r, axis, s, name)
					sameBits(t, what, reduceOn(t, gl, r, axis, s[0], s[1], s[2], s[3], words),
						reduceOn(t, plain, r, axis, s[0], s[1], s[2], s[3], words))
				}
			}
		}
	}
	// Nothing to reduce is +0 for those that allow it.
	for _, r := range []backend.Reduction{backend.Sum, backend.MaxAbsFinite} {
		sameBits(t, r.String()+" of nothing", reduceOn(t, gl, r, backend.AlongRow, 2, 3, 0, 1, nil), reduceOn(t, plain, r, backend.AlongRow, 2, 3, 0, 1, nil))
		sameBits(t, r.String()+" of nothing", reduceOn(t, gl, r, backend.AlongColumn, 2, 0, 3, 1, nil), reduceOn(t, plain, r, backend.AlongColumn, 2, 0, 3, 1, nil))
	}
}
