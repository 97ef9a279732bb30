package backend

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas/blas32"
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

func (d *blockingDriver) Borrow(host []byte) Buffer { return host }

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
		"from slice": func(ctx context.Context) error {
			_, err := FromSlice(ctx, d, 1, 1, []float32{1})
			return err
		},
		"from general": func(ctx context.Context) error {
			_, err := FromGeneral(ctx, d, blas32.General{Rows: 1, Cols: 1, Stride: 1, Data: []float32{1}})
			return err
		},
		"borrow": func(ctx context.Context) error {
			_, err := BorrowGeneral(ctx, d, blas32.General{Rows: 1, Cols: 1, Stride: 1, Data: []float32{1}})
			return err
		},
		"put": func(ctx context.Context) error {
			s := NewScope(ctx, d)
			Put(s, 1, 1, []float32{1})
			return s.Err()
		},
		"new": func(ctx context.Context) error {
			s := NewScope(ctx, d)
			s.New(Float32, 1, 1)
			return s.Err()
		},
	} {
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		done := make(chan error, 1)
		go func() { done <- call(short) }()
		select {
		case err := <-done:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, want the context's error", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: still waits long after its context ended", name)
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

// A waiter whose context has ended and that is alone for a moment leaves even
// where another caller comes and takes the lock that was on its way.
func TestLeavingWaiterIsOvertaken(t *testing.T) {
	l := newLock()
	l.users.Store(1) // the waiter; the holder has gone, and nothing has arrived
	done := make(chan error)
	go func() { done <- l.leave(context.Canceled) }()
	time.Sleep(time.Millisecond)
	l.users.Add(1) // the other, who has the lock
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) || l.users.Load() != 1 {
			t.Errorf("%v, %d users left", err, l.users.Load())
		}
	case <-time.After(10 * time.Second):
		t.Error("still waits for a lock that another holds")
	}
}

// A nil context panics and leaves the lock as it was.
func TestNilContextDoesNotCount(t *testing.T) {
	l := newLock()
	l.Lock()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a nil context waited")
			}
		}()
		var none context.Context
		_ = l.LockContext(none)
	}()
	l.Unlock()
	if n := l.users.Load(); n != 0 {
		t.Errorf("%d users are left", n)
	}
}
