// gumbelsoftmax.comp: t = x + gumbel, and the one-hot row of its argmax; after backend/exact/sample.go. softmax.comp
// then turns t into the relaxed row.
//
// x, t, onehot: n×c float32; t goes to y. One work group a row, four elements of a Philox block a lane. If every t is
// −Inf the one-hot row is all zeros.

#include "contract.glsl"
#include "elementary.glsl"
#include "philox.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Y { uint y[]; };
layout(std430, binding = 1) writeonly buffer OneHot { uint onehot[]; };
layout(std430, binding = 2) readonly buffer X { float x[]; };
uniform uvec4 y_at, onehot_at, x_at;
uniform uint cols;
uniform bool with_y, with_onehot;
uniform uvec2 seed;
uniform uint stream, step_number, first_row;

void main() {
	if (idleGroup()) return;
	uint row = groupIndex();
	uint least = 0xffffffffu, where = 0xffffffffu;
	for (uint block = gl_LocalInvocationID.x; block * 4u < cols; block += LANES) {
		uvec4 words = ct_random_block(seed, stream, step_number, first_row + row, block);
		for (uint t = 0u; t < 4u; t++) {
			uint j = block * 4u + t;
			if (j >= cols) break;
			float v = ct_add(x[at(x_at, 0u, row, j)], ct_gumbel(words[t]));
			if (with_y) y[at(y_at, 0u, row, j)] = ct_canon_bits(v);
			uint key = ~ct_key(v);
			if (key < least) {
				least = key;
				where = j;
			}
		}
	}
	leastLanes(least, where);
	if (!with_onehot) return;
	bool none = least == ~0x007fffffu; // the key of −Inf
	for (uint j = gl_LocalInvocationID.x; j < cols; j += LANES) {
		onehot[at(onehot_at, 0u, row, j)] = j == where && !none ? 0x3f800000u : 0u;
	}
}
