package exact

import (
	"cmp"
	"slices"
)

// TopK stores the indices of the len(index) largest elements of x, largest
// first: NaNs, then by value with −0 equal to +0, the lower index first among
// equals. len(index) ≤ len(x).
func TopK(index []int32, x []float32) {
	order := make([]int32, len(x))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(i, j int32) int { return cmp.Compare(OrderKey(x[j]), OrderKey(x[i])) })
	copy(index, order)
}

// Gather copies rows: y[i,·] = x[index[i],·]; an index outside x gives a row of
// zero bits.
func Gather[T any](y, x View[T], index []int32) {
	for i := range y.Rows {
		clear(y.Row(i))
		if r := index[i]; r >= 0 && int(r) < x.Rows {
			copy(y.Row(i), x.Row(int(r)))
		}
	}
}

// Transpose stores y = xᵀ, bits unchanged.
func Transpose[T any](y, x View[T]) {
	for i := range y.Rows {
		for j := range y.Cols {
			y.Set(i, j, x.At(j, i))
		}
	}
}

// Copy stores y = x, bits unchanged.
func Copy[T any](y, x View[T]) {
	for i := range y.Rows {
		copy(y.Row(i), x.Row(i))
	}
}
