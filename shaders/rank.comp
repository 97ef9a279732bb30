// rank.comp: the m elements of a row that select.comp found, in order: topk.comp's result for rows and m too large for
// one work group.
//
// x: rows of c float32; state: see select.comp, target m; pairs: m (key, index) a row, uint32, in scratch; index: rows
// first_row, first_row+1, ... of n×m int32.
//
// STAGE 0, one invocation an element: those that are in go to pairs, in whatever order the atomic counter gives.
// STAGE 1, one invocation a pair of places: one step of a bitonic sort. Every step puts the lesser (key, index) at the
// lower place, so that the places past m, which a sort of a power of two would have, act as filled with the greatest and
// need not exist. No two pairs are equal, so that their order does not depend on how they came (contract: top-k is that
// of a sort).
// STAGE 2, one invocation a place: the indices.
// There is no barrier: no two invocations of a dispatch share a place.

#include "contract.glsl"
#include "tensor.glsl"
#include "order.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

#if STAGE == 2
layout(std430, binding = 0) writeonly buffer Index { int index[]; };
#else
layout(std430, binding = 0) buffer State { uint state[]; };
#endif
layout(std430, binding = 1) buffer Pairs { uvec2 pairs[]; };
layout(std430, binding = 2) readonly buffer X { float x[]; };
uniform uvec4 index_at, x_at;
uniform uint first_row, x_row; // where the dispatch's rows begin in index and in x
uniform uint count, cols, m;   // count: rows of this dispatch
uniform uint half_size;        // half the number of places that a row's sort has: a power of two
uniform uint apart;            // STAGE 1: the pairs' distance, a power of two
uniform bool mirrored;         // STAGE 1: place i of a block of 2·apart meets the one as far from its end
uniform bool without_inf;      // elements of −Inf are not taken: the rest of the row is −1

void main() {
	uint i = invocationIndex();
	if (idleGroup()) return;
#if STAGE == 0
	if (i >= count * cols) return;
	uint row = i / cols, j = i % cols;
	uint key = orderKey(x[at(x_at, 0u, x_row + row, j)]), pivot = state[4u * row];
	if (key > pivot || (key == pivot && j > state[4u * row + 1u])) return;
	uint place = atomicAdd(state[4u * row + 3u], 1u);
	pairs[row * m + place] = uvec2(key, j);
#elif STAGE == 1
	if (i >= count * half_size) return;
	uint row = i / half_size, q = i % half_size;
	uint low = q / apart * 2u * apart + q % apart;
	uint high = mirrored ? low ^ (2u * apart - 1u) : low + apart;
	if (high >= m) return;
	uvec2 a = pairs[row * m + low], b = pairs[row * m + high];
	if (b.x < a.x || (b.x == a.x && b.y < a.y)) {
		pairs[row * m + low] = b;
		pairs[row * m + high] = a;
	}
#else
	if (i >= count * m) return;
	uint row = i / m, r = i % m;
	uvec2 pair = pairs[i];
	index[at(index_at, 0u, first_row + row, r)] = without_inf && pair.x == MINUS_INF_KEY ? -1 : int(pair.y);
#endif
}
