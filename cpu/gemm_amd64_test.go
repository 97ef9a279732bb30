package cpu

import (
	"runtime"
	"testing"

	"samebits/backend/exact"
)

// The microkernels keep subnormals in a thread that flushes them, and leave
// the thread as it was.
func TestMicroKernelSetsMXCSR(t *testing.T) {
	if !simd {
		t.Skip("this processor lacks AVX2 or FMA: there is no SIMD kernel to test")
	}
	const flushing = 0x9fc0 // FTZ and DAZ, all exceptions masked
	const flags = 0x3f      // the sticky exception flags
	a, b := make([]float32, mr*kcBlock), make([]float32, nr*kcBlock)
	for i := range a {
		a[i] = 0x1p-70
	}
	for i := range b {
		b[i] = 0x1p-70
	}
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		var want, got, flushed tile
		microKernelPlain(mac, kcBlock, a, b, &want, true)
		runtime.LockOSThread()
		old := setMXCSR(flushing)
		microKernel(mac, kcBlock, a, b, &got, true)
		microKernelPlain(mac, kcBlock, a, b, &flushed, true)
		after := setMXCSR(old)
		runtime.UnlockOSThread()
		if err := sameTile(&got, &want); err != nil {
			t.Errorf("%v in a flushing thread: %v", mac, err)
		}
		if mac == exact.Split && sameTile(&flushed, &want) == nil {
			t.Errorf("%v: the thread did not flush, so nothing was tested", mac)
		}
		if after&^flags != flushing {
			t.Errorf("%v: MXCSR came back as %x, want %x", mac, after, flushing)
		}
	}
}
