//go:build gl && cgo

package gpu

import (
	"fmt"
	"math"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

func TestScatterSumIsTheContracts(t *testing.T) {
	fills := map[string]func(uint32) func(int) uint32{"mixed": mixed, "specials": special,
		"subnormals": func(seed uint32) func(int) uint32 {
			return func(i int) uint32 { return hash(seed+uint32(i)) & 0x807fffff }
		}}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, size := range [][3]int{{1, 1, 1}, {0, 3, 2}, {5, 0, 2}, {64, 3, 1}, {65, 5, 7}, {2000, 13, 3}, {3000, 2, 100}} {
			n, d, k := size[0], size[1], size[2]
			for name, words := range fills {
				for options := range 4 { // bit 0: labels, bit 1: weights
					twin(t, fmt.Sprintf("%d×%d %s into %d, options %b", n, d, name, k, options), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
						op := &backend.ScatterSum{
							X:        place(shape{dtype: backend.Float32, batch: 1, rows: n, cols: d, gap: 1, words: words(7)}),
							Exponent: place(shape{dtype: backend.Int32, batch: 1, rows: 1, cols: d, words: exponents(n, d, words(7))}),
							Sums:     out(shape{dtype: backend.Uint32, batch: 1, rows: k, cols: exact.ScatterWords(d), gap: 1}),
						}
						if options&1 != 0 {
							op.Label = place(shape{dtype: backend.Int32, batch: 1, rows: n, cols: 1, gap: 1,
								words: func(i int) uint32 { return hash(uint32(i))%uint32(k+2) - 1 }})
						}
						if options&2 != 0 {
							op.Weight = place(shape{dtype: backend.Float32, batch: 1, rows: n, cols: 1,
								words: func(i int) uint32 { return math.Float32bits(float32(hash(uint32(i))>>8) / (1 << 24)) }})
						}
						return op
					})
				}
			}
		}
	})
}

// exponents gives the scales of the columns of the n×d numbers of words.
func exponents(n, d int, words func(int) uint32) func(int) uint32 {
	return func(j int) uint32 {
		largest := float32(0)
		for i := range n {
			v := math.Float32frombits(words(i*d+j) & 0x7fffffff)
			if v > largest && !math.IsInf(float64(v), 0) {
				largest = v
			}
		}
		return uint32(exact.ScatterExponent(largest))
	}
}

func TestScatterLowPartDroppedIsNoticed(t *testing.T) {
	noticed(t, "scatter-low-part-dropped", func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.ScatterSum{
			X:        place(shape{dtype: backend.Float32, batch: 1, rows: 100, cols: 2, words: mixed(7)}),
			Exponent: place(shape{dtype: backend.Int32, batch: 1, rows: 1, cols: 2, words: exponents(100, 2, mixed(7))}),
			Sums:     out(shape{dtype: backend.Uint32, batch: 1, rows: 1, cols: exact.ScatterWords(2)}),
		}
	})
}
