// categorical.comp: index = argmax_j mac(gumbel_j, x_j, 1/T), a draw from softmax(x/T), after backend/exact/sample.go.
//
// x: n×c float32, c ≥ 1; index: n×draws int32. Draw d of row i takes its Gumbel numbers at step+d, row first_row+i.
// One work group a draw; a lane takes the four elements of a Philox block at a time. The largest key wins, the lowest
// index on ties, so the order of the comparisons is free. A row of −Inf draws −1.

#include "contract.glsl"
#include "elementary.glsl"
#include "philox.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Index { int index[]; };
layout(std430, binding = 1) readonly buffer X { float x[]; };
uniform uvec4 index_at, x_at;
uniform uint cols, draws;
uniform float scale; // 1/T
uniform uvec2 seed;
uniform uint stream, step_number, first_row;

void main() {
	if (idleGroup()) return;
	uint row = groupIndex() / draws, draw = groupIndex() % draws;

	uint least = 0xffffffffu, where = 0xffffffffu;
	for (uint block = gl_LocalInvocationID.x; block * 4u < cols; block += LANES) {
		uvec4 words = ct_random_block(seed, stream, step_number + draw, first_row + row, block);
		for (uint t = 0u; t < 4u; t++) {
			uint j = block * 4u + t;
			if (j >= cols) break;
			float score = ct_mac(ct_gumbel(words[t]), x[at(x_at, 0u, row, j)], scale);
			uint key = ~ct_key(score);
			if (key < least) {
				least = key;
				where = j;
			}
		}
	}
	leastLanes(least, where);
	bool none = least == ~0x007fffffu; // the key of −Inf
	if (gl_LocalInvocationID.x == 0u) index[at(index_at, 0u, row, draw)] = none ? -1 : int(where);
}
