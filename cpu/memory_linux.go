package cpu

import (
	"fmt"

	"golang.org/x/sys/unix"

	"samebits/backend"
)

// mapped is the size from which a buffer is asked of the system itself, which
// can refuse it, takes it back at once, and may back it with huge pages; the
// Go heap ends the process where memory runs out.
const mapped = 1 << 20

// newBuffer returns size bytes of zeros, aligned to a cache line.
func newBuffer(size int64) (*buffer, error) {
	if size < mapped {
		return heapBuffer(size), nil
	}
	if int64(int(size)) != size {
		return nil, fmt.Errorf("%d bytes: %w", size, backend.ErrOutOfMemory)
	}
	bytes, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("%d bytes: %w (%v)", size, backend.ErrOutOfMemory, err)
	}
	// A system without huge pages refuses the advice and loses nothing.
	_ = unix.Madvise(bytes, unix.MADV_HUGEPAGE)
	return &buffer{bytes: bytes, unmap: func() { _ = unix.Munmap(bytes) }}, nil
}
