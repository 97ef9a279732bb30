//go:build gl && cgo

package gpu

import (
	"maps"
	"strconv"

	"samebits/backend"
	"samebits/backend/exact"
)

const faultShiftIgnored = "nearest-shift-ignored" // scores come from unshifted values

func init() {
	register(planNearest)
}

// planNearest lays the rows of C out in panels and then either walks them once a row, keeping the best (m = 1 and rows
// that one dispatch can take), or stores the scores of a chunk of rows, picks the best of each, and computes their
// distances. See nearest.comp.
func planNearest(p *plan, op *backend.Nearest) error {
	n, d, k, m := op.X.Rows(), op.X.Cols(), op.C.Rows(), op.Index.Cols()
	shift := op.Shift
	if p.fault(faultShiftIgnored) {
		shift = nil
	}
	centres := planCentres(p, op.X, op.C, shift, op.Metric)
	offsets := p.of(shift) // what a score needs besides: shift or factors
	if op.Metric == backend.Cosine {
		offsets = centres.factors
	}
	nearest := func(stage, groups int, more uniforms) step {
		variant := defines{"STAGE": strconv.Itoa(stage)}
		maps.Copy(variant, centres.defines)
		s := step{
			shader: "nearest", defines: variant,
			buffers: []*buffer{p.of(op.Index), p.of(op.Distance), p.of(op.X), p.of(op.C),
				centres.panels, centres.halfSquare, offsets},
			uniforms: uniforms{
				"index_at": p.at(op.Index), "distance_at": p.at(op.Distance), "x_at": p.at(op.X), "c_at": p.at(op.C),
				"shift_at": p.at(shift), "k": k, "d": d, "m": m, "with_distance": flag(op.Distance != nil),
			},
			groups: groups,
		}
		maps.Copy(s.uniforms, more)
		return s
	}
	panels := ceilDiv(k, panelCentres)
	// A row's walk over one panel, with the ranking of its centres; the winner's distance counts as one panel more.
	walk := d + ceilDiv(d, exact.Cut) + 1 + panelCentres + panelCentres/4
	if perDispatch := loopIterations/walk - 1; m == 1 && perDispatch >= 1 {
		keys := &p.driver.dummy
		if panels > perDispatch {
			keys = p.scratch(4 * int64(min(n, max(1, dispatchMacs/(k*max(1, d))))))
		}
		chunks(n, k*max(1, d), dispatchMacs, func(first, rows int) {
			for panel := 0; panel < panels; panel += perDispatch {
				s := nearest(nearestBest, groupsOf(rows), uniforms{
					"first_row": first, "n": rows, "from": 0, "to": d,
					"first_panel": panel, "last_panel": min(panels, panel+perDispatch),
				})
				s.buffers = append(s.buffers, keys)
				p.run(s)
			}
		})
		return nil
	}
	scores := p.scratch(4 * int64(min(n*k, max(k, scratchElements))))
	chunks(n, k, scratchElements, func(first, rows int) {
		cutRanges(d, func(from, to int) {
			s := nearest(nearestScores, groupsOf(rows*panels), uniforms{"first_row": first, "n": rows, "from": from, "to": to})
			s.buffers[0] = scores
			p.run(s)
		})
		pickRows(p, pick{
			index: op.Index, firstRow: first, x: scores, xAt: [4]uint32{0, 0, uint32(k), 1},
			rows: rows, cols: k, smallest: true,
		})
	})
	if op.Distance != nil {
		cutRanges(d, func(from, to int) {
			p.run(nearest(nearestDistances, groupsOf(n*m), uniforms{"first_row": 0, "n": n, "from": from, "to": to}))
		})
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
// One that is under way also holds up an interruption; llvmpipe does about 2³⁰
// macs a second.
var dispatchMacs = 1 << 30

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
			cutRanges(d, func(from, to int) {
				p.run(step{
					shader:  "rowfactor",
					buffers: []*buffer{out.factors, p.of(rows.t)},
					uniforms: uniforms{
						"x_at": p.at(rows.t), "n": rows.t.Rows(), "d": d, "first": rows.first, "from": from, "to": to,
					},
					groups: groupsOf(rows.t.Rows()),
				})
			})
		}
	}
	cutRanges(d, func(from, to int) {
		p.run(step{
			shader: "centres", defines: out.defines,
			buffers:  []*buffer{out.panels, out.halfSquare, p.of(c), p.of(shift), out.factors},
			uniforms: uniforms{"c_at": p.at(c), "shift_at": p.at(shift), "k": k, "d": d, "from": from, "to": to},
			groups:   groupsOf(padded),
		})
	})
	return out
}
