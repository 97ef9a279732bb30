// withoutreplacement.comp: scores mac(gumbel_j, x_j, 1/T), whose m largest topk.comp or rank.comp then draws; after
// backend/exact/sample.go.
//
// x: n×c float32, row i drawing at first_row+i; scores: n×c float32, in scratch. One invocation a Philox block of four;
// there is no barrier, because no two share an element. Order (contract: randomness; draws without replacement): a number
// depends on its place alone, and the draws are the top-k of the scores.

#include "contract.glsl"
#include "elementary.glsl"
#include "philox.glsl"
#include "tensor.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Scores { float scores[]; };
layout(std430, binding = 1) readonly buffer X { float x[]; };
uniform uvec4 x_at;
uniform uint rows, cols;
uniform float scale; // 1/T
uniform uvec2 seed;
uniform uint stream, step_number, first_row;

void main() {
	uint blocks = (cols + 3u) / 4u;
	uint n = invocationIndex();
	if (idleGroup() || n >= rows * blocks) return;
	uint row = n / blocks, block = n % blocks;
	uvec4 words = ct_random_block(seed, stream, step_number, first_row + row, block);
	for (uint t = 0u; t < 4u; t++) {
		uint j = block * 4u + t;
		if (j >= cols) return;
#ifdef FAULT_WITHOUTREPLACEMENT_NOISE_SCALED
		scores[row * cols + j] = ct_mul(ct_add(ct_gumbel(words[t]), x[at(x_at, 0u, row, j)]), scale);
#else
		scores[row * cols + j] = ct_mac(ct_gumbel(words[t]), x[at(x_at, 0u, row, j)], scale);
#endif
	}
}
