package cpu

import (
	"context"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("topk", topK, topKReference) }

// topK keeps the m best of a row in a heap of ranks.
func topK(ctx context.Context, d *driver, o *backend.TopK) error {
	c := topKCalls.take()
	defer topKCalls.give(c)
	c.args.ctx, c.args.op = ctx, o
	return c.parallel(ctx, d, o.X.Rows(), ceil(reduceGrain, max(1, o.X.Cols())), (*topKCall).rows)
}

type topKCall struct {
	ctx context.Context
	op  *backend.TopK
}

var topKCalls calls[topKCall]

func (c *topKCall) rows(from, to int) {
	s := takeRowScratch()
	defer s.give()
	index, x := matrix[int32](c.op.Index, 0), matrix[float32](c.op.X, 0)
	heap := s.keys(index.Cols)
	for i := from; i < to; i++ {
		topKRow(c.ctx, index.Row(i), x.Row(i), heap)
	}
}

// rank orders elements as a TopK does, the first of all being the largest: by
// exact.OrderKey, then the lower index. No two elements of a row have one.
func rank(x float32, i int) uint64 { return uint64(exact.OrderKey(x))<<32 | uint64(^uint32(i)) }

// topKBlock is the number of elements that are passed over together where none
// is large enough.
const topKBlock = 64

// topKRow stores the len(index) best of x; heap is room for as many. It leaves a
// long row unfinished when ctx ends.
func topKRow(ctx context.Context, index []int32, x []float32, heap []uint64) {
	m := len(index)
	if m == 0 {
		return
	}
	heap = heap[:0]
	for i, v := range x[:m] {
		heap = append(heap, rank(v, i))
	}
	slices.Sort(heap) // ascending order is a heap with the worst on top
	for from := m; from < len(x); from += topKBlock {
		if (from-m)%longPiece == 0 && ended(ctx, len(x)) {
			return
		}
		// A later element enters only where it is above the worst kept.
		block, worst := x[from:min(from+topKBlock, len(x))], x[^uint32(heap[0])]
		if worst != worst {
			break
		}
		if top, nan := largest(block, 0); !nan && top <= worst {
			continue
		}
		for i, v := range block {
			if !(v > worst) && v == v {
				continue
			}
			if r := rank(v, from+i); r > heap[0] {
				heap[0] = r
				siftDown(heap)
				worst = x[^uint32(heap[0])]
			}
		}
	}
	slices.Sort(heap)
	for p := range index {
		index[p] = int32(^uint32(heap[m-1-p]))
	}
}

// siftDown restores the heap below a new top.
func siftDown(heap []uint64) {
	p := 0
	for {
		c := 2*p + 1
		if c >= len(heap) {
			return
		}
		if c+1 < len(heap) && heap[c+1] < heap[c] {
			c++
		}
		if heap[p] <= heap[c] {
			return
		}
		heap[p], heap[c] = heap[c], heap[p]
		p = c
	}
}

func topKReference(_ *driver, o *backend.TopK) error {
	index, x := matrix[int32](o.Index, 0), matrix[float32](o.X, 0)
	for i := range x.Rows {
		exact.TopK(index.Row(i), x.Row(i))
	}
	return nil
}
