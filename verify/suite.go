package verify

import (
	"context"
	"fmt"

	"samebits/backend"
)

// TB is what RunAll needs of a *testing.T.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
}

// RunAll is the conformance suite of a backend: the quick suite under the fused
// and the split profile, against the plain statements of package exact. open
// opens the device under test for a profile; RunAll closes it. The program
// must link a driver named "reference" (package cpu has it).
//
//	func TestConformance(t *testing.T) { verify.RunAll(t, open) }
func RunAll(t TB, open func(profile backend.ProfileRequest) (*backend.Device, error)) {
	t.Helper()
	for _, p := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		r, err := conform(p, open)
		if err == nil {
			err = r.Err()
			t.Logf("profile %s: %s", p, r.Summary())
			for _, f := range r.Failures {
				t.Errorf("profile %s: %s: %s: %s", p, f.Case, f.Kind, f.Message)
			}
			for _, op := range r.Uncompared {
				t.Logf("profile %s: no case of %s was compared", p, op)
			}
		}
		if err != nil {
			t.Errorf("profile %s: %v", p, err)
		}
	}
}

func conform(p backend.ProfileRequest, open func(backend.ProfileRequest) (*backend.Device, error)) (*Report, error) {
	ctx := context.Background()
	tested, err := open(p)
	if err != nil {
		return nil, fmt.Errorf("opening the device under test: %w", err)
	}
	defer tested.Close()
	against, err := backend.Open(ctx, plainStatements, backend.Config{Profile: p})
	if err != nil {
		return nil, fmt.Errorf("opening the plain statements: %w", err)
	}
	defer against.Close()
	return Run(ctx, Options{Tested: tested, Against: against, Seed: 1, MaxFailures: 20})
}
