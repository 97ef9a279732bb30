// colreduce.comp: each column of X to one element of Y: the sum, the element or index that an order picks, or the
// largest finite magnitude.
//
// Buffers: Y, X at bindings 0 and 1, float32 as bits (Y: an int32 where an index is wanted); candidates at binding 2:
// in a second pass, the rows that the first pass picked.
//
// An invocation takes one column of one block of rows, ascending, and neighbours take neighbouring columns. The host
// runs the kernel over blocks of 256 rows, and then over all of the blocks' results. For a sum that is one chain from +0,
// as the contract orders a column sum; where it is too long for one dispatch (gpu/loops.go), it goes on in the next from
// row first, the chain so far being in Y. Any order will do for the rest, which go in blocks of 256 until one is left.
// There is no barrier: no two invocations share an element of Y.

#include "contract.glsl"
#include "tensor.glsl"

#ifndef GROUP_SIZE
#define GROUP_SIZE 64 // invocations of a group
#endif
#ifndef REDUCE
#define REDUCE reduce_sum // or reduce_pick, reduce_magnitude
#endif

layout(local_size_x = GROUP_SIZE) in;

layout(std430, binding = 0) buffer Y { uint y[]; };
layout(std430, binding = 1) readonly buffer X { uint x[]; };
layout(std430, binding = 2) readonly buffer Candidates { uint candidates[]; };

uniform uvec4 Y_at, X_at, candidates_at;
uniform uint batch, rows, cols, blocks, block_rows; // of X, or of the candidates
uniform uint first;                                 // the row at which the blocks begin
uniform uint indirect;                              // 1: element i is that of row candidates[i]
uniform uint smallest;                              // 1: pick the smallest, not the largest
uniform uint want_value;                            // 1: write the picked element, not its row
uniform float zero;                                 // +0, which no compiler can fold into a sum

uint matrix, col;

float element(uint i) { return uintBitsToFloat(x[at(X_at, matrix, i, col)]); }

uint reduce_sum(uint from, uint to) {
	float sum = zero;
	if (first > 0u) sum = uintBitsToFloat(y[at(Y_at, matrix, 0u, col)]);
	for (uint i = from; i < to; i++) sum = ct_add(sum, element(i));
	return ct_canon_bits(sum);
}

uint reduce_pick(uint from, uint to) {
	uint least = 0xffffffffu, where = from;
	for (uint i = from; i < to; i++) {
		uint row = indirect != 0u ? candidates[at(candidates_at, matrix, i, col)] : i;
		float v = element(row);
		uint key = smallest != 0u ? ct_key_min(v) : ~ct_key(v);
#ifdef FAULT_REDUCE_NAN_BLIND_ARGMAX
		if (ct_isnan(v)) key = 0xfffffffeu;
#endif
		if (key < least) {
			least = key;
			where = row;
		}
	}
#ifdef FAULT_REDUCE_INDEX_WITHOUT_BASE
	return want_value != 0u ? ct_canon_bits(element(where)) : where - from;
#endif
	return want_value != 0u ? ct_canon_bits(element(where)) : where;
}

uint reduce_magnitude(uint from, uint to) {
	uint largest = 0u;
	for (uint i = from; i < to; i++) {
		uint u = floatBitsToUint(element(i)) & ~CT_SIGN;
		if (u < CT_INF && u > largest) largest = u;
	}
	return largest;
}

void main() {
	if (idleGroup()) return;
	uint index = invocationIndex();
	if (index >= batch * blocks * cols) return;
	col = index % cols;
	uint block = index / cols % blocks;
	matrix = index / cols / blocks;
	uint from = first + block * block_rows;
	y[at(Y_at, matrix, block, col)] = REDUCE(from, lesser(rows, from + block_rows));
}
