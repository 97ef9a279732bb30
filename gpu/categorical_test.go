//go:build gl && cgo

package gpu

import (
	"fmt"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// somewhere is a position in the random stream with no coordinate zero.
var somewhere = backend.Draws{Seed: 0x123456789abcdef0, Use: exact.UseTest, Sub: 3, Step: 17, Row: 4_000_000_000}

func TestCategoricalIsTheContracts(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, cols := range []int{1, 2, 3, 4, 5, 255, 256, 257, 1000, 33000} {
			for name, words := range map[string]func(int) uint32{"logits": logits(uint32(cols)), "specials": special(uint32(cols)),
				"-Inf": func(int) uint32 { return 0xff800000 }, "equal": func(int) uint32 { return 0 }} {
				for _, temperature := range []float32{1, 0.25} {
					x := shape{dtype: backend.Float32, batch: 1, rows: rowsFor(cols), cols: cols, gap: cols % 2, words: words}
					index := shape{dtype: backend.Int32, batch: 1, rows: x.rows, cols: 3, gap: 1}
					what := fmt.Sprintf("%d columns of %s, temperature %v", cols, name, temperature)
					twin(t, what, gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
						return &backend.Categorical{Index: out(index), X: place(x), Temperature: backend.Scalar(temperature), Draws: somewhere}
					})
				}
			}
		}
	})
}

func TestCategoricalTemperatureIgnoredIsNoticed(t *testing.T) {
	x := shape{dtype: backend.Float32, batch: 1, rows: 50, cols: 20, words: logits(3)}
	noticed(t, "categorical-temperature-ignored", func(place, out func(shape) *backend.Tensor) backend.Op {
		index := shape{dtype: backend.Int32, batch: 1, rows: 50, cols: 4}
		return &backend.Categorical{Index: out(index), X: place(x), Temperature: backend.Scalar(10), Draws: somewhere}
	})
}
