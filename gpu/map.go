//go:build gl && cgo

package gpu

import "samebits/backend"

func init() { register(planMap) }

// planMap runs one invocation an element; each function is a variant of map.comp.
func planMap(p *plan, op *backend.Map) error {
	y := op.Y
	p.run(step{
		shader:  "map",
		defines: defines{"FN": "fn_" + op.Fn.String()},
		buffers: []*buffer{p.of(y), p.of(op.A), p.of(op.B), p.of(op.C)},
		uniforms: uniforms{
			"Y_at": p.at(y), "A_at": p.stretched(op.A), "B_at": p.stretched(op.B), "C_at": p.stretched(op.C),
			"batch": y.Batch(), "rows": y.Rows(), "cols": y.Cols(),
		},
		invocations: y.Len(),
	})
	return nil
}
