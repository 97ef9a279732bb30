// qmatmul.comp: acc = (op(A) − zero_a)·(op(B) − zero_b) + bias in int32, stored as it is or requantised to int8.
//
// Buffers: C (int32, or bytes where requantised), A and B (bytes), bias, multiplier and shift (int32) at bindings 0 to 5.
// Transposes are strides, as in matmul.comp. Tiles, barriers and the sums left between dispatches are those of
// matmul.comp, with int elements: integer addition has no order, so that no rule of the contract but exactness applies.
//
// Requantisation is double rounding (gemmlowp, fixedpoint.h): x·2^max(shift,0) modulo 2³², then
// SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT by max(−shift,0); then the zero point and the clamp, with
// the bounds moved instead of the value, so that nothing overflows. A shift is taken as the nearest number in [−31, 30]. A byte of C shares its word with other
// invocations' bytes, perhaps in another row: two atomics change it alone.

#ifndef TS
#define TS 16 // invocations along m and along n
#endif
#ifndef WM
#define WM 2 // elements an invocation holds along m
#endif
#ifndef WN
#define WN 2 // elements an invocation holds along n
#endif
#ifndef TK
#define TK 16 // steps along k a tile holds
#endif
#define TM (TS * WM)
#define TN (TS * WN)
#define INVOCATIONS (TS * TS)

#include "tensor.glsl"

layout(local_size_x = TS, local_size_y = TS) in;

layout(std430, binding = 0) buffer C { uint c[]; };
layout(std430, binding = 1) readonly buffer A { uint a[]; };
layout(std430, binding = 2) readonly buffer B { uint b[]; };
layout(std430, binding = 3) readonly buffer Bias { int bias[]; };
layout(std430, binding = 4) readonly buffer Multiplier { int multiplier[]; };
layout(std430, binding = 5) readonly buffer Shift { int shift[]; };
layout(std430, binding = 6) buffer Total { int left_total[]; };

uniform uvec4 C_at, A_at, B_at, bias_at, multiplier_at, shift_at, total_at;
uniform uint M, N, K;
uniform uint k_from, k_to; // this dispatch's part of K
uniform uint tiles_m, tiles_n;
uniform uint a_along_k, b_along_k; // 1 where neighbours in memory are neighbours along k
uniform int zero_a, zero_b, zero_c, least, most;
uniform uint has_bias, requantise;

shared int tile_a[TK * TM];
shared int tile_b[TK * TN];

// signed byte number place of a word
int byteOf(uint word, uint place) { return bitfieldExtract(int(word), int(8u * (place % 4u)), 8); }

void load(uint batch, uint m0, uint n0, uint k0, uint depth) {
	for (uint e = gl_LocalInvocationIndex; e < uint(TK * TM); e += uint(INVOCATIONS)) {
		uint k = a_along_k != 0u ? e % uint(TK) : e / uint(TM);
		uint m = a_along_k != 0u ? e / uint(TK) : e % uint(TM);
		int v = 0;
		if (k < depth && m0 + m < M) {
			uint place = at(A_at, batch, m0 + m, k0 + k);
			v = byteOf(a[place / 4u], place) - zero_a;
		}
		tile_a[k * uint(TM) + m] = v;
	}
	for (uint e = gl_LocalInvocationIndex; e < uint(TK * TN); e += uint(INVOCATIONS)) {
		uint k = b_along_k != 0u ? e % uint(TK) : e / uint(TN);
		uint n = b_along_k != 0u ? e / uint(TK) : e % uint(TN);
		int v = 0;
		if (k < depth && n0 + n < N) {
			uint place = at(B_at, batch, k0 + k, n0 + n);
			v = byteOf(b[place / 4u], place) - zero_b;
		}
		tile_b[k * uint(TN) + n] = v;
	}
}

// highMul is x·y/2³¹, rounded to nearest, halves upwards, saturated.
int highMul(int x, int y) {
	const int LOWEST = int(0x80000000u);
	if (x == LOWEST && y == LOWEST) return 0x7fffffff;
	bool negative = (x ^ y) < 0 && x != 0 && y != 0;
	uint ux = x < 0 ? 0u - uint(x) : uint(x), uy = y < 0 ? 0u - uint(y) : uint(y);
	uint hi, lo, carry;
	umulExtended(ux, uy, hi, lo);
#ifdef FAULT_QMATMUL_SINGLE_ROUNDING
	lo = uaddCarry(lo, 0u, carry);
#else
	lo = uaddCarry(lo, negative ? 0x3fffffffu : 0x40000000u, carry);
#endif
	hi += carry;
	int magnitude = int((hi << 1) | (lo >> 31));
	return negative ? -magnitude : magnitude;
}

// shiftRight is x/2^e, rounded to nearest, halves away from zero.
int shiftRight(int x, uint e) {
	uint mask = (1u << e) - 1u;
	uint rest = uint(x) & mask, threshold = (mask >> 1) + (x < 0 ? 1u : 0u);
#ifdef FAULT_QMATMUL_SHIFT_TRUNCATES
	rest = 0u;
#endif
	return (x >> e) + (rest > threshold ? 1 : 0);
}

int requantised(int acc, uint n) {
	int s = shift[at(shift_at, 0u, 0u, n)];
	s = s < -31 ? -31 : (s > 30 ? 30 : s); // GLSL leaves shifts by 32 and more undefined
	uint left = s > 0 ? uint(s) : 0u, right = s < 0 ? uint(-s) : 0u;
	int v = shiftRight(highMul(int(uint(acc) << left), multiplier[at(multiplier_at, 0u, 0u, n)]), right);
	v = v < least - zero_c ? least - zero_c : v;
	v = v > most - zero_c ? most - zero_c : v;
	return v + zero_c;
}

void main() {
	if (idleGroup()) return;
	uint tile = groupIndex();
	uint batch = tile / (tiles_m * tiles_n);
	uint m0 = tile / tiles_n % tiles_m * uint(TM), n0 = tile % tiles_n * uint(TN);
	uint tm = gl_LocalInvocationIndex / uint(TS), tn = gl_LocalInvocationIndex % uint(TS);

	int acc[WM * WN];
	for (int i = 0; i < WM; i++) {
		for (int j = 0; j < WN; j++) {
			uint m = m0 + uint(i * TS) + tm, n = n0 + uint(j * TS) + tn;
			int start = 0;
			if (k_from > 0u && m < M && n < N) start = left_total[at(total_at, batch, m, n)];
			acc[i * WN + j] = start;
		}
	}
	for (uint k0 = k_from; k0 < k_to; k0 += uint(TK)) {
		uint depth = lesser(uint(TK), k_to - k0);
		load(batch, m0, n0, k0, depth);
		syncGroup();
		for (uint k = 0u; k < depth; k++) {
			for (int i = 0; i < WM; i++) {
				int row = tile_a[k * uint(TM) + uint(i * TS) + tm];
				for (int j = 0; j < WN; j++) acc[i * WN + j] += row * tile_b[k * uint(TN) + uint(j * TS) + tn];
			}
		}
		syncGroup();
	}

	for (int i = 0; i < WM; i++) {
		for (int j = 0; j < WN; j++) {
			uint m = m0 + uint(i * TS) + tm, n = n0 + uint(j * TS) + tn;
			if (m >= M || n >= N) continue;
			if (k_to < K) {
				left_total[at(total_at, batch, m, n)] = acc[i * WN + j];
				continue;
			}
			uint place = at(C_at, batch, m, n);
			int r = acc[i * WN + j];
			if (has_bias != 0u) r += bias[at(bias_at, 0u, 0u, n)];
			if (requantise == 0u) {
				c[place] = uint(r);
				continue;
			}
			uint bit = 8u * (place % 4u);
			atomicAnd(c[place / 4u], ~(0xffu << bit));
			atomicOr(c[place / 4u], (uint(requantised(r, n)) & 0xffu) << bit);
		}
	}
}
