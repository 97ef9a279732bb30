// softmax.comp: y = softmax(x/T) or its logarithm, row by row, after backend/exact/softmax.go.
//
//   m = max x·(1/T);  e = exp(x·(1/T) − m);  s = row sum of e;  y = e·(1/s)  or  y = (x·(1/T) − m) − log s
//
// y, x: [b×n×c] float32, of equal shape; y may be x itself, and then Y and X are two names of one memory that no barrier
// here orders between lanes: element j is read and written by lane j mod 64 alone. The maximum too is read by the lane
// that owns it and reaches the others through shared memory. One work group a row. The exponentials wait in y for the
// sum.

#define ROW_SUM
#include "contract.glsl"
#include "elementary.glsl"
#include "tensor.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) buffer Y { uint y[]; };
layout(std430, binding = 1) buffer X { float x[]; }; // not readonly: it may be y
uniform uvec4 y_at, x_at;
uniform uint rows, cols;
uniform float scale; // 1/T
uniform bool logarithm;

shared float row_largest;

uint matrix, row;
float largest;

float logit(uint j) { return ct_mul(x[at(x_at, matrix, row, j)], scale); }

float summand(uint j) {
	float e = ct_exp(ct_sub(logit(j), largest));
	if (!logarithm) y[at(y_at, matrix, row, j)] = floatBitsToUint(e);
	return e;
}

void main() {
	if (idleGroup()) return;
	matrix = groupIndex() / rows;
	row = groupIndex() % rows;
	uint l = gl_LocalInvocationID.x;

	// The element itself, for the sign of a zero; no element has the key that least begins with.
	uint least = 0xffffffffu, where = 0u;
	for (uint j = l; j < cols; j += LANES) {
		uint key = ~ct_key(logit(j));
		if (key < least) {
			least = key;
			where = j;
		}
	}
	leastLanes(least, where);
	if (l == where % LANES) row_largest = logit(where);
#ifndef FAULT_SOFTMAX_BARRIER_DROPPED
	syncLanes();
#endif
	largest = row_largest;
#ifdef FAULT_SOFTMAX_MAX_FROM_ZERO
	if (ct_key(largest) < ct_key(zero)) largest = zero;
#endif
#ifdef FAULT_SOFTMAX_WITHOUT_MAX
	largest = zero;
#endif
	float sum = rowSum(cols);
	float last = logarithm ? ct_log(sum) : ct_recip(sum);
	for (uint j = l; j < cols; j += LANES) {
		uint where = at(y_at, matrix, row, j);
		float p;
		if (logarithm) {
			p = ct_sub(ct_sub(logit(j), largest), last);
		} else {
			p = ct_mul(uintBitsToFloat(y[where]), last);
		}
		y[where] = ct_canon_bits(p);
#ifdef FAULT_SOFTMAX_INPUT_OVERWRITTEN
		x[at(x_at, matrix, row, j)] = p;
#endif
	}
}
