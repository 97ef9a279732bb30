package cpu

import (
	"context"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("pairwisesum", pairwiseSumFast, pairwiseSumReference) }

// pairwiseSumFast keeps one block of exact.SumBlock distances a row, the
// longest piece that a row reduction sums in one go, and adds each group's
// part of it to the 64 lanes.
func pairwiseSumFast(ctx context.Context, d *driver, o *backend.PairwiseSum) error {
	x, c, y := rowsOf(o.X), rowsOf(o.C), matrix[float32](o.Y, 0)
	m, err := newMeasuring(ctx, d, o.Metric, c)
	if err != nil {
		return err
	}
	defer m.release()
	groups := membersOf(o.Label, c.Rows, y.Cols)
	blocks, step := len(groups), m.v.group()
	return d.parallel(ctx, x.Rows, step, func(from, to int) {
		s := lanePool.Get().(*laneScratch)
		defer lanePool.Put(s)
		rows := m.rows(s, part(x, from, to))
		results := grown(&s.sums, (to-from)*y.Cols*blocks) // [row][group][block]
		for b, group := range groups {
			j, n := b*exact.SumBlock, min(exact.SumBlock, c.Rows-b*exact.SumBlock)
			width := m.width(n)
			tiles := grown(&s.tiles, step*width)
			m.measure(tiles, rows, 0, j, j+n)
			for i := range to - from {
				distances := tiles[i*width:][:n]
				if o.Metric == backend.Euclidean || m.cosine {
					for l, sum := range distances {
						distances[l] = finish(o.Metric, sum)
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
					sum = exact.RowSum(r)
				}
				y.Set(from+i, g, exact.CanonNaN(sum))
			}
		}
	})
}

// members lists the centres of one block by group, ascending in each.
type members struct {
	all   bool    // one group holds the whole block
	start []int   // of each group's list in order, and the end
	order []int32 // numbers within the block
}

// membersOf returns the members of every block of k labels.
func membersOf(label *backend.Tensor, k, groups int) []members {
	blocks := make([]members, ceil(k, exact.SumBlock))
	labels, given := optional[int32](label)
	for b := range blocks {
		if !given {
			blocks[b].all = true
			continue
		}
		j0 := b * exact.SumBlock
		n := min(exact.SumBlock, k-j0)
		start := make([]int, groups+1)
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
		order, next := make([]int32, start[groups]), append([]int(nil), start...)
		for j := range n {
			if g, ok := known(j); ok {
				order[next[g]] = int32(j)
				next[g]++
			}
		}
		blocks[b].start, blocks[b].order = start, order
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
