package cpu

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"samebits/backend/exact"
)

// The kernels keep subnormals in a thread that flushes them, and leave the
// thread as it was.
func TestKernelsSetMXCSR(t *testing.T) {
	if !simd {
		t.Skip("this processor lacks AVX2 or FMA: there is no SIMD kernel to test")
	}
	const flushing = 0x9fc0 // FTZ and DAZ, all exceptions masked
	const flags = 0x3f      // the sticky exception flags
	const steps = 256
	run := map[string]func(mac exact.Mac, a, b, c []float32){
		"micro": func(mac exact.Mac, a, b, c []float32) { microKernel(mac, steps, a, b, (*tile)(c), true) },
		"rows": func(mac exact.Mac, a, b, c []float32) {
			addRowPair(mac, &rowPair{k: steps, a0: &a[0], a1: &a[0], b: &b[0], c0: &c[0], c1: &c[0], n: 16})
		},
	}
	plain := map[string]func(mac exact.Mac, a, b, c []float32){
		"micro": func(mac exact.Mac, a, b, c []float32) { microKernelPlain(mac, steps, a, b, (*tile)(c), true) },
		"rows": func(mac exact.Mac, a, b, c []float32) {
			addRowPairPlain(mac, &rowPair{k: steps, a0: &a[0], a1: &a[0], b: &b[0], c0: &c[0], c1: &c[0], n: 16})
		},
	}
	for _, kern := range kernels32[:len(kernels32)-1] {
		arg := func(a, b, c []float32) *macro {
			return &macro{kc: steps, a: &a[0], b: &b[0], rows: 5, flags: toOut, out: &c[0], stride: 4 * kern.nr, stepB: 0, next: &b[0], panels: 1}
		}
		run[kern.name] = func(mac exact.Mac, a, b, c []float32) { kern.macro(mac, arg(a, b, c)) }
		plain[kern.name] = func(mac exact.Mac, a, b, c []float32) { macroPlain(mac, kern.mr, kern.nr, arg(a, b, c)) }
		run[kern.name+" in place"] = func(mac exact.Mac, a, b, c []float32) { kern.inPlace(mac, arg(a, b, c)) }
		plain[kern.name+" in place"] = func(mac exact.Mac, a, b, c []float32) { inPlacePlain(mac, kern.nr, arg(a, b, c)) }
	}
	a, b := filled(12*steps, 0x1p-70), filled(32*steps, 0x1p-70)
	const size = 12 * 32
	for name := range run {
		for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
			want, got, flushed := make([]float32, size), make([]float32, size), make([]float32, size)
			plain[name](mac, a, b, want)
			runtime.LockOSThread()
			old := setMXCSR(flushing)
			run[name](mac, a, b, got)
			plain[name](mac, a, b, flushed)
			after := setMXCSR(old)
			runtime.UnlockOSThread()
			if err := sameFloats(got, want); err != nil {
				t.Errorf("%s, %v in a flushing thread: %v", name, mac, err)
			}
			if mac == exact.Split && sameFloats(flushed, want) == nil {
				t.Errorf("%s, %v: the thread did not flush, so nothing was tested", name, mac)
			}
			if after&^flags != flushing {
				t.Errorf("%s, %v: MXCSR came back as %x, want %x", name, mac, after, flushing)
			}
		}
	}
}

// The SIMD packing kernels move what their plain twins move.
func TestPackingKernelsAreTheirTwins(t *testing.T) {
	if !simd {
		t.Skip("this processor lacks AVX2: the twins are all there is")
	}
	r := rand.New(rand.NewPCG(9, 9))
	const stride = 37
	signs := [4]uint32{0, 1 << 31, 1 << 31, 0}
	for _, kc := range []int{1, 2, 7, 8, 9, 16, 23} {
		src := hard(r, 40*stride, 2)
		for _, width := range []int{6, 12, 16, 32} {
			got, want := filled(2*kc*width, 7), filled(2*kc*width, 7)
			check := func(what string) {
				t.Helper()
				if err := sameFloats(got, want); err != nil {
					t.Fatalf("%s, width %d, %d steps: %v", what, width, kc, err)
				}
			}
			packQuad(got, width, src, stride, kc)
			packQuadPlain(want, width, src, stride, kc)
			check("quad")
			if width%16 != 0 {
				continue
			}
			for n := 1; n <= width; n++ {
				packCopy(got, width, src, stride, kc, n)
				packCopyPlain(want, width, src, stride, kc, n)
				check("copy")
			}
			packPairs(got, width, src, stride, kc, &signs)
			packPairsPlain(want, width, src, stride, kc, &signs)
			check("pairs")
		}
	}
}
