package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"samebits/backend"
)

// plainStatements is the backend that runs package exact as it stands: where
// bits differ, it is right.
const plainStatements = "reference"

const (
	exactMode   = string(backend.ExactMode)
	boundedMode = string(backend.BoundedMode)
)

// Options say what to run. Tested and Against are required.
type Options struct {
	// Tested is the device under test, Against the one it is compared with.
	// They must follow one mac.
	Tested, Against *backend.Device
	// Referee, if not nil, decides who is wrong where the two differ within
	// the bounds: a device of the same mac that runs the plain statements.
	Referee *backend.Device
	// Suite is the selection of cases; empty means quick.
	Suite Suite
	// Only is a case's name, or the beginning of some up to a '/'; it
	// overrides Suite.
	Only string
	// Op, if not empty, leaves the suite's cases of one operation.
	Op string
	// Seed feeds the fills and draws.
	Seed uint64
	// Fault is the name of the error planted into Tested, for the report.
	Fault string
	// Repeat returns the command that runs one case again; nil for none.
	Repeat func(name string) string
	// Progress is called after each case.
	Progress func(done, total int)
	// MaxFailures bounds Report.Failures, not Report.Failed; 0 means 100.
	MaxFailures int
}

// Run runs the cases on both devices and judges what they give. A case that a
// device does not support is skipped, with the reason; any other error of a
// device is a failed case. A difference is no error of Run; see [Report.Err].
// Errors wrap backend.ErrArgument for options that make no comparison,
// backend.ErrContextLost where a device is gone, or are the context's.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Tested == nil || o.Against == nil {
		return nil, fmt.Errorf("verify: two devices are needed: %w", backend.ErrArgument)
	}
	if o.Tested == o.Against {
		return nil, fmt.Errorf("verify: a device compared with itself proves nothing: %w", backend.ErrArgument)
	}
	if err := o.Suite.Check(); err != nil {
		return nil, err
	}
	if a, b := o.Tested.Profile().Mac, o.Against.Profile().Mac; a != b {
		return nil, fmt.Errorf("verify: %s follows %v and %s %v: %w",
			o.Tested.Info().Name, a, o.Against.Info().Name, b, backend.ErrArgument)
	}
	cases, err := o.cases()
	if err != nil {
		return nil, err
	}
	return run(ctx, o, cases)
}

// cases returns the cases that the options select.
func (o Options) cases() ([]Case, error) {
	if o.Only != "" {
		return Select(o.Only)
	}
	cases := Cases(o.Suite)
	if o.Op == "" {
		return cases, nil
	}
	cases = slices.DeleteFunc(cases, func(c Case) bool { return c.Op != o.Op })
	if len(cases) == 0 {
		return nil, fmt.Errorf("operation %q has no cases, want one of %v: %w", o.Op, backend.OpNames(), backend.ErrArgument)
	}
	return cases, nil
}

// run runs the cases given.
func run(ctx context.Context, o Options, cases []Case) (*Report, error) {
	r := &Report{Suite: o.Suite, Tested: o.Tested.Info().Name, Against: o.Against.Info().Name,
		Mode: exactMode, Fault: o.Fault, Cases: len(cases), Skipped: []Skip{}, Failures: []Failure{}, Uncompared: []string{}, Unsupported: []string{}}
	if r.Suite == "" {
		r.Suite = Quick
	}
	for _, d := range []*backend.Device{o.Tested, o.Against} {
		if d.Profile().Mode == backend.BoundedMode {
			r.Mode = boundedMode
		}
	}
	if r.Tested == r.Against {
		r.Against += " (second)"
	}
	ops := map[string]*OpCount{}
	for i, c := range cases {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		op := ops[c.Op]
		if op == nil {
			op = &OpCount{Op: c.Op}
			ops[c.Op] = op
		}
		op.Cases++
		if err := runCase(ctx, o, c, r, op); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		if o.Progress != nil {
			o.Progress(i+1, len(cases))
		}
	}
	for _, name := range backend.OpNames() {
		op := ops[name]
		if op == nil {
			continue
		}
		r.Ops = append(r.Ops, *op)
		if op.Elements == 0 { // cases of empty tensors run everywhere and prove nothing
			r.Uncompared = append(r.Uncompared, name)
			if op.Skipped > 0 && op.Failed == 0 {
				r.Unsupported = append(r.Unsupported, name)
			}
		}
	}
	limit := o.MaxFailures
	if limit == 0 {
		limit = 100
	}
	r.Failures = r.Failures[:min(limit, len(r.Failures))]
	return r, nil
}

// runCase runs and judges one case.
func runCase(ctx context.Context, o Options, c Case, r *Report, op *OpCount) error {
	tr := c.make(newFills(o.Seed, c.Name))
	on := func(dev *backend.Device, name string) side {
		s := side{name: name}
		s.out, s.spoiled, s.err = tr.run(ctx, dev)
		return s
	}
	start := time.Now()
	tested, against := on(o.Tested, r.Tested), on(o.Against, r.Against)
	op.Seconds += time.Since(start).Seconds()
	// A driver that breaks is a failed case, whatever else is said.
	internal := errors.Is(tested.err, backend.ErrInternal) || errors.Is(against.err, backend.ErrInternal)
	for _, s := range []side{tested, against} {
		switch {
		case s.err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(s.err, backend.ErrContextLost), errors.Is(s.err, backend.ErrClosed):
			return s.err
		case errors.Is(s.err, backend.ErrNotSupported) && !internal:
			op.Skipped++
			r.Skipped = append(r.Skipped, Skip{Case: c.Name, Op: c.Op, Reason: s.err.Error()})
			return nil
		}
	}
	var referee func() (side, error)
	switch {
	case o.Against.Info().Kind == plainStatements:
		referee = func() (side, error) { return against, nil }
	case o.Referee != nil:
		referee = func() (side, error) {
			s := on(o.Referee, "referee")
			return s, s.err
		}
	}
	res := compare(c, tr, tested, against, r.Mode == exactMode, referee)
	if f := res.failure; f != nil {
		f.Seed = o.Seed
		if o.Repeat != nil {
			f.Repeat = o.Repeat(c.Name)
		}
	}
	r.count(op, res)
	return nil
}
