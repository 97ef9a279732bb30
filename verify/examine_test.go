package verify

import (
	"context"
	"strings"
	"testing"

	"samebits/backend"
)

// flaky is a copier whose every second run has one wrong bit.
type flaky struct {
	copier
	runs int
}

func (d *flaky) Run(ctx context.Context, op backend.Op) error {
	d.runs++
	d.fault = ""
	if d.runs%2 == 0 {
		d.fault = "one bit"
	}
	return d.copier.Run(ctx, op)
}

func TestRepeatedRunsMustGiveTheSameBits(t *testing.T) {
	ctx := context.Background()
	again := func(repeats int, only string) *Report {
		t.Helper()
		dev := backend.NewDevice(&flaky{copier: copier{name: "a"}}, backend.Config{})
		defer dev.Close()
		r, err := Run(ctx, Options{Tested: dev, Against: open(t, &copier{name: "b"}), Only: only, Repeats: repeats, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := again(1, "copy/uint32/1x31x33/dense")
	if r.Failed != 1 || r.Failures[0].Kind != "unstable" || r.Failures[0].Side != "a" || r.Err() == nil ||
		!strings.Contains(r.Failures[0].Message, "word 990 of y") {
		t.Errorf("a device whose second run differs: %v, %+v", r.Err(), r.Failures)
	}
	if r := again(-1, "copy/uint32/1x31x33/dense"); r.Err() != nil {
		t.Errorf("run once: %v", r.Err())
	}
}

// TestSuitesRepeatASample: which cases are run again depends on their names
// alone, and the quick suite repeats fewer.
func TestSuitesRepeatASample(t *testing.T) {
	cases := Cases(Full)
	for _, suite := range []struct {
		names []Suite
		one   int // in how many is run again
	}{{[]Suite{"", Quick}, sampledQuick}, {[]Suite{Full, Nightly}, sampled}} {
		repeated := 0
		for _, c := range cases {
			n := (Options{Suite: suite.names[0]}).repeatsOf(c)
			if n != (Options{Suite: suite.names[1]}).repeatsOf(c) || (Options{Suite: suite.names[0], Repeats: -1}).repeatsOf(c) != 0 ||
				(Options{Suite: suite.names[0], Repeats: 7}).repeatsOf(c) != 7 {
				t.Fatalf("%s: repeats", c.Name)
			}
			if n > 0 {
				repeated++
			}
		}
		if repeated < len(cases)/2/suite.one || repeated > 2*len(cases)/suite.one {
			t.Errorf("%q: %d of %d cases are repeated", suite.names, repeated, len(cases))
		}
	}
}

// TestShrinkUnstable: a failure that a repetition shows is shrunk as such.
func TestShrinkUnstable(t *testing.T) {
	dev := backend.NewDevice(&flaky{copier: copier{name: "a"}}, backend.Config{})
	defer dev.Close()
	s, err := Shrink(context.Background(), Options{Tested: dev, Against: open(t, &copier{name: "b"}), Repeats: 1}, "copy/uint32/1x31x33/gapped", 2)
	if err != nil || s.Failure.Kind != "unstable" || s.Case != "copy/uint32/1x1x1/dense/keep=x:" {
		t.Errorf("%v, %+v", err, s)
	}
}
