//go:build gl && cgo

package gpu

import "samebits/backend"

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
	chunks(n, k, scratchElements, func(first, rows int) {
		distanceRows(p, op.X, op.C, prepared, first, rows, distances, [4]uint32{0, 0, uint32(k), 1})
		p.run(step{
			shader:  "pairwisesum",
			buffers: []*buffer{p.of(op.Y), distances, p.of(op.Label)},
			uniforms: uniforms{
				"y_at": p.at(op.Y), "label_at": p.at(op.Label), "first_row": first, "k": k, "sums": sums,
				"labelled": flag(op.Label != nil),
			},
			groups: rows * ((sums + pairwiseTile - 1) / pairwiseTile),
		})
	})
	return nil
}
