//go:build gl && cgo

package gpu

import (
	"fmt"
	"strconv"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() {
	register(planSoftmax)
}

// planSoftmax runs one work group a row, or one a block of a longer row; see softmax.comp.
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
	if p.fault("softmax-temperature-ignored") {
		w.temperature = 1
	}
	if err := summable(w.cols); err != nil {
		return err
	}
	if w.cols > exact.SumBlock {
		return softmaxBlocks(p, w, false)
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

// softmaxBlocks shares each row out over groups of a block each, for a softmax or a log-sum-exp; see
// softmaxblocks.comp.
func softmaxBlocks(p *plan, w softmaxWork, logSumExp bool) error {
	count, blocks := w.batch*w.rows, ceilDiv(w.cols, exact.SumBlock)
	p.index(count * w.cols)
	parts := p.scratch(2 * wordBytes * int64(count) * int64(blocks))
	sums := p.scratch(wordBytes * int64(count) * int64(blocks))
	state := p.scratch(2 * wordBytes * int64(count))
	stages := []int{count * blocks, count, count * blocks, count, groupsOf(count * w.cols)} // their groups
	if logSumExp {
		stages = stages[:4]
	}
	for i, groups := range stages {
		variant := defines{"STAGE": strconv.Itoa(i)}
		if logSumExp {
			variant["LOG_SUM_EXP"] = "1"
		}
		p.run(step{
			shader: "softmaxblocks", defines: variant,
			buffers: []*buffer{w.y, w.x, parts, sums, state},
			uniforms: uniforms{
				"y_at": w.yAt, "x_at": w.xAt, "rows": w.rows, "cols": w.cols, "count": count,
				"scale": exact.Recip(w.temperature), "logarithm": flag(w.logarithm),
			},
			groups: groups,
		})
	}
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
