// lanes.glsl: a work group of 64 invocations, the lanes, works on one row: sums in the contract's order, and the best
// element.
//
// A row sum (contract §3): lane l of 64 adds the elements i ≡ l mod 64 from +0 in ascending order, then the tree 32,
// 16, 8, 4, 2, 1. Rows longer than ROW_BLOCK go in blocks, and the blocks' results are summed the same way; up to
// ROW_BLOCK blocks, which is 2²⁸ elements. The best element is decided on integer keys and indices, so that its tree
// needs no order.
//
// Every function that has a barrier is called by all lanes or by none. Needs contract.glsl.

#define LANES 64u
#define ROW_BLOCK 16384u

uniform float zero; // +0, which no compiler can fold into a sum

shared uint lane_key[LANES];
shared uint lane_index[LANES];
shared float lane_sum[LANES];

void syncLanes() {
	memoryBarrierShared();
	barrier();
}

// sumLanes adds one number a lane by the tree. The first barrier protects the result of the call before.
float sumLanes(float v) {
	uint l = gl_LocalInvocationID.x;
#ifndef FAULT_REDUCE_REUSE_BARRIER_DROPPED
	syncLanes();
#endif
	lane_sum[l] = v;
#ifdef FAULT_REDUCE_TREE_REVERSED
	for (uint s = 1u; s < LANES; s <<= 1) {
		syncLanes();
		if (l % (2u * s) == 0u) lane_sum[l] = ct_add(lane_sum[l], lane_sum[l + s]);
	}
#else
	for (uint s = LANES / 2u; s > 0u; s >>= 1) {
#ifndef FAULT_REDUCE_TREE_BARRIER_DROPPED
		syncLanes();
#endif
		if (l < s) lane_sum[l] = ct_add(lane_sum[l], lane_sum[l + s]);
	}
#endif
	syncLanes();
	return lane_sum[0];
}

// leastLanes gives every lane the smallest (key, index) of all.
void leastLanes(inout uint key, inout uint index) {
	uint l = gl_LocalInvocationID.x;
	syncLanes();
	lane_key[l] = key;
	lane_index[l] = index;
	for (uint s = LANES / 2u; s > 0u; s >>= 1) {
#ifndef FAULT_TOPK_TREE_BARRIER_DROPPED
		syncLanes();
#endif
		if (l < s) {
			uint k = lane_key[l + s], i = lane_index[l + s];
			if (k < lane_key[l] || (k == lane_key[l] && i < lane_index[l])) {
				lane_key[l] = k;
				lane_index[l] = i;
			}
		}
	}
#ifndef FAULT_TOPK_RESULT_BARRIER_DROPPED
	syncLanes();
#endif
	key = lane_key[0];
	index = lane_index[0];
}

// largestLanes gives every lane the largest key of all.
uint largestLanes(uint key) {
	uint none = 0u;
	key = ~key;
	leastLanes(key, none);
	return ~key;
}

// keyed returns the number whose ct_key is key, with +0 for both zeros.
float keyed(uint key) {
	uint bits = (key & CT_SIGN) != 0u ? key ^ CT_SIGN : ~key;
	return uintBitsToFloat(key == 0xffffffffu ? CT_NAN : bits);
}

#ifdef PARTS
// Rows too long for one group go in blocks of ROW_BLOCK, a group each. The kernel that defines PARTS as a binding keeps
// the best (key, index) of each block there, and a later dispatch the best of those.
layout(std430, binding = PARTS) buffer Parts { uvec2 parts[]; };

// leastPart gives every lane the smallest of n parts from first on.
void leastPart(uint first, uint n, out uint key, out uint index) {
	key = 0xffffffffu;
	index = 0xffffffffu;
	for (uint b = gl_LocalInvocationID.x; b < n; b += LANES) {
		uvec2 part = parts[first + b];
		if (part.x < key || (part.x == key && part.y < index)) {
			key = part.x;
			index = part.y;
		}
	}
	leastLanes(key, index);
}
#endif

#ifdef ROW_SUM
// The kernel that defines ROW_SUM says what it sums.
float summand(uint j);

// rowSum returns the sum of summand(0) to summand(n−1); each is called once, by lane j mod 64.
float rowSum(uint n) {
	uint l = gl_LocalInvocationID.x;
	uint blocks = (n + ROW_BLOCK - 1u) / ROW_BLOCK;
	float total = zero, upper = zero;
	for (uint block = 0u; block < blocks; block++) {
		uint end = lesser(n, (block + 1u) * ROW_BLOCK);
		float lane = zero;
		for (uint j = block * ROW_BLOCK + l; j < end; j += LANES) lane = ct_add(lane, summand(j));
		total = sumLanes(lane);
		if (block % LANES == l) upper = ct_add(upper, total);
	}
	return blocks > 1u ? sumLanes(upper) : total;
}
#endif
