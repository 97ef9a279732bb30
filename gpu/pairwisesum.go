//go:build gl && cgo

package gpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register(planPairwiseSum) }

// pairwiseTile is TILE of pairwisesum.comp.
const pairwiseTile = 32

// planPairwiseSum computes the distances of a chunk of rows into scratch and adds them by label; see pairwisesum.comp.
func planPairwiseSum(p *plan, op *backend.PairwiseSum) error {
	n, k, sums := op.X.Rows(), op.C.Rows(), op.Y.Cols()
	if err := summable(k); err != nil {
		return err
	}
	prepared := planCentres(p, op.X, op.C, nil, op.Metric)
	distances := p.scratch(4 * int64(min(n*k, max(k, scratchElements))))
	blocks := max(1, ceilDiv(k, exact.SumBlock))
	part := &p.driver.dummy // the sums of blocks
	if blocks > 1 {
		part = p.scratch(4 * int64(min(n, max(1, scratchElements/k))) * int64(sums) * int64(blocks))
	}
	partAt := [4]uint32{0, p.index(sums * blocks), p.index(blocks), 1}
	chunks(n, k, scratchElements, func(first, rows int) {
		distanceRows(p, op.X, op.C, prepared, first, rows, distances, [4]uint32{0, 0, uint32(k), 1})
		yAt := p.atRow(op.Y, first)
		yAt = [4]uint32{yAt[0], yAt[2], 1, 0} // row, group, no block
		s := step{
			shader:  "pairwisesum",
			buffers: []*buffer{p.of(op.Y), distances, p.of(op.Label)},
			uniforms: uniforms{
				"y_at": yAt, "label_at": p.at(op.Label), "k": k, "sums": sums, "labelled": flag(op.Label != nil),
			},
			groups: rows * ceilDiv(sums, pairwiseTile) * blocks,
		}
		if blocks == 1 {
			p.run(s)
			return
		}
		s.buffers[0], s.uniforms["y_at"] = part, partAt
		p.run(s)
		p.index(rows * sums * blocks)
		p.run(step{
			shader: "rowreduce", defines: defines{"REDUCE": "reduce_sum"},
			buffers: []*buffer{p.of(op.Y), part, p.of(nil)},
			uniforms: uniforms{
				"Y_at": yAt, "X_at": partAt, "candidates_at": [4]uint32{}, "rows": sums, "cols": blocks, "blocks": 1,
				"indirect": uint32(0), "zero": float32(0), "smallest": uint32(0), "want_value": uint32(0),
			},
			groups: rows * sums,
		})
	})
	return nil
}
