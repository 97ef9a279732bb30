//go:build gl && cgo

package gpu

import "samebits/backend"

func init() { register(planDistances) }

// planDistances runs one invocation a row of X and panel of C, for as many columns at a time as one dispatch may take; see distances.comp.
func planDistances(p *plan, op *backend.Distances) error {
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

// atRow is at for the rows of a matrix from row i on.
func (p *plan) atRow(t *backend.Tensor, i int) [4]uint32 {
	at := p.at(t)
	at[0] += uint32(i) * at[2]
	return at
}
