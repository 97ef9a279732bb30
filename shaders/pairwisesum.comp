// pairwisesum.comp: y[i,g] = Σ of the distances[i,j] whose label is g, in the order of a row sum over j, where those of
// other groups add nothing; after PairwiseSumRow of backend/exact/distance.go.
//
// distances: n×k float32 of distances.comp, in scratch; label: k×1 int32, or none, for group 0 everywhere; y: n×sums×
// blocks float32, where blocks of 16,384 rows each have a sum: the result itself where there is one block, else in
// scratch, for rowreduce.comp to add. One work group a row, TILE groups and a block: lane l keeps the sums of its j ≡ l
// mod 64 in shared memory, one a group, and the trees then run group by group.
//
// Barriers: no other lane touches a lane's sums, so that none guards them; those of lanes.glsl's sumLanes stand between
// the lanes' writing of a group's sums and the tree's reading of them, and before the next group's writing. Order
// (contract: row reduction): 64 lanes and the tree, block by block.

#include "contract.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

#define TILE 32u // groups summed in one pass over a row; 64·TILE floats of shared memory

layout(std430, binding = 0) writeonly buffer Y { uint y[]; };
layout(std430, binding = 1) readonly buffer Distances { float distances[]; };
layout(std430, binding = 2) readonly buffer Label { int label[]; };
uniform uvec4 y_at, label_at;
uniform uint k, sums;
uniform bool labelled;

shared float lane_of[TILE * LANES];

void main() {
	if (idleGroup()) return;
	uint tiles = (sums + TILE - 1u) / TILE, blocks = (k + ROW_BLOCK - 1u) / ROW_BLOCK;
	blocks = blocks == 0u ? 1u : blocks; // the sum of nothing is +0
	uint block = groupIndex() % blocks;
	uint first = groupIndex() / blocks % tiles * TILE, row = groupIndex() / blocks / tiles;
	uint here = lesser(TILE, sums - first);
	uint l = gl_LocalInvocationID.x;

	for (uint g = 0u; g < here; g++) lane_of[g * LANES + l] = zero;
	uint end = lesser(k, (block + 1u) * ROW_BLOCK);
	for (uint j = block * ROW_BLOCK + l; j < end; j += LANES) {
		uint g = (labelled ? uint(label[at(label_at, 0u, j, 0u)]) : 0u) - first;
		if (g < here) lane_of[g * LANES + l] = ct_add(lane_of[g * LANES + l], distances[row * k + j]);
	}
	for (uint g = 0u; g < here; g++) {
		float total = sumLanes(lane_of[g * LANES + l]);
		if (l == 0u) y[at(y_at, row, first + g, block)] = ct_canon_bits(total);
	}
}
