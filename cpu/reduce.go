package cpu

import (
	"context"
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("reduce", reduce, reduceReference) }

var faultNaNBlind = addFault("reduce-nan-blind-argmax")

// reduceGrain is the number of elements that one piece of work takes at least;
// columnTile the number of columns that a column reduction runs side by side.
const (
	reduceGrain = 16384
	columnTile  = 256
)

func reduce(ctx context.Context, d *driver, o *backend.Reduce) error {
	switch {
	case o.X.Len() == 0:
		reduceNothing(o)
		return nil
	case o.Axis == backend.AlongRow && o.Reduction == backend.Sum:
		return rowSums(ctx, d, o)
	case o.Axis == backend.AlongRow:
		rows := o.X.Rows()
		return d.parallel(ctx, o.X.Batch()*rows, ceil(reduceGrain, max(1, o.X.Cols())), func(from, to int) {
			for u := from; u < to; u++ {
				x := matrix[float32](o.X, u/rows).Row(u % rows)
				put(o, u/rows, u%rows, 0, pick(d, o.Reduction, x))
			}
		})
	case o.Reduction == backend.Sum:
		return columnSums(ctx, d, o)
	}
	tiles := ceil(o.X.Cols(), columnTile)
	return d.parallel(ctx, o.X.Batch()*tiles, 1, func(from, to int) {
		for u := from; u < to; u++ {
			j0 := u % tiles * columnTile
			columnPicks(o, u/tiles, j0, min(columnTile, o.X.Cols()-j0))
		}
	})
}

// reduceNothing stores +0, which a sum and a MaxAbsFinite of no element give;
// the other reductions never meet an empty X.
func reduceNothing(o *backend.Reduce) {
	for b := range o.Y.Batch() {
		y := matrix[float32](o.Y, b)
		for i := range y.Rows {
			clear(y.Row(i))
		}
	}
}

// picked is what an order reduction found: the element and where it stands.
type picked struct {
	value float32
	index int
}

// put stores what o's reduction asks for, as element (i, j) of matrix b.
func put(o *backend.Reduce, b, i, j int, p picked) {
	if o.Reduction == backend.ArgMax || o.Reduction == backend.ArgMin {
		matrix[int32](o.Y, b).Set(i, j, int32(p.index))
		return
	}
	matrix[float32](o.Y, b).Set(i, j, exact.CanonNaN(p.value))
}

// flipOf returns the bits that turn the smallest element into the largest,
// where a reduction looks for the smallest.
func flipOf(r backend.Reduction) uint32 {
	if r == backend.Min || r == backend.ArgMin {
		return 1 << 31
	}
	return 0
}

func flipped(x float32, flip uint32) float32 {
	return math.Float32frombits(math.Float32bits(x) ^ flip)
}

// finiteMagnitude returns the bits of |x|, 0 for what is not finite.
func finiteMagnitude(x float32) uint32 {
	u := math.Float32bits(x) & 0x7fffffff
	if u >= 0x7f800000 {
		return 0
	}
	return u
}

// pick runs an order reduction over a row.
func pick(d *driver, r backend.Reduction, x []float32) picked {
	if d.fault == faultNaNBlind {
		return pickNaNBlind(r, x)
	}
	if r == backend.MaxAbsFinite {
		largest := uint32(0)
		for _, v := range x {
			largest = max(largest, finiteMagnitude(v))
		}
		return picked{value: math.Float32frombits(largest)}
	}
	flip := flipOf(r)
	best, top := 0, flipped(x[0], flip)
	for i, v := range x {
		v = flipped(v, flip)
		if v > top {
			best, top = i, v
		} else if v != v {
			return picked{x[i], i}
		}
	}
	return picked{x[best], best}
}

// pickNaNBlind is the planted error: it compares floats, so that a NaN is
// passed over unless it stands first.
func pickNaNBlind(r backend.Reduction, x []float32) picked {
	best := 0
	for i, v := range x {
		if (v > x[best]) == (r == backend.Max || r == backend.ArgMax) && v != x[best] && v == v {
			best = i
		}
	}
	return picked{x[best], best}
}

// columnPicks runs an order reduction down columns j0..j0+n of matrix b.
func columnPicks(o *backend.Reduce, b, j0, n int) {
	x := matrix[float32](o.X, b)
	if o.Reduction == backend.MaxAbsFinite {
		var largest [columnTile]uint32
		for i := range x.Rows {
			for j, v := range x.Row(i)[j0 : j0+n] {
				largest[j] = max(largest[j], finiteMagnitude(v))
			}
		}
		for j := range n {
			put(o, b, 0, j0+j, picked{value: math.Float32frombits(largest[j])})
		}
		return
	}
	var best [columnTile]int
	var top [columnTile]float32
	flip := flipOf(o.Reduction)
	for j, v := range x.Row(0)[j0 : j0+n] {
		top[j] = flipped(v, flip)
	}
	for i := range x.Rows {
		for j, v := range x.Row(i)[j0 : j0+n] {
			v = flipped(v, flip)
			if v > top[j] || (v != v && top[j] == top[j]) {
				best[j], top[j] = i, v
			}
		}
	}
	for j := range n {
		put(o, b, 0, j0+j, picked{x.At(best[j], j0+j), best[j]})
	}
}

// rowSums sums blocks of exact.SumBlock elements on all threads, and then each
// row's block results.
func rowSums(ctx context.Context, d *driver, o *backend.Reduce) error {
	rows, cols := o.X.Rows(), o.X.Cols()
	blocks := max(1, ceil(cols, exact.SumBlock))
	results := make([]float32, o.X.Batch()*rows*blocks)
	if err := d.parallel(ctx, len(results), ceil(reduceGrain, max(1, min(cols, exact.SumBlock))), func(from, to int) {
		for u := from; u < to; u++ {
			r := u / blocks
			x, j0 := matrix[float32](o.X, r/rows).Row(r%rows), u%blocks*exact.SumBlock
			results[u] = blockSum(x[j0:min(j0+exact.SumBlock, cols)])
		}
	}); err != nil {
		return err
	}
	for r := range o.X.Batch() * rows {
		y := results[r*blocks]
		if blocks > 1 {
			y = exact.RowSum(results[r*blocks : (r+1)*blocks])
		}
		matrix[float32](o.Y, r/rows).Set(r%rows, 0, y)
	}
	return nil
}

// blockSum is exact.RowSum for up to exact.SumBlock elements.
func blockSum(x []float32) float32 {
	var lane [exact.SumLanes]float32
	for len(x) >= exact.SumLanes {
		for l, v := range (*[exact.SumLanes]float32)(x) {
			lane[l] += v
		}
		x = x[exact.SumLanes:]
	}
	for l, v := range x {
		lane[l] += v
	}
	return exact.SumTree(&lane)
}

// columnSums sums blocks of exact.ColumnBlock rows on all threads, and then
// the blocks' results.
func columnSums(ctx context.Context, d *driver, o *backend.Reduce) error {
	rows, cols := o.X.Rows(), o.X.Cols()
	blocks := ceil(rows, exact.ColumnBlock)
	results := make([]float32, o.X.Batch()*blocks*cols)
	grain := ceil(reduceGrain, max(1, cols*exact.ColumnBlock))
	if err := d.parallel(ctx, o.X.Batch()*blocks, grain, func(from, to int) {
		for u := from; u < to; u++ {
			x, i0 := matrix[float32](o.X, u/blocks), u%blocks*exact.ColumnBlock
			addRows(results[u*cols:(u+1)*cols], x, i0, min(i0+exact.ColumnBlock, rows))
		}
	}); err != nil {
		return err
	}
	for b := range o.X.Batch() {
		y := matrix[float32](o.Y, b).Row(0)
		clear(y)
		addRows(y, exact.Dense(results[b*blocks*cols:(b+1)*blocks*cols], blocks, cols), 0, blocks)
		for j := range y {
			y[j] = exact.CanonNaN(y[j])
		}
	}
	return nil
}

// addRows adds rows i0..i1 of x to y in ascending order.
func addRows(y []float32, x exact.View[float32], i0, i1 int) {
	for i := i0; i < i1; i++ {
		for j, v := range x.Row(i) {
			y[j] += v
		}
	}
}

func reduceReference(d *driver, o *backend.Reduce) error {
	if o.X.Len() == 0 {
		reduceNothing(o)
		return nil
	}
	for b := range o.X.Batch() {
		x := matrix[float32](o.X, b)
		if o.Axis == backend.AlongColumn {
			if o.Reduction == backend.Sum {
				exact.ColumnSum(matrix[float32](o.Y, b).Row(0), x)
				continue
			}
			for j := range x.Cols {
				put(o, b, 0, j, pickReference(o.Reduction, x.Rows, func(i int) float32 { return x.At(i, j) }))
			}
			continue
		}
		for i := range x.Rows {
			if o.Reduction == backend.Sum {
				matrix[float32](o.Y, b).Set(i, 0, exact.RowSum(x.Row(i)))
				continue
			}
			put(o, b, i, 0, pickReference(o.Reduction, x.Cols, func(j int) float32 { return x.At(i, j) }))
		}
	}
	return nil
}

func pickReference(r backend.Reduction, n int, at func(i int) float32) picked {
	if r == backend.MaxAbsFinite {
		return picked{value: exact.MaxAbsFinite(n, at)}
	}
	find := exact.ArgMax
	if r == backend.Min || r == backend.ArgMin {
		find = exact.ArgMin
	}
	i := find(n, at)
	return picked{at(i), i}
}
