package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
)

// Device is an open compute device. It is safe for concurrent use; operations
// take effect in call order. A Device checks what it is given and passes it to
// its Driver; a device's own errors surface at Download, Sync or Close at the
// latest. A nil or closed Device gives ErrClosed.
type Device struct {
	mu     lock // of all that follows, the driver's calls included
	driver Driver
	info   Info
	log    *slog.Logger
	closed bool
	live   map[*memory]struct{}
	stats  Stats

	operands []Operand // scratch of check
}

// Stats counts what a device has done since it was opened.
type Stats struct {
	BytesUp     int64 `json:"bytes_up"`     // host to device
	BytesDown   int64 `json:"bytes_down"`   // device to host
	Ops         int64 `json:"ops"`          // operations run
	BytesLive   int64 `json:"bytes_live"`   // device memory held by tensors
	TensorsLive int   `json:"tensors_live"` // tensors not yet closed
}

// NewDevice wraps a driver. Programs call [Open]; tests of a driver call this.
func NewDevice(d Driver, cfg Config) *Device {
	return &Device{mu: newLock(), driver: d, info: d.Info(), log: cfg.logger(), live: map[*memory]struct{}{}}
}

// errNilDevice is what a nil Device answers.
var errNilDevice = fmt.Errorf("nil device: %w", ErrClosed)

// Info describes the device, why it was taken, and the profile its results
// follow. The caller may change what it gets.
func (d *Device) Info() Info {
	if d == nil {
		return Info{}
	}
	in := d.info
	in.Limits = maps.Clone(in.Limits)
	if in.Profile != nil {
		p := *in.Profile
		in.Profile = &p
	}
	return in
}

// Profile returns the arithmetic that the device's results follow.
func (d *Device) Profile() Profile {
	if d == nil || d.info.Profile == nil {
		return Profile{}
	}
	return *d.info.Profile
}

// Stats returns what the device has done so far.
func (d *Device) Stats() Stats {
	if d == nil {
		return Stats{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.TensorsLive = len(d.live)
	return s
}

// NewTensor returns a tensor of rows×cols elements with any content. Empty
// tensors are allowed and take no device memory.
func (d *Device) NewTensor(dtype DType, rows, cols int) (*Tensor, error) {
	return d.NewBatch(dtype, 1, rows, cols)
}

// NewBatch returns a tensor of batch matrices of rows×cols elements with any
// content. Errors wrap ErrShape for sizes that are negative or overflow, and
// ErrOutOfMemory where the device lacks room.
func (d *Device) NewBatch(dtype DType, batch, rows, cols int) (*Tensor, error) {
	return d.newBatch(context.Background(), dtype, batch, rows, cols)
}

// newBatch is NewBatch for a caller that waits no longer than ctx.
func (d *Device) newBatch(ctx context.Context, dtype DType, batch, rows, cols int) (*Tensor, error) {
	if d == nil {
		return nil, errNilDevice
	}
	n, ok := product(batch, rows, cols, max(1, dtype.Size()))
	if !ok || dtype.Size() == 0 {
		return nil, fmt.Errorf("tensor %v[%d×%d×%d]: %w", dtype, batch, rows, cols, ErrShape)
	}
	if err := d.mu.LockContext(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	if d.closed {
		return nil, fmt.Errorf("device %s: %w", d.info.Name, ErrClosed)
	}
	mem := &memory{bytes: int64(n)}
	if n > 0 {
		buf, err := d.driver.Alloc(int64(n))
		if err != nil {
			return nil, fmt.Errorf("tensor %v[%d×%d×%d]: %w", dtype, batch, rows, cols, err)
		}
		mem.buf = buf
	}
	d.live[mem] = struct{}{}
	d.stats.BytesLive += mem.bytes
	return &Tensor{dev: d, mem: mem, dtype: dtype, batch: batch, rows: rows, cols: cols,
		stride: cols, batchStride: rows * cols}, nil
}

// borrow returns a read-only tensor of one matrix in host memory, or false
// where the driver cannot work there. host begins with the first element.
func (d *Device) borrow(ctx context.Context, dtype DType, rows, cols, stride int, host []byte) (*Tensor, bool, error) {
	if d == nil {
		return nil, false, errNilDevice
	}
	if err := d.mu.LockContext(ctx); err != nil {
		return nil, false, err
	}
	defer d.mu.Unlock()
	if d.closed {
		return nil, false, fmt.Errorf("device %s: %w", d.info.Name, ErrClosed)
	}
	b, ok := d.driver.(Borrower)
	if !ok {
		return nil, false, nil
	}
	mem := &memory{buf: b.Borrow(host), readOnly: true}
	d.live[mem] = struct{}{}
	return &Tensor{dev: d, mem: mem, dtype: dtype, batch: 1, rows: rows, cols: cols,
		stride: stride, batchStride: rows * stride}, true, nil
}

// NewStrided returns a tensor whose rows are stride elements apart, as parts
// of larger matrices are; stride must be at least cols.
func (d *Device) NewStrided(dtype DType, batch, rows, cols, stride int) (*Tensor, error) {
	if stride < cols || cols < 0 {
		return nil, fmt.Errorf("stride %d for %d columns: %w", stride, cols, ErrShape)
	}
	t, err := d.NewBatch(dtype, batch, rows, stride)
	if err != nil {
		return nil, err
	}
	t.cols = cols
	return t, nil
}

func (d *Device) free(m *memory) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.live[m]; !ok {
		return nil // the device was closed and took its memory along
	}
	delete(d.live, m)
	d.stats.BytesLive -= m.bytes
	if m.buf != nil {
		d.driver.Free(m.buf)
		m.buf = nil
	}
	return nil
}

// Run checks and starts operations in order. It may return before they have
// finished; their errors surface here, at Download, Sync or Close. ctx bounds
// the operations themselves: one that the device has not begun when ctx ends
// may be left out, and reading what it should have written then gives the
// context's error. A call that waits for another one's operation, here as in
// Sync, Upload and Download, returns when ctx ends. Errors wrap ErrShape,
// ErrArgument, ErrClosed, ErrNotSupported, ErrOutOfMemory, ErrContextLost or
// ErrInternal, or are the context's.
func (d *Device) Run(ctx context.Context, ops ...Op) error {
	if d == nil {
		return errNilDevice
	}
	if err := d.mu.LockContext(ctx); err != nil {
		return err
	}
	defer d.mu.Unlock()
	for i, op := range ops {
		if op == nil || reflect.ValueOf(op).IsNil() {
			return fmt.Errorf("operation %d of %d is nil: %w", i+1, len(ops), ErrArgument)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.closed {
			return fmt.Errorf("%s: device %s: %w", op.Name(), d.info.Name, ErrClosed)
		}
		empty, err := d.check(op)
		if err != nil {
			return fmt.Errorf("%s: %w", op.Name(), err)
		}
		if empty {
			continue
		}
		if err := d.driver.Run(ctx, op); err != nil {
			return fmt.Errorf("%s on %s: %w", op.Name(), d.info.Name, err)
		}
		d.stats.Ops++
	}
	return nil
}

// check applies what holds for every operation, then the operation's own rules.
// It reports whether no output has an element.
func (d *Device) check(op Op) (empty bool, err error) {
	operands := op.appendOperands(d.operands[:0])
	d.operands = operands
	empty, err = d.checkOperands(op, operands)
	clear(operands) // holds no tensor beyond the call
	return empty, err
}

func (d *Device) checkOperands(op Op, operands []Operand) (empty bool, err error) {
	empty = true
	for i := range operands {
		o := &operands[i]
		t := o.Tensor
		if t == nil {
			if o.Optional {
				continue
			}
			return false, fmt.Errorf("%s is nil: %w", o.Name, ErrShape)
		}
		if t.dev != d {
			return false, fmt.Errorf("%s belongs to another device: %w", o.Name, ErrShape)
		}
		if t.mem.closed.Load() {
			return false, fmt.Errorf("%s: tensor: %w", o.Name, ErrClosed)
		}
		if o.Written && t.mem.readOnly {
			return false, fmt.Errorf("%s is read-only: %w", o.Name, ErrArgument)
		}
		if o.Written && t.Len() > 0 {
			empty = false
		}
	}
	if err := op.check(); err != nil {
		return false, err
	}
	for i := range operands {
		w := &operands[i]
		if !w.Written || w.Tensor == nil {
			continue
		}
		for j := range operands {
			o := &operands[j]
			if i == j || o.Tensor == nil || (o.Written && j < i) {
				continue
			}
			if o.InPlace && !o.Written && sameElements(w.Tensor, o.Tensor) {
				continue
			}
			if overlap(w.Tensor, o.Tensor) {
				return false, fmt.Errorf("%s overlaps %s: %w", w.Name, o.Name, ErrShape)
			}
		}
	}
	return empty, nil
}

// Sync waits until every operation run so far has finished and returns their
// first error.
func (d *Device) Sync(ctx context.Context) error {
	if d == nil {
		return errNilDevice
	}
	if err := d.mu.LockContext(ctx); err != nil {
		return err
	}
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("device %s: %w", d.info.Name, ErrClosed)
	}
	return d.driver.Sync(ctx)
}

// Close frees the device and every tensor on it. Closing twice does nothing.
func (d *Device) Close() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	syncErr := d.driver.Sync(context.Background())
	err := errors.Join(syncErr, d.driver.Close())
	for m := range d.live {
		m.closed.Store(true)
		m.buf = nil // which may be borrowed, and the tensor live on
	}
	clear(d.live)
	d.stats.BytesLive = 0
	return err
}

// transfer moves a tensor's elements between a packed host slice and the device.
func (d *Device) transfer(ctx context.Context, t *Tensor, host []byte, up bool) error {
	if err := d.mu.LockContext(ctx); err != nil {
		return err
	}
	defer d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if d.closed {
		return fmt.Errorf("device %s: %w", d.info.Name, ErrClosed)
	}
	if t.mem.closed.Load() {
		return fmt.Errorf("tensor: %w", ErrClosed)
	}
	if up && t.mem.readOnly {
		return fmt.Errorf("tensor is read-only: %w", ErrArgument)
	}
	if len(host) == 0 {
		return nil
	}
	size := t.dtype.Size()
	move := func(offset, n int, h []byte) error {
		if up {
			d.stats.BytesUp += int64(n * size)
			return d.driver.Write(ctx, t.mem.buf, int64(offset*size), h[:n*size])
		}
		d.stats.BytesDown += int64(n * size)
		return d.driver.Read(ctx, t.mem.buf, int64(offset*size), h[:n*size])
	}
	if t.Contiguous() {
		return move(t.offset, t.Len(), host)
	}
	moved := 0 // bytes since the last look at ctx
	for b := range t.batch {
		for i := range t.rows {
			if moved += t.cols * size; moved > polledBytes {
				if err := ctx.Err(); err != nil {
					return err
				}
				moved = 0
			}
			h := host[(b*t.rows+i)*t.cols*size:]
			if err := move(t.offset+b*t.batchStride+i*t.stride, t.cols, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// polledBytes are moved row by row between two looks at the context.
const polledBytes = 4 << 20

// sameElements reports whether two tensors name the same elements in the same order.
func sameElements(a, b *Tensor) bool {
	return a.mem == b.mem && a.dtype == b.dtype && a.Layout() == b.Layout()
}

// overlap reports whether two tensors share an element. Views of one buffer
// with equal strides are compared as rectangles; others as ranges.
func overlap(a, b *Tensor) bool {
	if a.mem != b.mem || a.Len() == 0 || b.Len() == 0 {
		return false
	}
	a0, a1 := a.extent()
	b0, b1 := b.extent()
	if a1 <= b0 || b1 <= a0 {
		return false
	}
	if a.dtype != b.dtype || a.stride != b.stride || a.stride == 0 {
		return true
	}
	if (a.batch > 1 && a.batchStride%a.stride != 0) || (b.batch > 1 && b.batchStride%b.stride != 0) {
		return true
	}
	// With a common stride every element has a column below it; rows that
	// wrap (offset column + cols > stride) count as touching all columns.
	ca, cb := a.offset%a.stride, b.offset%b.stride
	if ca+a.cols > a.stride || cb+b.cols > b.stride {
		return true
	}
	return ca < cb+b.cols && cb < ca+a.cols
}

// extent returns the half-open range of elements that t spans in its buffer.
func (t *Tensor) extent() (from, to int) {
	return t.offset, t.offset + (t.batch-1)*t.batchStride + (t.rows-1)*t.stride + t.cols
}
