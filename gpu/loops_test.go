//go:build gl && cgo

package gpu

import "testing"

// A device that ended loops sooner than the kernels' budget would give wrong results without a word.
func TestLoopsOfTheDeviceHoldTheBudget(t *testing.T) {
	n, err := openDriver(t).measureLoops()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a loop makes %d iterations (0: no end found)", n)
	if n != 0 && n < 2*maxIterations-1 {
		t.Errorf("a loop makes %d iterations, where a kernel may make %d", n, maxIterations)
	}
}

func TestRangesCoverAll(t *testing.T) {
	withLoops(t, 100)
	for _, tt := range []struct{ n, unit, iterations, calls int }{
		{0, 4, 5, 1}, {1, 4, 5, 1}, {80, 4, 5, 1}, {81, 4, 5, 2}, {1000, 4, 5, 13}, {9, 4, 1000, 3}, {5, 1, 0, 1},
	} {
		next, calls := 0, 0
		ranges(tt.n, tt.unit, tt.iterations, func(from, to int) {
			if from != next || to <= from && tt.n > 0 || to < tt.n && to%tt.unit != 0 {
				t.Errorf("%+v: range %d to %d after %d", tt, from, to, next)
			}
			next = to
			calls++
		})
		if next != tt.n || calls != tt.calls {
			t.Errorf("%+v: %d ranges up to %d", tt, calls, next)
		}
	}
}

// withLoops sets the budget of loop iterations for one test.
func withLoops(t *testing.T, n int) {
	t.Helper()
	old := loopIterations
	loopIterations = n
	t.Cleanup(func() { loopIterations = old })
}
