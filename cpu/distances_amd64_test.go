package cpu

import "runtime"

// flushing runs f in a thread that flushes subnormals, as a library may leave it.
func flushing(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	old := setMXCSR(0x9fc0)
	defer setMXCSR(old)
	f()
}
