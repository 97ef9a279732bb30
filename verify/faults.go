package verify

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	"samebits/backend"
	"samebits/verify/internal/broken"
)

// The checks that may kill a mutant: the columns of the kill matrix.
const (
	byBits      = "bits"       // outputs differ from the plain statements' bits
	byOracle    = "oracle"     // outputs lie outside the bounds of the oracle in float64
	byMemory    = "memory"     // a guard word or an input was overwritten
	byError     = "error"      // the device refused or failed
	byRelations = "relations"  // runs of the device disagree with each other
	bySamplers  = "samplers"   // draws do not follow their law
	bySource    = "source"     // the kernel's text lacks a barrier
	byGradients = "gradients"  // the gradient checkers misjudge known pairs
	bySelf      = "self-check" // the comparators misjudge known outputs
)

// checksOf are the columns in the order in which they are made.
var checksOf = []string{byBits, byOracle, byMemory, byError, byRelations, bySamplers, bySource, byGradients, bySelf}

// mutant is one planted error, of a driver or of the verifier itself.
type mutant struct {
	target string // a driver, or "verify"
	backend.Fault
}

const verifier = "verify"

// mutants lists the planted errors of the drivers given and of the verifier.
func mutants(drivers []string) []mutant {
	var all []mutant
	for _, driver := range drivers {
		for _, f := range backend.Faults(driver) {
			all = append(all, mutant{driver, f})
		}
	}
	for _, m := range broken.Mutants() {
		all = append(all, mutant{verifier, backend.Fault{Name: m.Name, Ops: []string{}, About: m.About}})
	}
	return all
}

// findings are what checks have found of one device, or of the verifier.
type findings struct {
	killedBy map[string]string // the first sign, by check
	made     map[string]bool   // checks that were made
}

func newFindings() *findings { return &findings{map[string]string{}, map[string]bool{}} }

// found notes that a check was made, and what it found; empty for nothing.
func (f *findings) found(check, sign string) {
	f.made[check] = true
	if sign != "" && f.killedBy[check] == "" {
		f.killedBy[check] = sign
	}
}

// bench holds the selected cases of every operation under one seed, with what
// the plain statements make of them.
type bench struct {
	seed    uint64
	against *backend.Device // the plain statements
	cases   map[string][]Case
	ready   map[string]*prepared
}

type prepared struct {
	trial   *trial
	against side
}

func newBench(seed uint64, against *backend.Device) *bench {
	b := &bench{seed: seed, against: against, cases: map[string][]Case{}, ready: map[string]*prepared{}}
	for _, c := range Cases(Quick) {
		b.cases[c.Op] = append(b.cases[c.Op], c)
	}
	// Neighbours in the suite are alike, so that the names' hashes give a
	// selection that soon has seen everything.
	for _, list := range b.cases {
		slices.SortStableFunc(list, func(x, y Case) int { return int(int64(hashOf(x.Name)) - int64(hashOf(y.Name))) })
	}
	return b
}

func hashOf(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()
}

// run runs one case on a device and notes what it finds.
func (b *bench) run(ctx context.Context, dev *backend.Device, c Case, f *findings) error {
	p := b.ready[c.Name]
	if p == nil {
		p = &prepared{trial: c.trial(b.seed)}
		p.against = side{name: plainStatements}
		if p.against.out, p.against.spoiled, p.against.err = p.trial.run(ctx, b.against); p.against.err != nil {
			return fmt.Errorf("%s: %s: %w", c.Name, plainStatements, p.against.err)
		}
		b.ready[c.Name] = p
	}
	tested := side{name: dev.Info().Name}
	tested.out, tested.spoiled, tested.err = p.trial.run(ctx, dev)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(tested.err, backend.ErrContextLost), errors.Is(tested.err, backend.ErrClosed):
		return tested.err
	case errors.Is(tested.err, backend.ErrNotSupported) && !errors.Is(tested.err, backend.ErrInternal):
		return nil
	case tested.err != nil:
		f.found(byError, c.Name+": "+tested.err.Error())
		return nil
	}
	exact := dev.Profile().Mode != backend.BoundedMode
	res := compare(c, p.trial, tested, p.against, exact, nil)
	sign := c.Name
	if res.failure != nil {
		sign += ": " + res.failure.Message
	}
	for _, check := range []struct {
		name  string
		fails bool
		sign  string
	}{
		{byBits, exact && !res.bitIdentical, sign}, {byOracle, !res.withinBound, sign},
		{byMemory, tested.spoiled != "", c.Name + ": " + tested.spoiled}, {byError, false, ""},
	} {
		if !check.fails {
			check.sign = ""
		}
		f.found(check.name, check.sign)
	}
	return nil
}

// afterwards is how many cases run on after the first that kills a mutant, to
// see which other checks do.
const afterwards = 6

// attack runs the cases of a mutant's operations, a round robin over them, and
// then the checkers.
func (b *bench) attack(ctx context.Context, dev, clean *backend.Device, m mutant, f *findings) error {
	most := 0
	for _, op := range m.Ops {
		most = max(most, len(b.cases[op]))
	}
	left := -1 // cases to go once one has killed
	for i := 0; i < most && left != 0; i++ {
		for _, op := range m.Ops {
			if i >= len(b.cases[op]) || left == 0 {
				continue
			}
			if err := b.run(ctx, dev, b.cases[op][i], f); err != nil {
				return err
			}
			if left > 0 {
				left--
			} else if len(f.killedBy) > 0 {
				left = afterwards
			}
		}
	}
	// The relations of one operation tell of the others that share its kernel.
	return checkDevice(ctx, Options{Tested: dev, Against: clean, Seed: b.seed, Op: m.Ops[0], Suite: Quick, Fault: m.Name}, f)
}

// checkDevice makes the checks of all checkers, each until it finds something.
func checkDevice(ctx context.Context, o Options, f *findings) error {
	for _, c := range checkers {
		if f.killedBy[c.kind] != "" {
			continue
		}
		inner, stop := context.WithCancel(ctx)
		err := c.run(inner, o, func(k Check) {
			if k.Skipped != "" || inner.Err() != nil {
				return
			}
			sign := ""
			if !k.Passed {
				sign = k.Name + ": " + k.Message
				stop()
			}
			f.found(c.kind, sign)
		})
		stop()
		if err != nil && (ctx.Err() != nil || f.killedBy[c.kind] == "") {
			return fmt.Errorf("%s: %w", c.kind, err)
		}
	}
	return nil
}

// checkVerifier makes the verifier judge outputs and draws of known verdict.
func checkVerifier(f *findings) {
	for _, c := range selfChecks {
		sign := ""
		if err := c.run(); err != nil {
			sign = err.Error()
		}
		f.found(c.check, sign)
	}
}

// checkKernels reads a driver's kernels with an error planted, or none.
func checkKernels(driver, fault string, f *findings) error {
	complaints, checked, err := CheckSource(driver, fault)
	if err != nil || checked == 0 {
		return err
	}
	sign := ""
	if len(complaints) > 0 {
		sign = complaints[0]
	}
	f.found(bySource, sign)
	return nil
}
