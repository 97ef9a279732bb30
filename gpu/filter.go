//go:build gl && cgo

package gpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register(planFilter) }

// planFilter selects each row's last kept element and then keeps those up to it; top-p and min-p look at the row's
// softmax, which goes to scratch first. See select.comp and filter.comp.
func planFilter(p *plan, op *backend.Filter) error {
	batch, rows, cols := op.X.Batch(), op.X.Rows(), op.X.Cols()
	if op.X.Len() == 0 {
		return nil
	}
	source, sourceAt := p.of(op.X), p.at(op.X)
	var target uint32
	switch op.Kind {
	case backend.FilterTopK:
		target = uint32(min(op.K, cols))
	case backend.FilterTopP:
		// The first element stays whatever P is; its weight is at least 1.
		target = max(1, exact.ProbabilityWeight(op.P))
	default:
		target = 1
	}
	if op.Kind != backend.FilterTopK {
		source = p.scratch(4 * int64(op.X.Len()))
		sourceAt = [4]uint32{0, p.index(rows * cols), uint32(cols), 1}
		p.index(op.X.Len())
		if err := softmaxRows(p, softmaxWork{
			y: source, x: p.of(op.X), yAt: sourceAt, xAt: p.at(op.X),
			batch: batch, rows: rows, cols: cols, temperature: 1,
		}); err != nil {
			return err
		}
	}
	perRow := max(cols, selectBins+selectState)
	state, bins := selectScratch(p, min(batch*rows, max(1, scratchElements/perRow)))
	chunks(batch*rows, perRow, scratchElements, func(first, n int) {
		selectRows(p, selection{
			x: source, xAt: sourceAt, first: first, n: n, rows: rows, cols: cols, target: target,
			weighted: op.Kind == backend.FilterTopP, wholeIfNaN: true, keyOnly: op.Kind == backend.FilterMinP,
			state: state, bins: bins,
		})
		p.run(step{
			shader:  "filter",
			buffers: []*buffer{p.of(op.Y), p.of(op.X), source, state},
			uniforms: uniforms{
				"y_at": p.at(op.Y), "x_at": p.at(op.X), "source_at": sourceAt, "first_row": first, "rows": rows, "cols": cols,
				"count": n, "min_p": flag(op.Kind == backend.FilterMinP), "share": op.P,
			},
			groups: groupsOf(n * cols),
		})
	})
	return nil
}
