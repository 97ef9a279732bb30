//go:build gl && cgo

package gpu

import (
	"maps"
	"strconv"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register(planMatMul) }

// A tiling is the part of matmul.comp's and cmatmul.comp's parameters that depends on the sizes of a product. It never
// shows in a result.
type tiling struct {
	side   int // TS: invocations of a group along each side
	wm, wn int // elements an invocation holds
}

func (t tiling) defines() defines {
	return defines{"TS": strconv.Itoa(t.side), "WM": strconv.Itoa(t.wm), "WN": strconv.Itoa(t.wn)}
}

// chooseTiling takes the large tile where C fills it, and else the one of an element an invocation, which wastes less.
func chooseTiling(m, n int, large tiling) tiling {
	if m <= large.side || n <= large.side {
		return tiling{side: large.side, wm: 1, wn: 1}
	}
	return large
}

// tileDepth is TK of the product kernels.
const tileDepth = 16

// iterations is how many loop iterations a tile's invocation makes for one tile depth of K: the step itself, the loads
// of both tiles and the depth, should a compiler leave that loop as it stands.
func (t tiling) iterations() int {
	load := func(elements int) int { return ceilDiv(elements, t.side*t.side) + 1 }
	return 1 + load(tileDepth*t.side*t.wm) + load(tileDepth*t.side*t.wn) + tileDepth + 1
}

// runAlongK runs a product's step over ranges of K, multiples of unit, as many as the loop budget wants. Where there is
// more than one, the sums stay meanwhile in memory with a place for each element of c: in c itself where it is not
// read and holds such numbers, else in scratch.
func (t tiling) runAlongK(p *plan, s step, c *backend.Tensor, k, unit int, inPlace bool) {
	iterations := t.iterations() * (unit / tileDepth)
	total, totalAt := &p.driver.dummy, [4]uint32{}
	if k > unit*max(1, loopIterations/iterations) {
		total, totalAt = p.of(c), p.at(c)
		if !inPlace {
			size := int64(max(c.DType().Size(), wordBytes))
			total = p.scratch(size * int64(c.Len()))
			totalAt = [4]uint32{0, p.index(c.Rows() * c.Cols()), p.index(c.Cols()), 1}
			p.index(c.Len())
		}
	}
	s.buffers = append(s.buffers, total)
	ranges(k, unit, iterations, func(from, to int) {
		part := s
		part.uniforms = uniforms{"k_from": from, "k_to": to, "total_at": totalAt}
		maps.Copy(part.uniforms, s.uniforms)
		p.run(part)
	})
}

// planMatMul runs one work group a tile of C, for as much of K at a time as one dispatch may take.
func planMatMul(p *plan, op *backend.MatMul) error {
	m, n, k := op.Sizes()
	isComplex := op.C.DType() == backend.Complex64
	alpha, beta := op.Alpha.Or(1), op.Beta.Or(0)
	if alpha == 0 {
		k = 0 // the product counts as +0, and A and B are not read
	}
	a, b := p.at(op.A), p.at(op.B)
	if p.fault("matmul-stride-as-columns") {
		a[2] = uint32(op.A.Cols())
	}
	if p.fault("matmul-batch-stale") {
		b[1] = 0
	}
	if op.TransA && !(p.fault("matmul-transpose-ignored-square") && op.A.Rows() == op.A.Cols()) {
		a = transposed(a)
	}
	if op.TransB {
		b = transposed(b)
	}
	t := chooseTiling(m, n, matMulTiling)
	if isComplex {
		t = chooseTiling(m, n, complexTiling)
	}
	tilesM, tilesN := ceilDiv(m, t.side*t.wm), ceilDiv(n, t.side*t.wn)
	s := step{
		shader:  "matmul",
		defines: t.defines(),
		buffers: []*buffer{p.of(op.C), p.of(op.A), p.of(op.B), p.of(op.Bias)},
		uniforms: uniforms{
			"C_at": p.at(op.C), "A_at": a, "B_at": b, "bias_at": p.at(op.Bias),
			"M": m, "N": n, "K": k, "tiles_m": tilesM, "tiles_n": tilesN,
			"a_along_k": flag(!op.TransA), "b_along_k": flag(op.TransB),
			"scale": flag(alpha != 1 && alpha != 0), "accumulate": flag(beta != 0), "has_bias": flag(op.Bias != nil),
		},
		groups: op.C.Batch() * tilesM * tilesN,
	}
	if isComplex {
		s.shader = "cmatmul"
		s.uniforms["alpha"] = [2]float32{real(alpha), imag(alpha)}
		s.uniforms["beta"] = [2]float32{real(beta), imag(beta)}
		s.uniforms["a_flip"] = flag(op.ConjA && !p.fault("matmul-conj-ignored")) << 31
		s.uniforms["b_flip"] = flag(op.ConjB) << 31
		s.uniforms["zero"] = float32(0)
	} else {
		s.uniforms["alpha"], s.uniforms["beta"] = real(alpha), real(beta)
		if op.Act != backend.NoActivation {
			s.defines["ACT"] = "ct_" + op.Act.String()
		}
	}
	t.runAlongK(p, s, op.C, k, exact.Cut, beta == 0)
	return nil
}

// flag is 1 for true.
func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
