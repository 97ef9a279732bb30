package gpu

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"samebits/backend"
)

// errThreadClosed is what do and post return once close was called; it wraps backend.ErrClosed.
var errThreadClosed = fmt.Errorf("opengl context: %w", backend.ErrClosed)

// maxQueued is how many jobs may wait before post does: enough to keep a device busy, few enough to bound the host memory
// that queued uploads hold and the work that stands before a later job.
const maxQueued = 16

// A thread is one goroutine locked to one operating-system thread, which owns a GL context: GL keeps its context per
// thread, so all calls are made there. Jobs run one at a time, in the order of the calls to do and post, from whichever
// goroutines these come. The operating-system thread ends with the goroutine, and with it whatever a driver changed
// in its floating-point state.
//
// A job that panics breaks the thread, for what it left half done is unknown: its caller, if it waits, and all later
// ones get an error that wraps backend.ErrContextLost, and no further job runs but the last, which ends the context.
type thread struct {
	after func() // runs after every job, on the thread: restores the floating-point state

	mu      sync.Mutex
	changed sync.Cond // a job came or went, closed or broken was set, or a context ended
	jobs    []*job
	closed  bool
	broken  error // of the job that panicked
	final   func() error
	ending  error // final's

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

// do runs f on the thread, after all jobs before it, and returns its error.
func (t *thread) do(f func() error) error { return t.doWithin(context.Background(), f) }

// doWithin is do, but returns the context's error as soon as ctx ends before f begins; f then never runs. Once f has
// begun doWithin waits for it, so that f may use its caller's memory; f itself should look at ctx where it takes long.
func (t *thread) doWithin(ctx context.Context, f func() error) error {
	reply := make(chan error, 1)
	j := &job{f, reply}
	if err := t.enqueue(ctx, j); err != nil {
		return err
	}
	select {
	case err := <-reply:
		return err
	case <-t.done:
	case <-ctx.Done():
		if t.withdraw(j) {
			return ctx.Err()
		}
	}
	select {
	case err := <-reply:
		return err
	case <-t.done:
	}
	select {
	case err := <-reply: // both had come
		return err
	default:
		return errThreadClosed
	}
}

// post queues f and returns. It waits while maxQueued jobs do, and fails only where the thread is closed or broken or
// ctx ends first; then f never runs.
func (t *thread) post(ctx context.Context, f func()) error {
	return t.enqueue(ctx, &job{f: func() error { f(); return nil }})
}

// postNow is post without the limit, for what must not wait: the freeing of memory.
func (t *thread) postNow(f func()) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.push(&job{f: func() error { f(); return nil }})
}

// atClose sets what the thread runs last: the end of its context.
func (t *thread) atClose(f func() error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.final = f
}

// close waits for all jobs, runs what atClose set and ends the thread. It returns the error of a job that panicked,
// else the error of ending. Further calls wait for the first and return nil.
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
	if t.broken != nil {
		return t.broken
	}
	return t.ending
}

func (t *thread) enqueue(ctx context.Context, j *job) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.jobs) >= maxQueued {
		defer context.AfterFunc(ctx, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.changed.Broadcast()
		})()
	}
	for len(t.jobs) >= maxQueued && !t.closed && t.broken == nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		t.changed.Wait()
	}
	return t.push(j)
}

// push appends a job, under the lock.
func (t *thread) push(j *job) error {
	switch {
	case t.closed:
		return errThreadClosed
	case t.broken != nil:
		return t.broken
	}
	t.jobs = append(t.jobs, j)
	t.changed.Broadcast()
	return nil
}

// withdraw takes back a job that has not begun.
func (t *thread) withdraw(j *job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.jobs, j)
	if i < 0 {
		return false
	}
	t.jobs = slices.Delete(t.jobs, i, i+1)
	t.changed.Broadcast()
	return true
}

// next waits for a job; nil says that the thread is closed and no job is left.
func (t *thread) next() *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.jobs) == 0 && !t.closed {
		t.changed.Wait()
	}
	if len(t.jobs) == 0 {
		return nil
	}
	j := t.jobs[0]
	t.jobs[0] = nil // its closure must not outlive it in the slice
	t.jobs = t.jobs[1:]
	t.changed.Broadcast()
	return j
}

func (t *thread) run() {
	// Never unlocked: the runtime then ends the operating-system thread with this goroutine instead of giving it, and
	// its floating-point state, to another.
	runtime.LockOSThread()
	defer close(t.done)
	t.after()
	for {
		j := t.next()
		if j == nil {
			break
		}
		err := t.failure()
		if err == nil {
			err = t.guarded(j.f)
		}
		if j.reply != nil {
			j.reply <- err
		}
	}
	t.mu.Lock()
	final := t.final
	t.mu.Unlock()
	if final != nil {
		err := t.guarded(final)
		t.mu.Lock()
		t.ending = err
		t.mu.Unlock()
	}
}

// guarded runs f and turns a panic into the error that breaks the thread.
func (t *thread) guarded(f func() error) (err error) {
	defer t.after()
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		err = fmt.Errorf("panic on the opengl thread: %v (%s): %w", v, panicSite(debug.Stack()), backend.ErrContextLost)
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.broken == nil {
			t.broken = err
		}
		t.changed.Broadcast()
	}()
	return f()
}

// failure returns the error that broke the thread, nil for none.
func (t *thread) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broken
}

// panicSite returns the file and line that panicked, of a stack taken while recovering.
func panicSite(stack []byte) string {
	_, below, _ := strings.Cut(string(stack), "\npanic(")
	lines := strings.Split(below, "\n") // two a call, its function and its place; the first are panic's own
	for i := 2; i+1 < len(lines); i += 2 {
		if strings.HasPrefix(lines[i], "runtime.") {
			continue
		}
		place, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " ")
		return place[strings.LastIndexByte(place, '/')+1:]
	}
	return "at an unknown place"
}
