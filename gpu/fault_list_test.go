package gpu

import (
	"errors"
	"slices"
	"testing"

	"samebits/backend"
)

func TestFaultsAreListedOnceAndChecked(t *testing.T) {
	list := Faults()
	if len(list) < 5 || !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Errorf("faults: %q", list)
	}
	for _, name := range list {
		if err := checkFault(name); err != nil {
			t.Error(err)
		}
	}
	if err := checkFault("no-such-fault"); !errors.Is(err, backend.ErrArgument) {
		t.Errorf("got %v", err)
	}
	if got := faultDefine("matmul-k-tail-dropped"); got != "FAULT_MATMUL_K_TAIL_DROPPED" {
		t.Errorf("define %s", got)
	}
}
