// topk.comp: the indices of a row's m best elements, best first, the lower index first among equals.
//
// x: n×c float32; index: n×m int32, m ≤ c. One work group a row. Round r takes the least (key, index) after the one of
// round r−1, so that no list is kept: m·c/64 steps a lane. Whichever way the lanes' bests are compared, the result is
// that of a sort.

#include "contract.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Index { int index[]; };
layout(std430, binding = 1) readonly buffer X { float x[]; };
uniform uvec4 index_at, x_at;
uniform uint first_row; // of index; x begins with it
uniform uint cols, m;
uniform bool smallest; // smallest first instead of largest first; NaN comes first in both
uniform bool above;    // elements of −Inf are not taken: the rest of the row is −1

uint key(uint row, uint j) {
	float v = x[at(x_at, 0u, row, j)];
	return smallest ? ct_key_min(v) : ~ct_key(v);
}

void main() {
	if (idleGroup()) return;
	uint row = groupIndex();
	uint last_key = 0u, last = 0u;
	for (uint r = 0u; r < m; r++) {
		uint least = 0xffffffffu, where = 0xffffffffu; // no element has this key
		for (uint j = gl_LocalInvocationID.x; j < cols; j += LANES) {
			uint k = key(row, j);
			bool after = r == 0u || k > last_key || (k == last_key && j > last);
			if (after && k < least) {
				least = k;
				where = j;
			}
		}
		leastLanes(least, where);
		last_key = least;
		last = where;
		bool none = above && least == ~0x007fffffu; // the key of −Inf
		if (gl_LocalInvocationID.x == 0u) index[at(index_at, 0u, first_row + row, r)] = none ? -1 : int(where);
	}
}
