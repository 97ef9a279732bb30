package cpu

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"samebits/backend"
)

// The tests of this package run on more threads than there may be processors.
func init() { processors = func() int { return 16 } }

// A device has no more threads than processors, and no more than asked for.
func TestThreadsKeepToTheProcessors(t *testing.T) {
	defer func(was func() int) { processors = was }(processors)
	processors = func() int { return 4 }
	for asked, want := range map[int]int64{0: 4, 1: 1, 3: 3, 4: 4, 100: 4} {
		dev, err := backend.Open(context.Background(), "cpu", backend.Config{Threads: asked})
		if err != nil {
			t.Fatal(err)
		}
		if got := dev.Info().Limits["threads"]; got != want {
			t.Errorf("asked for %d threads: %d, want %d", asked, got, want)
		}
		dev.Close()
	}
}

// Every element is worked on once, whatever the threads and the grain.
func TestSpreadCoversEverythingOnce(t *testing.T) {
	for _, procs := range []int{1, 2} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			d := &driver{threads: 3}
			for _, n := range []int{0, 1, 2, 7, 64, 1000} {
				for _, grain := range []int{-1, 0, 1, 3, 64, 2000} {
					for threads := range 6 {
						seen := make([]atomic.Int32, n)
						if err := d.spread(context.Background(), threads, n, grain, func(from, to int) {
							for i := from; i < to; i++ {
								seen[i].Add(1)
							}
						}); err != nil {
							t.Fatal(err)
						}
						for i := range seen {
							if seen[i].Load() != 1 {
								t.Fatalf("%d elements, grain %d, %d threads: element %d was worked on %d times",
									n, grain, threads, i, seen[i].Load())
							}
						}
					}
				}
			}
		}()
	}
}

// No more threads work at a time than were asked for.
func TestSpreadKeepsToItsThreads(t *testing.T) {
	d := &driver{threads: 3}
	var now, most atomic.Int32
	if err := d.parallel(context.Background(), 200, 1, func(int, int) {
		for n := now.Add(1); ; {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		runtime.Gosched()
		now.Add(-1)
	}); err != nil {
		t.Fatal(err)
	}
	if m := most.Load(); m < 1 || m > 3 {
		t.Errorf("%d threads at a time, want at most 3", m)
	}
}

// Calls from several goroutines, and calls inside calls, finish.
func TestSpreadNestsAndShares(t *testing.T) {
	d := &driver{threads: 3}
	var total atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				_ = d.parallel(context.Background(), 8, 1, func(from, to int) {
					_ = d.parallel(context.Background(), 16, 1, func(from, to int) { total.Add(int64(to - from)) })
				})
			}
		})
	}
	wg.Wait()
	if total.Load() != 4*50*8*16 {
		t.Errorf("%d pieces of work, want %d", total.Load(), 4*50*8*16)
	}
}

// An ended context stops the work and is what spread returns.
func TestSpreadStops(t *testing.T) {
	for _, threads := range []int{1, 2} {
		ctx, cancel := context.WithCancel(context.Background())
		var done atomic.Int32
		err := (&driver{}).spread(ctx, threads, 1000, 1, func(int, int) {
			if done.Add(1) == 5 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || done.Load() >= 1000 {
			t.Errorf("%d threads: %v after %d of 1000 pieces", threads, err, done.Load())
		}
	}
}

// Blocks of rows leave no thread with much more than its share.
func TestEvenRows(t *testing.T) {
	for _, kern := range kernels32 {
		for _, threads := range []int{2, 3, 4, 16} {
			for _, m := range []int{100, 512, 1000, 1024, 2048, 5000} {
				if m <= kern.mc {
					continue
				}
				rows := evenRows(m, kern.mr, kern.mc, threads)
				if rows <= 0 || rows > kern.mc || rows%kern.mr != 0 {
					t.Fatalf("%s: blocks of %d rows", kern.name, rows)
				}
				load := make([]int, threads) // blocks go to whoever is free
				for i := 0; i < m; i += rows {
					least := 0
					for l := range load {
						if load[l] < load[least] {
							least = l
						}
					}
					load[least] += min(rows, m-i)
				}
				if most := slices.Max(load); m >= 8*threads*kern.mc && float64(most) > 1.03*float64(m)/float64(threads) {
					t.Errorf("%s: of %d rows on %d threads one gets %d", kern.name, m, threads, most)
				}
			}
		}
	}
}
