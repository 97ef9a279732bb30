// gumbelsoftmax.comp: t = x + gumbel, and the one-hot row of its argmax; after backend/exact/sample.go. softmax.comp
// then turns t into the relaxed row.
//
// x, t, onehot: n×c float32; t goes to y. If every t is −Inf the one-hot row is all zeros.
//
// STAGE 0, a work group a block of 16,384 elements of a row, four elements of a Philox block a lane: t, and the best
// (key, index) of the block to parts, in scratch. STAGE 1, a group a row of more than one block: the best of its blocks,
// to the place of the first. STAGE 2, an invocation an element: the one-hot row.
//
// Barriers: those of lanes.glsl's leastLanes, between the lanes' writing of their bests, to shared memory, and the
// tree's reading of them; in STAGE 1 they also stand between the reading of the parts and the writing of the first.
// Order (contract: categorical draws): the largest key wins, the lowest index on ties, so that comparisons need none.

#define PARTS 3
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
uniform uint count; // rows
uniform bool with_y;
uniform uvec2 seed;
uniform uint stream, step_number, first_row;

void main() {
	if (idleGroup()) return;
	uint blocks = (cols + ROW_BLOCK - 1u) / ROW_BLOCK;
	uint least = 0xffffffffu, where = 0xffffffffu;
#if STAGE == 0
	uint row = groupIndex() / blocks, first = groupIndex() % blocks * ROW_BLOCK;
	uint end = lesser(cols, first + ROW_BLOCK);
	for (uint block = first / 4u + gl_LocalInvocationID.x; block * 4u < end; block += LANES) {
		uvec4 words = ct_random_block(seed, stream, step_number, first_row + row, block);
		for (uint t = 0u; t < 4u; t++) {
			uint j = block * 4u + t;
			if (j >= end) break;
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
	if (gl_LocalInvocationID.x == 0u) parts[groupIndex()] = uvec2(least, where);
#elif STAGE == 1
	uint first = groupIndex() * blocks;
	leastPart(first, blocks, least, where);
	if (gl_LocalInvocationID.x == 0u) parts[first] = uvec2(least, where);
#else
	uint i = invocationIndex();
	if (i >= count * cols) return;
	uint row = i / cols, j = i % cols;
	uvec2 best = parts[row * blocks];
	bool none = best.x == ~0x007fffffu; // the key of −Inf
	onehot[at(onehot_at, 0u, row, j)] = j == best.y && !none ? 0x3f800000u : 0u;
#endif
}
