package cpu

import "runtime"

// The plain Go kernels need the processor's default floating-point mode. The
// runtime gives it to every thread, but a library that is opened in a thread
// can switch flushing on there, and the scheduler moves a goroutine to another
// thread whenever it likes. So whoever computes settles first: it ties the
// goroutine to its thread, which costs some nanoseconds while it runs and only
// more where it is preempted or waits, and then looks at the mode once. (To
// compute anywhere and look again afterwards would not do: a goroutine may have
// visited a spoilt thread in between, and an operation in place cannot be
// repeated.) The assembly kernels set the mode themselves.

const (
	defaultMode = 0x1f80                   // all exceptions masked, nearest even, no flushing
	modeBits    = 0x8000 | 0x6000 | 0x0040 // flush to zero, rounding, denormals are zero
)

// controlWord returns the calling thread's MXCSR.
//
//go:noescape
func controlWord() uint32

// settle ties the calling goroutine to its thread and gives that the default
// floating-point mode. unsettle takes what it returns.
func settle() (was uint32) {
	runtime.LockOSThread()
	if was = controlWord(); was&modeBits != 0 {
		setMXCSR(defaultMode)
	}
	return was
}

// unsettle gives the thread its own mode back and lets the goroutine go.
func unsettle(was uint32) {
	if was&modeBits != 0 {
		setMXCSR(was)
	}
	runtime.UnlockOSThread()
}
