// select.comp: where a row, taken from its first element on in an order, reaches a target weight: the key and, among the
// elements of equal key, the index of the element that reaches it.
//
// x: [b×n×c] float32; rows first_row, first_row+1, ... of all of it, each its own select. state: four uint32 a row of
// the dispatch: pivot key, last index, weight still missing, tally; bins: 256 uint32 a row; both in scratch.
//
// Nothing is sorted: the digits of the key, 8 bits at a time from the top, and then those of the index, are found one
// after the other. For each digit
//   STAGE 1 adds the weights of the elements that agree with the digits found so far to the bin of their next digit, one
//           work group a block of 4,096 elements, and
//   STAGE 2 walks the bins to the one in which the target is reached, one work group a row, and clears them.
// STAGE 0 sets state and bins, one invocation a bin. After the last digit of the key the weight still missing becomes a
// number of elements. Weights and counts are integers, whose sums have no order; so are keys, and the result is that of
// a sort by (key, index), whatever the groups do first (contract: filters by deterministic pivot search).
//
// Barriers: in STAGE 1 the first stands between the clearing of the group's bins and the counting, the second between
// the counting and its sums' going to memory; in STAGE 2 between the lanes' sums and lane 0's walk over them, and
// between the walk, which reads the bins, and their clearing.

#include "contract.glsl"
#include "tensor.glsl"
#include "order.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

#define BINS 256u
#define BLOCK 4096u // elements a group counts

layout(std430, binding = 0) buffer State { uint state[]; };
layout(std430, binding = 1) buffer Bins { uint bins[]; };
layout(std430, binding = 2) readonly buffer X { float x[]; };
uniform uvec4 x_at;
uniform uint first_row, rows, cols; // rows: of one matrix of the batch
uniform uint count;                 // rows of this dispatch
uniform uint target;                // at least 1
uniform bool weighted;              // an element weighs roundEven(x·2³⁰), not 1
uniform bool whole_if_nan;          // a NaN raises the tally
uniform uint shift, above;          // the digit's place, and the bits above it
uniform bool of_index;              // a digit of the index, not of the key
uniform bool to_count;              // the last digit of the key

float element(uint row, uint j) { return x[at(x_at, (first_row + row) / rows, (first_row + row) % rows, j)]; }

uint weightOf(float v) { return weighted ? uint(roundEven(ct_mul(v, 1073741824.0))) : 1u; }

#if STAGE == 0

void main() {
	uint i = invocationIndex();
	if (idleGroup() || i >= count * BINS) return;
	bins[i] = 0u;
	if (i < count) {
		state[4u * i] = 0u;
		state[4u * i + 1u] = 0u;
		state[4u * i + 2u] = target;
		state[4u * i + 3u] = 0u;
	}
}

#elif STAGE == 1

shared uint group_bins[BINS];

void main() {
	if (idleGroup()) return;
	uint blocks = (cols + BLOCK - 1u) / BLOCK;
	uint row = groupIndex() / blocks, block = groupIndex() % blocks;
	uint l = gl_LocalInvocationID.x;
	uint pivot = state[4u * row], last = state[4u * row + 1u];
	for (uint b = l; b < BINS; b += LANES) group_bins[b] = 0u;
	syncLanes();
	bool nan = false;
	uint end = lesser(cols, (block + 1u) * BLOCK);
	for (uint j = block * BLOCK + l; j < end; j += LANES) {
		float v = element(row, j);
		uint key = orderKey(v);
		nan = nan || ct_isnan(v);
		uint digits = of_index ? j : key, found = of_index ? last : pivot;
		bool agrees = ((digits ^ found) & above) == 0u && (!of_index || key == pivot);
		if (agrees) atomicAdd(group_bins[(digits >> shift) & (BINS - 1u)], of_index ? 1u : weightOf(v));
	}
	syncLanes();
	for (uint b = l; b < BINS; b += LANES) {
		if (group_bins[b] != 0u) atomicAdd(bins[row * BINS + b], group_bins[b]);
	}
	if (nan && whole_if_nan) atomicOr(state[4u * row + 3u], 1u);
}

#else

shared uint lane_weight[LANES];

// walk finds the digit, in lane 0 alone.
void walk(uint row) {
	uint missing = state[4u * row + 2u], l = 0u;
	for (; l < LANES && lane_weight[l] < missing; l++) missing -= lane_weight[l];
	if (l == LANES) { // the whole row does not reach it
		state[4u * row + 3u] |= 1u;
		return;
	}
	uint b = 4u * l;
	for (; bins[row * BINS + b] < missing; b++) missing -= bins[row * BINS + b];
	uint found = state[4u * row + (of_index ? 1u : 0u)] | (b << shift);
	state[4u * row + (of_index ? 1u : 0u)] = found;
	if (to_count) {
		uint each = weightOf(ordered(found));
		each = each == 0u ? 1u : each; // only beside a NaN, and then nobody asks
		missing = (missing + each - 1u) / each;
	}
	state[4u * row + 2u] = missing;
}

void main() {
	if (idleGroup()) return;
	uint row = groupIndex(), l = gl_LocalInvocationID.x, from = row * BINS + 4u * l;
	lane_weight[l] = bins[from] + bins[from + 1u] + bins[from + 2u] + bins[from + 3u];
	syncLanes();
	if (l == 0u) walk(row);
	memoryBarrierBuffer();
	syncLanes();
	for (uint b = from; b < from + 4u; b++) bins[b] = 0u;
}

#endif
