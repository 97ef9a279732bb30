package cpu

import (
	"math"
	"runtime"
	"testing"
)

// The reductions' kernels keep subnormals, and leave MXCSR as it was, in a
// thread where a library has switched flushing on.
func TestReduceKernelsUnderFlushing(t *testing.T) {
	if !simd {
		t.Skip("this processor lacks AVX2 or FMA: there is no SIMD kernel to test")
	}
	const flushing = 0x9fc0 // flush to zero, subnormals are zeros
	x := make([]float32, 64)
	for i := range x {
		x[i] = float32(math.Ldexp(float64(1+i%7), -149))
	}
	x[41] = 0x1p-127
	y := make([]float32, 64)
	var top [64]float32
	var best [64]int32
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	old := setMXCSR(flushing)
	sum := rowSumAVX2(&x[0], 1, nil)
	addRowsAVX2(&y[0], &x[0], 64, 1, 8)
	most, _ := largestAVX2(&x[0], 8, 0)
	at := indexAVX2(&x[0], 8, 0x1p-127)
	largestColumnsAVX2(&top[0], &best[0], &x[0], 64, 1, 8, 0)
	after := setMXCSR(old)
	if after&0xffc0 != flushing {
		t.Errorf("MXCSR is %x afterwards, was %x", after, flushing)
	}
	if want := blockSumPlain(x); sum != want || want == 0 {
		t.Errorf("sum %v, want %v", sum, want)
	}
	if most != 0x1p-127 || at != 41 {
		t.Errorf("largest %v at %d, want %v at 41", most, at, float32(0x1p-127))
	}
	for j := range x {
		if y[j] != x[j] || top[j] != x[j] {
			t.Errorf("column %d: %v and %v, want %v", j, y[j], top[j], x[j])
		}
	}
}
