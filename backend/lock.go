package backend

import (
	"context"
	"runtime"
	"sync/atomic"
)

// lock is a mutex whose waiters may leave when their context ends. Those that
// sleep get it in the order in which they came; one that comes while it is
// being handed on may be quicker. Free, it costs one atomic operation to take
// and one to give back. newLock makes one.
type lock struct {
	// users counts who holds the lock or waits for it.
	users atomic.Int32
	// next hands the lock to one of those that wait.
	next chan struct{}
}

func newLock() lock { return lock{next: make(chan struct{}, 1)} }

// Lock takes the lock, however long that takes.
func (l *lock) Lock() { _ = l.LockContext(context.Background()) } // which never ends

// LockContext takes the lock, or returns the context's error if that ends first.
func (l *lock) LockContext(ctx context.Context) error {
	if l.users.CompareAndSwap(0, 1) {
		return nil
	}
	done := ctx.Done() // before this caller counts: a nil context panics
	if l.users.Add(1) == 1 {
		return nil
	}
	select {
	case <-l.next:
		return nil
	case <-done:
		return l.leave(ctx.Err())
	}
}

// leave takes a waiter out and returns err.
func (l *lock) leave(err error) error {
	for {
		n := l.users.Load()
		if n > 1 {
			if l.users.CompareAndSwap(n, n-1) {
				return err
			}
			continue
		}
		// None but this waiter is left, so that the lock is on its way here,
		// unless another caller comes and takes it: then there are two again.
		select {
		case <-l.next:
			l.Unlock()
			return err
		default:
			runtime.Gosched()
		}
	}
}

// Unlock gives the lock to the next that waits.
func (l *lock) Unlock() {
	if l.users.Add(-1) > 0 {
		l.next <- struct{}{}
	}
}
