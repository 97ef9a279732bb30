package gpu

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"samebits/backend"
)

func TestThreadRunsJobsInCallOrder(t *testing.T) {
	th := newThread(nil)
	defer th.close()
	var got []int // touched on the thread alone
	const n = 3 * maxQueued
	for i := 0; i < n; i++ {
		if i%7 == 0 {
			if err := th.do(func() error { got = append(got, i); return nil }); err != nil {
				t.Fatal(err)
			}
		} else if err := th.post(context.Background(), func() { got = append(got, i) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := th.do(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != n {
		t.Fatalf("%d jobs ran, want %d", len(got), n)
	}
	for i, v := range got {
		if v != i {
			t.Fatalf("job %d ran at position %d", v, i)
		}
	}
}

func TestThreadDoReturnsItsOwnError(t *testing.T) {
	th := newThread(nil)
	defer th.close()
	own := errors.New("own")
	if err := th.do(func() error { return own }); err != own {
		t.Errorf("do returned %v, want its function's error", err)
	}
	if err := th.do(func() error { return nil }); err != nil {
		t.Errorf("the error surfaced twice: %v", err)
	}
}

// A panic reaches the caller, and all later ones, as an error; what ends the context still runs.
func TestThreadOutlivesAPanic(t *testing.T) {
	ctx := context.Background()
	for _, posted := range []bool{false, true} {
		th := newThread(nil)
		ended, ran := false, false
		th.atClose(func() error { ended = true; return nil })
		var none *job
		bug := func() { none.f = nil }
		if posted {
			if err := th.post(ctx, bug); err != nil {
				t.Fatal(err)
			}
		} else if err := th.do(func() error { bug(); return nil }); !errors.Is(err, backend.ErrContextLost) || !strings.Contains(err.Error(), "thread_test.go:") {
			t.Errorf("the panic's own caller got %v", err)
		}
		if err := th.do(func() error { ran = true; return nil }); !errors.Is(err, backend.ErrContextLost) || ran {
			t.Errorf("posted %v: do after the panic: ran %v, %v", posted, ran, err)
		}
		if err := th.post(ctx, func() {}); !errors.Is(err, backend.ErrContextLost) {
			t.Errorf("posted %v: post after the panic: %v", posted, err)
		}
		if err := th.close(); !errors.Is(err, backend.ErrContextLost) || !ended {
			t.Errorf("posted %v: close: ended %v, %v", posted, ended, err)
		}
	}
	th := newThread(nil)
	th.atClose(func() error { panic("at the end") })
	if err := th.close(); !errors.Is(err, backend.ErrContextLost) {
		t.Errorf("a panic of the end: %v", err)
	}
}

// A caller whose context ends while its job waits leaves at once, and the job never runs.
func TestThreadCallersLeaveTheQueue(t *testing.T) {
	th := newThread(nil)
	began, release := make(chan struct{}), make(chan struct{})
	if err := th.post(context.Background(), func() { close(began); <-release }); err != nil {
		t.Fatal(err)
	}
	<-began
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	ran := false
	if err := th.doWithin(ctx, func() error { ran = true; return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("do behind a job that takes long: %v", err)
	}
	for range maxQueued {
		if err := th.post(context.Background(), func() {}); err != nil {
			t.Fatal(err)
		}
	}
	if err := th.post(ctx, func() { ran = true }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("post with the queue full: %v", err)
	}
	if err := th.postNow(func() {}); err != nil {
		t.Errorf("postNow with the queue full: %v", err)
	}
	close(release)
	if err := th.close(); err != nil {
		t.Error(err)
	}
	if ran {
		t.Error("a job ran whose caller had left")
	}
}

func TestThreadClose(t *testing.T) {
	th := newThread(nil)
	var order []string
	th.atClose(func() error { order = append(order, "final"); return errors.New("at end") })
	th.post(context.Background(), func() { order = append(order, "job") })
	if err := th.close(); err == nil || err.Error() != "at end" {
		t.Errorf("close returned %v, want the error of ending", err)
	}
	if fmt.Sprint(order) != "[job final]" {
		t.Errorf("ran %v, want the queued job and then the end", order)
	}
	if err := th.close(); err != nil {
		t.Errorf("second close returned %v", err)
	}
	for name, err := range map[string]error{
		"do":   th.do(func() error { return nil }),
		"post": th.post(context.Background(), func() {}),
	} {
		if !errors.Is(err, backend.ErrClosed) {
			t.Errorf("%s on a closed thread returned %v, want backend.ErrClosed", name, err)
		}
	}
}

func TestThreadFromManyGoroutines(t *testing.T) {
	th := newThread(nil)
	var sum int // touched on the thread alone
	var refused atomic.Int64
	var wg sync.WaitGroup
	for g := 0; g < 8; g++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < 500; i++ {
				var err error
				if i%2 == 0 {
					err = th.do(func() error { sum++; return nil })
				} else {
					err = th.post(context.Background(), func() { sum++ })
				}
				if err != nil {
					refused.Add(1)
				}
				if g == 0 && i == 400 {
					th.close()
				}
			}
		}()
	}
	wg.Wait()
	if got := int64(sum) + refused.Load(); got != 8*500 {
		t.Errorf("%d jobs ran and %d were refused, want %d together", sum, refused.Load(), 8*500)
	}
	if refused.Load() == 0 {
		t.Error("no job was refused after close")
	}
}
