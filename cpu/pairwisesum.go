package cpu

import (
	"context"
	"sync"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("pairwisesum", pairwiseSumFast, pairwiseSumReference) }

// pairwiseSumFast keeps one block of exact.SumBlock distances a row, the
// longest piece that a row reduction sums in one go, and adds each group's
// part of it to the 64 lanes.
func pairwiseSumFast(ctx context.Context, d *driver, o *backend.PairwiseSum) error {
	c := rowsOf(o.C)
	m, err := newMeasuring(ctx, d, o.Metric, c)
	if err != nil {
		return err
	}
	defer m.release()
	lists := memberPool.Get().(*memberLists)
	defer memberPool.Put(lists)
	call := pairwiseSumCalls.take()
	defer pairwiseSumCalls.give(call)
	y := matrix[float32](o.Y, 0)
	call.args = pairwiseSumCall{m, o.Metric, rowsOf(o.X), y, c.Rows, lists.of(o.Label, c.Rows, y.Cols)}
	return call.parallel(ctx, d, call.args.x.Rows, m.v.group(), (*pairwiseSumCall).rows)
}

type pairwiseSumCall struct {
	m       *measuring
	metric  backend.Metric
	x, y    exact.View[float32]
	centres int
	groups  []members // of every block
}

var pairwiseSumCalls calls[pairwiseSumCall]

// rows sums rows from..to, a group of rows at most.
func (c *pairwiseSumCall) rows(from, to int) {
	s := lanePool.Get().(*laneScratch)
	defer lanePool.Put(s)
	m, y, blocks, step := c.m, c.y, len(c.groups), c.m.v.group()
	rows := m.rows(s, part(c.x, from, to))
	results := grown(&s.sums, (to-from)*y.Cols*blocks) // [row][group][block]
	for b, group := range c.groups {
		j, n := b*exact.SumBlock, min(exact.SumBlock, c.centres-b*exact.SumBlock)
		width := m.width(n)
		tiles := grown(&s.tiles, step*width)
		m.measure(tiles, rows, 0, j, j+n)
		for i := range to - from {
			distances := tiles[i*width:][:n]
			if c.metric == backend.Euclidean || m.cosine {
				for l, sum := range distances {
					distances[l] = finish(c.metric, sum)
				}
			}
			for g := range y.Cols {
				results[(i*y.Cols+g)*blocks+b] = group.sum(g, distances)
			}
		}
	}
	for i := range to - from {
		for g := range y.Cols {
			r := results[(i*y.Cols+g)*blocks:][:blocks]
			sum := float32(0)
			switch blocks {
			case 0:
			case 1:
				sum = r[0]
			default:
				sum = sumOfBlocks(r)
			}
			y.Set(from+i, g, exact.CanonNaN(sum))
		}
	}
}

// members lists the centres of one block by group, ascending in each.
type members struct {
	all   bool    // one group holds the whole block
	start []int   // of each group's list in order, and the end
	order []int32 // numbers within the block
}

// memberLists is memory for the members of all blocks.
type memberLists struct {
	blocks []members
	starts []int
	orders []int32
	next   []int
}

var memberPool = sync.Pool{New: func() any { return new(memberLists) }}

// of returns the members of every block of k labels.
func (l *memberLists) of(label *backend.Tensor, k, groups int) []members {
	blocks := resized(&l.blocks, ceil(k, exact.SumBlock))
	labels, given := optional[int32](label)
	if !given {
		for b := range blocks {
			blocks[b] = members{all: true}
		}
		return blocks
	}
	starts, orders := resized(&l.starts, len(blocks)*(groups+1)), resized(&l.orders, k)
	clear(starts)
	for b := range blocks {
		j0 := b * exact.SumBlock
		n := min(exact.SumBlock, k-j0)
		start, order := starts[b*(groups+1):(b+1)*(groups+1)], orders[j0:j0+n]
		known := func(j int) (int, bool) {
			g := labels.At(j0+j, 0)
			return int(g), g >= 0 && int(g) < groups
		}
		for j := range n {
			if g, ok := known(j); ok {
				start[g+1]++
			}
		}
		for g := range groups {
			start[g+1] += start[g]
		}
		next := resized(&l.next, groups)
		copy(next, start)
		for j := range n {
			if g, ok := known(j); ok {
				order[next[g]] = int32(j)
				next[g]++
			}
		}
		blocks[b] = members{start: start, order: order}
	}
	return blocks
}

// sum adds one group's distances of a block in the order of a row reduction.
func (m *members) sum(g int, distances []float32) float32 {
	var lane [exact.SumLanes]float32
	if m.all {
		for j, v := range distances {
			lane[j%exact.SumLanes] += v
		}
		return exact.SumTree(&lane)
	}
	order := m.order[m.start[g]:m.start[g+1]]
	if len(order) == 0 {
		return 0
	}
	for _, j := range order {
		lane[j%exact.SumLanes] += distances[j]
	}
	return exact.SumTree(&lane)
}

func pairwiseSumReference(d *driver, o *backend.PairwiseSum) error {
	x, c, y := rowsOf(o.X), rowsOf(o.C), matrix[float32](o.Y, 0)
	if o.Metric == backend.Cosine {
		x, c = normalized(d.mac, x), normalized(d.mac, c)
	}
	var label []int32
	if labels, given := optional[int32](o.Label); given {
		label = make([]int32, c.Rows)
		for j := range label {
			label[j] = labels.At(j, 0)
		}
	}
	distances := exact.Dense(make([]float32, c.Rows), 1, c.Rows)
	for i := range x.Rows {
		row := exact.View[float32]{Data: x.Row(i), Rows: 1, Cols: x.Cols, Stride: x.Cols}
		exact.DistanceMatrix(distances, row, c, measure(o.Metric, d.mac))
		exact.PairwiseSumRow(y.Row(i), distances.Data, label)
	}
	return nil
}
