package verify

import (
	"slices"
	"strings"
	"testing"

	"samebits/backend"
)

func TestEveryOperationHasCases(t *testing.T) {
	var smaller []Case
	for _, s := range []Suite{Quick, Full, Nightly} {
		have := map[string]int{}
		names := map[string]bool{}
		cases := Cases(s)
		for _, c := range cases {
			have[c.Op]++
			if names[c.Name] {
				t.Errorf("%s: two cases are called %s", s, c.Name)
			}
			names[c.Name] = true
			if !strings.HasPrefix(c.Name, c.Op+"/") || strings.ContainsAny(c.Name, " '\"$`\\*?&;()<>|") {
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
		for _, c := range smaller {
			if !names[c.Name] {
				t.Errorf("%s lacks %s of the suite before it", s, c.Name)
			}
		}
		if len(cases) <= len(smaller) {
			t.Errorf("%s has %d cases, the suite before it %d", s, len(cases), len(smaller))
		}
		smaller = cases
		t.Logf("%s: %d cases %v", s, len(names), have)
	}
}

// TestEdgesHaveCases: the full suite has a product just below, at and just
// above each edge, along each of its dimensions.
func TestEdgesHaveCases(t *testing.T) {
	have := map[string]map[int]bool{}
	for _, c := range Cases(Full) {
		for i, n := range c.dims {
			key := c.Op + string(rune('0'+i))
			if have[key] == nil {
				have[key] = map[int]bool{}
			}
			have[key][n] = true
		}
	}
	for along, keys := range map[string][]string{
		"product m": {"matmul0"}, "product n": {"matmul1"}, "product k": {"matmul2"}, "integer m": {"qmatmul0"}, "integer n": {"qmatmul1"},
		"integer k": {"qmatmul2"}, "points": {"nearest0", "distances0", "pairwisesum0"}, "features": {"nearest1", "distances1", "pairwisesum1"},
		"centres": {"nearest2", "distances2", "pairwisesum2"}, "groups": {}, "row": {"softmax2", "logsumexp2", "reduce2", "topk1", "categorical1",
			"withoutreplacement1", "gumbelsoftmax1"}, "column": {"reduce1"}, "across": {"reduce2"}, "elements": {"map2", "fill1", "copy2"},
		"side": {"transpose1", "transpose2"}, "sum columns": {"scattersum1"},
	} {
		if len(edges[along]) == 0 {
			t.Errorf("no edge along %s", along)
		}
		for _, n := range around(along) {
			for _, key := range keys {
				if !have[key][n] {
					t.Errorf("%s: no case of %s with %d along dimension %c", along, key[:len(key)-1], n, key[len(key)-1])
				}
			}
		}
	}
	for along := range edges {
		if len(around(along)) == 0 {
			t.Errorf("%s has no sizes", along)
		}
	}
}

// TestOutputsThatAreNotReadArePoisoned: C of a product without beta, or with
// beta = 0, holds NaN before the run, as every output does.
func TestOutputsThatAreNotReadArePoisoned(t *testing.T) {
	checked := 0
	for _, c := range Cases(Quick) {
		if c.Op != "matmul" {
			continue
		}
		tr := c.trial(1)
		for _, a := range tr.written() {
			reads := strings.Contains(c.Name, "beta=") && !strings.Contains(c.Name, "beta=0/") && !strings.HasSuffix(c.Name, "beta=0")
			if (a.role == inout) != reads {
				t.Errorf("%s: C is %v", c.Name, a.role)
			}
			checked++
		}
	}
	if checked < 100 || !isNaNWord(poisonWord) || poisonWord == canonicalNaN || !isNaNWord(guardWord) || guardWord == canonicalNaN {
		t.Errorf("%d products; poison %08x, guard %08x", checked, poisonWord, guardWord)
	}
}

func TestFillsPlantRowsAndColumns(t *testing.T) {
	const rows, cols = 7, 5
	for kind, want := range map[fill]func(row, col int) bool{
		nanRow: func(r, _ int) bool { return r == cols }, infRow: func(r, _ int) bool { return r == cols },
		nanColumn: func(_, c int) bool { return c == rows }, infColumn: func(_, c int) bool { return c == rows },
	} {
		a := newFills(3, string(kind)).in("x", 1, rows, cols, kind)
		var inRow [rows]int
		var inCol [cols]int
		all := 0
		for e, w := range a.words {
			if w&0x7f800000 == 0x7f800000 && isNaNWord(w) == strings.HasPrefix(string(kind), "nan") {
				inRow[e/cols]++
				inCol[e%cols]++
				all++
			}
		}
		r, c := slices.Max(inRow[:]), slices.Max(inCol[:])
		if !want(r, c) || (all != rows && all != cols) {
			t.Errorf("%s: rows %v, columns %v", kind, inRow, inCol)
		}
	}
	a := newFills(3, "twins").in("x", 1, 65, cols, twins)
	same, close := 0, 0
	for i := 1; i < a.rows; i++ {
		off := 0
		for j := range cols {
			d := int32(a.words[i*cols+j] - a.words[j])
			if d != 0 && d != 1 && d != -1 {
				t.Fatalf("row %d, column %d is %d units from the first row", i, j, d)
			}
			off += int(max(d, -d))
		}
		switch off {
		case 0:
			same++
		case 1:
			close++
		default:
			t.Fatalf("row %d differs in %d places", i, off)
		}
	}
	if same < 10 || close < 10 {
		t.Errorf("%d rows are the first, %d its neighbours", same, close)
	}
}
