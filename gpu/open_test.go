//go:build gl && cgo

package gpu

import (
	"context"
	"errors"
	"math"
	"os"
	"testing"
	"unsafe"

	"samebits/backend"
	_ "samebits/cpu"
)

// noGL ends a test that needs OpenGL where there is none: a failure where OpenGL is required (SAMEBITS_REQUIRE_GL=1 or a
// CI machine), else a skip.
func noGL(t testing.TB, format string, args ...any) {
	t.Helper()
	if glRequired() {
		t.Fatalf("OpenGL is required here: "+format, args...)
	}
	t.Skipf("NOT TESTED: "+format, args...)
}

func glRequired() bool { return os.Getenv("SAMEBITS_REQUIRE_GL") == "1" || os.Getenv("CI") == "true" }

// openGL opens the first OpenGL device under a profile, software or not. Without one the test ends in noGL.
func openGL(t testing.TB, profile backend.ProfileRequest) *backend.Device {
	t.Helper()
	return openGLFault(t, profile, "")
}

// openGLFault opens it with a planted error.
func openGLFault(t testing.TB, profile backend.ProfileRequest, fault string) *backend.Device {
	t.Helper()
	dev, err := backend.Open(context.Background(), "gl", backend.Config{Profile: profile, Fault: fault})
	var none *unavailableError
	switch {
	case errors.As(err, &none):
		noGL(t, "%v", err)
	case err != nil: // a device that is there and does not work
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return dev
}

// openPlain opens the reference backend, whose bits are the right ones.
func openPlain(t testing.TB, profile backend.ProfileRequest) *backend.Device {
	t.Helper()
	dev, err := backend.Open(context.Background(), "reference", backend.Config{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

// bothMacs runs a test under the fused and the split profile.
func bothMacs(t *testing.T, test func(t *testing.T, gl, plain *backend.Device)) {
	for _, p := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		t.Run(string(p), func(t *testing.T) { test(t, openGL(t, p), openPlain(t, p)) })
	}
}

// shape is a strided tensor with the bits of its elements, and a guard around and between them.
type shape struct {
	dtype             backend.DType
	batch, rows, cols int
	gap               int // elements between rows
	words             func(i int) uint32
}

const guard = 0x5a // every byte of the gaps

// place puts a tensor of the shape on a device, inside a larger one whose other bytes are guards. It returns the whole
// too, whose elements show whether a kernel wrote where it must not.
func (s shape) place(t testing.TB, dev *backend.Device) (tensor, whole *backend.Tensor) {
	t.Helper()
	// One row above and below, and gap columns on both sides.
	stride := s.cols + 2*s.gap
	rows := s.rows
	if s.gap > 0 {
		rows += 2
	}
	whole, err := dev.NewBatch(s.dtype, s.batch, rows, stride)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { whole.Close() })
	tensor = whole
	if s.gap > 0 {
		if tensor, err = whole.Slice(1, 1+s.rows, s.gap, s.gap+s.cols); err != nil {
			t.Fatal(err)
		}
	}
	n := whole.Len()
	if n == 0 {
		return tensor, whole
	}
	bytes := make([]byte, n*s.dtype.Size())
	for i := range bytes {
		bytes[i] = guard
	}
	if s.words != nil {
		size, k := s.dtype.Size(), 0
		l := tensor.Layout()
		for b := range l.Batch {
			for i := range l.Rows {
				for j := range l.Cols {
					at := (l.Offset + b*l.BatchStride + i*l.Stride + j) * size
					for w := 0; w < size; w++ {
						if w%4 == 0 && w > 0 {
							k++
						}
						bytes[at+w] = byte(s.words(k) >> (8 * (w % 4)))
					}
					k++
				}
			}
		}
	}
	upload(t, whole, bytes)
	return tensor, whole
}

// upload and download move a tensor's raw bytes.
func upload(t testing.TB, x *backend.Tensor, bytes []byte) {
	t.Helper()
	if err := moveBytes(x, bytes, true); err != nil {
		t.Fatal(err)
	}
}

func download(t testing.TB, x *backend.Tensor) []byte {
	t.Helper()
	bytes := make([]byte, x.Len()*x.DType().Size())
	if err := moveBytes(x, bytes, false); err != nil {
		t.Fatal(err)
	}
	return bytes
}

func moveBytes(x *backend.Tensor, bytes []byte, up bool) error {
	switch x.DType() {
	case backend.Float32:
		return moveAs[float32](x, bytes, up)
	case backend.Complex64:
		return moveAs[complex64](x, bytes, up)
	case backend.Int8:
		return moveAs[int8](x, bytes, up)
	case backend.Int32:
		return moveAs[int32](x, bytes, up)
	}
	return moveAs[uint32](x, bytes, up)
}

// sameBits compares whole tensors of two devices, gaps included.
func sameBits(t testing.TB, what string, got, want *backend.Tensor) {
	t.Helper()
	g, w := download(t, got), download(t, want)
	size := got.DType().Size()
	bad := 0
	for i := 0; i+size <= len(w); i += size {
		if string(g[i:i+size]) != string(w[i:i+size]) {
			bad++
			if bad <= 3 {
				t.Errorf("%s: element %d of the buffer is %x, want %x (bytes in memory order)", what, i/size, g[i:i+size], w[i:i+size])
			}
		}
	}
	if bad > 3 {
		t.Errorf("%s: %d of %d elements differ", what, bad, len(w)/size)
	}
	if len(w) == 0 {
		t.Errorf("%s: nothing was compared", what)
	}
}

// differ reports whether two tensors of one shape have any different byte.
func differ(t testing.TB, a, b *backend.Tensor) bool {
	t.Helper()
	return string(download(t, a)) != string(download(t, b))
}

// run runs an operation and fails the test if it does not.
func run(t testing.TB, op backend.Op) {
	t.Helper()
	for _, o := range backend.Operands(op) {
		if o.Tensor != nil {
			if err := o.Tensor.Device().Run(context.Background(), op); err != nil {
				t.Fatalf("%s: %v", op.Name(), err)
			}
			return
		}
	}
	t.Fatalf("%s has no tensor", op.Name())
}

// mixed gives well-behaved numbers of both signs and some sizes, by a fixed recurrence on the index.
func mixed(seed uint32) func(int) uint32 {
	return func(i int) uint32 {
		h := hash(seed + uint32(i)*2654435761)
		return h&0x807fffff | (120+h>>24&7)<<23
	}
}

// special gives every kind of float32: zeros, infinities, NaNs, subnormals, and any exponent.
func special(seed uint32) func(int) uint32 {
	fixed := []uint32{0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f812345, 1, 0x80000001, 0x007fffff,
		0x00800000, 0x7f7fffff, 0xff7fffff, 0x3f800000, 0xbf800000, math.Float32bits(0.5)}
	return func(i int) uint32 {
		h := hash(seed + uint32(i)*2654435761)
		if h%3 == 0 {
			return fixed[h/3%uint32(len(fixed))]
		}
		return hash(h)
	}
}

// zeros gives what decides the sign of a zero: both zeros, ones, and numbers whose product underflows.
func zeros(seed uint32) func(int) uint32 {
	values := []uint32{0, 0x80000000, 0, 0x80000000, 0x3f800000, 0xbf800000, 0x0d800000, 0x8d800000}
	return func(i int) uint32 { return values[hash(seed+uint32(i)*2654435761)%uint32(len(values))] }
}

func hash(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	x *= 0x846ca68b
	return x ^ x>>16
}
func moveAs[T backend.Element](x *backend.Tensor, bytes []byte, up bool) error {
	if len(bytes) == 0 {
		return nil
	}
	var zero T
	typed := make([]T, len(bytes)/int(unsafe.Sizeof(zero)))
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&typed[0])), len(bytes))
	if up {
		copy(raw, bytes)
		return backend.Upload(context.Background(), x, typed)
	}
	err := backend.Download(context.Background(), typed, x)
	copy(bytes, raw)
	return err
}
