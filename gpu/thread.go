package gpu

import (
	"fmt"
	"runtime"
	"sync"

	"samebits/backend"
)

// errThreadClosed is what do and post return once close was called; it wraps backend.ErrClosed.
var errThreadClosed = fmt.Errorf("opengl context: %w", backend.ErrClosed)

// maxQueued is how many jobs may wait before post blocks: enough to keep a device busy, few enough to bound the host
// memory that queued uploads hold.
const maxQueued = 256

// A thread is one goroutine locked to one operating-system thread, which owns a GL context: GL keeps its context per
// thread, so all calls are made there. Jobs run one at a time, in the order of the calls to do and post, from whichever
// goroutines these come. The operating-system thread ends with the goroutine, and with it whatever a driver changed
// in its floating-point state.
type thread struct {
	after func() // runs after every job, on the thread: restores the floating-point state

	mu      sync.Mutex
	changed sync.Cond // a job came or went, or closed was set
	jobs    []job
	closed  bool
	pending error // the first error of posted jobs that no one has seen yet
	final   func() error

	done chan struct{} // closed when the goroutine has ended
}

type job struct {
	f     func() error
	reply chan<- error // nil for posted jobs
}

// newThread starts the goroutine. after runs there once at the start and then after every job; it may be nil.
func newThread(after func()) *thread {
	if after == nil {
		after = func() {}
	}
	t := &thread{after: after, done: make(chan struct{})}
	t.changed.L = &t.mu
	go t.run()
	return t
}

// do runs f on the thread, after all jobs before it, and returns its error. If a job posted before it failed, f is not
// run and do returns that job's error instead, once: what f would read is not what its caller asked for.
func (t *thread) do(f func() error) error {
	reply := make(chan error, 1)
	if err := t.enqueue(job{f, reply}); err != nil {
		return err
	}
	return <-reply
}

// post queues f and returns. The first error among posted jobs is kept for the next do or close; later posted jobs run
// all the same, so that what they free is freed. post blocks while maxQueued jobs wait, and fails only when closed.
func (t *thread) post(f func() error) error {
	return t.enqueue(job{f, nil})
}

// atClose sets what the thread runs last: the end of its context.
func (t *thread) atClose(f func() error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.final = f
}

// close waits for all jobs, runs what atClose set and ends the thread. It returns the first error of posted jobs that
// no do has returned, else the error of ending. Further calls wait for the first and return nil.
func (t *thread) close() error {
	t.mu.Lock()
	first := !t.closed
	t.closed = true
	t.changed.Broadcast()
	t.mu.Unlock()
	<-t.done
	if !first {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pending
}

func (t *thread) enqueue(j job) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.jobs) >= maxQueued && !t.closed {
		t.changed.Wait()
	}
	if t.closed {
		return errThreadClosed
	}
	t.jobs = append(t.jobs, j)
	t.changed.Broadcast()
	return nil
}

// next waits for a job; ok is false when the thread is closed and no job is left.
func (t *thread) next() (j job, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.jobs) == 0 && !t.closed {
		t.changed.Wait()
	}
	if len(t.jobs) == 0 {
		return job{}, false
	}
	j = t.jobs[0]
	t.jobs[0] = job{} // its closure must not outlive it in the slice
	t.jobs = t.jobs[1:]
	t.changed.Broadcast()
	return j, true
}

// takePending returns the kept error and forgets it.
func (t *thread) takePending() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.pending
	t.pending = nil
	return err
}

func (t *thread) keep(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending == nil {
		t.pending = err
	}
}

func (t *thread) run() {
	// Never unlocked: the runtime then ends the operating-system thread with this goroutine instead of giving it, and
	// its floating-point state, to another.
	runtime.LockOSThread()
	defer close(t.done)
	t.after()
	for {
		j, ok := t.next()
		if !ok {
			break
		}
		if j.reply == nil {
			err := j.f()
			t.after()
			t.keep(err)
			continue
		}
		err := t.takePending()
		if err == nil {
			err = j.f()
			t.after()
		}
		j.reply <- err
	}
	t.mu.Lock()
	final := t.final
	t.mu.Unlock()
	if final != nil {
		err := final()
		t.after()
		t.keep(err)
	}
}
