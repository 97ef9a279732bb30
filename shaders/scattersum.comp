// scattersum.comp: exact sums of the rows of x by label, after backend/exact/scatter.go.
//
// x: n×d float32; label: n×1 int32, or none, for label 0 everywhere; weight: n×1 float32 or none; exponent: 1×d int32;
// sums: k×(5d+1) uint32: per column Σhi and Σlo as 64-bit integers, low word first, and a sticky flag; then the count.
//
// STAGE 0 clears the sums, one invocation a word. STAGE 1 adds, one invocation an element. Integer sums have no order,
// so atomics give the same bits whichever comes first. A 64-bit sum is two words: whoever adds to the low one learns
// from its old value whether it overflowed, and adds that carry to the high one; modulo 2⁶⁴ the result is exact.

#include "contract.glsl"
#include "tensor.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) buffer Sums { uint sums[]; };
layout(std430, binding = 1) readonly buffer X { float x[]; };
layout(std430, binding = 2) readonly buffer Label { int label[]; };
layout(std430, binding = 3) readonly buffer Weight { float weight[]; };
layout(std430, binding = 4) readonly buffer Exponent { int exponent[]; };
uniform uvec4 sums_at, x_at, label_at, weight_at, exponent_at;
uniform uint n, d, k;
uniform bool labelled, weighted;

// shifted returns v·2^shift, v not 0 and the result at most 2³⁰, as whole part and a fraction of 64 bits, whose last bit is sticky.
void shifted(uint v, int shift, out uint whole, out uint high, out uint low) {
	whole = 0u;
	high = 0u;
	low = 0u;
	if (shift >= 0) {
		whole = v << uint(shift);
	} else if (shift > -32) {
		uint s = uint(-shift);
		whole = v >> s;
		high = v << (32u - s);
	} else if (shift == -32) {
		high = v;
	} else if (shift > -64) {
		uint s = uint(-shift - 32);
		high = v >> s;
		low = v << (32u - s);
	} else {
		low = 1u;
	}
}

// roundedFraction returns (high·2³² + low)/2³⁴, to nearest even.
int roundedFraction(uint high, uint low) {
	uint q = high >> 2, rest = high & 3u;
	bool up = rest > 2u || (rest == 2u && (low != 0u || (q & 1u) != 0u));
	return int(q + (up ? 1u : 0u));
}

// split is ScatterSplit: hi = roundEven(v·2^e), lo = roundEven((v·2^e − hi)·2³⁰), on the bits of v alone. It is false
// where v is not finite or |v|·2^e passes 2³⁰.
bool split(float v, int e, out int hi, out int lo) {
	uint bits = floatBitsToUint(v);
	int biased = int(bits >> 23) & 0xff;
	uint mantissa = bits & 0x007fffffu;
	hi = 0;
	lo = 0;
	if (biased == 0xff) return false;
	if (biased == 0) {
		biased = 1;
	} else {
		mantissa |= 0x00800000u;
	}
	if (mantissa == 0u) return true;
	int shift = biased - 150 + (e < -400 ? -400 : e > 400 ? 400 : e);
	if (shift > 30 || (shift > 0 && mantissa > (1u << 30) >> uint(shift))) return false;
	uint whole, high, low;
	shifted(mantissa, shift, whole, high, low);
	bool up = high > 0x80000000u || (high == 0x80000000u && (low != 0u || (whole & 1u) != 0u));
	if (up) {
		whole += 1u;
		// 2⁶⁴ − fraction, counted from above
		lo = -roundedFraction(~high + (low == 0u ? 1u : 0u), ~low + 1u);
	} else {
		lo = roundedFraction(high, low);
	}
	hi = int(whole);
	if ((bits & CT_SIGN) != 0u) {
		hi = -hi;
		lo = -lo;
	}
	return true;
}

// add64 adds v to the 64-bit integer at word where.
void add64(uint where, int v) {
	if (v == 0) return;
	uint low = uint(v);
	uint old = atomicAdd(sums[where], low);
	uint high = (v < 0 ? 0xffffffffu : 0u) + (old + low < old ? 1u : 0u);
#ifdef FAULT_SCATTER_CARRY_DROPPED
	high = v < 0 ? 0xffffffffu : 0u;
#endif
	if (high != 0u) atomicAdd(sums[where + 1u], high);
}

void main() {
	uint n_th = invocationIndex();
	if (idleGroup()) return;
#if STAGE == 0
	uint words = 5u * d + 1u;
	if (n_th < k * words) sums[at(sums_at, 0u, n_th / words, n_th % words)] = 0u;
#else
	uint across = d == 0u ? 1u : d; // rows without columns are counted all the same
	if (n_th >= n * across) return;
	uint i = n_th / across, j = n_th % across;
	uint row = labelled ? uint(label[at(label_at, 0u, i, 0u)]) : 0u;
	if (row >= k) return; // a negative label is a large one here
	if (j == 0u) atomicAdd(sums[at(sums_at, 0u, row, 5u * d)], 1u);
	if (d == 0u) return;

	float v = x[at(x_at, 0u, i, j)];
#ifndef FAULT_SCATTER_WEIGHT_FORGOTTEN
	if (weighted) v = ct_mul(weight[at(weight_at, 0u, i, 0u)], v);
#endif
	int hi, lo;
	bool held = split(v, exponent[at(exponent_at, 0u, 0u, j)], hi, lo);
#ifdef FAULT_SCATTER_LOW_PART_DROPPED
	lo = 0;
#endif
	uint where = at(sums_at, 0u, row, 5u * j);
	add64(where, hi);
	add64(where + 2u, lo);
	if (!held) atomicOr(sums[where + 4u], 1u);
#endif
}
