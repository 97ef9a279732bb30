package cpu

import (
	"unsafe"

	"samebits/backend"
)

// buffer is host memory, aligned to a cache line unless it is borrowed.
type buffer struct {
	bytes []byte
	unmap func() // gives mapped memory back; nil on the heap
}

const cacheLine = 64

// heapBuffer returns size bytes of the Go heap.
func heapBuffer(size int64) *buffer {
	raw := make([]byte, size+cacheLine)
	shift := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (cacheLine - 1)
	return &buffer{bytes: raw[shift : shift+int(size) : shift+int(size)]}
}

// Alloc implements backend.Driver.
func (d *driver) Alloc(size int64) (backend.Buffer, error) {
	b, err := newBuffer(size)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buffers[b] = struct{}{}
	return b, nil
}

// Borrow implements backend.Borrower.
func (d *driver) Borrow(host []byte) backend.Buffer { return &buffer{bytes: host} }

// Free implements backend.Driver.
func (d *driver) Free(b backend.Buffer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.release(b.(*buffer))
}

func (d *driver) release(b *buffer) {
	delete(d.buffers, b)
	b.bytes = nil
	if b.unmap != nil {
		b.unmap()
		b.unmap = nil
	}
}

// Close implements backend.Driver.
func (d *driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for b := range d.buffers {
		d.release(b)
	}
	return nil
}
