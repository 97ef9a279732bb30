// pairwisesum.comp: y[i,g] = Σ of the distances[i,j] whose label is g, in the order of a row sum over j, where those of
// other groups add nothing; after PairwiseSumRow of backend/exact/distance.go.
//
// distances: n×k float32 of distances.comp, in scratch; label: k×1 int32, or none, for group 0 everywhere; y: rows
// first_row to first_row+n−1 of n×sums float32. One work group a row and TILE groups: lane l keeps the sums of its j ≡ l
// mod 64 in shared memory that no other lane touches, one a group, and the trees then run group by group.

#include "contract.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

#define TILE 32u // groups summed in one pass over a row; 2·64·TILE floats of shared memory

layout(std430, binding = 0) writeonly buffer Y { uint y[]; };
layout(std430, binding = 1) readonly buffer Distances { float distances[]; };
layout(std430, binding = 2) readonly buffer Label { int label[]; };
uniform uvec4 y_at, label_at;
uniform uint first_row, k, sums;
uniform bool labelled;

shared float lane_of[TILE * LANES];
shared float upper_of[TILE * LANES];

void main() {
	if (idleGroup()) return;
	uint tiles = (sums + TILE - 1u) / TILE;
	uint row = groupIndex() / tiles, first = groupIndex() % tiles * TILE;
	uint here = lesser(TILE, sums - first);
	uint l = gl_LocalInvocationID.x;

	uint blocks = (k + ROW_BLOCK - 1u) / ROW_BLOCK;
	for (uint g = 0u; g < here; g++) upper_of[g * LANES + l] = zero;
	for (uint block = 0u; block < blocks; block++) {
		for (uint g = 0u; g < here; g++) lane_of[g * LANES + l] = zero;
		uint end = lesser(k, (block + 1u) * ROW_BLOCK);
		for (uint j = block * ROW_BLOCK + l; j < end; j += LANES) {
			uint g = (labelled ? uint(label[at(label_at, 0u, j, 0u)]) : 0u) - first;
			if (g < here) lane_of[g * LANES + l] = ct_add(lane_of[g * LANES + l], distances[row * k + j]);
		}
		for (uint g = 0u; g < here; g++) {
			float total = sumLanes(lane_of[g * LANES + l]);
			if (blocks == 1u) {
				if (l == g) upper_of[g * LANES] = total;
			} else if (block % LANES == l) {
				upper_of[g * LANES + l] = ct_add(upper_of[g * LANES + l], total);
			}
		}
	}
	syncLanes();
	for (uint g = 0u; g < here; g++) {
		float total = blocks > 1u ? sumLanes(upper_of[g * LANES + l]) : upper_of[g * LANES];
		if (l == 0u) y[at(y_at, 0u, first_row + row, first + g)] = ct_canon_bits(total);
	}
}
