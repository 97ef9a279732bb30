package cpu

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"samebits/backend"
)

// TestPlainKernelsKeepSubnormals runs operations from a thread in which a
// library has switched flushing on and rounding off.
func TestPlainKernelsKeepSubnormals(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const spoilt = 0x1f80 | modeBits
	ctx := context.Background()
	for _, name := range []string{"cpu", "reference"} {
		dev, err := backend.Open(ctx, name, backend.Config{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		s := backend.NewScope(ctx, dev)
		const n = 100
		x := make([]float32, n)
		for i := range x {
			x[i] = 1e-39 // subnormal
		}
		a := backend.Put(s, 1, n, x)
		sum, y := s.New(backend.Float32, 1, 1), s.New(backend.Float32, 1, n)
		old := setMXCSR(spoilt)
		s.Run(&backend.Reduce{Y: sum, X: a}, &backend.Map{Fn: backend.FnSub, Y: y, A: a, B: backend.Put(s, 1, 1, []float32{3e-39})})
		after := setMXCSR(old)
		got := append(backend.Get[float32](s, sum), backend.Get[float32](s, y)...)
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		if after&^0x3f != spoilt {
			t.Errorf("%s: the thread's mode came back as %x", name, after)
		}
		lane, three := x[0], float32(3e-39)
		want := float32(0)
		for range n {
			want += lane // exact: multiples of the smallest subnormal
		}
		if got[0] != want || got[1] != lane-three {
			t.Errorf("%s: sum %v and difference %v, want %v and %v", name, got[0], got[1], want, lane-three)
		}
		s.Close()
		dev.Close()
	}
}

// A subnormal temperature is above 0 on a thread that takes it for 0, too.
func TestOptionsAreCheckedByTheirBits(t *testing.T) {
	ctx := t.Context()
	dev := opened(t, "cpu", 1)
	m := tensors{t, dev}
	x, y := m.of(3, 40), m.empty(backend.Float32, 3, 40)
	op := &backend.Softmax{Y: y, X: x, Temperature: backend.Scalar(1e-40)}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	old := setMXCSR(defaultMode | modeBits)
	err := dev.Run(ctx, op)
	filtered := dev.Run(ctx, &backend.Filter{Y: y, X: x, Kind: backend.FilterTopP, P: -1e-40})
	setMXCSR(old)
	if err != nil {
		t.Errorf("a subnormal temperature: %v", err)
	}
	if !errors.Is(filtered, backend.ErrArgument) {
		t.Errorf("a probability below 0: %v", filtered)
	}
}

// TestSpoiltThreads runs operations while some of the process's threads flush
// and the scheduler moves goroutines between all of them. It does so in a
// process of its own, because nothing tells which threads have to be mended.
func TestSpoiltThreads(t *testing.T) {
	const alone = "SAMEBITS_TEST_SPOILT_THREADS"
	if os.Getenv(alone) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Skip(err)
		}
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestSpoiltThreads$")
		cmd.Env = append(os.Environ(), alone+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const n, d = 20_000, 64
	ctx := t.Context()
	dev := opened(t, "cpu", 2)
	r := rand.New(rand.NewPCG(1, 2))
	tiny := make([]float32, n*d) // subnormals
	for i := range tiny {
		tiny[i] = float32(math.Ldexp(r.NormFloat64(), -130))
	}
	a, b := make([]complex64, 300*70), make([]complex64, 70*301)
	for i := range a {
		a[i] = complex(tiny[i], tiny[i+1])
	}
	for i := range b {
		b[i] = complex(float32(r.NormFloat64()), float32(r.NormFloat64()))
	}
	s := backend.NewScope(ctx, dev)
	x := backend.Put(s, n, d, tiny)
	c := s.View(x, 0, 32, 0, d)
	product, distances := s.New(backend.Complex64, 300, 301), s.New(backend.Float32, n, 32)
	ops := []backend.Op{
		&backend.MatMul{C: product, A: backend.Put(s, 300, 70, a), B: backend.Put(s, 70, 301, b), Alpha: backend.ComplexScalar(1.5 + 0.25i)},
		&backend.Distances{D: distances, X: x, C: c, Metric: backend.Euclidean},
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	outputs := [][]byte{product.Buffer().(*buffer).bytes, distances.Buffer().(*buffer).bytes}
	var want [][]byte
	for i, op := range ops {
		s.Run(op)
		want = append(want, bytes.Clone(outputs[i]))
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			runtime.LockOSThread()
			setMXCSR(defaultMode | 0x8040)
			runtime.UnlockOSThread()
			for !stop.Load() {
				for end := time.Now().Add(50 * time.Microsecond); time.Now().Before(end); {
					runtime.Gosched()
				}
				time.Sleep(50 * time.Microsecond)
			}
		})
	}
	wg.Go(func() { // a collection moves goroutines, too
		for !stop.Load() {
			runtime.GC()
		}
	})
	differ := 0
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		for i, op := range ops {
			s.Run(op)
			if !bytes.Equal(outputs[i], want[i]) {
				differ++
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	if differ > 0 || s.Err() != nil {
		t.Errorf("%d results differ, error %v", differ, s.Err())
	}
}
