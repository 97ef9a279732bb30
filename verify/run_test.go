package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"samebits/backend"
	_ "samebits/cpu"
)

// copier is a driver that stores bytes and can copy; what else it does wrong is
// named by fault. Without any operation it is the null backend.
type copier struct {
	name, fault string
	mode        backend.Mode
}

func (d *copier) Info() backend.Info {
	p := backend.Canonical()
	p.Mode = d.mode
	return backend.Info{Name: d.name, Kind: "test", Usable: true, Profile: &p}
}

func (d *copier) Alloc(size int64) (backend.Buffer, error) { return make([]byte, size), nil }
func (d *copier) Free(backend.Buffer)                      {}
func (d *copier) Sync(context.Context) error               { return nil }
func (d *copier) Close() error                             { return nil }

func (d *copier) Write(_ context.Context, b backend.Buffer, off int64, src []byte) error {
	copy(b.([]byte)[off:], src)
	return nil
}

func (d *copier) Read(_ context.Context, b backend.Buffer, off int64, dst []byte) error {
	copy(dst, b.([]byte)[off:])
	return nil
}

func (d *copier) Run(_ context.Context, op backend.Op) error {
	o, ok := op.(*backend.Copy)
	switch {
	case d.fault == "null":
		return nil
	case d.fault == "lost":
		return backend.ErrContextLost
	case d.fault == "unsupported" || !ok:
		return backend.ErrNotSupported
	case d.fault == "no strides" && o.Y.Layout().Stride != o.Y.Cols():
		return fmt.Errorf("rows apart: %w", backend.ErrNotSupported)
	case d.fault == "internal":
		return fmt.Errorf("no shader compiles: %w: %w", backend.ErrInternal, backend.ErrNotSupported)
	case d.fault == "error":
		return backend.ErrOutOfMemory
	}
	x, y, size := o.X.Layout(), o.Y.Layout(), o.X.DType().Size()
	from, to := o.X.Buffer().([]byte), o.Y.Buffer().([]byte)
	for b := range y.Batch {
		for i := range y.Rows {
			s := (x.Offset + min(b, x.Batch-1)*x.BatchStride + i*x.Stride) * size
			t := (y.Offset + b*y.BatchStride + i*y.Stride) * size
			copy(to[t:t+y.Cols*size], from[s:])
			if last := b == y.Batch-1 && i == y.Rows-1; last {
				switch d.fault {
				case "past the end":
					to[t+y.Cols*size] ^= 1
				case "input written":
					from[s] ^= 1
				case "last element left out":
					copy(to[t+(y.Cols-1)*size:t+y.Cols*size], []byte{0x5a, 0x5a, 0xca, 0x7f, 0x5a, 0x5a, 0xca, 0x7f})
				case "one bit":
					to[t] ^= 1
				}
			}
			if d.fault == "gap" && y.Stride > y.Cols {
				to[t+y.Cols*size] ^= 1
			}
		}
	}
	return nil
}

func open(t *testing.T, d *copier) *backend.Device {
	t.Helper()
	dev := backend.NewDevice(d, backend.Config{})
	t.Cleanup(func() { dev.Close() })
	return dev
}

func TestRunFindsWhatADriverDoesWrong(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct{ fault, kind string }{
		{"", ""}, {"null", "bound"}, {"past the end", "memory"}, {"gap", "memory"}, {"input written", "memory"},
		{"last element left out", "bound"}, {"one bit", "bound"}, {"error", "error"}, {"internal", "error"},
	} {
		r, err := Run(ctx, Options{Tested: open(t, &copier{name: "a", fault: c.fault}), Against: open(t, &copier{name: "b"}),
			Op: "copy", Seed: 1, Fault: c.fault, Repeat: func(name string, seed uint64) string { return fmt.Sprint("again ", name, " ", seed) }})
		if err != nil {
			t.Fatalf("%q: %v", c.fault, err)
		}
		if (r.Err() == nil) != (c.kind == "") {
			t.Errorf("%q: %v; %s", c.fault, r.Err(), r.Summary())
		}
		for _, f := range r.Failures {
			if f.Side != "a" || f.Kind != c.kind || f.Repeat != "again "+f.Case+" 1" || f.Seed != 1 || f.Op != "copy" {
				t.Errorf("%q: %+v", c.fault, f)
			}
		}
		// The same mistake of the other device is the other device's.
		r, err = Run(ctx, Options{Tested: open(t, &copier{name: "a"}), Against: open(t, &copier{name: "b", fault: c.fault}), Op: "copy"})
		if err != nil || (r.Err() == nil) != (c.kind == "") {
			t.Errorf("%q of the other: %v, %v", c.fault, r.Err(), err)
		}
		for _, f := range r.Failures {
			if f.Side != "b" {
				t.Errorf("%q of the other: blames %s", c.fault, f.Side)
			}
		}
	}
}

func TestRunSkipsAndRefuses(t *testing.T) {
	ctx := context.Background()
	good := open(t, &copier{name: "b"})
	r, err := Run(ctx, Options{Tested: open(t, &copier{name: "a", fault: "unsupported"}), Against: good, Op: "copy"})
	if err != nil || r.Err() == nil || len(r.Skipped)+r.Compared != r.Cases || r.Elements != 0 || len(r.Skipped) == 0 || r.Uncompared[0] != "copy" ||
		!strings.Contains(r.Skipped[0].Reason, backend.ErrNotSupported.Error()) {
		t.Errorf("a device that supports nothing: %v, %+v", err, r)
	}
	// A failure of the one is not hidden by what the other lacks.
	r, err = Run(ctx, Options{Tested: open(t, &copier{name: "a", fault: "internal"}), Against: open(t, &copier{name: "b", fault: "unsupported"}), Op: "copy"})
	if err != nil || r.Failed == 0 || r.Err() == nil {
		t.Errorf("a device that breaks and one that lacks the operation: %v, %+v", err, r)
	}
	// One operation of all: the others are skips, and the run still compares.
	r, err = Run(ctx, Options{Tested: open(t, &copier{name: "a"}), Against: good, Only: "copy/float32"})
	if err != nil || r.Err() != nil || r.Compared != r.Cases {
		t.Errorf("one element type: %v, %+v", err, r)
	}
	if _, err := Run(ctx, Options{Tested: open(t, &copier{name: "a", fault: "lost"}), Against: good}); !errors.Is(err, backend.ErrContextLost) {
		t.Errorf("a lost device: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	done := 0
	_, err = Run(cancelled, Options{Tested: open(t, &copier{name: "a"}), Against: good, Op: "copy", Progress: func(n, total int) {
		if done = n; n == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || done != 3 {
		t.Errorf("cancelled after %d cases: %v", done, err)
	}
	for name, o := range map[string]Options{
		"no device": {Against: good}, "itself": {Tested: good, Against: good},
		"unknown suite": {Tested: open(t, &copier{name: "a"}), Against: good, Suite: "slow"},
		"unknown case":  {Tested: open(t, &copier{name: "a"}), Against: good, Only: "copy/float"},
		"unknown op":    {Tested: open(t, &copier{name: "a"}), Against: good, Op: "sort"},
	} {
		if _, err := Run(ctx, o); !errors.Is(err, backend.ErrArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUncomparedOperations: an operation of which nothing was compared is told
// in the summary, and passes only where a device says that it lacks it.
func TestUncomparedOperations(t *testing.T) {
	ctx := context.Background()
	good := open(t, &copier{name: "b"})
	o := Options{Tested: open(t, &copier{name: "a"}), Against: good, Seed: 1}
	cases := append(mustSelect(t, "copy"), mustSelect(t, "matmul/float32/nn")...)
	r, err := run(ctx, o, cases)
	if err != nil || r.Err() != nil || fmt.Sprint(r.Unsupported, r.Uncompared) != "[matmul] [matmul]" ||
		!strings.Contains(r.Summary(), "; not supported, so not compared: matmul") {
		t.Errorf("matmul is not supported: %v, %v, %s", err, r.Err(), r.Summary())
	}
	// Its cases without an element run on any device and prove nothing.
	empty := slices.DeleteFunc(cases, func(c Case) bool { return c.Op == "matmul" && !strings.Contains(c.Name, "/0x5x3/") })
	r, err = run(ctx, o, empty)
	if err != nil || r.Err() == nil || fmt.Sprint(r.Unsupported, r.Uncompared, len(r.Skipped)) != "[] [matmul] 0" ||
		!strings.HasSuffix(r.Summary(), "; not compared: matmul") {
		t.Errorf("empty cases of matmul alone: %v, %v, %s", err, r.Err(), r.Summary())
	}
}

func mustSelect(t *testing.T, only string) []Case {
	t.Helper()
	cases, err := Select(only)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestBoundedModeAsksForNoBits: a device that cannot promise bits is judged by
// the bounds, which for a copy are still exact.
func TestBoundedModeAsksForNoBits(t *testing.T) {
	r, err := Run(context.Background(), Options{Tested: open(t, &copier{name: "a", mode: backend.BoundedMode}), Against: open(t, &copier{name: "b"}), Op: "copy"})
	if err != nil || r.Mode != boundedMode || r.Err() != nil {
		t.Errorf("%v, %+v", err, r)
	}
}

// recorder is a TB that remembers.
type recorder struct{ errors []string }

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Errorf(f string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(f, args...))
}

// TestTheNullBackendFails: a driver that computes nothing does not conform, for
// each operation by itself.
func TestTheNullBackendFails(t *testing.T) {
	null := func(backend.ProfileRequest) (*backend.Device, error) {
		return backend.NewDevice(&copier{name: "null", fault: "null"}, backend.Config{}), nil
	}
	var rec recorder
	RunAll(&rec, null)
	if len(rec.errors) == 0 {
		t.Fatal("the null backend conforms")
	}
	dev, _ := null("")
	defer dev.Close()
	against, err := backend.Open(context.Background(), "reference", backend.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer against.Close()
	for _, op := range backend.OpNames() {
		r, err := Run(context.Background(), Options{Tested: dev, Against: against, Op: op, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range r.Ops { // all but the empty ones and what the bounds leave open
			if o.BitIdentical > o.Compared/3 || o.Failed < o.Compared/2 {
				t.Errorf("%s: %d of %d cases have the right bits without a computation, %d failed", op, o.BitIdentical, o.Compared, o.Failed)
			}
		}
	}
	var none recorder
	RunAll(&none, func(backend.ProfileRequest) (*backend.Device, error) { return nil, backend.ErrUnavailable })
	if len(none.errors) != 2 {
		t.Errorf("a device that does not open: %q", none.errors)
	}
}

// TestSkipBudget: what a device leaves out of an operation that it has is a
// failure unless the budget allows it.
func TestSkipBudget(t *testing.T) {
	report := func(b Budget) *Report {
		r, err := Run(context.Background(), Options{Tested: open(t, &copier{name: "a", fault: "no strides"}), Against: open(t, &copier{name: "b"}),
			Only: "copy/float32", MaxSkipped: b})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := report(Budget{})
	n := len(r.Skipped)
	if n == 0 || n == r.Cases || r.SkipsCounted != n || r.SkipBudget != 0 || r.Err() == nil || !strings.Contains(r.Err().Error(), "skipped") {
		t.Fatalf("no budget: %d of %d skipped, %d counted, %v", n, r.Cases, r.SkipsCounted, r.Err())
	}
	for _, c := range []struct {
		budget Budget
		passes bool
	}{{Budget{Count: n - 1}, false}, {Budget{Count: n}, true}, {Budget{Share: float64(n) / float64(r.Cases)}, true}, {Budget{Share: 0.01}, false}, {Budget{Count: n, Share: 0.01}, true}} {
		if err := report(c.budget).Err(); (err == nil) != c.passes {
			t.Errorf("%+v of %d: %v", c.budget, n, err)
		}
	}
	// A check that was left out counts as a case does.
	r = &Report{Cases: 1, Compared: 1, Elements: 1, WithinBound: 1, BitIdentical: 1, Mode: exactMode, Ops: []OpCount{{Op: "copy", Elements: 1}},
		Checks: []Check{{Kind: "relations", Name: "copy/twice", Op: "copy", Skipped: "not here"}}}
	r.finish(Options{})
	if r.Err() == nil {
		t.Error("a check left out passes without a budget")
	}
}

func TestParseBudget(t *testing.T) {
	for s, want := range map[string]Budget{"0": {}, "12": {Count: 12}, "5%": {Share: 0.05}, "100%": {Share: 1}, "0.5%": {Share: 0.005}} {
		if b, err := ParseBudget(s); err != nil || b != want {
			t.Errorf("%q: %+v, %v", s, b, err)
		}
	}
	for _, s := range []string{"", "-1", "1.5", "101%", "-1%", "NaN%", "%", "many", "99999999999"} {
		if b, err := ParseBudget(s); !errors.Is(err, backend.ErrArgument) {
			t.Errorf("%q: %+v, %v", s, b, err)
		}
	}
	if got := (Budget{Share: 0.05}).of(39); got != 1 {
		t.Errorf("5%% of 39 are %d", got)
	}
}

// TestANaNAggregateFails: one error that is no number is not swallowed, in the
// report's largest and in the operation's.
func TestANaNAggregateFails(t *testing.T) {
	o := Options{Tested: open(t, &copier{name: "a"}), Against: open(t, &copier{name: "b"})}
	r, op := newReport(o, "a", "b", 2), &OpCount{Op: "copy"}
	for _, worst := range []float64{math.NaN(), 0.5} {
		x := &examination{trial: &trial{}, comparison: comparison{elements: 1, worst: worst, bitIdentical: true, withinBound: true}}
		x.errors.add(opinion{ratio: worst})
		r.count(o, op, Case{Name: "copy/x", Op: "copy"}, x)
	}
	if r.Err() == nil || !strings.Contains(r.Err().Error(), "not a number") || op.Errors.NaN != 1 || !math.IsNaN(float64(op.WorstError)) {
		t.Errorf("%v, %+v", r.Err(), op)
	}
}

func TestHistogramBins(t *testing.T) {
	for _, c := range []struct {
		ratio   float64
		verdict Verdict
		bin     int // −1 exact, −2 over, −3 no number
	}{
		{0, Decisive, -1}, {0, Wrong, -2}, {1, Decisive, 16}, {math.Nextafter(1, 2), Wrong, -2}, {0.5, Decisive, 15},
		{math.Nextafter(0.5, 1), Decisive, 16}, {0x1p-16, Decisive, 0}, {0x1p-15, Decisive, 1}, {1e-300, Decisive, 0},
		{math.Inf(1), Wrong, -2}, {math.NaN(), Wrong, -3}, {math.NaN(), Decisive, -3}, {0.25, Wrong, -2},
	} {
		var h Histogram
		h.add(opinion{ratio: c.ratio, verdict: c.verdict})
		n := int64(0)
		switch c.bin {
		case -1:
			n = h.Exact
		case -2:
			n = h.Over
		case -3:
			n = h.NaN
		default:
			n = h.Counts[c.bin]
		}
		if n != 1 || h.Total() != 1 {
			t.Errorf("%v, %v: %+v, want bin %d", c.ratio, c.verdict, h, c.bin)
		}
	}
	var h Histogram
	h.add(opinion{ratio: 0.5})
	h.merge(h)
	text, err := json.Marshal(h)
	var back struct {
		Exact, Over, NaN int64
		Upper            []int `json:"log2_upper"`
		Counts           []int64
	}
	if err != nil || json.Unmarshal(text, &back) != nil || len(back.Upper) != len(back.Counts) || back.Counts[15] != 2 || back.Upper[15] != -1 || back.Upper[16] != 0 {
		t.Errorf("%s, %v", text, err)
	}
}
