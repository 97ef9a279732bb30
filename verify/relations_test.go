package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"samebits/backend"
	_ "samebits/cpu"
)

func openForRelations(t *testing.T, name string, mac backend.ProfileRequest) *backend.Device {
	t.Helper()
	dev, err := backend.Open(context.Background(), name, backend.Config{Profile: mac})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

// related runs all relations and returns what they found.
func related(t *testing.T, o Options, alter func(outputs)) []Check {
	t.Helper()
	var all []Check
	r := &relating{ctx: context.Background(), o: o, found: func(c Check) { all = append(all, c) }, alter: alter}
	for _, run := range []func() error{r.rowByRow, r.threads, func() error { return r.special(newFills(o.Seed, "relations/special")) }} {
		if err := run(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestRelationsHold(t *testing.T) {
	for _, name := range []string{"cpu", "reference"} {
		for _, mac := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
			all := related(t, Options{Tested: openForRelations(t, name, mac), Seed: 7}, nil)
			for _, c := range all {
				if !c.Passed || c.Skipped != "" {
					t.Errorf("%s, %s: %s: %s %s", name, mac, c.Name, c.Message, c.Skipped)
				}
			}
		}
	}
}

// Every operation has a relation, and every relation has a name of its own.
func TestRelationsCoverEveryOperation(t *testing.T) {
	all := related(t, Options{Tested: openForRelations(t, "cpu", backend.ProfileSplit), Seed: 1}, nil)
	ops, names := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		if names[c.Name] {
			t.Errorf("%s twice", c.Name)
		}
		ops[c.Op], names[c.Name] = true, true
	}
	for _, op := range backend.OpNames() {
		if !ops[op] {
			t.Errorf("no relation of %s", op)
		}
	}
	for _, kind := range []string{"alone", "permuted", "chunked", "padded", "scaled", "threads"} {
		if !slices.ContainsFunc(all, func(c Check) bool { return strings.HasSuffix(c.Name, "/"+kind) }) {
			t.Errorf("no relation is called %s", kind)
		}
	}
}

// A relation that did not look at one of its runs would be blind to half of the
// errors: whichever run is spoiled, it must say so.
func TestRelationsNoticeEverySpoiledRun(t *testing.T) {
	for _, op := range backend.OpNames() {
		t.Run(op, func(t *testing.T) {
			o := Options{Tested: openForRelations(t, "cpu", backend.ProfileSplit), Seed: 3, Op: op}
			runs := 0
			relatedOnly(t, o, func(outputs) { runs++ })
			for spoil := range runs {
				n := 0
				var failed []string
				for _, c := range relatedOnly(t, o, func(out outputs) {
					if n++; n-1 == spoil {
						for _, name := range sortedNames(out) {
							if len(out[name]) > 0 {
								out[name][0] ^= 0x40000000
							}
						}
					}
				}) {
					if !c.Passed {
						failed = append(failed, c.Name)
					}
				}
				if len(failed) == 0 {
					t.Errorf("run %d of %d was spoiled and nothing noticed", spoil, runs)
				}
			}
		})
	}
}

// relatedOnly leaves out the threads, whose runs are long.
func relatedOnly(t *testing.T, o Options, alter func(outputs)) []Check {
	t.Helper()
	var all []Check
	r := &relating{ctx: context.Background(), o: o, found: func(c Check) { all = append(all, c) }, alter: alter}
	if err := r.rowByRow(); err != nil {
		t.Fatal(err)
	}
	if err := r.special(newFills(o.Seed, "relations/special")); err != nil {
		t.Fatal(err)
	}
	return all
}

func sortedNames(out outputs) []string {
	var names []string
	for name := range out {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A device that fails or lacks an operation is reported as such, not as a
// relation that holds.
func TestRelationsOfADeviceThatFails(t *testing.T) {
	for fault, want := range map[string]func(Check) bool{
		"unsupported": func(c Check) bool { return c.Skipped != "" && !c.Passed },
		"error":       func(c Check) bool { return !c.Passed && c.Skipped == "" },
		"internal":    func(c Check) bool { return !c.Passed && c.Skipped == "" },
	} {
		dev := backend.NewDevice(&copier{name: "broken", fault: fault, mode: backend.ExactMode}, backend.Config{})
		all := related(t, Options{Tested: dev, Seed: 1, Op: "copy"}, nil)
		if len(all) == 0 {
			t.Fatalf("%s: nothing was reported", fault)
		}
		for _, c := range all {
			if !want(c) {
				t.Errorf("%s: %s", fault, fmt.Sprintf("%+v", c))
			}
		}
	}
}
