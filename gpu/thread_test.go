package gpu

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

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
		} else if err := th.post(func() error { got = append(got, i); return nil }); err != nil {
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

func TestThreadKeepsTheFirstPostedError(t *testing.T) {
	th := newThread(nil)
	first, second := errors.New("first"), errors.New("second")
	ran := 0
	for _, err := range []error{nil, first, second, nil} {
		th.post(func() error { ran++; return err })
	}
	called := false
	if err := th.do(func() error { called = true; return nil }); err != first {
		t.Errorf("do after a failed post returned %v, want %v", err, first)
	}
	if called {
		t.Error("do ran its function on what a failed post left behind")
	}
	if err := th.do(func() error { return nil }); err != nil {
		t.Errorf("the error surfaced twice: %v", err)
	}
	if ran != 4 {
		t.Errorf("%d posted jobs ran, want 4", ran)
	}
	own := errors.New("own")
	if err := th.do(func() error { return own }); err != own {
		t.Errorf("do returned %v, want its function's error", err)
	}
	th.post(func() error { return second })
	if err := th.close(); err != second {
		t.Errorf("close returned %v, want %v", err, second)
	}
}

func TestThreadClose(t *testing.T) {
	th := newThread(nil)
	var order []string
	th.atClose(func() error { order = append(order, "final"); return errors.New("at end") })
	th.post(func() error { order = append(order, "job"); return nil })
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
		"post": th.post(func() error { return nil }),
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
					err = th.post(func() error { sum++; return nil })
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
