// rowfactor.comp: factor[i] = 1/‖x_i‖, and 1 for a row of norm 0: what scales the rows of x for the cosine distance.
//
// x: n×d float32; factor: n float32 from first on, in scratch, holding Σx² so far until from..to reaches d. One
// invocation a row; there is no barrier, and no two invocations share an element. Order (contract: distances): the sum
// is a product chain, the norm and its reciprocal are correctly rounded.

#define METRIC 3
#include "contract.glsl"
#include "tensor.glsl"
#include "metric.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) buffer Factor { float factor[]; };
layout(std430, binding = 1) readonly buffer X { float x[]; };
uniform uvec4 x_at;
uniform uint n, d, first;

void main() {
	uint i = invocationIndex();
	if (idleGroup() || i >= n) return;
	float sum = zero;
	if (from > 0u) sum = factor[first + i];
	for (uint cut = from; cut < to; cut += CUT) {
		float chain = zero;
		for (uint e = cut; e < lesser(to, cut + CUT); e++) {
			float v = x[at(x_at, 0u, i, e)];
			chain = ct_mac(chain, v, v);
		}
		sum = ct_add(sum, chain);
	}
	factor[first + i] = to < d ? sum : unit(sum);
}
