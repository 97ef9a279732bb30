package cpu

import (
	"fmt"
	"slices"

	"samebits/backend"
)

// faults are the errors that verification can plant into this driver's
// kernels, by name. A kernel asks d.fault at one place; the plain statements
// of package exact have none.
var faults []string

// addFault makes a planted error known and returns its name.
func addFault(name string) string {
	faults = append(faults, name)
	return name
}

// Faults lists the planted errors this driver knows.
func Faults() []string { return slices.Clone(faults) }

func checkFault(name string) error {
	if name != "" && !slices.Contains(faults, name) {
		return fmt.Errorf("planted error %q: the cpu driver has %v: %w", name, faults, backend.ErrArgument)
	}
	return nil
}
