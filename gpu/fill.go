//go:build gl && cgo

package gpu

import "samebits/backend"

func init() { register(planFill) }

// planFill runs one invocation a Philox block of four elements; see fill.comp.
func planFill(p *plan, op *backend.Fill) error {
	rows, cols := op.Y.Rows(), op.Y.Cols()
	p.run(step{
		shader:  "fill",
		buffers: []*buffer{p.of(op.Y)},
		uniforms: drawUniforms(uniforms{
			"y_at": p.at(op.Y), "rows": rows, "cols": cols,
			"distribution": uint32(op.Distribution), "plain": flag(op.Plain()),
			"loc": op.Loc.Real(0), "scale": op.Scale.Real(1),
		}, op.Draws),
		groups: groupsOf(rows * ((cols + 3) / 4)),
	})
	return nil
}
