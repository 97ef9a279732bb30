//go:build gl && cgo

package gpu

import (
	"math/bits"

	"samebits/backend"
)

func init() { register(planTopK) }

func planTopK(p *plan, op *backend.TopK) error {
	pickRows(p, pick{index: op.Index, x: p.of(op.X), xAt: p.at(op.X), rows: op.X.Rows(), cols: op.X.Cols()})
	return nil
}

// pick takes the best elements of rows of x, as many as index has columns, to rows of index from firstRow on.
type pick struct {
	index      *backend.Tensor
	firstRow   int
	x          *buffer
	xAt        [4]uint32
	rows, cols int
	smallest   bool // smallest first instead of largest first
	above      bool // elements of −Inf are not taken
}

// roundsIterations bounds what one work group does of a row by topk.comp: past it the rows are shared out over many
// groups, which select the m-th element and sort what comes before it.
const roundsIterations = 1 << 12

// pickRows runs one work group a row where that is little work (topk.comp), else select.comp and rank.comp.
func pickRows(p *plan, w pick) {
	m := w.index.Cols()
	if w.rows == 0 || m == 0 {
		return
	}
	// A round walks the row and then the tree of the lanes.
	if m*(ceilDiv(w.cols, lanes)+1+bits.Len(lanes)) > min(roundsIterations, loopIterations) {
		// The scratch a row takes, and the elements that a step counts.
		perRow := max(w.cols, selectBins+selectState+2*m)
		n := min(w.rows, max(1, scratchElements/perRow))
		p.index(n * m)
		state, bins := selectScratch(p, n)
		pairs := p.scratch(2 * wordBytes * int64(n) * int64(m))
		chunks(w.rows, perRow, scratchElements, func(first, n int) {
			rankRows(p, w, first, n, state, bins, pairs)
		})
		return
	}
	p.run(step{
		shader:  "topk",
		buffers: []*buffer{p.of(w.index), w.x},
		uniforms: uniforms{
			"index_at": p.at(w.index), "x_at": w.xAt, "first_row": w.firstRow, "cols": w.cols, "m": m,
			"smallest": flag(w.smallest), "without_inf": flag(w.above),
		},
		groups: w.rows,
	})
}

// rankRows picks the best of n rows from first on: selection, collection, a bitonic sort of log²(m)/2 steps.
func rankRows(p *plan, w pick, first, n int, state, bins, pairs *buffer) {
	m := w.index.Cols()
	selectRows(p, selection{
		x: w.x, xAt: w.xAt, first: first, n: n, rows: w.rows, cols: w.cols, target: p.index(m), smallest: w.smallest,
		state: state, bins: bins,
	})
	half := 1 << max(0, bits.Len(uint(m-1))-1) // of the least power of two that holds m
	rank := func(stage string, at0 *buffer, invocations int, more uniforms) {
		u := uniforms{
			"index_at": p.at(w.index), "x_at": w.xAt, "first_row": w.firstRow + first, "x_row": first, "count": n,
			"cols": w.cols, "m": m, "half_size": half, "smallest": flag(w.smallest), "without_inf": flag(w.above),
		}
		for name, v := range more {
			u[name] = v
		}
		p.run(step{
			shader: "rank", defines: defines{"STAGE": stage}, buffers: []*buffer{at0, pairs, w.x}, uniforms: u,
			groups: groupsOf(invocations),
		})
	}
	rank("0", state, n*w.cols, nil)
	for size := 1; size < m; size *= 2 { // merges sorted blocks of this size
		for apart := size; apart > 0; apart /= 2 {
			rank("1", state, n*half, uniforms{"apart": apart, "mirrored": flag(apart == size)})
		}
	}
	rank("2", p.of(w.index), n*m, nil)
}

// scratchElements bounds the scores or distances that an operation keeps between two steps: 64 MiB. Tests make it
// small.
var scratchElements = 16 << 20

// chunks calls f for ranges of rows that hold at most limit elements each, at least one row.
func chunks(rows, perRow, limit int, f func(first, n int)) {
	size := max(1, limit/max(1, perRow))
	for first := 0; first < rows; first += size {
		f(first, min(size, rows-first))
	}
}
