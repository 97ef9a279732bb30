package verify_test

import (
	"strings"
	"testing"

	"samebits/backend"
	_ "samebits/gpu"
	"samebits/verify"
)

func TestSourceCheckPassesCleanKernels(t *testing.T) {
	complaints, checked, err := verify.CheckSource("gl", "")
	if err != nil || len(complaints) > 0 {
		t.Errorf("%q, %v", complaints, err)
	}
	if checked < 40 {
		t.Errorf("only %d texts were read", checked)
	}
}

// Errors that results need not show are the source check's to find, and it
// complains of no others.
func TestSourceCheckFindsDroppedBarriers(t *testing.T) {
	silent := 0
	for _, f := range backend.Faults("gl") {
		complaints, _, err := verify.CheckSource("gl", f.Name)
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if f.Silent {
			silent++
			if len(complaints) == 0 {
				t.Errorf("%s passes", f.Name)
			}
			t.Logf("%s: %s", f.Name, strings.Join(complaints, "; "))
		} else if len(complaints) > 0 && f.Name != "reduce-tree-reversed" {
			t.Errorf("%s, which drops no barrier: %q", f.Name, complaints)
		}
	}
	if silent < 5 {
		t.Errorf("only %d errors are silent", silent)
	}
}
