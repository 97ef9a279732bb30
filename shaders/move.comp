// move.comp: Y[b,i,j] = X[b,i,j], or X[b, index[i], j]: copies, transposes (X_at with rows and columns swapped) and
// gathers of elements of 1, 4 or 8 bytes. Bits are unchanged, and so are the bytes between Y's rows. An index outside X
// gives zero bits.
//
// Buffers: Y and X at bindings 0 and 1, as words; index at binding 2, int32.
//
// Elements of whole words (WORDS = 1 or 2): an invocation moves one. Bytes (WORDS = 0): an invocation fills one word of
// memory that a row of Y touches. The word's other bytes may belong to the neighbouring row, and to the invocation that
// has it there: so a word that is not wholly the row's own is changed by two atomics that touch the row's own bits
// alone. There is no barrier.

#include "tensor.glsl"

#ifndef GROUP_SIZE
#define GROUP_SIZE 256 // invocations of a group
#endif
#ifndef WORDS
#define WORDS 1 // words of an element; 0: bytes
#endif

layout(local_size_x = GROUP_SIZE) in;

layout(std430, binding = 0) buffer Y { uint y[]; };
layout(std430, binding = 1) readonly buffer X { uint x[]; };
layout(std430, binding = 2) readonly buffer Index { int row_index[]; };

uniform uvec4 Y_at, X_at, index_at;
uniform uint batch, rows, cols; // of Y
uniform uint row_words;         // bytes: the most words that a row of Y touches
uniform uint indexed, x_rows;   // 1: rows come by index, of x_rows

// source gives the row of X that row i of Y takes; false where there is none.
bool source(uint i, out uint row) {
	row = i;
	if (indexed == 0u) return true;
	int k = row_index[at(index_at, 0u, i, 0u)];
#ifdef FAULT_GATHER_INDEX_OUT_OF_BOUNDS
	k = k < 0 ? 0 : (k >= int(x_rows) ? int(x_rows) - 1 : k);
#endif
	row = uint(k);
	return k >= 0 && row < x_rows;
}

#if WORDS > 0

void move(uint n, uint i, uint j) {
	uint row;
	bool found = source(i, row);
	uint to = at(Y_at, n, i, j) * uint(WORDS), from = at(X_at, n, row, j) * uint(WORDS);
	for (uint w = 0u; w < uint(WORDS); w++) {
		uint v = 0u;
		if (found) v = x[from + w];
		y[to + w] = v;
	}
}

#else

// move fills word number w of those that row i of Y touches.
void move(uint n, uint i, uint w) {
	uint row;
	bool found = source(i, row);
	uint start = at(Y_at, n, i, 0u), word = start / 4u + w;
	uint mask = 0u, value = 0u;
	for (uint k = 0u; k < 4u; k++) {
		uint place = word * 4u + k;
		if (place < start || place - start >= cols) continue;
		mask |= 0xffu << (8u * k);
		if (!found) continue;
		uint from = at(X_at, n, row, place - start);
		value |= ((x[from / 4u] >> (8u * (from % 4u))) & 0xffu) << (8u * k);
	}
#ifdef FAULT_COPY_NEIGHBOURS_OVERWRITTEN
	mask = mask != 0u ? 0xffffffffu : 0u;
#endif
	if (mask == 0xffffffffu) {
		y[word] = value;
	} else if (mask != 0u) {
		atomicAnd(y[word], ~mask);
		atomicOr(y[word], value);
	}
}

#endif

void main() {
	if (idleGroup()) return;
	uint index = invocationIndex();
#if WORDS > 0
	uint items = cols;
#else
	uint items = row_words;
#endif
	if (index >= batch * rows * items) return;
	uint row = index / items;
	move(row / rows, row % rows, index % items);
}
