package cpu

import (
	"syscall"
	"unsafe"
)

// adviseHuge asks the system to back memory with huge pages, which spares a
// walk through large panels its page faults and TLB misses. The system may
// decline, which costs only speed.
func adviseHuge(s []float32) {
	if n := 4 * len(s) &^ (hugePage - 1); n > 0 {
		_ = syscall.Madvise(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), n), syscall.MADV_HUGEPAGE)
	}
}
