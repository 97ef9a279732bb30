package gpu

import (
	"fmt"
	"slices"
	"strings"

	"samebits/backend"
)

// faults are the errors that verification can plant into this driver's kernels. The shaders see the one that is
// switched on as a define (faultDefine); those that the cpu driver can make too have its name.
var faults = []string{
	"matmul-k-tail-dropped",           // the product leaves out the last element along K
	"matmul-beta-reads-c",             // the product reads C although beta is 0
	"softmax-without-max",             // the row's maximum is not taken away
	"categorical-temperature-ignored", // draws from softmax(x) whatever the temperature
	"fill-philox-round-missing",       // nine rounds of Philox
	"nearest-ties-reversed",           // of equally near rows the highest index wins
	"nearest-shift-ignored",           // scores come from unshifted values
	"scatter-low-part-dropped",        // sums only the high part of each element
	"map-relu-keeps-minus-zero",       // relu(−0) = −0
	"reduce-nan-blind-argmax",         // an argmax passes NaN by
	"gather-index-out-of-bounds",      // an index outside the rows takes the nearest row
}

// Faults lists the planted errors this driver knows, in alphabetical order; the list does not depend on the build.
func Faults() []string {
	return slices.Sorted(slices.Values(faults))
}

func checkFault(name string) error {
	if name != "" && !slices.Contains(faults, name) {
		return fmt.Errorf("planted error %q: the gl driver has %v: %w", name, faults, backend.ErrArgument)
	}
	return nil
}

// faultDefine is what shaders see: FAULT_MATMUL_K_TAIL_DROPPED.
func faultDefine(name string) string {
	return "FAULT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}
