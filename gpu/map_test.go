//go:build gl && cgo

package gpu

import (
	"math"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// Every elementwise function gives the bits of package exact on all exponents, both signs and the special values.
func TestMapGivesTheBitsOfExact(t *testing.T) {
	bothMacs(t, func(t *testing.T, gl, plain *backend.Device) {
		mac := gl.Profile().Mac
		const n = 1 << 17
		var columns [3][]uint32
		for k := range columns {
			f := special(uint32(77 * (k + 1)))
			columns[k] = make([]uint32, n)
			for i := range columns[k] {
				columns[k][i] = f(i)
			}
		}
		// The first argument: every sign, exponent and leading 7 bits of the significand, and, where the functions
		// bend, steps from −100 to 100.
		for i := range 1 << 16 {
			columns[0][i] = uint32(i)<<16 | hash(uint32(i))&0xffff
		}
		for i := range 1 << 15 {
			columns[0][1<<16+i] = math.Float32bits(float32(i-1<<14) / 164)
		}
		place := func(k int) *backend.Tensor {
			x, _ := shape{dtype: backend.Float32, batch: 1, rows: 1, cols: n, words: func(i int) uint32 { return columns[k][i] }}.place(t, gl)
			return x
		}
		arg := []*backend.Tensor{place(0), place(1), place(2)}
		y, _ := shape{dtype: backend.Float32, batch: 1, rows: 1, cols: n}.place(t, gl)
		for _, fn := range backend.Fns() {
			op := &backend.Map{Fn: fn, Y: y, A: arg[0]}
			if fn.Args() > 1 {
				op.B = arg[1]
			}
			if fn.Args() > 2 {
				op.C = arg[2]
			}
			run(t, op)
			got := download(t, y)
			bad := 0
			for i := range n {
				a, b, c := math.Float32frombits(columns[0][i]), math.Float32frombits(columns[1][i]), math.Float32frombits(columns[2][i])
				want := math.Float32bits(exact.CanonNaN(elementwise(mac, fn, a, b, c)))
				g := uint32(got[4*i]) | uint32(got[4*i+1])<<8 | uint32(got[4*i+2])<<16 | uint32(got[4*i+3])<<24
				if g != want {
					if bad++; bad <= 3 {
						t.Errorf("%v(%08x %08x %08x) = %08x, want %08x", fn, columns[0][i], columns[1][i], columns[2][i], g, want)
					}
				}
			}
			if bad > 3 {
				t.Errorf("%v: %d of %d differ", fn, bad, n)
			}
		}
	})
}

// elementwise says the functions again, apart from exact.Map, so that a mistake there does not hide here.
func elementwise(m exact.Mac, fn backend.Fn, a, b, c float32) float32 {
	isNaN := func(x float32) bool { return x != x }
	switch fn {
	case backend.FnNeg:
		return -a
	case backend.FnAbs:
		return float32(math.Abs(float64(a)))
	case backend.FnSquare:
		return a * a
	case backend.FnSqrt:
		return float32(math.Sqrt(float64(a)))
	case backend.FnRecip:
		return 1 / a
	case backend.FnExp:
		return m.Exp(a)
	case backend.FnExpm1:
		return m.Expm1(a)
	case backend.FnLog:
		return m.Log(a)
	case backend.FnLog1p:
		return m.Log1p(a)
	case backend.FnTanh:
		return m.Tanh(a)
	case backend.FnSigmoid:
		return m.Sigmoid(a)
	case backend.FnSoftplus:
		return m.Softplus(a)
	case backend.FnRelu:
		return exact.Relu(a)
	case backend.FnSin:
		return m.Sin(a)
	case backend.FnCos:
		return m.Cos(a)
	case backend.FnAdd:
		return a + b
	case backend.FnSub:
		return a - b
	case backend.FnMul:
		return a * b
	case backend.FnDiv:
		return a / b
	case backend.FnMax:
		if isNaN(a) || isNaN(b) {
			return float32(math.NaN())
		} else if b > a {
			return b
		}
		return a
	case backend.FnMin:
		if isNaN(a) || isNaN(b) {
			return float32(math.NaN())
		} else if b < a {
			return b
		}
		return a
	case backend.FnMac:
		return m.Mac(a, b, c)
	case backend.FnSelect:
		if a != 0 {
			return b
		}
		return c
	}
	return float32(math.NaN())
}

// Stretched arguments, strides, batches and in-place results; nothing is written between the rows.
func TestMapStretchesAndKeepsGaps(t *testing.T) {
	gl := openGL(t, backend.ProfileSplit)
	for _, s := range [][3]int{{1, 1, 1}, {2, 3, 5}, {3, 1, 7}, {1, 300, 3}, {2, 17, 33}} {
		batch, rows, cols := s[0], s[1], s[2]
		full := func(i int) uint32 { return mixed(5)(i) }
		for _, ab := range [][3]int{{batch, rows, cols}, {1, rows, cols}, {1, 1, cols}, {batch, rows, 1}, {1, 1, 1}, {batch, 1, cols}} {
			y, wholeY := shape{backend.Float32, batch, rows, cols, 3, nil}.place(t, gl)
			a, _ := shape{backend.Float32, batch, rows, cols, 2, full}.place(t, gl)
			b, _ := shape{backend.Float32, ab[0], ab[1], ab[2], 1, mixed(9)}.place(t, gl)
			run(t, &backend.Map{Fn: backend.FnAdd, Y: y, A: a, B: b})
			got, want := download(t, wholeY), expectGuards(wholeY)
			at := y.Layout()
			for n := range batch {
				for i := range rows {
					for j := range cols {
						x := math.Float32frombits(full((n*rows+i)*cols + j))
						z := math.Float32frombits(mixed(9)((n%ab[0]*ab[1]+i%ab[1])*ab[2] + j%ab[2]))
						putWord(want, at.Offset+n*at.BatchStride+i*at.Stride+j, math.Float32bits(x+z))
					}
				}
			}
			if string(got) != string(want) {
				t.Errorf("y %v with b %v: wrong bits", y, b)
			}
			// In place gives the same.
			run(t, &backend.Map{Fn: backend.FnAdd, Y: a, A: a, B: b})
			if differ(t, a, y) {
				t.Errorf("y %v with b %v in place: wrong bits", y, b)
			}
		}
	}
}

func expectGuards(whole *backend.Tensor) []byte {
	bytes := make([]byte, whole.Len()*whole.DType().Size())
	for i := range bytes {
		bytes[i] = guard
	}
	return bytes
}

func putWord(bytes []byte, i int, u uint32) {
	for k := range 4 {
		bytes[4*i+k] = byte(u >> (8 * k))
	}
}
