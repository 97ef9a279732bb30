package cpu

import (
	"context"
	"runtime"
	"testing"

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
