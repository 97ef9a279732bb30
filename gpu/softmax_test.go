//go:build gl && cgo

package gpu

import (
	"fmt"
	"math"
	"testing"

	"samebits/backend"
)

// rowLengths are the lengths around the lanes, the row blocks and the cuts, and one of three blocks.
var rowLengths = []int{1, 2, 3, 63, 64, 65, 127, 1000, 4095, 4097, 16383, 16384, 16385, 33000}

// rowsFor keeps the work of a test on rows of a length bounded.
func rowsFor(cols int) int { return max(2, min(7, 2000/cols)) }

// twin runs one operation on two devices, made by build from tensors that place puts there, and compares the outputs
// bit by bit, gaps included.
func twin(t *testing.T, what string, gl, plain *backend.Device, build func(place func(shape) *backend.Tensor, out func(shape) *backend.Tensor) backend.Op) {
	t.Helper()
	got, want := built(t, gl, build), built(t, plain, build)
	for i := range got {
		sameBits(t, what, got[i], want[i])
	}
}

// built places the tensors on one device, runs the operation there and returns the outputs with their surroundings.
func built(t *testing.T, dev *backend.Device, build func(place, out func(shape) *backend.Tensor) backend.Op) (outputs []*backend.Tensor) {
	t.Helper()
	place := func(s shape) *backend.Tensor {
		tensor, _ := s.place(t, dev)
		return tensor
	}
	out := func(s shape) *backend.Tensor {
		tensor, whole := s.place(t, dev)
		outputs = append(outputs, whole)
		return tensor
	}
	run(t, build(place, out))
	return outputs
}

// logits are numbers of both signs whose softmax is neither flat nor a single one.
func logits(seed uint32) func(int) uint32 {
	return func(i int) uint32 {
		h := hash(seed ^ uint32(i)*2654435761)
		return math.Float32bits((float32(h>>8)/(1<<24) - 0.5) * 16)
	}
}

func TestSoftmaxIsTheContracts(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for _, cols := range rowLengths {
			for _, logarithm := range []bool{false, true} {
				s := shape{dtype: backend.Float32, batch: 1, rows: rowsFor(cols), cols: cols, gap: cols % 3, words: logits(uint32(cols))}
				twin(t, fmt.Sprintf("%d columns, log %v", cols, logarithm), gl, plain, func(place, out func(shape) *backend.Tensor) backend.Op {
					y := s
					y.words, y.gap = nil, 1
					return &backend.Softmax{Y: out(y), X: place(s), Log: logarithm}
				})
			}
		}
	})
}

func TestSoftmaxOfSpecialRows(t *testing.T) {
	minusInf := func(int) uint32 { return 0xff800000 }
	fills := map[string]func(int) uint32{"specials": special(5), "all -Inf": minusInf,
		"some -Inf": func(i int) uint32 {
			if i%3 == 0 {
				return 0xff800000
			}
			return logits(9)(i)
		},
		"equal":      func(int) uint32 { return math.Float32bits(3.5) },
		"zeros":      func(i int) uint32 { return uint32(i%2) << 31 },
		"subnormals": func(i int) uint32 { return hash(uint32(i)) & 0x807fffff },
		"far apart":  func(i int) uint32 { return math.Float32bits(float32(i%50) * -10) },
	}
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		for name, words := range fills {
			for _, cols := range []int{1, 2, 70} {
				for _, temperature := range []float32{1, 0.3, 1e30, 1e-40} {
					for _, logarithm := range []bool{false, true} {
						s := shape{dtype: backend.Float32, batch: 3, rows: 5, cols: cols, gap: 1, words: words}
						what := fmt.Sprintf("%s, %d columns, temperature %v, log %v", name, cols, temperature, logarithm)
						twin(t, what, gl, plain, func(_, out func(shape) *backend.Tensor) backend.Op {
							x := out(s)
							return &backend.Softmax{Y: x, X: x, Log: logarithm, Temperature: backend.Scalar(temperature)}
						})
					}
				}
			}
		}
	})
}

func TestSoftmaxWithoutMaxIsNoticed(t *testing.T) {
	s := shape{dtype: backend.Float32, batch: 1, rows: 4, cols: 50, words: logits(1)}
	noticed(t, "softmax-without-max", func(place, out func(shape) *backend.Tensor) backend.Op {
		return &backend.Softmax{Y: out(shape{dtype: backend.Float32, batch: 1, rows: 4, cols: 50}), X: place(s)}
	})
}

// noticed runs an operation with and without a planted error, which must change bits.
func noticed(t *testing.T, fault string, build func(place, out func(shape) *backend.Tensor) backend.Op) {
	t.Helper()
	good := built(t, openGL(t, backend.ProfileSplit), build)
	bad := built(t, openGLFault(t, backend.ProfileSplit, fault), build)
	for i := range good {
		if differ(t, good[i], bad[i]) {
			return
		}
	}
	t.Errorf("%s changes nothing", fault)
}
