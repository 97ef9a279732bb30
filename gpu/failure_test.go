//go:build gl && cgo

package gpu

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-gl/gl/v4.3-core/gl"

	"samebits/backend"
)

// failing makes an operation fail on the GL thread, after its caller has gone on, until the function it returns is called.
func failing(name string) (mend func()) {
	before := operations[name]
	operations[name] = func(p *plan, _ backend.Op) error {
		p.run(step{shader: "absent", groups: 1})
		return nil
	}
	return func() { operations[name] = before }
}

func floats(t *testing.T, dev *backend.Device, rows, cols int, v float32) *backend.Tensor {
	t.Helper()
	data := make([]float32, rows*cols)
	for i := range data {
		data[i] = v
	}
	x, err := backend.FromSlice(context.Background(), dev, rows, cols, data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// A failure stays with the buffers that it left stale, whatever is called in between, until they are replaced.
func TestFailureStaysWithItsBuffers(t *testing.T) {
	ctx := context.Background()
	dev := openGL(t, backend.ProfileSplit)
	x, y, z := floats(t, dev, 4, 4, 1), floats(t, dev, 4, 4, 42), floats(t, dev, 4, 4, 7)
	neg := func(y, x *backend.Tensor) *backend.Map { return &backend.Map{Fn: backend.FnNeg, Y: y, A: x} }
	fails := func(what string, x *backend.Tensor) {
		t.Helper()
		got, err := backend.ToSlice[float32](ctx, x)
		if !errors.Is(err, backend.ErrInternal) || !strings.Contains(err.Error(), "absent") {
			t.Errorf("%s: read %v, %v", what, got, err)
		}
	}
	holds := func(what string, x *backend.Tensor, want float32) {
		t.Helper()
		got, err := backend.ToSlice[float32](ctx, x)
		if err != nil || got[0] != want || got[len(got)-1] != want {
			t.Errorf("%s: read %v, %v; want %v", what, got, err, want)
		}
	}

	mend := failing("map")
	run(t, neg(y, x))
	mend()
	spare, err := dev.NewTensor(backend.Float32, 1, 1)
	if err != nil {
		t.Errorf("an allocation after another's failure: %v", err)
	}
	spare.Close()
	holds("a buffer that the failure left alone", x, 1)
	run(t, &backend.Copy{Y: z, X: y})
	fails("what was to be written", y)
	fails("the same again", y)
	fails("a copy of it", z)
	if err := dev.Sync(ctx); err != nil {
		t.Errorf("sync repeats what was returned: %v", err)
	}

	// Part of a buffer does not make it good, all of it does.
	part, err := y.Slice(0, 2, 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.Upload(ctx, part, make([]float32, 8)); err != nil {
		t.Fatal(err)
	}
	xPart, _ := x.Slice(0, 2, 0, 4)
	run(t, neg(part, xPart))
	fails("a part written", y)
	run(t, &backend.MatMul{C: y, A: x, B: x, Beta: backend.Scalar(1)})
	fails("beta reads c", y)
	run(t, neg(y, y))
	fails("in place", y)
	run(t, &backend.MatMul{C: y, A: x, B: x})
	holds("an operation replaced it", y, 4)
	run(t, &backend.Copy{Y: y, X: z})
	if err := dev.Sync(ctx); err == nil || !strings.Contains(err.Error(), "copy on gl:0: an operand: map on gl:0: ") {
		t.Errorf("an operation on a stale operand fails too: %v", err)
	}
	if err := backend.Upload(ctx, z, make([]float32, 16)); err != nil {
		t.Fatal(err)
	}
	holds("an upload replaced it", z, 0)
}

// Sync and Close return the first failure that nothing else has returned, once.
func TestSyncReturnsTheFirstUnseenFailure(t *testing.T) {
	ctx := context.Background()
	d := openDriver(t)
	dev := backend.NewDevice(d, backend.Config{})
	x, y, z := floats(t, dev, 1, 4, 1), floats(t, dev, 1, 4, 2), floats(t, dev, 1, 4, 3)
	defer failing("map")()
	defer failing("copy")()
	first, second := &backend.Map{Fn: backend.FnNeg, Y: y, A: x}, &backend.Copy{Y: z, X: x}
	run(t, first)
	run(t, second)
	if err := dev.Sync(ctx); err == nil || !strings.HasPrefix(err.Error(), "map on gl:0: ") {
		t.Errorf("first sync: %v", err)
	}
	if err := dev.Sync(ctx); err != nil {
		t.Errorf("second sync: %v", err)
	}
	run(t, first)
	run(t, second)
	if _, err := backend.ToSlice[float32](ctx, y); err == nil {
		t.Error("read gives what was not written")
	}
	if err := dev.Sync(ctx); err == nil || !strings.HasPrefix(err.Error(), "copy on gl:0: ") {
		t.Errorf("a sync after the first was read: %v", err)
	}
	run(t, first)
	if err := d.Close(); err == nil || !strings.HasPrefix(err.Error(), "map on gl:0: ") {
		t.Errorf("close: %v", err)
	}
}

// What GL reports of an earlier call is not taken for a want of memory, nor lost, and no buffer can be trusted after it.
func TestStrayErrorsAreKept(t *testing.T) {
	ctx := context.Background()
	d := openDriver(t)
	buf, err := d.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	stray := func() {
		t.Helper()
		if err := d.thread.post(ctx, func() { gl.DispatchCompute(1<<31, 1, 1) }); err != nil {
			t.Fatal(err)
		}
	}
	p := &plan{driver: d}
	p.scratch(4096)
	if err := d.do(p.issue); err != nil {
		t.Fatal(err)
	}
	stray()
	b := &buffer{bytes: 1 << 20}
	if err := d.do(func() error { return d.scratch.take(d, b) }); err != nil {
		t.Errorf("memory was to be had: %v", err)
	}
	if len(d.scratch.free) != 1 {
		t.Error("the pool was emptied for an error that is none of its")
	}
	if err := d.Sync(ctx); !errors.Is(err, backend.ErrInternal) {
		t.Errorf("sync: %v", err)
	}
	if err := d.Read(ctx, buf, 0, make([]byte, 64)); !errors.Is(err, backend.ErrInternal) {
		t.Errorf("read: %v", err)
	}
	if err := d.Write(ctx, buf, 0, make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	if err := d.Read(ctx, buf, 0, make([]byte, 64)); err != nil {
		t.Errorf("read of a new content: %v", err)
	}
	stray()
	if err := d.Read(ctx, buf, 0, make([]byte, 64)); !errors.Is(err, backend.ErrInternal) {
		t.Errorf("read right after: %v", err)
	}
	stray()
	if err := d.Sync(ctx); !errors.Is(err, backend.ErrInternal) {
		t.Errorf("sync right after: %v", err)
	}
}

// The pool is emptied for a lack of memory and for nothing else.
func TestScratchPoolIsKeptWhereItIsNoHelp(t *testing.T) {
	d := openDriver(t)
	p := &plan{driver: d}
	p.scratch(4096)
	if err := d.do(p.issue); err != nil {
		t.Fatal(err)
	}
	if err := d.do(func() error {
		d.lost = fmt.Errorf("a test: %w", backend.ErrContextLost)
		defer func() { d.lost = nil }()
		if err := d.scratch.take(d, &buffer{bytes: 1 << 20}); !errors.Is(err, backend.ErrContextLost) {
			t.Errorf("memory of a lost context: %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(d.scratch.free) != 1 {
		t.Errorf("%d buffers are kept", len(d.scratch.free))
	}
}

// Only a lack of memory and a lost context have a cause outside the driver.
func TestErrorCodesOfGL(t *testing.T) {
	for code, want := range map[uint32]error{gl.OUT_OF_MEMORY: backend.ErrOutOfMemory, glContextLost: backend.ErrContextLost,
		gl.INVALID_ENUM: backend.ErrInternal, gl.INVALID_VALUE: backend.ErrInternal, gl.INVALID_OPERATION: backend.ErrInternal,
		gl.INVALID_FRAMEBUFFER_OPERATION: backend.ErrInternal} {
		if err := glErrorCode(code); !errors.Is(err, want) || errors.Is(err, backend.ErrNotSupported) {
			t.Errorf("code %#x is %v, want %v", code, err, want)
		}
	}
}

// Scratch that no shader can reach is refused when the operation is called.
func TestScratchPastTheLimitIsRefusedAtOnce(t *testing.T) {
	ctx := context.Background()
	d := openDriver(t)
	if err := d.do(func() error { d.limits.ssboBytes = 1 << 20; return nil }); err != nil {
		t.Fatal(err)
	}
	dev := backend.NewDevice(d, backend.Config{})
	// The panel of 16 rows that holds the one row of C needs 16 times its memory.
	x, y := floats(t, dev, 1, 1<<16, 1), floats(t, dev, 1, 1, 42)
	err := dev.Run(ctx, &backend.Distances{D: y, X: x, C: x})
	if !errors.Is(err, backend.ErrOutOfMemory) || !strings.Contains(err.Error(), "scratch of 4194304 bytes") || !strings.Contains(err.Error(), "1048576") {
		t.Errorf("got %v", err)
	}
	if got, err := backend.ToSlice[float32](ctx, y); err != nil || got[0] != 42 {
		t.Errorf("an operation that never began changed its output: %v, %v", got, err)
	}
}

// Whoever changes an Info changes a copy.
func TestInfoIsACopy(t *testing.T) {
	d := openDriver(t)
	in := d.Info()
	in.Limits["max_ssbo_bytes"] = -1
	in.Profile.Mode = "changed"
	if again := d.Info(); again.Limits["max_ssbo_bytes"] < 0 || again.Profile.Mode == "changed" {
		t.Errorf("%+v", again)
	}
}
