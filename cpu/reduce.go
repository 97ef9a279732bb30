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
	case o.Axis == backend.AlongColumn && o.Reduction == backend.Sum:
		return columnSums(ctx, d, o)
	}
	c := reduceCalls.take()
	defer reduceCalls.give(c)
	c.args = reduceCall{ctx: ctx, d: d, op: o}
	if o.Axis == backend.AlongRow {
		return c.parallel(ctx, d, tensorRows(o.X), ceil(reduceGrain, max(1, o.X.Cols())), (*reduceCall).pickRows)
	}
	return c.parallel(ctx, d, o.X.Batch()*ceil(o.X.Cols(), columnTile), 1, (*reduceCall).pickColumns)
}

type reduceCall struct {
	ctx     context.Context
	d       *driver
	op      *backend.Reduce
	blocks  int       // of a row, or of a matrix's rows
	results []float32 // of the blocks
}

var reduceCalls calls[reduceCall]

// pickRows runs an order reduction over rows from..to of the batch.
func (c *reduceCall) pickRows(from, to int) {
	rows := c.op.X.Rows()
	for u := from; u < to; {
		b, i := u/rows, u%rows
		x, y := matrix[float32](c.op.X, b), resultOf(c.op, b)
		for ; i < rows && u < to; i, u = i+1, u+1 {
			y.put(i, 0, pick(c.ctx, c.d, c.op.Reduction, x.Row(i)))
		}
	}
}

// pickColumns runs an order reduction down the columns of tiles from..to.
func (c *reduceCall) pickColumns(from, to int) {
	cols := c.op.X.Cols()
	tiles := ceil(cols, columnTile)
	for u := from; u < to; u++ {
		j0 := u % tiles * columnTile
		columnPicks(c.ctx, c.op, u/tiles, j0, min(columnTile, cols-j0))
	}
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

// pick runs an order reduction over a row. What it returns for a long row has no
// meaning once ctx has ended.
func pick(ctx context.Context, d *driver, r backend.Reduction, x []float32) picked {
	if d.fault == faultNaNBlind {
		return pickNaNBlind(r, x)
	}
	if r == backend.MaxAbsFinite {
		var top uint32
		for from, to := range longPieces(ctx, len(x)) {
			top = max(top, maxAbsFinite(x[from:to]))
		}
		return picked{value: math.Float32frombits(top)}
	}
	flip := flipOf(r)
	var top float32
	best := -1                                                               // where the piece of the largest begins
	for from := 0; from < len(x) && !ended(ctx, len(x)); from += longPiece { // longPieces costs short rows some ns
		piece := x[from:min(from+longPiece, len(x))]
		t, nan := largest(piece, flip)
		if nan {
			i := from + slices.IndexFunc(piece, func(v float32) bool { return v != v })
			return picked{x[i], i}
		}
		if best < 0 || t > top {
			best, top = from, t
		}
	}
	if best < 0 { // ctx has ended
		return picked{}
	}
	top = flipped(top, flip)
	if top != 0 && (r == backend.Max || r == backend.Min) {
		return picked{value: top}
	}
	i := best + indexOf(x[best:min(best+longPiece, len(x))], top) // which tells −0 from +0, too
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

// columnPicks runs an order reduction down columns j0..j0+n of matrix b. What it
// stores has no meaning once ctx has ended.
func columnPicks(ctx context.Context, o *backend.Reduce, b, j0, n int) {
	x, y := matrix[float32](o.X, b), resultOf(o, b)
	rows := longPiece / n
	if o.Reduction == backend.MaxAbsFinite {
		var top, more [columnTile]uint32
		for i := 0; i < x.Rows && ctx.Err() == nil; i += rows {
			maxAbsFiniteColumns(more[:n], part(x, i, min(i+rows, x.Rows)), j0)
			for j, t := range more[:n] {
				top[j] = max(top[j], t)
			}
		}
		for j := range n {
			y.put(0, j0+j, picked{value: math.Float32frombits(top[j])})
		}
		return
	}
	var best, moreBest [columnTile]int32
	var top, more [columnTile]float32
	flip := flipOf(o.Reduction)
	for i := 0; i < x.Rows && ctx.Err() == nil; i += rows {
		some := part(x, i, min(i+rows, x.Rows))
		if i == 0 {
			largestColumns(top[:n], best[:n], some, j0, flip)
			continue
		}
		largestColumns(more[:n], moreBest[:n], some, j0, flip)
		for j, t := range more[:n] {
			if t > top[j] || (t != t && top[j] == top[j]) {
				top[j], best[j] = t, int32(i)+moreBest[j]
			}
		}
	}
	for j := range n {
		y.put(0, j0+j, picked{flipped(top[j], flip), int(best[j])})
	}
}

// rowSums sums rows on all threads; long ones in blocks of exact.SumBlock
// elements, and then each row's block results.
func rowSums(ctx context.Context, d *driver, o *backend.Reduce) error {
	rows, cols := o.X.Rows(), o.X.Cols()
	blocks := ceil(cols, exact.SumBlock)
	c := reduceCalls.take()
	defer reduceCalls.give(c)
	c.args = reduceCall{d: d, op: o, blocks: blocks}
	if blocks <= 1 {
		return c.parallel(ctx, d, tensorRows(o.X), ceil(reduceGrain, max(1, cols)), (*reduceCall).sumRows)
	}
	s := takeRowScratch()
	defer s.give()
	results := s.floats(tensorRows(o.X) * blocks)
	c.args.results = results
	if err := c.parallel(ctx, d, len(results), 1, (*reduceCall).sumRowBlocks); err != nil {
		return err
	}
	for r := range tensorRows(o.X) {
		matrix[float32](o.Y, r/rows).Set(r%rows, 0, sumOfBlocks(results[r*blocks:(r+1)*blocks]))
	}
	return nil
}

// sumOfBlocks is exact.RowSum of the results of a row's blocks.
func sumOfBlocks(results []float32) float32 {
	if len(results) > exact.SumBlock {
		return exact.RowSum(results)
	}
	return blockSum(results)
}

// sumRows sums rows from..to of the batch, each of one block.
func (c *reduceCall) sumRows(from, to int) {
	rows := c.op.X.Rows()
	for u := from; u < to; {
		b, i := u/rows, u%rows
		x, y := matrix[float32](c.op.X, b), matrix[float32](c.op.Y, b)
		for ; i < rows && u < to; i, u = i+1, u+1 {
			y.Set(i, 0, blockSum(x.Row(i)))
		}
	}
}

// sumRowBlocks sums blocks from..to, counted through rows and batch.
func (c *reduceCall) sumRowBlocks(from, to int) {
	for u := from; u < to; u++ {
		x, j0 := tensorRow[float32](c.op.X, u/c.blocks), u%c.blocks*exact.SumBlock
		c.results[u] = blockSum(x[j0:min(j0+exact.SumBlock, len(x))])
	}
}

// columnSums sums blocks of exact.ColumnBlock rows on all threads, and then
// the blocks' results.
func columnSums(ctx context.Context, d *driver, o *backend.Reduce) error {
	rows, cols := o.X.Rows(), o.X.Cols()
	blocks := ceil(rows, exact.ColumnBlock)
	s := takeRowScratch()
	defer s.give()
	results := s.floats(o.X.Batch() * blocks * cols)
	c := reduceCalls.take()
	defer reduceCalls.give(c)
	c.args = reduceCall{ctx: ctx, d: d, op: o, blocks: blocks, results: results}
	grain := ceil(reduceGrain, max(1, cols*exact.ColumnBlock))
	if err := c.parallel(ctx, d, o.X.Batch()*blocks, grain, (*reduceCall).sumColumnBlocks); err != nil {
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

// sumColumnBlocks sums blocks of rows from..to, counted through the batch.
func (c *reduceCall) sumColumnBlocks(from, to int) {
	cols := c.op.X.Cols()
	for u := from; u < to; u++ {
		x, i0 := matrix[float32](c.op.X, u/c.blocks), u%c.blocks*exact.ColumnBlock
		sums := c.results[u*cols : (u+1)*cols]
		clear(sums)
		for from, to := range longPieces(c.ctx, cols) {
			columns := exact.View[float32]{Data: x.Data[from:], Rows: x.Rows, Cols: to - from, Stride: x.Stride}
			addRows(sums[from:to], columns, i0, min(i0+exact.ColumnBlock, x.Rows))
		}
	}
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
