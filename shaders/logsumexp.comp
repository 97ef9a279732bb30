// logsumexp.comp: y = m + log Σ_j exp(x_j·(1/T) − m), m the row's maximum, after backend/exact/softmax.go.
//
// x: [b×n×c] float32, c from 1 to 16,384 (longer rows: softmaxblocks.comp); y: [b×n×1] float32. One work group a row;
// lane 0 writes.
//
// Barriers: those of lanes.glsl, between the lanes' writing of their largest keys or sums and the tree's reading of them,
// and before the next tree's writing. Order (contract: softmax family, and row reduction): the largest by integer keys,
// the sum over 64 lanes and then the tree.

#define ROW_SUM
#include "contract.glsl"
#include "elementary.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Y { uint y[]; };
layout(std430, binding = 1) readonly buffer X { float x[]; };
uniform uvec4 y_at, x_at;
uniform uint rows, cols;
uniform float scale; // 1/T

uint matrix, row;
float largest;

float logit(uint j) { return ct_mul(x[at(x_at, matrix, row, j)], scale); }
float summand(uint j) { return ct_exp(ct_sub(logit(j), largest)); }

void main() {
	if (idleGroup()) return;
	matrix = groupIndex() / rows;
	row = groupIndex() % rows;
	uint l = gl_LocalInvocationID.x;

	uint key = 0u;
	for (uint j = l; j < cols; j += LANES) {
		uint k = ct_key(logit(j));
		key = k > key ? k : key;
	}
	largest = keyed(largestLanes(key)); // the sign of a zero is lost in what follows
	float sum = rowSum(cols);
#ifdef FAULT_LOGSUMEXP_MAX_NOT_ADDED
	largest = zero;
#endif
	if (l == 0u) y[at(y_at, matrix, row, 0u)] = ct_canon_bits(ct_add(largest, ct_log(sum)));
}
