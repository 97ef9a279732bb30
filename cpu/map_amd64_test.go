package cpu

import (
	"math"
	"runtime"
	"testing"

	"samebits/backend"
)

// A kernel keeps subnormals, and leaves MXCSR as it was, in a thread where a
// library has switched flushing on.
func TestMapKernelsUnderFlushing(t *testing.T) {
	const flushing = 0x9fc0 // flush to zero, subnormals are zeros
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, profile := range profiles {
		d := runDriver(t, profile)
		for _, fn := range backend.Fns() {
			kernel := simdRow(d.mac, fn)
			if kernel == nil {
				continue
			}
			x := [3][8]float32{{0x1p-130, -0x1p-140, 0x1p-126, 0x1.8p-126, 1, 0x1p-149, -3, 0x1p-100},
				{0x1p-149, 0x1p-130, -0x1.4p-126, -0x1p-126, 0x1p-128, 0x1p-149, 0x1p-140, 0x1p-40},
				{1, 2, -1, .5, 0x1p-10, 1, 1, 0x1p-149}}
			var got, want [8]float32
			rowFunctionPlain(d.mac, fn)(want[:], x[0][:], x[1][:], x[2][:])
			old := setMXCSR(flushing)
			kernel(&got[0], &x[0][0], &x[1][0], &x[2][0], 1)
			after := setMXCSR(old)
			if after&0x8040 != flushing&0x8040 {
				t.Errorf("%v: MXCSR %x afterwards, was %x", fn, after, flushing)
			}
			for i := range got {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Errorf("%v, %v of %v, %v, %v: %v, want %v", profile, fn, x[0][i], x[1][i], x[2][i], got[i], want[i])
				}
			}
		}
	}
}
