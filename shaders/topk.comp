// topk.comp: the indices of a row's m best elements, best first, the lower index first among equals.
//
// x: n×c float32; index: n×m int32, m ≤ c. One work group a row. Round r takes the least (key, index) after the one of
// round r−1, so that no list is kept: m·c/64 steps a lane; where that is much, select.comp and rank.comp do it instead.
// Keys are integers and no two (key, index) are equal, so that whichever way the lanes' bests are compared, the result is
// that of a sort (contract: argmax, and top-k).
//
// Barriers: those of lanes.glsl's leastLanes, between the lanes' writing of their bests and the tree's reading of them,
// and before the next round's writing.

#include "contract.glsl"
#include "tensor.glsl"
#include "order.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Index { int index[]; };
layout(std430, binding = 1) readonly buffer X { float x[]; };
uniform uvec4 index_at, x_at;
uniform uint first_row; // of index; x begins with it
uniform uint cols, m;
uniform bool without_inf; // elements of −Inf are not taken: the rest of the row is −1

void main() {
	if (idleGroup()) return;
	uint row = groupIndex();
	uint last_key = 0u, last = 0u;
	for (uint r = 0u; r < m; r++) {
		uint least = 0xffffffffu, where = 0xffffffffu; // no element has this key
		for (uint j = gl_LocalInvocationID.x; j < cols; j += LANES) {
			uint k = orderKey(x[at(x_at, 0u, row, j)]);
			bool after = r == 0u || k > last_key || (k == last_key && j > last);
#ifdef FAULT_TOPK_TIES_REVERSED
			if (after && k <= least && k != 0xffffffffu) {
#else
			if (after && k < least) {
#endif
				least = k;
				where = j;
			}
		}
		leastLanes(least, where);
		last_key = least;
		last = where;
		bool none = without_inf && least == MINUS_INF_KEY;
		if (gl_LocalInvocationID.x == 0u) index[at(index_at, 0u, first_row + row, r)] = none ? -1 : int(where);
	}
}
