package cpu

import "runtime"

// The plain Go kernels need the processor's default floating-point mode. The
// runtime gives it to every thread, but a library that is opened in a thread
// can switch flushing on there, so the driver looks before it computes; the
// assembly kernels set the mode themselves.

const (
	defaultMode = 0x1f80                   // all exceptions masked, nearest even, no flushing
	modeBits    = 0x8000 | 0x6000 | 0x0040 // flush to zero, rounding, denormals are zero
)

// controlWord returns the calling thread's MXCSR.
//
//go:noescape
func controlWord() uint32

// sound says that the calling thread is in the default mode.
func sound() bool { return controlWord()&modeBits == 0 }

// soundly runs f under the default floating-point mode and leaves the
// thread's own as it was.
func soundly(f func()) {
	if sound() {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	old := setMXCSR(defaultMode)
	defer setMXCSR(old)
	f()
}
