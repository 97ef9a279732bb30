package cpu

import (
	"context"
	"math"
	"slices"

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
			for u := from; u < to; {
				b, i := u/rows, u%rows
				x, y := matrix[float32](o.X, b), resultOf(o, b)
				for ; i < rows && u < to; i, u = i+1, u+1 {
					y.put(i, 0, pick(d, o.Reduction, x.Row(i)))
				}
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

// result is one matrix of Y, of values or of indices.
type result struct {
	values  exact.View[float32]
	indices exact.View[int32]
	index   bool
}

func resultOf(o *backend.Reduce, b int) (r result) {
	if o.Reduction == backend.ArgMax || o.Reduction == backend.ArgMin {
		return result{indices: matrix[int32](o.Y, b), index: true}
	}
	return result{values: matrix[float32](o.Y, b)}
}

// put stores what the reduction asks for, as element (i, j).
func (r *result) put(i, j int, p picked) {
	if r.index {
		r.indices.Set(i, j, int32(p.index))
		return
	}
	r.values.Set(i, j, exact.CanonNaN(p.value))
}

// pick runs an order reduction over a row.
func pick(d *driver, r backend.Reduction, x []float32) picked {
	if d.fault == faultNaNBlind {
		return pickNaNBlind(r, x)
	}
	if r == backend.MaxAbsFinite {
		return picked{value: math.Float32frombits(maxAbsFinite(x))}
	}
	flip := flipOf(r)
	top, nan := largest(x, flip)
	if nan {
		i := slices.IndexFunc(x, func(v float32) bool { return v != v })
		return picked{x[i], i}
	}
	top = flipped(top, flip)
	if top != 0 && (r == backend.Max || r == backend.Min) {
		return picked{value: top}
	}
	i := indexOf(x, top) // which tells −0 from +0, too
	return picked{x[i], i}
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
	x, y := matrix[float32](o.X, b), resultOf(o, b)
	if o.Reduction == backend.MaxAbsFinite {
		var top [columnTile]uint32
		maxAbsFiniteColumns(top[:n], x, j0)
		for j := range n {
			y.put(0, j0+j, picked{value: math.Float32frombits(top[j])})
		}
		return
	}
	var best [columnTile]int32
	var top [columnTile]float32
	flip := flipOf(o.Reduction)
	largestColumns(top[:n], best[:n], x, j0, flip)
	for j := range n {
		y.put(0, j0+j, picked{flipped(top[j], flip), int(best[j])})
	}
}

// rowSums sums rows on all threads; long ones in blocks of exact.SumBlock
// elements, and then each row's block results.
func rowSums(ctx context.Context, d *driver, o *backend.Reduce) error {
	rows, cols := o.X.Rows(), o.X.Cols()
	blocks := ceil(cols, exact.SumBlock)
	if blocks <= 1 {
		return d.parallel(ctx, o.X.Batch()*rows, ceil(reduceGrain, max(1, cols)), func(from, to int) {
			for u := from; u < to; {
				b, i := u/rows, u%rows
				x, y := matrix[float32](o.X, b), matrix[float32](o.Y, b)
				for ; i < rows && u < to; i, u = i+1, u+1 {
					y.Set(i, 0, blockSum(x.Row(i)))
				}
			}
		})
	}
	results := make([]float32, o.X.Batch()*rows*blocks)
	if err := d.parallel(ctx, len(results), 1, func(from, to int) {
		for u := from; u < to; u++ {
			r := u / blocks
			x, j0 := matrix[float32](o.X, r/rows).Row(r%rows), u%blocks*exact.SumBlock
			results[u] = blockSum(x[j0:min(j0+exact.SumBlock, cols)])
		}
	}); err != nil {
		return err
	}
	for r := range o.X.Batch() * rows {
		matrix[float32](o.Y, r/rows).Set(r%rows, 0, exact.RowSum(results[r*blocks:(r+1)*blocks]))
	}
	return nil
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

func reduceReference(d *driver, o *backend.Reduce) error {
	if o.X.Len() == 0 {
		reduceNothing(o)
		return nil
	}
	for b := range o.X.Batch() {
		x, y := matrix[float32](o.X, b), resultOf(o, b)
		if o.Axis == backend.AlongColumn {
			if o.Reduction == backend.Sum {
				exact.ColumnSum(y.values.Row(0), x)
				continue
			}
			for j := range x.Cols {
				y.put(0, j, pickReference(o.Reduction, x.Rows, func(i int) float32 { return x.At(i, j) }))
			}
			continue
		}
		for i := range x.Rows {
			if o.Reduction == backend.Sum {
				y.values.Set(i, 0, exact.RowSum(x.Row(i)))
				continue
			}
			y.put(i, 0, pickReference(o.Reduction, x.Cols, func(j int) float32 { return x.At(i, j) }))
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
