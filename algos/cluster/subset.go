package cluster

import (
	"math/bits"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend/exact"
)

// Sub-streams of exact.UseShuffle: what a subset of the rows is drawn for.
const (
	subsetSilhouette uint16 = iota
	subsetComponents
	subsetPicture
)

// subset draws m of n rows without replacement, every subset equally likely
// but for 2⁻³¹, and returns them ascending; nil stands for all rows where m ≥ n.
// It is the beginning of a Fisher–Yates shuffle: place i changes with a place
// from i..n−1 that two Philox words choose. m steps are made, whatever n is.
func subset(seed uint64, sub uint16, n, m int) []int {
	if m >= n {
		return nil
	}
	moved := make(map[int]int, m) // places whose row is not their own
	at := func(i int) int {
		if r, ok := moved[i]; ok {
			return r
		}
		return i
	}
	rows := make([]int, m)
	for i := range rows {
		words := exact.Block(seed, exact.UseShuffle, sub, 0, 0, uint32(i))
		skip, _ := bits.Mul64(uint64(words[0])<<32|uint64(words[1]), uint64(n-i))
		j := i + int(skip)
		rows[i] = at(j)
		moved[j] = at(i)
	}
	slices.Sort(rows)
	return rows
}

// rowsAt returns a packed copy of the named rows of m, or m itself for nil.
func rowsAt(m blas32.General, rows []int) blas32.General {
	if rows == nil {
		return m
	}
	out := blas32.General{Rows: len(rows), Cols: m.Cols, Stride: m.Cols, Data: make([]float32, 0, len(rows)*m.Cols)}
	for _, i := range rows {
		out.Data = append(out.Data, m.Data[i*m.Stride:i*m.Stride+m.Cols]...)
	}
	return out
}
