package cpu

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"samebits/backend"
)

func TestCeilingsAreMeasured(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Ceilings(2) {
		rate, err := c.Measure(t.Context())
		if err != nil || !(rate > 0) || math.IsInf(rate, 0) {
			t.Errorf("%s on %d threads: %v, %v", c.Name, c.Threads, rate, err)
		}
		seen[c.Unit()] = true
		t.Logf("%-18s %d threads %8.1f %s", c.Name, c.Threads, rate, c.Unit())
	}
	if len(seen) != 3 || !seen["GB/s"] || !seen["GFLOP/s"] || !seen["Gop/s"] {
		t.Errorf("measured %v", seen)
	}
	if n := len(Ceilings(1)); 2*n != len(Ceilings(2)) {
		t.Errorf("%d ceilings on one thread, %d on one and two", n, len(Ceilings(2)))
	}
}

// A ceiling below what a kernel reaches is none: the product must stay under
// the multiply-adds of registers alone.
func TestCeilingIsAboveTheProduct(t *testing.T) {
	n := 512
	if !simd {
		n = 64 // the plain twins are far below it at any size
	}
	dev, err := backend.Open(t.Context(), "cpu", backend.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	s := backend.NewScope(t.Context(), dev)
	defer s.Close()
	op := &backend.MatMul{C: s.New(backend.Float32, n, n), A: backend.Put(s, n, n, make([]float32, n*n)),
		B: backend.Put(s, n, n, make([]float32, n*n))}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	product := &Ceiling{Bound: Compute, Threads: 1, amount: 2 * float64(n*n*n) / 1e9, work: func(int) { s.Run(op) }}
	ceilings := Ceilings(1)
	best, least := 0.0, math.Inf(1) // in turn, so that a slow spell meets both
	for range 5 {
		for _, c := range append(ceilings, product) {
			if c.Bound != Compute {
				continue
			}
			rate, err := c.Measure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c == product {
				least = min(least, rate)
			} else {
				best = max(best, rate)
			}
		}
	}
	if s.Err() != nil || least > 1.05*best {
		t.Errorf("the product runs at %.1f GFLOP/s, the ceiling is %.1f; %v", least, best, s.Err())
	}
}

func TestCopyKernelsCopy(t *testing.T) {
	src, dst := alignedBytes(4*copyUnit), alignedBytes(4*copyUnit)
	for i := range src {
		src[i] = byte(i*7 + i/256)
	}
	for _, k := range copyKernels() {
		clear(dst)
		k.run(dst[copyUnit:3*copyUnit], src[copyUnit:3*copyUnit])
		if !bytes.Equal(dst[copyUnit:3*copyUnit], src[copyUnit:3*copyUnit]) {
			t.Errorf("%s: the copy differs", k.name)
		}
		zero := make([]byte, copyUnit)
		if !bytes.Equal(dst[:copyUnit], zero) || !bytes.Equal(dst[3*copyUnit:], zero) {
			t.Errorf("%s wrote outside", k.name)
		}
		k.run(nil, nil)
	}
}

func TestScalarChains(t *testing.T) {
	if got := scalarChains(3, 2, 1); got != 8*(((2*2+1)*2+1)*2+1) {
		t.Errorf("chains sum to %v", got)
	}
	if got := scalarSums(3, 2, 1); got != 8*(((2*2+1)*2+1)*2+1) {
		t.Errorf("products sum to %v", got)
	}
}

func TestCeilingStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range Ceilings(1) {
		if c.Bound != Memory {
			if _, err := c.Measure(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	}
}
