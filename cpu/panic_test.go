package cpu

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"samebits/backend"
)

// A panic of any thread's work comes out of the caller's goroutine, after all
// threads have stopped.
func TestSpreadCarriesPanics(t *testing.T) {
	d := &driver{threads: 4}
	for bad := range 8 {
		var running atomic.Int32
		func() {
			defer func() {
				p, ok := recover().(*kernelPanic)
				if !ok || p.value != "broken" || !strings.Contains(p.where, "TestSpreadCarriesPanics") {
					t.Errorf("block %d: panic %+v", bad, p)
				}
				if n := running.Load(); n != 0 {
					t.Errorf("block %d: %d threads still work", bad, n)
				}
			}()
			_ = d.parallel(context.Background(), 8, 1, func(from, _ int) {
				running.Add(1)
				defer running.Add(-1)
				if from == bad {
					panic("broken")
				}
				time.Sleep(time.Millisecond)
			})
			t.Errorf("block %d: no panic", bad)
		}()
		var done atomic.Int32 // the helpers go on
		if err := d.parallel(context.Background(), 8, 1, func(int, int) { done.Add(1) }); err != nil || done.Load() != 8 {
			t.Errorf("afterwards: %d of 8 blocks, %v", done.Load(), err)
		}
	}
}

// A kernel's panic is the device's error, and the device goes on.
func TestKernelPanicIsAnError(t *testing.T) {
	was := kernels["copy"]
	defer func() { kernels["copy"] = was }()
	for _, threads := range []int{1, 3} {
		kernels["copy"] = kernel{fast: func(ctx context.Context, d *driver, _ backend.Op) error {
			return d.parallel(ctx, 8, 1, func(from, _ int) {
				var none []int
				none[from] = 1
			})
		}}
		dev := opened(t, "cpu", threads)
		m := tensors{t, dev}
		x, y := m.of(2, 2), m.empty(backend.Float32, 2, 2)
		err := dev.Run(t.Context(), &backend.Copy{Y: y, X: x})
		if !errors.Is(err, backend.ErrInternal) || !strings.Contains(err.Error(), "index out of range") ||
			!strings.Contains(err.Error(), "TestKernelPanicIsAnError") {
			t.Errorf("%d threads: %v", threads, err)
		}
		if err := dev.Run(t.Context(), &backend.Map{Fn: backend.FnNeg, Y: y, A: x}); err != nil {
			t.Errorf("%d threads, afterwards: %v", threads, err)
		}
	}
}
