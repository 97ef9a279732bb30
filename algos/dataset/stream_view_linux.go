package dataset

import (
	"os"
	"syscall"
)

// mapFile shows n bytes of a file from offset on, read-only, and in memory once it returns.
func mapFile(f *os.File, offset int64, n int) (view []byte, unmap func(), err error) {
	before := int(offset % int64(os.Getpagesize()))
	pages, err := syscall.Mmap(int(f.Fd()), offset-int64(before), before+n, syscall.PROT_READ, syscall.MAP_SHARED|syscall.MAP_POPULATE)
	if err != nil {
		return nil, nil, err
	}
	return pages[before:], func() { syscall.Munmap(pages) }, nil
}
