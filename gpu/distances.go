//go:build gl && cgo

package gpu

import (
	"strconv"

	"samebits/backend"
)

func init() { register(planDistances) }

// planDistances runs one invocation a row of X and panel of C, for as many columns at a time as one dispatch may take; see distances.comp.
func planDistances(p *plan, op *backend.Distances) error {
	if op.Index != nil {
		return planPairs(p, op)
	}
	prepared := planCentres(p, op.X, op.C, nil, op.Metric)
	chunks(op.X.Rows(), op.C.Rows()*max(1, op.X.Cols()), dispatchMacs, func(first, rows int) {
		distanceRows(p, op.X, op.C, prepared, first, rows, p.of(op.D), p.atRow(op.D, first))
	})
	return nil
}

// distanceRows computes the distances of rows of x, from first on, to all of c's, into rows of y.
func distanceRows(p *plan, x, c *backend.Tensor, prepared centres, first, rows int, y *buffer, yAt [4]uint32) {
	panels := (c.Rows() + panelCentres - 1) / panelCentres
	cutRanges(x.Cols(), func(from, to int) {
		p.run(step{
			shader: "distances", defines: defines{"METRIC": prepared.defines["METRIC"]},
			buffers: []*buffer{y, p.of(x), prepared.panels, prepared.factors},
			uniforms: uniforms{
				"y_at": yAt, "x_at": p.at(x), "first_row": first, "n": rows, "k": c.Rows(), "d": x.Cols(), "from": from, "to": to,
			},
			groups: groupsOf(rows * panels),
		})
	})
}

// planPairs runs one invocation a named pair; see nearest.comp, stage 2.
func planPairs(p *plan, op *backend.Distances) error {
	factors, variant := &p.driver.dummy, defines{"METRIC": strconv.Itoa(int(op.Metric)), "STAGE": strconv.Itoa(nearestDistances)}
	if op.Metric == backend.Cosine {
		factors = planCentres(p, op.X, op.C, nil, op.Metric).factors
	}
	n, m, d := op.X.Rows(), op.Index.Cols(), op.X.Cols()
	chunks(n, m*max(1, d), dispatchMacs, func(first, rows int) {
		cutRanges(d, func(from, to int) {
			p.run(step{
				shader: "nearest", defines: variant,
				buffers: []*buffer{p.of(op.Index), p.of(op.D), p.of(op.X), p.of(op.C),
					&p.driver.dummy, &p.driver.dummy, factors},
				uniforms: uniforms{
					"index_at": p.at(op.Index), "distance_at": p.at(op.D), "x_at": p.at(op.X), "c_at": p.at(op.C),
					"k": op.C.Rows(), "d": d, "m": m, "n": rows, "first_row": first, "from": from, "to": to,
				},
				groups: groupsOf(rows * m),
			})
		})
	})
	return nil
}

// atRow is at for the rows of a matrix from row i on.
func (p *plan) atRow(t *backend.Tensor, i int) [4]uint32 {
	at := p.at(t)
	at[0] += uint32(i) * at[2]
	return at
}
