package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
	// Repeats is how often Tested runs each case again, to show races: its bits
	// must repeat. 0 means never in the quick suite and a few times for a
	// sample of the others, negative never.
	Repeats int
	// Fault is the name of the error planted into Tested, for the report.
	Fault string
	// Repeat returns the command that runs one case again; nil for none.
	Repeat func(name string, seed uint64) string
	// Progress is called after each case.
	Progress func(done, total int)
	// MaxFailures bounds Report.Failures, not Report.Failed; 0 means 100.
	MaxFailures int
	// MaxSkipped is how many cases and checks may be skipped, besides those of
	// an operation that a device does not support at all. More make Report.Err.
	MaxSkipped Budget
	// Digests asks for those of every case, for [NewRecord].
	Digests bool
	// Keep is of how many failed cases Report.Artefacts keeps the data.
	Keep int
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
		return nil, fmt.Errorf("operation %q has no cases, want one of %s: %w", o.Op, strings.Join(backend.OpNames(), ", "), backend.ErrArgument)
	}
	return cases, nil
}

// run runs the cases given and then the checks.
func run(ctx context.Context, o Options, cases []Case) (*Report, error) {
	names := o.sideNames()
	r := newReport(o, names[0], names[1], len(cases))
	err := r.eachCase(ctx, o, cases, func(c Case) (*examination, error) { return o.examine(ctx, c, o.Seed) })
	if err != nil {
		return nil, err
	}
	if o.Only == "" {
		if err := r.check(ctx, o); err != nil {
			return nil, err
		}
	}
	r.finish(o)
	return r, nil
}

// eachCase examines and counts the cases in order.
func (r *Report) eachCase(ctx context.Context, o Options, cases []Case, examine func(Case) (*examination, error)) error {
	ops := map[string]*OpCount{}
	for _, c := range cases {
		if ops[c.Op] == nil {
			ops[c.Op] = &OpCount{Op: c.Op}
		}
	}
	for i, c := range cases {
		if err := ctx.Err(); err != nil {
			return err
		}
		x, err := examine(c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		r.count(o, ops[c.Op], c, x)
		if o.Progress != nil {
			o.Progress(i+1, len(cases))
		}
	}
	for _, name := range backend.OpNames() {
		if op := ops[name]; op != nil {
			r.Ops = append(r.Ops, *op)
		}
	}
	return nil
}
