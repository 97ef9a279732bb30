package cluster

import (
	"errors"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestCompareLabelsKnownValues holds both scores to scikit-learn 1.2.1
// (adjusted_rand_score, normalized_mutual_info_score). Those that are short
// fractions are also what the definitions give by hand: for {0,0,1,1,2,2} in
// {0,0,0,1,1,1}, S = 2, A = 6, B = 3 and T = 15 give (2 − 18/15)/(4.5 − 18/15).
func TestCompareLabelsKnownValues(t *testing.T) {
	for _, c := range []struct {
		name         string
		truth, found []int
		ari, nmi     float64
	}{
		{"same", []int{0, 0, 1, 1}, []int{0, 0, 1, 1}, 1, 1},
		{"other names", []int{0, 0, 1, 1}, []int{7, 7, -3, -3}, 1, 1},
		{"one split", []int{0, 0, 1, 1}, []int{0, 0, 1, 2}, 4.0 / 7, 0.8},
		{"across", []int{0, 0, 1, 1}, []int{0, 1, 0, 1}, -0.5, 0},
		{"one class, all apart", []int{0, 0, 0, 0}, []int{0, 1, 2, 3}, 0, 0},
		{"one class, two clusters", []int{0, 0, 0, 0}, []int{0, 0, 1, 1}, 0, 0},
		{"one each", []int{0, 0, 0, 0}, []int{5, 5, 5, 5}, 1, 1},
		{"all apart", []int{0, 1, 2, 3}, []int{3, 2, 1, 0}, 1, 1},
		{"one row", []int{0}, []int{5}, 1, 1},
		{"three in two", []int{0, 0, 0, 1, 1, 1}, []int{0, 0, 1, 1, 2, 2}, 8.0 / 33, 0.5158037429793888},
		{"17 rows", []int{1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3}, []int{1, 1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 3, 1, 1, 3, 3, 3},
			0.242914979757085, 0.36456177185718996},
	} {
		for swap := range 2 {
			a, b := c.truth, c.found
			if swap == 1 {
				a, b = b, a
			}
			got, err := CompareLabels(a, b)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.ARI-c.ari) > 1e-15 || math.Abs(got.NMI-c.nmi) > 1e-15 {
				t.Errorf("%s: ari %.17g nmi %.17g, want %.17g %.17g", c.name, got.ARI, got.NMI, c.ari, c.nmi)
			}
		}
	}
	if _, err := CompareLabels([]int{1}, []int{1, 2}); !errors.Is(err, ErrInput) {
		t.Errorf("different lengths: %v", err)
	}
	if _, err := CompareLabels([]string{}, []int{}); !errors.Is(err, ErrInput) {
		t.Errorf("no rows: %v", err)
	}
}

// TestCompareLabelsLaws: new names and another order of rows change nothing,
// the ARI is what counting all pairs gives, and 1 means the same partition.
func TestCompareLabelsLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "n")
		a := rapid.SliceOfN(rapid.IntRange(0, 4), n, n).Draw(t, "a")
		b := rapid.SliceOfN(rapid.IntRange(0, 5), n, n).Draw(t, "b")
		got, err := CompareLabels(a, b)
		if err != nil {
			t.Fatal(err)
		}
		var both, inA, inB, all float64
		for i := range n {
			for j := range i {
				same := [2]bool{a[i] == a[j], b[i] == b[j]}
				all++
				if same[0] {
					inA++
				}
				if same[1] {
					inB++
				}
				if same[0] && same[1] {
					both++
				}
			}
		}
		if under := (inA+inB)/2 - inA*inB/all; under > 1e-9 {
			if want := (both - inA*inB/all) / under; math.Abs(got.ARI-want) > 1e-12 {
				t.Fatalf("ari %v, pairs give %v", got.ARI, want)
			}
		}
		if same := both == inA && both == inB; same != (got.ARI == 1) || same != (got.NMI == 1) {
			t.Fatalf("the same partition %v, ari %v, nmi %v", same, got.ARI, got.NMI)
		}
		order := rapid.Permutation(indices(n)).Draw(t, "order")
		names, moved := make([]string, n), make([]int, n)
		for i, from := range order {
			names[i] = strconv.Itoa(9 - a[from])
			moved[i] = b[from]
		}
		again, err := CompareLabels(moved, names)
		if err != nil || again.ARI != got.ARI || math.Abs(again.NMI-got.NMI) > 1e-14 {
			t.Fatalf("%+v after renaming, %+v before (%v)", again, got, err)
		}
	})
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
