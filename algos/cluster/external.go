package cluster

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// Agreement says how far two labellings of the same rows agree. Neither score
// cares for the names of the labels or for which labelling comes first.
type Agreement struct {
	// ARI is the adjusted Rand index (Hubert & Arabie 1985): the share of
	// pairs of rows on which the labellings agree, moved and scaled so that 0
	// is what chance gives and 1 is the same partition. It can be negative.
	// It is an exact rational, rounded once.
	ARI float64
	// NMI is the normalised mutual information, I(U;V) over the arithmetic
	// mean of the entropies H(U) and H(V), 0 to 1; scikit-learn's default.
	// It is not corrected for chance: more labels score higher.
	NMI float64
	// Classes and Clusters are the numbers of different labels.
	Classes, Clusters int
}

// CompareLabels scores the labels found against the true ones, row by row.
// Two labellings that each have one label, or that each tell all rows apart,
// are the same partition and score 1. Slices of different lengths, or without
// a row, are an error that wraps ErrInput.
//
// Cost: n·ln n comparisons; no table of classes × clusters is formed.
func CompareLabels[T, U cmp.Ordered](truth []T, found []U) (Agreement, error) {
	n := len(truth)
	if n != len(found) || n == 0 {
		return Agreement{}, fmt.Errorf("labels of %d rows against %d: %w", n, len(found), ErrInput)
	}
	u, classes := rankLabels(truth)
	v, clusters := rankLabels(found)
	cells := map[[2]int32]int64{}
	for i := range u {
		cells[[2]int32{u[i], v[i]}]++
	}
	c := contingency{n: int64(n), classes: classes, clusters: clusters}
	for at, count := range cells {
		c.cells = append(c.cells, cell{at[0], at[1], count})
	}
	slices.SortFunc(c.cells, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.cluster, b.cluster))
	})
	return Agreement{ARI: c.adjustedRand(), NMI: c.normalisedInformation(), Classes: len(classes), Clusters: len(clusters)}, nil
}

// rankLabels gives each row the rank of its label, and counts the rows of each.
func rankLabels[T cmp.Ordered](labels []T) (rank []int32, counts []int64) {
	names := slices.Clone(labels)
	slices.Sort(names)
	names = slices.Compact(names)
	counts = make([]int64, len(names))
	rank = make([]int32, len(labels))
	for i, l := range labels {
		r, _ := slices.BinarySearch(names, l)
		rank[i] = int32(r)
		counts[r]++
	}
	return rank, counts
}

// contingency counts the rows of each class in each cluster, empty cells left out.
type contingency struct {
	n                 int64
	classes, clusters []int64
	cells             []cell // by class, then cluster
}

type cell struct {
	class, cluster int32
	count          int64
}

// adjustedRand is (S − AB/T) / ((A+B)/2 − AB/T), with S, A, B and T the pairs of
// rows within cells, classes, clusters and all rows, in integers.
func (c contingency) adjustedRand() float64 {
	pairs := func(n int64) *big.Int { return new(big.Int).Rsh(new(big.Int).Mul(big.NewInt(n), big.NewInt(n-1)), 1) }
	sum := func(counts []int64) *big.Int {
		s := new(big.Int)
		for _, n := range counts {
			s.Add(s, pairs(n))
		}
		return s
	}
	s := new(big.Int)
	for _, x := range c.cells {
		s.Add(s, pairs(x.count))
	}
	a, b, t := sum(c.classes), sum(c.clusters), pairs(c.n)
	ab := new(big.Int).Mul(a, b)
	ab.Lsh(ab, 1)
	over := new(big.Int).Mul(s, t)
	over.Sub(over.Lsh(over, 1), ab)
	under := new(big.Int).Add(a, b)
	under.Sub(under.Mul(under, t), ab)
	if under.Sign() == 0 { // both are one cluster, or both all rows apart
		return 1
	}
	v, _ := new(big.Rat).SetFrac(over, under).Float64()
	return v
}

// normalisedInformation is 2·I(U;V) / (H(U) + H(V)).
func (c contingency) normalisedInformation() float64 {
	if len(c.cells) == len(c.classes) && len(c.cells) == len(c.clusters) {
		return 1 // the same partition
	}
	n := float64(c.n)
	entropy := func(counts []int64) float64 {
		h := 0.0
		for _, x := range counts {
			p := float64(x) / n
			h -= float64(p * math.Log(p))
		}
		return h
	}
	shared := 0.0
	for _, x := range c.cells {
		v := float64(x.count)
		ratio := float64(n*v) / float64(float64(c.classes[x.class])*float64(c.clusters[x.cluster]))
		shared += float64(v / n * math.Log(ratio))
	}
	h := entropy(c.classes) + entropy(c.clusters)
	return min(max(2*shared/h, 0), 1)
}
