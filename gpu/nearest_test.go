//go:build gl && cgo

package gpu

import (
	"context"
	"fmt"
	"math"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// distanceSizes are n, d and k at the edges of the panels, the work groups and the cuts.
var distanceSizes = [][3]int{{1, 1, 1}, {1, 0, 3}, {3, 2, 15}, {63, 3, 16}, {64, 4, 17}, {65, 5, 33}, {7, 64, 31}, {130, 13, 3}, {3, 4095, 5}, {2, 4096, 4}, {2, 4097, 17}, {2, 8200, 2}}

var metrics = []backend.Metric{backend.SquaredEuclidean, backend.Euclidean, backend.Manhattan, backend.Cosine}

// coarse numbers coincide often, so that scores tie.
func coarse(seed uint32) func(int) uint32 {
	return func(i int) uint32 { return math.Float32bits(float32(int(hash(seed+uint32(i)*77)%5) - 2)) }
}

func TestNearestIsTheContracts(t *testing.T) {
	fills := map[string]func(uint32) func(int) uint32{"mixed": mixed, "coarse": coarse, "specials": special}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, size := range distanceSizes {
			n, d, k := size[0], size[1], size[2]
			for _, metric := range metrics {
				for name, words := range fills {
					for _, m := range []int{1, 2, k} {
						if m > k || (m > 1 && n*d > 4000) {
							continue
						}
						for _, shifted := range []bool{false, true} {
							if shifted && metric > backend.Euclidean {
								continue
							}
							what := fmt.Sprintf("%v, %d×%d, %d %s rows, top %d, shift %v", metric, n, d, k, name, m, shifted)
							twin(t, what, gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
								op := &backend.Nearest{Metric: metric,
									X:     place(shape{dtype: backend.Float32, batch: 1, rows: n, cols: d, gap: n % 2, words: words(1)}),
									C:     place(shape{dtype: backend.Float32, batch: 1, rows: k, cols: d, gap: k % 2, words: words(2)}),
									Index: out(shape{dtype: backend.Int32, batch: 1, rows: n, cols: m, gap: 1}),
								}
								if shifted {
									op.Shift = place(shape{dtype: backend.Float32, batch: 1, rows: 1, cols: d, words: mixed(3)})
								}
								if n != 7 { // once without
									op.Distance = out(shape{dtype: backend.Float32, batch: 1, rows: n, cols: m, gap: 2})
								}
								return op
							})
						}
					}
				}
			}
		}
	})
}

func TestNearestTiesReversedIsNoticed(t *testing.T) {
	noticed(t, "nearest-ties-reversed", func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.Nearest{X: place(shape{dtype: backend.Float32, batch: 1, rows: 100, cols: 2, words: coarse(1)}),
			C:     place(shape{dtype: backend.Float32, batch: 1, rows: 40, cols: 2, words: coarse(2)}),
			Index: out(shape{dtype: backend.Int32, batch: 1, rows: 100, cols: 1})}
	})
}

func TestNearestShiftIgnoredIsNoticed(t *testing.T) {
	far := func(i int) uint32 { return math.Float32bits(1e4 + math.Float32frombits(logits(4)(i))) }
	noticed(t, "nearest-shift-ignored", func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.Nearest{X: place(shape{dtype: backend.Float32, batch: 1, rows: 100, cols: 2, words: far}),
			C:     place(shape{dtype: backend.Float32, batch: 1, rows: 40, cols: 2, words: far}),
			Shift: place(shape{dtype: backend.Float32, batch: 1, rows: 1, cols: 2, words: func(int) uint32 { return math.Float32bits(1e4) }}),
			Index: out(shape{dtype: backend.Int32, batch: 1, rows: 100, cols: 1})}
	})
}

// inSmallChunks makes the steps of the test's operations as small as those of huge ones look beside these.
func inSmallChunks(t *testing.T) {
	elements, macs := scratchElements, dispatchMacs
	scratchElements, dispatchMacs = 70, 200
	t.Cleanup(func() { scratchElements, dispatchMacs = elements, macs })
}

func TestChunksOfRowsJoin(t *testing.T) {
	inSmallChunks(t)
	const n, d, k = 23, 3, 20
	x := shape{dtype: backend.Float32, batch: 1, rows: n, cols: d, gap: 1, words: mixed(1)}
	c := shape{dtype: backend.Float32, batch: 1, rows: k, cols: d, words: mixed(2)}
	result := func(dtype backend.DType, cols int) shape {
		return shape{dtype: dtype, batch: 1, rows: n, cols: cols, gap: 1}
	}
	gl, plain := openGL(t, backend.ProfileSplit), openPlain(t, backend.ProfileSplit)
	for _, metric := range metrics {
		for _, m := range []int{1, 3} {
			twin(t, fmt.Sprintf("nearest %d, %v", m, metric), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
				return &backend.Nearest{Metric: metric, X: place(x), C: place(c), Index: out(result(backend.Int32, m)), Distance: out(result(backend.Float32, m))}
			})
		}
		twin(t, fmt.Sprintf("distances, %v", metric), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
			return &backend.Distances{Metric: metric, X: place(x), C: place(c), D: out(result(backend.Float32, k))}
		})
		twin(t, fmt.Sprintf("pairwise sum, %v", metric), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
			return &backend.PairwiseSum{Metric: metric, X: place(x), C: place(c), Y: out(result(backend.Float32, 1))}
		})
	}
	twin(t, "without replacement", gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
		wide := result(backend.Float32, 30)
		wide.words = logits(1)
		draws := somewhere
		draws.Row = math.MaxUint32 - n
		return &backend.WithoutReplacement{X: place(wide), Index: out(result(backend.Int32, 5)), Draws: draws}
	})
}

// TestMoreGroupsThanADimensionHolds has more rows than 65,535 work groups, the least that OpenGL promises.
func TestMoreGroupsThanADimensionHolds(t *testing.T) {
	gl, plain := openGL(t, backend.ProfileSplit), openPlain(t, backend.ProfileSplit)
	const rows = 65535 + 4
	x := shape{dtype: backend.Float32, batch: 1, rows: rows, cols: 2, words: logits(1)}
	twin(t, "softmax", gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.Softmax{X: place(x), Y: out(shape{dtype: backend.Float32, batch: 1, rows: rows, cols: 2})}
	})
	twin(t, "categorical", gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.Categorical{X: place(x), Index: out(shape{dtype: backend.Int32, batch: 1, rows: rows, cols: 2}),
			Draws: backend.Draws{Seed: 5, Use: exact.UseTest}}
	})
	// 4,194,305 rows are 65,537 groups of an invocation a row: too many for the reference's pace.
	const long = 65536*64 + 1
	fast, err := backend.Open(context.Background(), "cpu", backend.Config{Profile: backend.ProfileSplit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fast.Close() })
	twin(t, "nearest", gl, fast, func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.Nearest{X: place(shape{dtype: backend.Float32, batch: 1, rows: long, cols: 1, words: logits(2)}),
			C:     place(shape{dtype: backend.Float32, batch: 1, rows: 3, cols: 1, words: logits(3)}),
			Index: out(shape{dtype: backend.Int32, batch: 1, rows: long, cols: 1})}
	})
}

// BenchmarkNearest is the assignment step of a clustering, in macs a second.
func BenchmarkNearest(b *testing.B) {
	const n, d, k = 50_000, 32, 64
	for _, profile := range []backend.ProfileRequest{backend.ProfileSplit, backend.ProfileFused} {
		b.Run(string(profile), func(b *testing.B) {
			dev := openGL(b, profile)
			place := func(dtype backend.DType, rows, cols int) *backend.Tensor {
				x, _ := shape{dtype: dtype, batch: 1, rows: rows, cols: cols, words: mixed(uint32(rows))}.place(b, dev)
				return x
			}
			op := &backend.Nearest{X: place(backend.Float32, n, d), C: place(backend.Float32, k, d), Shift: place(backend.Float32, 1, d),
				Index: place(backend.Int32, n, 1), Distance: place(backend.Float32, n, 1)}
			sync := func() {
				if err := dev.Sync(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			run(b, op) // compiles
			sync()
			for b.Loop() {
				run(b, op)
				sync()
			}
			b.ReportMetric(float64(n*d*k)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mmac/s")
		})
	}
}
