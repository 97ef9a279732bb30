// filter.comp: the logits that a top-k, top-p or min-p filter keeps, −Inf for the others; after backend/exact/filter.go.
//
// x, y: [b×n×c] float32, y may be x; probability: the rows' softmax without gaps, in scratch (top-p, min-p). One work
// group a row.
//
// Nothing is sorted. Top-k looks for the k-th largest key bit by bit from the top, counting the keys at or above a
// pivot; top-p looks likewise for the least probability it keeps, adding the weights roundEven(p·2³⁰) at or above a
// pivot, integers whose sum (about 2³⁰) fits 32 bits. Of the elements equal to the last one kept, the first ones by
// index stay; that index is searched the same way. Counts and sums of integers have no order. Each element is written
// by the lane that reads it, after all searching.

#include "contract.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) writeonly buffer Y { uint y[]; };
layout(std430, binding = 1) buffer X { float x[]; }; // not readonly: it may be y
layout(std430, binding = 2) readonly buffer Probability { float probability[]; };
uniform uvec4 y_at, x_at;
uniform uint rows, cols;
uniform uint kind;   // the numbers of backend.FilterKind
uniform uint target; // top-k: k; top-p: the weight to reach, at least 1
uniform float share; // min-p

const uint TOP_K = 0u, TOP_P = 1u;

shared uint lane_count[LANES];

// countLanes adds one integer a lane.
uint countLanes(uint v) {
	uint l = gl_LocalInvocationID.x;
	syncLanes();
	lane_count[l] = v;
	for (uint s = LANES / 2u; s > 0u; s >>= 1) {
		syncLanes();
		if (l < s) lane_count[l] += lane_count[l + s];
	}
	syncLanes();
	return lane_count[0];
}

uint matrix, row;

float chance(uint j) { return probability[groupIndex() * cols + j]; }

// key orders the elements: the larger, the earlier.
uint key(uint j) { return kind == TOP_K ? ct_key(x[at(x_at, matrix, row, j)]) : ct_key(chance(j)); }

// weight is what an element adds to the target.
uint weight(uint j) { return kind == TOP_K ? 1u : uint(roundEven(ct_mul(chance(j), 1073741824.0))); }

// weightFrom is the weight of all elements whose key is at least pivot.
uint weightFrom(uint pivot) {
	uint sum = 0u;
	for (uint j = gl_LocalInvocationID.x; j < cols; j += LANES) {
		if (key(j) >= pivot) sum += weight(j);
	}
	return countLanes(sum);
}

// equalsBefore counts the elements of a key below an index.
uint equalsBefore(uint pivot, uint end) {
	uint sum = 0u;
	for (uint j = gl_LocalInvocationID.x; j < cols && j < end; j += LANES) {
		if (key(j) == pivot) sum += 1u;
	}
	return countLanes(sum);
}

void main() {
	if (idleGroup()) return;
	matrix = groupIndex() / rows;
	row = groupIndex() % rows;
	uint l = gl_LocalInvocationID.x;

	uint largest = 0u;
	for (uint j = l; j < cols; j += LANES) {
		uint k = key(j);
		largest = k > largest ? k : largest;
	}
	largest = largestLanes(largest);

	// pivot and last: the key and, among its equals, the largest index that are kept.
	uint pivot = 0u, last = 0xffffffffu;
	bool whole = largest == 0xffffffffu; // a NaN: no order
	if (kind == TOP_K || kind == TOP_P) {
		if (!whole && weightFrom(0u) >= target) {
			for (uint bit = 0x80000000u; bit != 0u; bit >>= 1) {
				if (weightFrom(pivot | bit) >= target) pivot |= bit;
			}
			// largest < 2³²−1, so that pivot + 1 does not wrap.
			uint missing = target - weightFrom(pivot + 1u);
			uint each = 1u;
			if (kind == TOP_P) each = uint(roundEven(ct_mul(keyed(pivot), 1073741824.0)));
			uint needed = (missing + each - 1u) / each;
			last = 0u;
			for (uint bit = 0x40000000u; bit != 0u; bit >>= 1) {
				if (equalsBefore(pivot, last | bit) < needed) last |= bit;
			}
		}
	}
	float least = ct_mul(share, keyed(largest));
	for (uint j = l; j < cols; j += LANES) {
		bool kept = whole;
		if (kind == TOP_K || kind == TOP_P) {
			uint k = key(j);
			kept = kept || k > pivot || (k == pivot && j <= last);
		} else {
			kept = kept || !(chance(j) < least);
		}
		y[at(y_at, matrix, row, j)] = kept ? ct_canon_bits(x[at(x_at, matrix, row, j)]) : (CT_INF | CT_SIGN);
	}
}
