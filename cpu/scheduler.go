package cpu

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// The scheduler keeps helpers, goroutines that wait for work: one that has just
// worked spins for a while, because operations follow each other closely and
// waking a thread takes longer than a product of 128×128, and then sleeps. A
// caller works too, and takes back what no helper has begun.

const (
	// A helper that sleeps between operations is woken on its waker's
	// processor as often as not, and the two then share it for milliseconds
	// (a 256³ product on two threads ran at the speed of one), so it spins
	// for about a millisecond and lets others run meanwhile.
	spinRounds = 3000 // of spinPauses
	spinPauses = 16
	yieldEvery = 64 // rounds
	// A caller that waits for the last block, and helpers beyond the
	// processors, spin for some 50 µs alone.
	shortSpin = 150
)

// parallel cuts [0, n) into blocks of at least grain and runs work on them on
// all of the driver's threads. Which thread takes which block never shows in a
// result. It stops early, with the context's error, when ctx ends. A panic of
// work on any thread is one here, after all threads have stopped.
func (d *driver) parallel(ctx context.Context, n, grain int, work func(from, to int)) error {
	return d.spread(ctx, d.threads, n, grain, work)
}

// spread is parallel on at most that many threads.
func (d *driver) spread(ctx context.Context, threads, n, grain int, work func(from, to int)) error {
	grain = max(1, grain)
	blocks := (n + grain - 1) / grain
	if threads = min(threads, blocks); threads <= 1 {
		for from := 0; from < n; from += grain {
			if err := ctx.Err(); err != nil {
				return err
			}
			work(from, min(from+grain, n))
		}
		return ctx.Err()
	}
	t := taskPool.Get().(*task)
	t.ctx, t.n, t.grain, t.blocks, t.work = ctx, n, grain, int64(blocks), work
	t.next.Store(0)
	t.running.Store(int32(threads))
	t.helpers = helpers.recruit(t.helpers[:0], threads-1, t)
	t.join()
	back := int32(1) // the caller itself and the helpers that did not begin
	for _, h := range t.helpers {
		if h.task.CompareAndSwap(t, nil) {
			helpers.add(h)
			back++
		}
	}
	if t.running.Add(-back) > 0 {
		for i := 0; len(t.done) == 0 && i < shortSpin; i++ {
			pause(spinPauses)
		}
		<-t.done
	}
	failed := t.failed.Swap(nil)
	t.ctx, t.work = nil, nil
	taskPool.Put(t)
	if failed != nil {
		panic(failed)
	}
	return ctx.Err()
}

// task is one call of spread.
type task struct {
	ctx      context.Context
	n, grain int
	blocks   int64
	work     func(from, to int)
	next     atomic.Int64  // block to take
	running  atomic.Int32  // threads that may still touch the task
	done     chan struct{} // the last helper's word, if the caller waits
	failed   atomic.Pointer[kernelPanic]
	helpers  []*helper
}

var taskPool = sync.Pool{New: func() any { return &task{done: make(chan struct{}, 1)} }}

// blocksLeft works on blocks until none is left or the context ends.
func (t *task) blocksLeft() {
	for t.ctx.Err() == nil {
		b := int(t.next.Add(1) - 1)
		if b >= int(t.blocks) {
			return
		}
		t.work(b*t.grain, min((b+1)*t.grain, t.n))
	}
}

// join works on the task's blocks. A panic ends the work of all threads and
// waits in failed for the caller, who alone may unwind: the others still write
// where it works.
func (t *task) join() {
	was := settle()
	defer func() {
		unsettle(was)
		if p := recover(); p != nil {
			t.failed.CompareAndSwap(nil, panicOf(p))
			t.next.Store(t.blocks)
		}
	}()
	t.blocksLeft()
}

// helper is a goroutine that waits for tasks.
type helper struct {
	task   atomic.Pointer[task]
	asleep atomic.Bool
	wake   chan struct{}
}

// crew holds the helpers that have nothing to do.
type crew struct {
	count atomic.Int32 // of all helpers
	mu    sync.Mutex
	idle  []*helper
}

var helpers crew

// recruit gives a task to n helpers, appended to list; it starts those that are missing.
func (c *crew) recruit(list []*helper, n int, t *task) []*helper {
	c.mu.Lock()
	have := min(n, len(c.idle))
	from := len(c.idle) - have
	list = append(list, c.idle[from:]...)
	c.idle = c.idle[:from]
	c.mu.Unlock()
	for _, h := range list {
		h.task.Store(t)
		if h.asleep.CompareAndSwap(true, false) {
			h.wake <- struct{}{}
		}
	}
	for len(list) < n {
		h := &helper{wake: make(chan struct{}, 1)}
		h.task.Store(t)
		list = append(list, h)
		c.count.Add(1)
		go h.serve()
	}
	return list
}

func (c *crew) add(h *helper) {
	c.mu.Lock()
	c.idle = append(c.idle, h)
	c.mu.Unlock()
}

// serve works on tasks for ever.
func (h *helper) serve() {
	for {
		t := h.task.Swap(nil)
		if t == nil {
			h.rest()
			continue
		}
		t.join()
		helpers.add(h) // before the caller can ask for a helper again
		if t.running.Add(-1) == 0 {
			t.done <- struct{}{}
		}
	}
}

// rest returns when there may be a task: it spins, then sleeps.
func (h *helper) rest() {
	if runtime.GOMAXPROCS(0) > 1 {
		rounds := spinRounds
		if int(helpers.count.Load()) >= runtime.GOMAXPROCS(0) {
			rounds = shortSpin
		}
		for i := range rounds {
			if h.task.Load() != nil {
				return
			}
			pause(spinPauses)
			if i%yieldEvery == yieldEvery-1 {
				runtime.Gosched()
			}
		}
	}
	h.asleep.Store(true)
	if h.task.Load() == nil || !h.asleep.CompareAndSwap(true, false) {
		<-h.wake
	}
}
