package verify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"samebits/backend"
	"samebits/verify/internal/broken"
)

// KillOptions say whose planted errors to look for.
type KillOptions struct {
	// Drivers are the backends whose errors are planted, as cpu or gl; the
	// verifier's own always are.
	Drivers []string
	// Devices are the names to open them by, where they are not the same: gl:1
	// for gl.
	Devices map[string]string
	// Config says how to open devices. Its Fault is not looked at.
	Config backend.Config
	// Seed is that of the mutants' cases and of the first clean run; the others
	// take the numbers after it.
	Seed uint64
	// CleanRuns is the number of runs without any error, each under its own
	// seed; 0 means 20.
	CleanRuns int
	// Only, if not empty, leaves the mutants of these names.
	Only []string
	// Progress is called after each mutant and each clean run.
	Progress func(done, total int)
}

// KillReport is the kill matrix: which check finds which planted error.
type KillReport struct {
	Passed    bool     `json:"passed"`  // Err is nil
	Verdict   string   `json:"verdict"` // what was shown, or Err's message
	Mutants   int      `json:"mutants"`
	Killed    int      `json:"killed"`
	Survivors []string `json:"survivors"` // target/mutant
	// FalseAlarms counts what the checks find in clean runs; Alarms has the
	// first of each run.
	FalseAlarms int      `json:"false_alarms"`
	Alarms      []string `json:"alarms"`
	CleanRuns   int      `json:"clean_runs"` // seeds, each on every device
	CleanCases  int      `json:"clean_cases"`
	// CleanSeconds is what the clean runs took.
	CleanSeconds float64  `json:"clean_seconds"`
	Checks       []string `json:"checks"` // the columns
	// LeftOut says which drivers' errors were not planted, and why.
	LeftOut []string  `json:"left_out"`
	Matrix  []KillRow `json:"matrix"`
	Seconds float64   `json:"matrix_seconds"`
}

// KillRow is one mutant's row.
type KillRow struct {
	Mutant   string            `json:"mutant"`
	Target   string            `json:"target"` // a driver, or verify
	Ops      []string          `json:"ops"`
	About    string            `json:"about"`
	Silent   bool              `json:"silent"` // outputs need not show it
	KilledBy []string          `json:"killed_by"`
	Passed   []string          `json:"passed"` // checks that were made and found nothing
	Signs    map[string]string `json:"signs"`  // the first sign, by check
	Seconds  float64           `json:"seconds"`
}

// Err returns nil if every mutant was killed and nothing clean was accused.
func (r *KillReport) Err() error {
	switch {
	case len(r.Survivors) > 0:
		return fmt.Errorf("%d of %s survive: %s", len(r.Survivors), plural(r.Mutants, "planted error"), firstOf(r.Survivors))
	case r.FalseAlarms > 0:
		return fmt.Errorf("%s from clean kernels, the first: %s", plural(r.FalseAlarms, "alarm"), r.Alarms[0])
	case r.Killed == 0 || r.Killed != r.Mutants:
		return fmt.Errorf("%d of %s killed", r.Killed, plural(r.Mutants, "planted error"))
	case r.CleanRuns == 0 || r.CleanCases == 0:
		return fmt.Errorf("no clean kernel was run")
	}
	return nil
}

// Kill plants every error there is, one at a time, and looks for it with every
// check that may find it; then it makes the same checks on clean devices under
// several seeds. A survivor or a false alarm is no error of Kill; see
// [KillReport.Err]. While it runs, no other run of this package judges
// soundly: the verifier's own comparators are broken in turn.
func Kill(ctx context.Context, o KillOptions) (*KillReport, error) {
	start := time.Now()
	k := &killing{ctx: ctx, o: o, clean: map[string]*backend.Device{}}
	defer k.close()
	if k.o.CleanRuns == 0 {
		k.o.CleanRuns = 20
	}
	if err := k.open(); err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(mutants(o.Drivers), func(m mutant) bool {
		return len(o.Only) > 0 && !slices.Contains(o.Only, m.Name)
	})
	k.total = len(all) + k.o.CleanRuns
	r := &KillReport{Mutants: len(all), Checks: checksOf, Survivors: []string{}, Alarms: []string{}, LeftOut: []string{}}
	for _, m := range all {
		began := time.Now()
		f, err := k.mutant(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", m.target, m.Name, err)
		}
		r.add(m, f)
		r.Matrix[len(r.Matrix)-1].Seconds = time.Since(began).Seconds()
		k.step()
	}
	began := time.Now()
	for i := range k.o.CleanRuns {
		if err := k.cleanRun(i, r); err != nil {
			return nil, fmt.Errorf("clean run %d: %w", i, err)
		}
		k.step()
	}
	r.CleanSeconds, r.Seconds = time.Since(began).Seconds(), time.Since(start).Seconds()
	if err := r.Err(); err != nil {
		r.Verdict = err.Error()
	} else {
		r.Passed, r.Verdict = true, "every planted error was found, and nothing clean was accused"
	}
	return r, nil
}

// killing is one run of Kill.
type killing struct {
	ctx         context.Context
	o           KillOptions
	reference   *backend.Device
	clean       map[string]*backend.Device
	mutants     *bench
	done, total int
}

func (k *killing) step() {
	if k.done++; k.o.Progress != nil {
		k.o.Progress(k.done, k.total)
	}
}

// open opens a clean device of every driver and the plain statements.
func (k *killing) open() (err error) {
	for _, driver := range k.o.Drivers {
		if len(backend.Faults(driver)) == 0 {
			return fmt.Errorf("%s has no planted errors: %w", driver, backend.ErrArgument)
		}
		if k.clean[driver], err = k.device(driver, ""); err != nil {
			return err
		}
	}
	if k.reference, err = k.device(plainStatements, ""); err != nil {
		return err
	}
	k.mutants = newBench(k.o.Seed, k.reference)
	return nil
}

// device opens a driver's device with an error planted, or none.
func (k *killing) device(driver, fault string) (*backend.Device, error) {
	cfg := k.o.Config
	cfg.Fault = fault
	if name := k.o.Devices[driver]; name != "" {
		driver = name
	}
	return backend.Open(k.ctx, driver, cfg)
}

func (k *killing) close() {
	for _, dev := range k.clean {
		dev.Close()
	}
	if k.reference != nil {
		k.reference.Close()
	}
}

// mutant looks for one planted error.
func (k *killing) mutant(m mutant) (f *findings, err error) {
	f = newFindings()
	if m.target == verifier {
		defer broken.Set(m.Name)()
		checkVerifier(f)
		return f, nil
	}
	if err := checkKernels(m.target, m.Name, f); err != nil {
		return nil, err
	}
	dev, err := k.device(m.target, m.Name)
	if err != nil {
		return nil, err
	}
	err = k.mutants.attack(k.ctx, dev, k.clean[m.target], m, f)
	if closing := dev.Close(); err == nil && len(f.killedBy) == 0 {
		err = closing // what a device that is known to be wrong leaves behind does not matter
	}
	return f, err
}

// add adds a mutant's row.
func (r *KillReport) add(m mutant, f *findings) {
	row := KillRow{Mutant: m.Name, Target: m.target, Ops: m.Ops, About: m.About, Silent: m.Silent,
		KilledBy: []string{}, Passed: []string{}, Signs: f.killedBy}
	for _, check := range checksOf {
		switch {
		case f.killedBy[check] != "":
			row.KilledBy = append(row.KilledBy, check)
		case f.made[check]:
			row.Passed = append(row.Passed, check)
		}
	}
	if len(row.KilledBy) > 0 {
		r.Killed++
	} else {
		r.Survivors = append(r.Survivors, m.target+"/"+m.Name)
	}
	r.Matrix = append(r.Matrix, row)
}

// share is what part of the cases, and of the operations whose relations and
// laws are looked at, one clean run takes; the runs take turns.
const share = 4

// cleanRun makes the checks that a mutant meets on clean devices.
func (k *killing) cleanRun(i int, r *KillReport) error {
	r.CleanRuns++
	seed := k.o.Seed + uint64(i)
	b := newBench(seed, k.reference)
	for _, driver := range k.o.Drivers {
		dev, f := k.clean[driver], newFindings()
		for _, op := range backend.OpNames() {
			for n, c := range b.cases[op] {
				if n%share != i%share {
					continue
				}
				if err := b.run(k.ctx, dev, c, f); err != nil {
					return err
				}
				r.CleanCases++
			}
		}
		for n, op := range backend.OpNames() {
			if n%share != i%share {
				continue
			}
			if err := checkDevice(k.ctx, Options{Tested: dev, Against: k.reference, Seed: seed, Op: op, Suite: Quick}, f); err != nil {
				return err
			}
		}
		if i == 0 { // the same whatever the seed
			if err := checkKernels(driver, "", f); err != nil {
				return err
			}
		}
		r.accuse(fmt.Sprintf("seed %d on %s", seed, dev.Info().Name), f)
	}
	if i == 0 {
		f := newFindings()
		checkVerifier(f)
		r.accuse("the verifier", f)
	}
	return nil
}

// accuse counts what was found of something clean.
func (r *KillReport) accuse(what string, f *findings) {
	for _, check := range checksOf {
		if sign := f.killedBy[check]; sign != "" {
			r.FalseAlarms++
			r.Alarms = append(r.Alarms, fmt.Sprintf("%s: %s: %s", what, check, sign))
		}
	}
}
