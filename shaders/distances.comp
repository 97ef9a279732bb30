// distances.comp: y[i,j] = distance(x[i,·], c[j,·]), each computed directly, after backend/exact/distance.go.
//
// x: n×d float32, rows first_row to first_row+n−1 of it; c: k×d in panels (centres.comp, without shift); factors:
// rowfactor.comp, of c and then of x; y: n×k float32, holding the sums so far until from..to reaches d. One invocation a row and
// panel: 16 chains in registers. There is no barrier, and no two invocations share an element of y. Order (contract:
// distances): one chain a distance, cut like a product.

#include "contract.glsl"
#include "tensor.glsl"
#include "metric.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) buffer Y { uint y[]; };
layout(std430, binding = 1) readonly buffer X { float x[]; };
layout(std430, binding = 2) readonly buffer Panels { vec4 panels[]; };
layout(std430, binding = 3) readonly buffer Factors { float factors[]; };
uniform uvec4 y_at, x_at;
uniform uint first_row, n, k, d;

// left returns the sums so far of four centres from j on; those past the last are never looked at.
vec4 left(uint row, uint j) {
	vec4 sums = vec4(zero);
	for (uint t = 0u; t < 4u; t++) {
		if (j + t < k) sums[t] = uintBitsToFloat(y[at(y_at, 0u, row, j + t)]);
	}
	return sums;
}

void main() {
	uint count = (k + PANEL - 1u) / PANEL;
	uint n_th = invocationIndex();
	if (idleGroup() || n_th >= n * count) return;
	uint row = n_th % n, panel = n_th / n;
	uint i = first_row + row;

	vec4 s0 = vec4(zero), s1 = s0, s2 = s0, s3 = s0;
	if (from > 0u) {
		s0 = left(row, panel * PANEL);
		s1 = left(row, panel * PANEL + 4u);
		s2 = left(row, panel * PANEL + 8u);
		s3 = left(row, panel * PANEL + 12u);
	}
	for (uint cut = from; cut < to; cut += CUT) {
		vec4 a0 = vec4(zero), a1 = a0, a2 = a0, a3 = a0;
		uint end = lesser(to, cut + CUT);
		for (uint e = cut; e < end; e++) {
			float v = x[at(x_at, 0u, i, e)];
#if METRIC == COSINE
			v = ct_mul(v, factors[k + i]);
#endif
			uint p = (panel * d + e) * 4u;
			a0 = distance4(a0, v, panels[p]);
			a1 = distance4(a1, v, panels[p + 1u]);
			a2 = distance4(a2, v, panels[p + 2u]);
			a3 = distance4(a3, v, panels[p + 3u]);
		}
		s0 = add4(s0, a0);
		s1 = add4(s1, a1);
		s2 = add4(s2, a2);
		s3 = add4(s3, a3);
	}
	for (uint t = 0u; t < PANEL; t++) {
		uint j = panel * PANEL + t;
		vec4 s = t < 8u ? (t < 4u ? s0 : s1) : (t < 12u ? s2 : s3);
		if (j >= k) break;
		float sum = s[t & 3u];
		y[at(y_at, 0u, row, j)] = ct_canon_bits(to < d ? sum : finished(sum));
	}
}
