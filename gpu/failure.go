//go:build gl && cgo

package gpu

import (
	"maps"
	"slices"

	"samebits/backend"
)

// What fails after its caller has gone on.
//
// An operation or a small upload is queued and may fail when no one waits for it. Its buffers then do not hold what
// their readers take for granted, so the failure marks each buffer that should have been written. Read of a marked
// buffer, and each operation that reads one, fails with that error instead; the latter marks its own outputs in turn. A
// mark goes away when an operation or a Write that succeeds replaces the whole buffer, or with the buffer. Errors that
// GL reports when no call of the moment can be their cause may come from any before, and mark all buffers.
//
// Besides, Sync returns the first failure that nothing has returned so far, and Close does where no Sync did. Alloc,
// and Reads of other buffers, return their own errors alone: the goroutine that calls them need not be the one whose
// operation failed.

// A failure is the error of something queued. It lives on the GL thread.
type failure struct {
	err      error
	reported bool // returned to a caller once
}

// report returns the error and notes that it was seen.
func (f *failure) report() error {
	f.reported = true
	return f.err
}

// failures are what was queued and failed, and the buffers that can bear marks. They are used on the GL thread alone.
type failures struct {
	unseen []*failure // in order; some may have been seen meanwhile
	live   map[*buffer]bool
}

// maxUnseen bounds the list of failures. Sync returns the first; the others only stand in for it where Reads have
// returned it.
const maxUnseen = 64

// fail records a failure and marks what it should have written.
func (d *driver) fail(err error, written ...*buffer) {
	f := &failure{err: err}
	for _, b := range written {
		b.failed = f
	}
	l := &d.failures
	l.unseen = slices.DeleteFunc(l.unseen, func(f *failure) bool { return f.reported })
	if len(l.unseen) < maxUnseen {
		l.unseen = append(l.unseen, f)
	}
}

// strays takes what GL reports of earlier calls, which no one checked or whose errors came late.
func (d *driver) strays() {
	if err := d.glError("an earlier call"); err != nil {
		d.fail(err, slices.Collect(maps.Keys(d.failures.live))...)
	}
}

// take returns the first failure that no one has seen and forgets the list.
func (l *failures) take() error {
	unseen := l.unseen
	l.unseen = nil
	for _, f := range unseen {
		if !f.reported {
			return f.report()
		}
	}
	return nil
}

// uses are the buffers of an operation.
type uses struct {
	read    []*buffer
	written []*buffer
	whole   []*buffer // of written, those that the operation fills
}

// usesOf sorts the operands of an operation. Every operation writes all elements of its outputs.
func usesOf(op backend.Op) uses {
	var u uses
	for _, o := range backend.Operands(op) {
		if o.Tensor == nil || o.Tensor.Buffer() == nil {
			continue
		}
		b := o.Tensor.Buffer().(*buffer)
		if !o.Written {
			u.read = append(u.read, b)
			continue
		}
		u.written = append(u.written, b)
		if o.Tensor.Contiguous() && int64(o.Tensor.Len())*int64(o.Tensor.DType().Size()) == b.size {
			u.whole = append(u.whole, b)
		}
	}
	if m, ok := op.(*backend.MatMul); ok && m.Beta.Or(0) != 0 {
		u.read = append(u.read, u.written...)
	}
	return u
}

// mark marks the outputs.
func (u uses) mark(f *failure) {
	for _, b := range u.written {
		b.failed = f
	}
}

// clear takes the marks off what the operation has filled.
func (u uses) clear() {
	for _, b := range u.whole {
		b.failed = nil
	}
}
