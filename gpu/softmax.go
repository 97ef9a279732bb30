//go:build gl && cgo

package gpu

import (
	"fmt"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() {
	register(planSoftmax)
}

// planSoftmax runs one work group a row; see softmax.comp.
func planSoftmax(p *plan, op *backend.Softmax) error {
	return softmaxRows(p, softmaxWork{
		y: p.of(op.Y), x: p.of(op.X), yAt: p.at(op.Y), xAt: p.at(op.X),
		batch: op.X.Batch(), rows: op.X.Rows(), cols: op.X.Cols(),
		logarithm: op.Log, temperature: op.Temperature.Real(1),
	})
}

// softmaxWork is a softmax of rows anywhere in two buffers, which may be one.
type softmaxWork struct {
	y, x              *buffer
	yAt, xAt          [4]uint32
	batch, rows, cols int
	logarithm         bool
	temperature       float32
}

func softmaxRows(p *plan, w softmaxWork) error {
	if err := summable(w.cols); err != nil {
		return err
	}
	p.run(step{
		shader:  "softmax",
		buffers: []*buffer{w.y, w.x},
		uniforms: uniforms{
			"y_at": w.yAt, "x_at": w.xAt, "rows": w.rows, "cols": w.cols,
			"scale": exact.Recip(w.temperature), "logarithm": flag(w.logarithm),
		},
		groups: w.batch * w.rows,
	})
	return nil
}

// lanes is the size of the work groups of all kernels of this family, and of those with an invocation an element.
const lanes = exact.SumLanes

// groupsOf is how many work groups give n invocations.
func groupsOf(n int) int { return (n + lanes - 1) / lanes }

// summable refuses rows past what rowSum of lanes.glsl sums in two levels of blocks.
func summable(cols int) error {
	const longest = exact.SumBlock * exact.SumBlock
	if cols > longest {
		return fmt.Errorf("a row of %d elements passes 2²⁸: %w", cols, backend.ErrNotSupported)
	}
	return nil
}

// drawUniforms adds a position in the random stream (philox.glsl) to u.
func drawUniforms(u uniforms, d backend.Draws) uniforms {
	u["seed"] = [2]uint32{uint32(d.Seed), uint32(d.Seed >> 32)}
	u["stream"] = uint32(d.Use)<<16 | uint32(d.Sub)
	u["step_number"] = d.Step
	u["first_row"] = d.Row
	return u
}
