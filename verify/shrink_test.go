package verify

import (
	"context"
	"errors"
	"strings"
	"testing"

	"samebits/backend"
)

// plantedDevices opens the processor with an error planted and the plain statements.
func plantedDevices(t *testing.T, fault string) Options {
	t.Helper()
	open := func(name string, cfg backend.Config) *backend.Device {
		dev, err := backend.Open(context.Background(), name, cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { dev.Close() })
		return dev
	}
	return Options{Tested: open("cpu", backend.Config{Fault: fault}), Against: open("reference", backend.Config{}), Seed: 5}
}

// TestShrink: what is left of a failing case is small, fails again by its name
// and seed alone, and passes without the error.
func TestShrink(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		fault, op string
		small     func(d shape, words int) bool // words that are not zero
	}{
		{"matmul-k-tail-dropped", "matmul", func(d shape, words int) bool { return d[0] == 1 && d[1] == 1 && d[2] <= 2 && words <= 2 }},
		{"nearest-ties-reversed", "nearest", func(d shape, words int) bool { return d[0] == 1 && d[1] <= 1 && d[2] == 2 && words == 0 }},
		{"reduce-nan-blind-argmax", "reduce", func(d shape, words int) bool { return d[0] == 1 && d[1]*d[2] <= 2 && words == 1 }},
	} {
		o := plantedDevices(t, c.fault)
		o.Op = c.op
		r, err := Run(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []Failure{r.Failures[0], r.Failures[len(r.Failures)-1]} {
			s, err := Shrink(ctx, o, f.Case, f.Seed)
			if err != nil {
				t.Fatalf("%s: %v", f.Case, err)
			}
			t.Logf("%s, seed %d: %s, seed %d in %d runs, %d steps: %s", f.Case, f.Seed, s.Case, s.Seed, s.Runs, s.Steps, s.Failure.Message)
			words := 0
			for _, in := range s.Inputs {
				for _, w := range in.Words {
					if w<<1 != 0 {
						words++
					}
				}
			}
			small, err := Resolve(s.Case)
			if err != nil {
				t.Fatal(err)
			}
			if !c.small(small.dims, words) || s.Runs > mostShrinkRuns || s.Steps == 0 || (s.Failure.Kind != f.Kind && s.Failure.Kind != "bound") {
				t.Errorf("%s: shrunk to %s in %d runs with %d words that are not zero: %+v", f.Case, s.Case, s.Runs, words, s)
			}
			if len(s.Tested) == 0 || len(s.Against) != len(s.Tested) || len(s.Expected) != len(s.Tested) ||
				len(s.Expected[0].Value) != len(s.Tested[0].Words) {
				t.Errorf("%s: %+v", s.Case, s)
			}
			again := o
			again.Op, again.Only, again.Seed = "", s.Case, s.Seed
			if r, err := Run(ctx, again); err != nil || r.Failed != 1 || r.Compared != 1 || r.Failures[0].Kind != s.Failure.Kind {
				t.Errorf("%s, seed %d does not fail again: %v, %+v", s.Case, s.Seed, err, r)
			}
			clean := plantedDevices(t, "")
			clean.Only, clean.Seed = s.Case, s.Seed
			if r, err := Run(ctx, clean); err != nil || r.Err() != nil {
				t.Errorf("%s, seed %d fails without the error: %v, %v", s.Case, s.Seed, err, r.Err())
			}
		}
	}
}

func TestShrinkRefuses(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := plantedDevices(t, "matmul-k-tail-dropped")
	for name, want := range map[string]string{"copy/float32/1x1x1/dense": "passes", "copy/float64/1x1x1/dense": "none of that name"} {
		if _, err := Shrink(ctx, o, name, 1); !errors.Is(err, backend.ErrArgument) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cancel()
	if _, err := Shrink(ctx, o, "matmul/float32/nn/5x15x3/dense/wide-signs", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Shrink(context.Background(), Options{Tested: open(t, &copier{name: "a", fault: "lost"}), Against: open(t, &copier{name: "b"})},
		"copy/float32/1x31x33/dense", 1); !errors.Is(err, backend.ErrContextLost) {
		t.Errorf("a lost device: %v", err)
	}
}

// TestShrinkKeepsTheKind: a driver that writes past the end fails in memory, and
// so does what is left.
func TestShrinkKeepsTheKind(t *testing.T) {
	for _, c := range []struct{ fault, kind string }{{"past the end", "memory"}, {"one bit", "bound"}, {"error", "error"}} {
		o := Options{Tested: open(t, &copier{name: "a", fault: c.fault}), Against: open(t, &copier{name: "b"})}
		s, err := Shrink(context.Background(), o, "copy/one-matrix/int8/3x7x18/gapped", 9)
		if err != nil || s.Failure.Kind != c.kind || s.Failure.Side != "a" || s.Case != "copy/int8/1x1x1/dense/keep=x:" || s.Seed != 0 {
			t.Errorf("%s: %v, %+v", c.fault, err, s)
		}
	}
}
