//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
)

func TestLogSumExpIsTheContracts(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, cols := range rowLengths {
			for name, words := range map[string]func(int) uint32{"logits": logits(uint32(cols)), "specials": special(uint32(cols)),
				"-Inf": func(int) uint32 { return 0xff800000 }} {
				x := shape{dtype: backend.Float32, batch: 2, rows: rowsFor(cols), cols: cols, gap: cols % 2, words: words}
				twin(t, fmt.Sprintf("%d columns of %s", cols, name), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
					y := shape{dtype: backend.Float32, batch: 2, rows: x.rows, cols: 1, gap: 2}
					return &backend.LogSumExp{Y: out(y), X: place(x), Temperature: backend.Scalar(0.7)}
				})
			}
		}
	})
}

// TestMoreBlocksThanLanes sums rows of 66 blocks of 16,384, so that two of the blocks' results meet in one lane.
func TestMoreBlocksThanLanes(t *testing.T) {
	gl, plain := openGL(t, backend.ProfileSplit), openPlain(t, backend.ProfileSplit)
	const cols = 65*16384 + 7
	x := shape{dtype: backend.Float32, batch: 1, rows: 1, cols: cols, words: logits(1)}
	twin(t, "log-sum-exp", gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.LogSumExp{X: place(x), Y: out(shape{dtype: backend.Float32, batch: 1, rows: 1, cols: 1})}
	})
	twin(t, "pairwise sum", gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.PairwiseSum{Metric: backend.Manhattan,
			X: place(shape{dtype: backend.Float32, batch: 1, rows: 1, cols: 1, words: mixed(1)}),
			C: place(shape{dtype: backend.Float32, batch: 1, rows: cols, cols: 1, words: logits(2)}),
			Y: out(shape{dtype: backend.Float32, batch: 1, rows: 1, cols: 1})}
	})
}
