// fill.comp: y filled with numbers of one distribution, after backend/exact/variates.go and contract §4.
//
// y: n×c float32, or uint32 for bits. One invocation fills the four elements of a Philox block: element j of row i
// draws at (j ÷ 4, row+i, step, stream), lane j mod 4.

#include "contract.glsl"
#include "elementary.glsl"
#include "philox.glsl"
#include "tensor.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Y { uint y[]; };
uniform uvec4 y_at;
uniform uint rows, cols;
uniform uint distribution; // the numbers of backend.Distribution
uniform bool plain;        // the variate is stored as it is
uniform float loc, scale;
uniform uvec2 seed;
uniform uint stream, step_number, first_row;

const uint CONSTANT = 0u, UNIFORM = 1u, NORMAL = 2u, EXPONENTIAL = 3u, GUMBEL = 4u, BITS = 5u;

void main() {
	uint blocks = (cols + 3u) / 4u;
	uint n = invocationIndex();
	if (idleGroup() || n >= rows * blocks) return;
	uint row = n / blocks, block = n % blocks;

	vec4 v = vec4(loc);
	uvec4 words = uvec4(0u);
	if (distribution != CONSTANT) words = ct_random_block(seed, stream, step_number, first_row + row, block);
	if (distribution == NORMAL) {
		v = vec4(ct_normal_pair(words.x, words.y), ct_normal_pair(words.z, words.w));
	} else if (distribution == UNIFORM) {
		for (int t = 0; t < 4; t++) v[t] = ct_uniform(words[t]);
	} else if (distribution == EXPONENTIAL) {
		for (int t = 0; t < 4; t++) v[t] = ct_exponential(words[t]);
	} else if (distribution == GUMBEL) {
		for (int t = 0; t < 4; t++) v[t] = ct_gumbel(words[t]);
	}
	for (uint t = 0u; t < 4u; t++) {
		uint j = block * 4u + t;
		if (j >= cols) return;
		float value = v[t];
		if (!plain && distribution != CONSTANT) value = ct_mac(loc, scale, value);
		y[at(y_at, 0u, row, j)] = distribution == BITS ? words[t] : ct_canon_bits(value);
	}
}
