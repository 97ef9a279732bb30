package verify

import (
	"slices"
	"strings"
	"testing"

	"samebits/backend"
)

func TestEveryOperationHasCases(t *testing.T) {
	for _, s := range []Suite{Quick, Full} {
		have := map[string]int{}
		names := map[string]bool{}
		for _, c := range Cases(s) {
			have[c.Op]++
			if names[c.Name] {
				t.Errorf("%s: two cases are called %s", s, c.Name)
			}
			names[c.Name] = true
			if !strings.HasPrefix(c.Name, c.Op+"/") || strings.ContainsAny(c.Name, " '\"$`\\") {
				t.Errorf("%s: %q does not begin with its operation or needs quoting", s, c.Name)
			}
		}
		for _, op := range backend.OpNames() {
			if have[op] < 10 {
				t.Errorf("%s: operation %s has %d cases, want 10 or more", s, op, have[op])
			}
		}
		for op := range have {
			if !slices.Contains(backend.OpNames(), op) {
				t.Errorf("%s: cases of %s, which is no operation", s, op)
			}
		}
		t.Logf("%s: %d cases %v", s, len(names), have)
	}
}
