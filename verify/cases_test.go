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
		"side": {"transpose1", "transpose2"}, "sum columns": {"scattersum1"}, "sum rows": {"scattersum0"},
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

// TestWorkHasCases: the full suite has cases of every operation that are one
// piece of work or less, a little more, and several, by what a case counts.
func TestWorkHasCases(t *testing.T) {
	elements := func(d shape) int { return elementsOf(d) }
	words := func(d shape) int { return d[0] * d[1] * ((d[2] + 3) / 4) } // of four int8
	type counted struct {
		along string
		count func(d shape) int
	}
	kinds := map[string]counted{"matmul": {"work macs", elements}, "qmatmul": {"work macs", words},
		"copy": {"work moved", elements}, "gather": {"work moved", func(d shape) int { return (2*d[1] + 3) * d[2] }}, "transpose": {"work moved", elements}}
	for _, op := range []string{"softmax", "logsumexp", "reduce", "categorical", "withoutreplacement", "gumbelsoftmax", "topk", "filter", "fill", "map"} {
		kinds[op] = counted{"work", elements}
	}
	cases := Cases(Full)
	for op, kind := range kinds {
		size := TileEdges(kind.along)[0]
		var less, more, several bool
		for _, c := range cases {
			if c.Op != op {
				continue
			}
			n := kind.count(c.dims)
			less = less || (n <= size && 20*n > 19*size)
			more = more || (n > size && 19*n < 20*size)
			several = several || n > 3*size
		}
		if !less || !more || !several {
			t.Errorf("%s: cases of one piece of work: %v, of a little more: %v, of several: %v", op, less, more, several)
		}
	}
}

// TestLargeSizesHaveCases: the full suite has more than 2¹⁶ along each dimension
// of every operation.
func TestLargeSizesHaveCases(t *testing.T) {
	most := map[string]shape{}
	for _, c := range Cases(Full) {
		if most[c.Op] == nil {
			most[c.Op] = make(shape, len(c.dims))
		}
		for i, n := range c.dims {
			most[c.Op][i] = max(most[c.Op][i], n)
		}
	}
	for _, op := range backend.OpNames() {
		for i, n := range most[op] {
			if n <= 1<<16 && (op != "gather" || i > 0) { // which takes no batch
				t.Errorf("%s: dimension %d reaches %d", op, i+1, n)
			}
		}
	}
}

// TestBinadesAreComplete: the fill has every binade with either sign.
func TestBinadesAreComplete(t *testing.T) {
	seen := map[uint32]int{}
	for _, w := range newFills(3, "binades").in("x", 1, 2, 2048, binades).words {
		seen[w>>23]++
	}
	for b := range uint32(512) {
		if seen[b] != 8 {
			t.Errorf("sign and exponent %#x has %d numbers, want 8", b, seen[b])
		}
	}
}

// TestRoundingsAreTies: sums of the requantisation cases hit exact ties of
// either rounding, below zero and above.
func TestRoundingsAreTies(t *testing.T) {
	multiplier, shift, bias := roundings(newFills(3, "roundings"), 2000)
	seen := map[string]int{}
	for j, w := range bias.words {
		m, s, x := int64(int32(multiplier.words[j])), int(int32(shift.words[j])), int64(int32(w))
		if s > 0 || s < -20 || x == 0 || m == 0 {
			continue
		}
		sign := map[bool]string{true: "below", false: "above"}[x < 0]
		if low := x * m & (1<<31 - 1); low == 1<<30 {
			seen["first "+sign]++
		} else if low == 0 && s < 0 && x*m>>31&(1<<-s-1) == 1<<(-s-1) {
			seen["second "+sign]++
		}
	}
	for _, want := range []string{"first below", "first above", "second below", "second above"} {
		if seen[want] < 20 {
			t.Errorf("%d ties: %s zero", seen[want], want)
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
	if checked < 100 || !isNaNWord(poisonWord) || poisonWord == canonicalNaN {
		t.Errorf("%d products; poison %08x", checked, poisonWord)
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
