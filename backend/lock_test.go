package backend

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// blockingDriver runs an operation until it is told to go on.
type blockingDriver struct {
	*nullDriver
	begun, goOn chan struct{}
}

func (d *blockingDriver) Run(context.Context, Op) error {
	d.begun <- struct{}{}
	<-d.goOn
	return nil
}

// While one caller's operation runs, another's call ends with its context.
func TestCallersWaitNoLongerThanTheirContexts(t *testing.T) {
	_, null := newNull(t)
	drv := &blockingDriver{null, make(chan struct{}), make(chan struct{})}
	d := NewDevice(drv, Config{})
	defer d.Close()
	x := tensor(t, d, Float32, 2, 2)
	op := &MatMul{C: tensor(t, d, Float32, 2, 2), A: x, B: x}
	first := make(chan error)
	go func() { first <- d.Run(ctx, op) }()
	<-drv.begun
	for name, call := range map[string]func(context.Context) error{
		"run":      func(ctx context.Context) error { return d.Run(ctx, op) },
		"sync":     d.Sync,
		"upload":   func(ctx context.Context) error { return Upload(ctx, x, make([]float32, 4)) },
		"download": func(ctx context.Context) error { return Download(ctx, make([]float32, 4), x) },
	} {
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		if err := call(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want the context's error", name, err)
		}
		cancel()
	}
	close(drv.goOn)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := d.Sync(ctx); err != nil { // the lock is free again
		t.Error(err)
	}
}

// However many wait and leave, one holds the lock at a time and all get on.
func TestLockExcludes(t *testing.T) {
	l := newLock()
	var holders, taken, left atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range 300 {
				short, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(30))*time.Microsecond)
				if err := l.LockContext(short); err != nil {
					left.Add(1)
				} else {
					if holders.Add(1) != 1 {
						t.Error("two hold the lock")
					}
					if r.IntN(4) == 0 {
						time.Sleep(10 * time.Microsecond)
					}
					taken.Add(1)
					holders.Add(-1)
					l.Unlock()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if taken.Load() == 0 || left.Load() == 0 {
		t.Errorf("taken %d times, left %d times: one of the two was not tested", taken.Load(), left.Load())
	}
	if n := l.users.Load(); n != 0 {
		t.Errorf("%d users are left", n)
	}
	if err := l.LockContext(ctx); err != nil {
		t.Error(err)
	}
	l.Unlock()
}
