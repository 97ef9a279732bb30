package backend

import (
	"context"
	"sync/atomic"
)

// lock is a mutex whose waiters may leave when their context ends, and get it
// in the order in which they came. Free, it costs one atomic addition to take
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
	if l.users.Add(1) == 1 {
		return nil
	}
	return l.wait(ctx)
}

func (l *lock) wait(ctx context.Context) error {
	select {
	case <-l.next:
		return nil
	case <-ctx.Done():
	}
	for {
		n := l.users.Load()
		if n == 1 { // none but this waiter is left: the lock is on its way here
			<-l.next
			l.Unlock()
			return ctx.Err()
		}
		if l.users.CompareAndSwap(n, n-1) {
			return ctx.Err()
		}
	}
}

// Unlock gives the lock to the next that waits.
func (l *lock) Unlock() {
	if l.users.Add(-1) > 0 {
		l.next <- struct{}{}
	}
}
