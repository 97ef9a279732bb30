//go:build gl && cgo

package gpu

import (
	"context"
	"errors"
	"testing"
	"time"

	"samebits/backend"
)

// slowWork is an operation that takes a software renderer some 100 ms, on tensors of its own.
func slowWork(t *testing.T, dev *backend.Device) (op *backend.MatMul, want float32) {
	t.Helper()
	const n = 320
	return &backend.MatMul{C: floats(t, dev, n, n, 0), A: floats(t, dev, n, n, 1), B: floats(t, dev, n, n, 1)}, n
}

// Sync and Read return soon after their context has ended, whatever is queued, and the queue goes on.
func TestWaitsEndWithTheirContext(t *testing.T) {
	dev := openGL(t, backend.ProfileSplit)
	op, want := slowWork(t, dev)
	run(t, op)
	if err := dev.Sync(context.Background()); err != nil { // compiled by now
		t.Fatal(err)
	}
	start := time.Now()
	run(t, op)
	if err := dev.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	one := time.Since(start)
	queued := 0
	for begin := time.Now(); queued < maxQueued && time.Since(begin) < time.Second; queued++ {
		run(t, op)
	}
	for name, wait := range map[string]func(context.Context) error{
		"sync": dev.Sync,
		"read": func(ctx context.Context) error { _, err := backend.ToSlice[float32](ctx, op.C); return err },
	} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		start = time.Now()
		err := wait(ctx)
		took := time.Since(start)
		cancel()
		t.Logf("%s of %d operations of %v: %v after %v", name, queued, one, err, took)
		if one > 20*time.Millisecond && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		if took > 2*one+200*time.Millisecond {
			t.Errorf("%s returned %v after its context had ended; one operation takes %v", name, took, one)
		}
	}
	got, err := backend.ToSlice[float32](context.Background(), op.C)
	if err != nil || got[0] != want || got[len(got)-1] != want {
		t.Errorf("afterwards: %v, %v", got[0], err)
	}
}

// Operations whose context ends before they have begun are left out, so that Close waits for little.
func TestCloseAfterACancelIsShort(t *testing.T) {
	d := openDriver(t)
	dev := backend.NewDevice(d, backend.Config{})
	op, _ := slowWork(t, dev)
	run(t, op)
	if err := dev.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer time.AfterFunc(50*time.Millisecond, cancel).Stop()
	start, calls := time.Now(), 0
	for ctx.Err() == nil {
		if err := dev.Run(ctx, op); err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			break
		}
		calls++
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("the last of %d calls returned %v after the first", calls, took)
	}
	start = time.Now()
	err := dev.Close()
	took := time.Since(start)
	t.Logf("closed %v after %d calls: %v", took, calls, err)
	if took > 2*time.Second {
		t.Errorf("close took %v", took)
	}
	// On a fast device all may have been done in time.
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
}

// A result that was left out is never read as if it had been computed.
func TestCancelledOperationsMarkTheirOutputs(t *testing.T) {
	d := openDriver(t)
	dev := backend.NewDevice(d, backend.Config{})
	x, y := floats(t, dev, 1, 4, 1), floats(t, dev, 1, 4, 42)
	ctx, cancel := context.WithCancel(context.Background())
	release := make(chan struct{})
	if err := d.thread.post(ctx, func() { <-release }); err != nil {
		t.Fatal(err)
	}
	if err := dev.Run(ctx, &backend.Map{Fn: backend.FnNeg, Y: y, A: x}); err != nil {
		t.Fatal(err)
	}
	cancel()
	close(release)
	if got, err := backend.ToSlice[float32](context.Background(), y); !errors.Is(err, context.Canceled) {
		t.Errorf("read %v, %v", got, err)
	}
}

// However many dispatches a program queues, few are with the device at a time.
func TestPaceBoundsWhatIsAhead(t *testing.T) {
	d := openDriver(t)
	if err := d.do(func() error {
		for i := range 100 {
			if err := d.beforeDispatch(context.Background()); err != nil {
				return err
			}
			if n := len(d.pace.fences); n > fencesAhead || d.pace.dispatches > dispatchesAhead {
				t.Errorf("after %d dispatches: %d fences, %d dispatches", i+1, n, d.pace.dispatches)
			}
		}
		if len(d.pace.fences) == 0 {
			t.Error("no fence was set")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
