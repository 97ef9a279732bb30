// softmaxblocks.comp: softmax.comp and logsumexp.comp for rows longer than a block of 16,384, which many groups share;
// after backend/exact/softmax.go.
//
//   m = max x·(1/T);  s = row sum of e = exp(x·(1/T) − m);
//   y = e·(1/s)  or  y = (x·(1/T) − m) − log s  or  the one number m + log s a row (LOG_SUM_EXP)
//
// x: [b×n×c] float32; y: the same, and perhaps x itself, or [b×n×1]. In scratch: parts, the best (key, index) of each
// block; sums, the sum of each block, float32; state, two uint32 a row: m and then 1/s or log s as bits.
//
// STAGE 0, a group a block: its largest element. STAGE 1, a group a row: the largest of the blocks.
// STAGE 2, a group a block: its sum; the exponentials wait in y. STAGE 3, a group a row: the sum of the blocks' sums.
// STAGE 4, an invocation an element: y.
//
// Barriers: those of lanes.glsl, around the lanes' trees; between the stages stand those of the dispatches. An element
// of x is read for the last time, in STAGE 2 or 4, by the invocation that then writes it. Order (contract: softmax
// family, and row reduction): m is the element at the argmax; sums run over 64 lanes of a block and then, likewise, over
// the blocks' sums.

#define ROW_SUM
#define PARTS 2
#include "contract.glsl"
#include "elementary.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) buffer Y { uint y[]; };
layout(std430, binding = 1) buffer X { float x[]; }; // not readonly: it may be y
layout(std430, binding = 3) buffer Sums { float sums[]; };
layout(std430, binding = 4) buffer State { uint state[]; };
uniform uvec4 y_at, x_at;
uniform uint rows, cols;
uniform uint count; // rows of the whole batch
uniform float scale; // 1/T
uniform bool logarithm;

uint matrix, row, n_th, start;
float largest;

void place(uint n) {
	n_th = n;
	matrix = n / rows;
	row = n % rows;
}

float logit(uint j) { return ct_mul(x[at(x_at, matrix, row, j)], scale); }

#if STAGE == 3
uint blocks;
float summand(uint b) { return sums[n_th * blocks + b]; }
#else
float summand(uint j) {
	float e = ct_exp(ct_sub(logit(start + j), largest));
#ifndef LOG_SUM_EXP
	if (!logarithm) y[at(y_at, matrix, row, start + j)] = floatBitsToUint(e);
#endif
	return e;
}
uint blocks;
#endif

void main() {
	if (idleGroup()) return;
	uint l = gl_LocalInvocationID.x;
	blocks = (cols + ROW_BLOCK - 1u) / ROW_BLOCK;
#if STAGE == 0 || STAGE == 2
	place(groupIndex() / blocks);
	start = groupIndex() % blocks * ROW_BLOCK;
	uint end = lesser(cols, start + ROW_BLOCK);
#if STAGE == 0
	uint least = 0xffffffffu, where = 0xffffffffu; // no element has this key
	for (uint j = start + l; j < end; j += LANES) {
		uint key = ~ct_key(logit(j));
		if (key < least) {
			least = key;
			where = j;
		}
	}
	leastLanes(least, where);
	if (l == 0u) parts[groupIndex()] = uvec2(least, where);
#else
	largest = uintBitsToFloat(state[2u * n_th]);
	float sum = rowSum(end - start);
	if (l == 0u) sums[groupIndex()] = sum;
#endif
#elif STAGE == 1
	place(groupIndex());
	uint key, where;
	leastPart(n_th * blocks, blocks, key, where);
	largest = logit(where); // the element itself, for the sign of a zero
#ifdef FAULT_SOFTMAX_MAX_FROM_ZERO
	if (ct_key(largest) < ct_key(zero)) largest = zero;
#endif
#ifdef FAULT_SOFTMAX_WITHOUT_MAX
	largest = zero;
#endif
	if (l == 0u) state[2u * n_th] = floatBitsToUint(largest);
#elif STAGE == 3
	place(groupIndex());
	float sum = rowSum(blocks);
	if (l != 0u) return;
#ifdef LOG_SUM_EXP
	y[at(y_at, matrix, row, 0u)] = ct_canon_bits(ct_add(uintBitsToFloat(state[2u * n_th]), ct_log(sum)));
#else
	state[2u * n_th + 1u] = floatBitsToUint(logarithm ? ct_log(sum) : ct_recip(sum));
#endif
#else
	uint i = invocationIndex();
	if (i >= count * cols) return;
	place(i / cols);
	uint j = i % cols, where = at(y_at, matrix, row, j);
	float last = uintBitsToFloat(state[2u * n_th + 1u]), p;
	if (logarithm) {
		p = ct_sub(ct_sub(logit(j), uintBitsToFloat(state[2u * n_th])), last);
	} else {
		p = ct_mul(uintBitsToFloat(y[where]), last);
	}
	y[where] = ct_canon_bits(p);
#endif
}
