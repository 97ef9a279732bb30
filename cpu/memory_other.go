//go:build !linux

package cpu

import (
	"fmt"

	"samebits/backend"
)

// newBuffer returns size bytes of zeros, aligned to a cache line. Sizes past
// the address space are refused; memory that the system cannot give later
// ends the process, as everywhere in Go.
func newBuffer(size int64) (b *buffer, err error) {
	defer func() {
		if recover() != nil {
			b, err = nil, fmt.Errorf("%d bytes: %w", size, backend.ErrOutOfMemory)
		}
	}()
	return heapBuffer(size), nil
}
