//go:build gl && cgo

package gpu

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/go-gl/gl/v4.3-core/gl"

	"samebits/backend"
)

// bufferID is GL's name of a buffer object; 0 is none.
type bufferID uint32

// A buffer is one shader storage buffer: a tensor's memory, or scratch. Its id and mark are set and read on the GL
// thread alone.
type buffer struct {
	id     bufferID
	bytes  int64    // whole words: sizes are rounded up to 4
	size   int64    // as asked for
	failed *failure // why the content is not what it should be; nil where it is
}

const wordBytes = 4

func roundUpToWord(bytes int64) int64 { return (bytes + wordBytes - 1) / wordBytes * wordBytes }

// smallWrite is how many bytes a Write copies aside so that it need not wait for the thread.
const smallWrite = 64 << 10

// Alloc implements backend.Driver. It waits for the thread, because only there the device says whether it has room.
func (d *driver) Alloc(size int64) (backend.Buffer, error) {
	b := &buffer{bytes: roundUpToWord(size), size: size}
	if err := d.do(func() error {
		err := d.create(b)
		if err == nil {
			d.failures.live[b] = true
		}
		return err
	}); err != nil {
		return nil, err
	}
	return b, nil
}

// fits reports a size that no shader can reach in one buffer.
func (d *driver) fits(bytes int64) error {
	if bytes > d.limits.ssboBytes {
		return fmt.Errorf("%d bytes, where a shader of %s reaches %d in one buffer: %w",
			bytes, d.context.renderer, d.limits.ssboBytes, backend.ErrOutOfMemory)
	}
	return nil
}

// create gives b its memory, on the GL thread. Its error is its own: what GL has to say of earlier calls becomes a
// failure of those.
func (d *driver) create(b *buffer) error {
	if err := d.fits(b.bytes); err != nil {
		return err
	}
	d.strays()
	var id uint32
	gl.GenBuffers(1, &id)
	gl.BindBuffer(gl.SHADER_STORAGE_BUFFER, id)
	gl.BufferData(gl.SHADER_STORAGE_BUFFER, int(b.bytes), nil, gl.DYNAMIC_COPY)
	if err := d.glError(fmt.Sprintf("buffer of %d bytes", b.bytes)); err != nil {
		gl.DeleteBuffers(1, &id)
		return err
	}
	b.id = bufferID(id)
	return nil
}

// destroy frees b's memory, on the GL thread; the device waits with it until no dispatch needs it.
func (b *buffer) destroy() {
	id := uint32(b.id)
	b.id = 0
	gl.DeleteBuffers(1, &id)
}

// Free implements backend.Driver. It does not wait.
func (d *driver) Free(b backend.Buffer) {
	// A thread that is closed has freed everything with its context.
	_ = d.thread.postNow(func() {
		delete(d.failures.live, b.(*buffer))
		b.(*buffer).destroy()
	})
}

// Write implements backend.Driver. Small writes are copied and queued, large ones wait for the thread.
func (d *driver) Write(ctx context.Context, b backend.Buffer, offset int64, src []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	to := b.(*buffer)
	if len(src) <= smallWrite {
		own := append([]byte(nil), src...)
		return d.thread.post(ctx, func() {
			if err := d.write(to, offset, own); err != nil {
				d.fail(err, to)
			}
		})
	}
	return d.doWithin(ctx, func() error { return d.write(to, offset, src) })
}

// write uploads, on the GL thread.
func (d *driver) write(b *buffer, offset int64, src []byte) error {
	if d.lost != nil {
		return d.lost
	}
	d.strays()
	gl.BindBuffer(gl.SHADER_STORAGE_BUFFER, uint32(b.id))
	gl.BufferSubData(gl.SHADER_STORAGE_BUFFER, int(offset), len(src), unsafe.Pointer(unsafe.SliceData(src)))
	if err := d.glError("upload"); err != nil {
		return err
	}
	if offset == 0 && int64(len(src)) == b.size {
		b.failed = nil
	}
	return nil
}

// Read implements backend.Driver. It returns the failure that marks the buffer, if one does.
func (d *driver) Read(ctx context.Context, b backend.Buffer, offset int64, dst []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	from := b.(*buffer)
	return d.doWithin(ctx, func() error {
		if err := d.finish(ctx); err != nil {
			return err
		}
		d.strays()
		if from.failed != nil {
			return from.failed.report()
		}
		gl.BindBuffer(gl.SHADER_STORAGE_BUFFER, uint32(from.id))
		gl.GetBufferSubData(gl.SHADER_STORAGE_BUFFER, int(offset), len(dst), unsafe.Pointer(unsafe.SliceData(dst)))
		return d.glError("download")
	})
}

// A scratchPool keeps the buffers that operations used between their steps, for the next ones. It is used on the GL
// thread alone: there operations are issued one after the other, and barriers keep their accesses apart.
type scratchPool struct {
	free []*buffer
	held int64 // bytes in free
}

// maxScratchHeld bounds what the pool keeps.
const maxScratchHeld = 256 << 20

// take gives b the memory of the smallest free buffer that holds it and is not much too large, or new memory.
func (s *scratchPool) take(d *driver, b *buffer) error {
	best := -1
	for i, f := range s.free {
		if f.bytes >= b.bytes && f.bytes <= 2*b.bytes+4096 && (best < 0 || f.bytes < s.free[best].bytes) {
			best = i
		}
	}
	if best < 0 {
		err := d.create(b)
		if !errors.Is(err, backend.ErrOutOfMemory) || len(s.free) == 0 {
			return err
		}
		s.empty() // what the pool keeps may be what is missing
		return d.create(b)
	}
	f := s.free[best]
	s.free = append(s.free[:best], s.free[best+1:]...)
	s.held -= f.bytes
	b.id, b.bytes = f.id, f.bytes
	return nil
}

func (s *scratchPool) give(b *buffer) {
	if b.id == 0 {
		return
	}
	if s.held+b.bytes > maxScratchHeld {
		b.destroy()
		return
	}
	s.held += b.bytes
	s.free = append(s.free, &buffer{id: b.id, bytes: b.bytes})
	b.id = 0
}

func (s *scratchPool) empty() {
	for _, f := range s.free {
		f.destroy()
	}
	*s = scratchPool{}
}
