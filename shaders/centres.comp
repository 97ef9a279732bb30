// centres.comp: the rows of c as the distance kernels read them, in panels (metric.glsl), and half their squares.
//
//   panel component = c − shift (SHIFTED), c·factor (METRIC = COSINE) or c;  half[c] = ½·(product chain of it by itself)
//
// c: k×d float32; shift: 1×d float32; factor: k float32 of rowfactor.comp; panels: ⌈k/16⌉·d·16 float32 and half_square:
// ⌈k/16⌉·16 float32 in scratch, holding the whole sum so far until from..to reaches d. One invocation a centre, those that
// fill up the last panel included; there is no barrier, and no two invocations share an element. Order (contract:
// distances): a product chain with its cuts.

#include "contract.glsl"
#include "tensor.glsl"
#include "metric.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Panels { float panels[]; };
layout(std430, binding = 1) buffer HalfSquare { float half_square[]; };
layout(std430, binding = 2) readonly buffer C { float c[]; };
layout(std430, binding = 3) readonly buffer Shift { float shift[]; };
layout(std430, binding = 4) readonly buffer Factor { float factor[]; };
uniform uvec4 c_at, shift_at;
uniform uint k, d;

void main() {
	uint i = invocationIndex();
	if (idleGroup() || i >= (k + PANEL - 1u) / PANEL * PANEL) return;
	uint base = i / PANEL * d * PANEL + i % PANEL;
	float sum = zero;
	if (from > 0u) sum = half_square[i];
	for (uint cut = from; cut < to; cut += CUT) {
		float chain = zero;
		for (uint e = cut; e < lesser(to, cut + CUT); e++) {
			float v = zero;
			if (i < k) {
				v = c[at(c_at, 0u, i, e)];
#ifdef SHIFTED
				v = ct_sub(v, shift[at(shift_at, 0u, 0u, e)]);
#elif METRIC == COSINE
				v = ct_mul(v, factor[i]);
#endif
			}
			panels[base + e * PANEL] = v;
			chain = ct_mac(chain, v, v);
		}
		sum = ct_add(sum, chain);
	}
	half_square[i] = to < d ? sum : ct_mul(0.5, sum);
}
