//go:build gl && cgo

package gpu

import "samebits/backend"

func init() { register(planQMatMul) }

// planQMatMul runs one work group a tile of C, for as much of K at a time as one dispatch may take.
func planQMatMul(p *plan, op *backend.QMatMul) error {
	m, n, k := op.Sizes()
	a, b := p.at(op.A), p.at(op.B)
	if op.TransA {
		a = transposed(a)
	}
	if op.TransB {
		b = transposed(b)
	}
	t := chooseTiling(m, n, qMatMulTiling)
	tilesM, tilesN := ceilDiv(m, t.side*t.wm), ceilDiv(n, t.side*t.wn)
	zeroB := op.ZeroB
	if p.fault("qmatmul-zero-point-forgotten") {
		zeroB = 0
	}
	r := op.Requant
	if r == nil {
		r = &backend.Requant{}
	}
	t.runAlongK(p, step{
		shader: "qmatmul", defines: t.defines(),
		buffers: []*buffer{p.of(op.C), p.of(op.A), p.of(op.B), p.of(op.Bias), p.of(r.Multiplier), p.of(r.Shift)},
		uniforms: uniforms{
			"C_at": p.at(op.C), "A_at": a, "B_at": b, "bias_at": p.at(op.Bias),
			"multiplier_at": p.stretched(r.Multiplier), "shift_at": p.stretched(r.Shift),
			"M": m, "N": n, "K": k, "tiles_m": tilesM, "tiles_n": tilesN,
			"a_along_k": flag(!op.TransA), "b_along_k": flag(op.TransB),
			"zero_a": op.ZeroA, "zero_b": zeroB, "zero_c": r.ZeroC, "least": r.Min, "most": r.Max,
			"has_bias": flag(op.Bias != nil), "requantise": flag(op.Requant != nil),
		},
		groups: op.C.Batch() * tilesM * tilesN,
	}, op.C, k, tileDepth, op.Requant == nil)
	return nil
}
