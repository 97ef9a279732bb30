// categorical.comp: index = argmax_j mac(gumbel_j, x_j, 1/T), a draw from softmax(x/T), after backend/exact/sample.go.
//
// x: n×c float32, c ≥ 1; index: n×draws int32. Draw d of row i takes its Gumbel numbers at step+d, row first_row+i. A
// lane takes the four elements of a Philox block at a time. A row of −Inf draws −1.
//
// One work group a draw and block of 16,384 elements. Where a row has more than one block, each group leaves its best
// (key, index) in parts, in scratch, and the variant MERGE, one group a draw, takes the best of those.
//
// Barriers: those of lanes.glsl's leastLanes, between the lanes' writing of their bests and the tree's reading of them.
// Order (contract: categorical draws): the largest key wins, the lowest index on ties, so that comparisons need none.

#define PARTS 2
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
	uint blocks = (cols + ROW_BLOCK - 1u) / ROW_BLOCK;
	uint least = 0xffffffffu, where = 0xffffffffu;
#ifdef MERGE
	uint n_th = groupIndex();
	leastPart(n_th * blocks, blocks, least, where);
#else
	uint n_th = groupIndex() / blocks, first = groupIndex() % blocks * ROW_BLOCK;
	uint row = n_th / draws, draw = n_th % draws, end = lesser(cols, first + ROW_BLOCK);
	for (uint block = first / 4u + gl_LocalInvocationID.x; block * 4u < end; block += LANES) {
#ifdef FAULT_CATEGORICAL_DRAWS_SHARE_NUMBERS
		draw = 0u;
#endif
		uvec4 words = ct_random_block(seed, stream, step_number + draw, first_row + row, block);
		for (uint t = 0u; t < 4u; t++) {
			uint j = block * 4u + t;
			if (j >= end) break;
			float score = ct_mac(ct_gumbel(words[t]), x[at(x_at, 0u, row, j)], scale);
			uint key = ~ct_key(score);
			if (key < least) {
				least = key;
				where = j;
			}
		}
	}
	leastLanes(least, where);
	if (blocks > 1u) {
		if (gl_LocalInvocationID.x == 0u) parts[groupIndex()] = uvec2(least, where);
		return;
	}
#endif
	bool none = least == ~0x007fffffu; // the key of −Inf
	if (gl_LocalInvocationID.x == 0u) index[at(index_at, 0u, n_th / draws, n_th % draws)] = none ? -1 : int(where);
}
