//go:build gl && cgo

package gpu

import (
	"strconv"

	"samebits/backend"
)

const faultShiftIgnored = "nearest-shift-ignored" // scores come from unshifted values

func init() {
	register(planNearest)
}

// planNearest lays the rows of C out in panels and then either walks them once a row, keeping the best (m = 1), or
// stores the scores of a chunk of rows, picks the best of each, and computes their distances. See nearest.comp.
func planNearest(p *plan, op *backend.Nearest) error {
	n, d, k, m := op.X.Rows(), op.X.Cols(), op.C.Rows(), op.Index.Cols()
	shift := op.Shift
	if p.fault(faultShiftIgnored) {
		shift = nil
	}
	centres := planCentres(p, op.X, op.C, shift, op.Metric)
	nearest := func(stage, first, rows, groups int) step {
		variant := defines{"STAGE": strconv.Itoa(stage)}
		for name, value := range centres.defines {
			variant[name] = value
		}
		return step{
			shader: "nearest", defines: variant,
			buffers: []*buffer{p.of(op.Index), p.of(op.Distance), p.of(op.X), p.of(op.C),
				centres.panels, centres.halfSquare, p.of(shift), centres.factors},
			uniforms: uniforms{
				"index_at": p.at(op.Index), "distance_at": p.at(op.Distance), "x_at": p.at(op.X), "c_at": p.at(op.C),
				"shift_at": p.at(shift), "first_row": first, "n": rows, "k": k, "d": d, "m": m,
				"with_distance": flag(op.Distance != nil),
			},
			groups: groups,
		}
	}
	if m == 1 {
		chunks(n, k*max(1, d), dispatchMacs, func(first, rows int) {
			p.run(nearest(nearestBest, first, rows, groupsOf(rows)))
		})
		return nil
	}
	scores := p.scratch(4 * int64(min(n*k, max(k, scratchElements))))
	chunks(n, k, scratchElements, func(first, rows int) {
		s := nearest(nearestScores, first, rows, groupsOf(rows))
		s.buffers[0] = scores
		p.run(s)
		pickRows(p, pick{
			index: op.Index, firstRow: first, x: scores, xAt: [4]uint32{0, 0, uint32(k), 1},
			rows: rows, cols: k, smallest: true,
		})
	})
	if op.Distance != nil {
		p.run(nearest(nearestDistances, 0, n, groupsOf(n*m)))
	}
	return nil
}

// The stages of nearest.comp.
const (
	nearestBest = iota
	nearestScores
	nearestDistances
)

// dispatchMacs bounds the work of one dispatch, so that a watchdog, which some systems run after two seconds, finds
// none that long. Tests make it small.
var dispatchMacs = 1 << 34

// panelCentres is PANEL of metric.glsl.
const panelCentres = 16

// centres is what the distance kernels read of C, in scratch; see centres.comp.
type centres struct {
	panels, halfSquare *buffer
	factors            *buffer // cosine: of C's rows, then of X's
	defines            defines
}

// planCentres runs the steps that prepare C, and X's factors under cosine. Without a shift shift is nil.
func planCentres(p *plan, x, c, shift *backend.Tensor, metric backend.Metric) centres {
	n, d, k := x.Rows(), x.Cols(), c.Rows()
	padded := (k + panelCentres - 1) / panelCentres * panelCentres
	p.index(padded * d)
	out := centres{
		panels: p.scratch(4 * int64(padded) * int64(d)), halfSquare: p.scratch(4 * int64(padded)),
		factors: &p.driver.dummy, defines: defines{"METRIC": strconv.Itoa(int(metric))},
	}
	if shift != nil {
		out.defines["SHIFTED"] = "1"
	}
	if metric == backend.Cosine {
		p.index(k + n)
		out.factors = p.scratch(4 * int64(k+n))
		for _, rows := range []struct {
			t     *backend.Tensor
			first int
		}{{c, 0}, {x, k}} {
			p.run(step{
				shader:  "rowfactor",
				buffers: []*buffer{out.factors, p.of(rows.t)},
				uniforms: uniforms{
					"x_at": p.at(rows.t), "n": rows.t.Rows(), "d": d, "first": rows.first,
				},
				groups: groupsOf(rows.t.Rows()),
			})
		}
	}
	p.run(step{
		shader: "centres", defines: out.defines,
		buffers:  []*buffer{out.panels, out.halfSquare, p.of(c), p.of(shift), out.factors},
		uniforms: uniforms{"c_at": p.at(c), "shift_at": p.at(shift), "k": k, "d": d},
		groups:   groupsOf(padded),
	})
	return out
}
