//go:build gl && cgo

package gpu

import (
	"strconv"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() {
	register(planScatterSum)
}

// planScatterSum clears the sums and adds the elements with atomics; see scattersum.comp.
func planScatterSum(p *plan, op *backend.ScatterSum) error {
	n, d, k := op.X.Rows(), op.X.Cols(), op.Sums.Rows()
	p.index(n * max(1, d))
	scatter := func(stage, invocations int) {
		p.run(step{
			shader: "scattersum", defines: defines{"STAGE": strconv.Itoa(stage)},
			buffers: []*buffer{p.of(op.Sums), p.of(op.X), p.of(op.Label), p.of(op.Weight), p.of(op.Exponent)},
			uniforms: uniforms{
				"sums_at": p.at(op.Sums), "x_at": p.at(op.X), "label_at": p.at(op.Label), "weight_at": p.at(op.Weight),
				"exponent_at": p.at(op.Exponent), "n": n, "d": d, "k": k,
				"labelled": flag(op.Label != nil), "weighted": flag(op.Weight != nil),
			},
			groups: groupsOf(invocations),
		})
	}
	scatter(0, k*exact.ScatterWords(d))
	scatter(1, n*max(1, d))
	return nil
}
