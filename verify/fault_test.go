package verify_test

import (
	"context"
	"strings"
	"testing"

	"samebits/backend"
	"samebits/cpu"
	"samebits/verify"
)

// findPlanted runs the quick cases of the operation that a fault's name begins
// with on tested, which has the fault, and fails unless the run names tested.
func findPlanted(t *testing.T, name string, tested *backend.Device) {
	t.Helper()
	ctx := context.Background()
	p := backend.ProfileRequest(tested.Profile().Mac.String())
	open := func(name string) *backend.Device {
		dev, err := backend.Open(ctx, name, backend.Config{Profile: p})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { dev.Close() })
		return dev
	}
	op := operationOf(name)
	r, err := verify.Run(ctx, verify.Options{Tested: tested, Against: open("reference"), Seed: 1, Fault: name, Op: op})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failed == 0 {
		t.Fatalf("survived: %s", r.Summary())
	}
	for _, f := range r.Failures {
		if f.Side != r.Tested {
			t.Errorf("%s: blames %s: %s", f.Case, f.Side, f.Message)
		}
	}
	t.Logf("%s; %s", r.Summary(), r.Failures[0].Message)
}

// operationOf returns the operation whose name a fault's begins, or whose name
// begins as the fault's does; empty for all.
func operationOf(fault string) string {
	first, _, _ := strings.Cut(fault, "-")
	for _, op := range backend.OpNames() {
		if op == first {
			return op
		}
	}
	for _, op := range backend.OpNames() {
		if strings.HasPrefix(op, first) {
			return op
		}
	}
	return ""
}

// A whole run blames the device that has the error. One error in six is enough
// here: the kill matrix finds every one of them.
func TestARunBlamesTheDeviceWithAPlantedError(t *testing.T) {
	faults := cpu.Faults()
	if len(faults) == 0 {
		t.Fatal("the cpu driver has no planted error")
	}
	for _, p := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		for i, name := range faults {
			if i%6 != 0 {
				continue
			}
			t.Run(string(p)+"/"+name, func(t *testing.T) {
				dev, err := backend.Open(context.Background(), "cpu", backend.Config{Profile: p, Fault: name})
				if err != nil {
					t.Fatal(err)
				}
				defer dev.Close()
				findPlanted(t, name, dev)
			})
		}
	}
}
