//go:build gl && cgo

package gpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register(planReduce) }

func planReduce(p *plan, op *backend.Reduce) error {
	if op.Axis == backend.AlongColumn {
		return planColumnReduce(p, op)
	}
	return planRowReduce(p, op)
}

// reducer is the function of rowreduce.comp and colreduce.comp that a reduction needs, and its options.
func reducer(r backend.Reduction) (function string, options uniforms) {
	options = uniforms{"zero": float32(0), "smallest": uint32(0), "want_value": uint32(0)}
	switch r {
	case backend.Sum:
		return "reduce_sum", options
	case backend.MaxAbsFinite:
		return "reduce_magnitude", options
	}
	options["smallest"] = flag(r == backend.Min || r == backend.ArgMin)
	options["want_value"] = flag(r == backend.Max || r == backend.Min)
	return "reduce_pick", options
}

// planRowReduce reduces blocks of a row, then the blocks' results, until one is left.
func planRowReduce(p *plan, op *backend.Reduce) error {
	function, options := reducer(op.Reduction)
	batch, rows, cols := op.X.Batch(), op.X.Rows(), op.X.Cols()
	picks := function == "reduce_pick"
	x, xAt := p.of(op.X), p.at(op.X)
	candidates, candidatesAt := p.of(nil), [4]uint32{}
	indirect := false
	for {
		blocks := max(1, ceilDiv(cols, exact.SumBlock))
		y, yAt := p.of(op.Y), p.at(op.Y)
		if blocks > 1 {
			y = p.scratch(4 * int64(batch*rows*blocks))
			yAt = [4]uint32{0, p.index(rows * blocks), p.index(blocks), 1}
			p.index(batch * rows * blocks)
		}
		s := step{
			shader: "rowreduce", defines: defines{"REDUCE": function},
			buffers: []*buffer{y, x, candidates},
			uniforms: uniforms{
				"Y_at": yAt, "X_at": xAt, "candidates_at": candidatesAt,
				"rows": rows, "cols": cols, "blocks": blocks, "indirect": flag(indirect),
			},
			groups: batch * rows * blocks,
		}
		for name, v := range options {
			s.uniforms[name] = v
		}
		if picks && blocks > 1 {
			s.uniforms["want_value"] = uint32(0)
		}
		p.run(s)
		if blocks == 1 {
			return nil
		}
		if picks {
			candidates, candidatesAt, indirect = y, yAt, true
		} else {
			x, xAt = y, yAt
		}
		cols = blocks
	}
}

// planColumnReduce reduces blocks of rows, then the blocks' results: sums in one chain, in as many dispatches as it
// takes, and what has no order in blocks again, until one is left.
func planColumnReduce(p *plan, op *backend.Reduce) error {
	function, options := reducer(op.Reduction)
	batch, rows, cols := op.X.Batch(), op.X.Rows(), op.X.Cols()
	picks := function == "reduce_pick"
	x, xAt := p.of(op.X), p.at(op.X)
	candidates, candidatesAt := p.of(nil), [4]uint32{}
	indirect := false
	run := func(y *buffer, yAt [4]uint32, first, blocks, blockRows int, last bool) {
		s := step{
			shader: "colreduce", defines: defines{"REDUCE": function},
			buffers: []*buffer{y, x, candidates},
			uniforms: uniforms{
				"Y_at": yAt, "X_at": xAt, "candidates_at": candidatesAt, "batch": batch, "first": first,
				"rows": rows, "cols": cols, "blocks": blocks, "block_rows": blockRows, "indirect": flag(indirect),
			},
			invocations: batch * blocks * cols,
		}
		for name, v := range options {
			s.uniforms[name] = v
		}
		if picks && !last {
			s.uniforms["want_value"] = uint32(0)
		}
		p.run(s)
	}
	for level := 0; rows > exact.ColumnBlock && (level == 0 || function != "reduce_sum"); level++ {
		blocks := ceilDiv(rows, exact.ColumnBlock)
		part := p.scratch(4 * int64(batch*blocks*cols))
		partAt := [4]uint32{0, p.index(blocks * cols), p.index(cols), 1}
		run(part, partAt, 0, blocks, exact.ColumnBlock, false)
		if picks {
			candidates, candidatesAt, indirect = part, partAt, true
		} else {
			x, xAt = part, partAt
		}
		rows = blocks
	}
	if function != "reduce_sum" {
		run(p.of(op.Y), p.at(op.Y), 0, 1, exact.ColumnBlock, true)
		return nil
	}
	ranges(rows, 1, 1, func(from, to int) {
		run(p.of(op.Y), p.at(op.Y), from, 1, to-from, true)
	})
	return nil
}
