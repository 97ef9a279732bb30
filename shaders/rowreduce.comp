// rowreduce.comp: each row of X to one element of Y: the sum, the element or index that an order picks, or the largest
// finite magnitude.
//
// Buffers: Y, X at bindings 0 and 1, float32 as bits (Y: an int32 where an index is wanted); candidates at binding 2:
// in a second pass, the columns that the first pass picked.
//
// A work group of 64 lanes reduces one block of 16,384 elements of one row. Where a row has more, the host runs the
// kernel again over the blocks' results, as often as it takes: that is the contract's order for a row sum, and any
// order will do for the rest. The barriers are those of lanes.glsl.

#define ROW_SUM
#include "contract.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

#ifndef REDUCE
#define REDUCE reduce_sum // or reduce_pick, reduce_magnitude
#endif

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Y { uint y[]; };
layout(std430, binding = 1) readonly buffer X { uint x[]; };
layout(std430, binding = 2) readonly buffer Candidates { uint candidates[]; };

uniform uvec4 Y_at, X_at, candidates_at;
uniform uint rows, cols, blocks; // of X, or of the candidates
uniform uint indirect;           // 1: element j is that of column candidates[j]
uniform uint smallest;           // 1: pick the smallest, not the largest
uniform uint want_value;         // 1: write the picked element, not its column

uint matrix, row, start, count; // the block

uint column(uint j) {
#ifdef FAULT_REDUCE_INDEX_WITHOUT_BASE
	return indirect != 0u ? candidates[at(candidates_at, matrix, row, start + j)] : j;
#endif
	return indirect != 0u ? candidates[at(candidates_at, matrix, row, start + j)] : start + j;
}

float element(uint j) { return uintBitsToFloat(x[at(X_at, matrix, row, j)]); }

float summand(uint j) { return element(start + j); }

uint reduce_sum() { return ct_canon_bits(rowSum(count)); }

// reduce_pick takes the least key, the lowest column among equals; NaN has the least of all.
uint reduce_pick() {
	uint least = 0xffffffffu, where = 0xffffffffu;
	for (uint j = gl_LocalInvocationID.x; j < count; j += LANES) {
		uint col = column(j);
		float v = element(col);
		uint key = smallest != 0u ? ct_key_min(v) : ~ct_key(v);
#ifdef FAULT_REDUCE_NAN_BLIND_ARGMAX
		if (ct_isnan(v)) key = 0xfffffffeu;
#endif
		if (key < least || (key == least && col < where)) {
			least = key;
			where = col;
		}
	}
	leastLanes(least, where);
	return want_value != 0u ? ct_canon_bits(element(where)) : where;
}

uint reduce_magnitude() {
	uint largest = 0u;
	for (uint j = gl_LocalInvocationID.x; j < count; j += LANES) {
		uint u = floatBitsToUint(element(start + j)) & ~CT_SIGN;
		if (u < CT_INF && u > largest) largest = u;
	}
	return largestLanes(largest);
}

void main() {
	if (idleGroup()) return;
	uint block = groupIndex() % blocks;
	row = groupIndex() / blocks % rows;
	matrix = groupIndex() / blocks / rows;
	start = block * ROW_BLOCK;
	count = lesser(ROW_BLOCK, cols - start);
	uint result = REDUCE();
	if (gl_LocalInvocationID.x == 0u) y[at(Y_at, matrix, row, block)] = result;
}
