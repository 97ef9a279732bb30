//go:build gl && cgo

package gpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register(planWithoutReplacement) }

// planWithoutReplacement scores a chunk of rows into scratch and picks the best of each row; see
// withoutreplacement.comp and topk.comp.
func planWithoutReplacement(p *plan, op *backend.WithoutReplacement) error {
	rows, cols := op.X.Rows(), op.X.Cols()
	scores := p.scratch(4 * int64(min(rows*cols, max(cols, scratchElements))))
	chunks(rows, cols, scratchElements, func(first, n int) {
		draws := op.Draws
		draws.Row += uint32(first)
		p.run(step{
			shader:  "withoutreplacement",
			buffers: []*buffer{scores, p.of(op.X)},
			uniforms: drawUniforms(uniforms{
				"x_at": p.atRow(op.X, first), "rows": n, "cols": cols, "scale": exact.Recip(op.Temperature.Real(1)),
			}, draws),
			groups: groupsOf(n * ((cols + 3) / 4)),
		})
		pickRows(p, pick{
			index: op.Index, firstRow: first, x: scores, xAt: [4]uint32{0, 0, uint32(cols), 1},
			rows: n, cols: cols, above: true,
		})
	})
	return nil
}
