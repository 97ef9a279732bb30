package exact

import "math"

const (
	// SumLanes is the number of lanes of a row sum.
	SumLanes = 64
	// SumBlock is the longest row that is summed in one piece.
	SumBlock = 16384
	// ColumnBlock is the number of rows of one chain of a column sum.
	ColumnBlock = 256
)

// RowSum returns Σ x in the contract's order: lane l of 64 takes the elements
// i ≡ l mod 64 in ascending order from +0, then lane[l] += lane[l+s] for
// s = 32, 16, 8, 4, 2, 1. More than SumBlock elements are summed in blocks of
// SumBlock, and the blocks' results the same way. An empty sum is +0; no sum is
// −0; NaN is canonical.
func RowSum(x []float32) float32 {
	return rowSum(len(x), func(i int) (float32, bool) { return x[i], true })
}

// RowSumPresent is RowSum over the elements that present reports, each at its
// own position; a missing element adds nothing.
func RowSumPresent(x []float32, present func(i int) bool) float32 {
	return rowSum(len(x), func(i int) (float32, bool) { return x[i], present(i) })
}

func rowSum(n int, at func(i int) (x float32, present bool)) float32 {
	if n > SumBlock {
		var results []float32
		for i0 := 0; i0 < n; i0 += SumBlock {
			results = append(results, rowSum(min(SumBlock, n-i0), func(i int) (float32, bool) { return at(i0 + i) }))
		}
		return RowSum(results)
	}
	var lane [SumLanes]float32
	for i := range n {
		if x, present := at(i); present {
			lane[i%SumLanes] += x
		}
	}
	return SumTree(&lane)
}

// SumTree adds the lanes of a row sum, which it overwrites, in the order of
// RowSum.
func SumTree(lane *[SumLanes]float32) float32 {
	for s := SumLanes / 2; s > 0; s /= 2 {
		for l := range s {
			lane[l] += lane[l+s]
		}
	}
	return CanonNaN(lane[0])
}

// ColumnSum stores Σ_i x[i,j] in y[j]: blocks of ColumnBlock rows, each one
// chain from +0 in ascending order, and the blocks' results one such chain.
// No rows give +0; NaN is canonical.
func ColumnSum(y []float32, x View[float32]) {
	for j := range x.Cols {
		sum := float32(0)
		for i0 := 0; i0 < x.Rows; i0 += ColumnBlock {
			block := float32(0)
			for i := i0; i < min(i0+ColumnBlock, x.Rows); i++ {
				block += x.At(i, j)
			}
			sum += block
		}
		y[j] = CanonNaN(sum)
	}
}

// ArgMax returns the lowest index that holds a NaN, else the lowest index of
// the largest of the n elements at gives, −0 equal to +0; −1 for n = 0.
func ArgMax(n int, at func(i int) float32) int {
	best, key := -1, uint32(0)
	for i := range n {
		if k := OrderKey(at(i)); best < 0 || k > key {
			best, key = i, k
		}
	}
	return best
}

// ArgMin is ArgMax for the smallest element.
func ArgMin(n int, at func(i int) float32) int {
	best, key := -1, uint32(0)
	for i := range n {
		if k := OrderKeyMin(at(i)); best < 0 || k < key {
			best, key = i, k
		}
	}
	return best
}

// MaxAbsFinite returns the largest magnitude among the finite elements of the
// n that at gives, +0 if there are none.
func MaxAbsFinite(n int, at func(i int) float32) float32 {
	largest := uint32(0)
	for i := range n {
		if u := math.Float32bits(at(i)) &^ signBit; u < infBits && u > largest {
			largest = u
		}
	}
	return math.Float32frombits(largest)
}
