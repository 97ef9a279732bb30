// matmul.comp: C = act(alpha·op(A)·op(B) + beta·C + bias), float32, a batch at a time.
//
// Buffers: C (read only where beta ≠ 0), A, B and bias at bindings 0 to 3, float32 as bits; C is written as bits so
// that NaN stays canonical. Transposes are strides: A_at is offset, batch, m and k stride; B_at offset, batch, k and n
// stride; C_at as a tensor's.
//
// Tiles: a work group of TS×TS invocations computes a tile of TM×TN elements of C, TM = TS·WM, TN = TS·WN; an
// invocation holds WM×WN of them in registers, TS apart, so that neighbours read neighbouring words.
//
//	            n →
//	          +-----+  tile_b: TK×TN of op(B)
//	          |     |
//	      k ↓ +-----+
//	+-----+   +-----+
//	|  m↓ |   |  C  |  acc, total: WM×WN an invocation
//	+-----+   +-----+
//	tile_a: TK×TM of op(A)
//
// A dispatch takes the steps k_from ≤ k < k_to. Where K is too long for one (gpu/loops.go), the next goes on from the
// totals that the last left in Total, whole cuts each, and the one that reaches K runs the epilogue. Total may be C: an
// invocation alone reads and writes its elements.
//
// Barriers: the first of a step makes the tiles that all invocations loaded visible before any reads them; the second
// keeps the next step's loads from overwriting what a slower invocation still reads.
//
// Order (contract: matrix product): every element is one chain of macs over k, ascending, within a cut of CUT; the
// cuts' results are added in ascending order. TK divides CUT. Elements of a tile past M or N take zeros for both
// operands and are not written; k past K is not looped over. The first cut's result enters a total of +0, which only
// turns −0 into +0: that is done on the bits, because compilers fold the addition of a constant zero away.

#ifndef TS
#define TS 16 // invocations along m and along n
#endif
#ifndef WM
#define WM 4 // elements an invocation holds along m
#endif
#ifndef WN
#define WN 4 // elements an invocation holds along n
#endif
#ifndef TK
#define TK 16 // steps along k a tile holds
#endif
#ifndef CUT
#define CUT 4096 // the contract's cut of K
#endif
#ifndef ACT
#define ACT no_activation // what the epilogue applies last
#endif
#define TM (TS * WM)
#define TN (TS * WN)
#define INVOCATIONS (TS * TS)

#include "contract.glsl"
#include "elementary.glsl"
#include "tensor.glsl"

layout(local_size_x = TS, local_size_y = TS) in;

layout(std430, binding = 0) buffer C { uint c[]; };
layout(std430, binding = 1) readonly buffer A { float a[]; };
layout(std430, binding = 2) readonly buffer B { float b[]; };
layout(std430, binding = 3) readonly buffer Bias { float bias[]; };
layout(std430, binding = 4) buffer Total { uint left_total[]; };

uniform uvec4 C_at, A_at, B_at, bias_at, total_at;
uniform uint M, N, K;
uniform uint k_from, k_to; // this dispatch's part of K, from a cut's beginning
uniform uint tiles_m, tiles_n;
uniform uint a_along_k, b_along_k; // 1 where neighbours in memory are neighbours along k
uniform float alpha, beta;
uniform uint scale, accumulate, has_bias; // alpha ∉ {0, 1}; beta ≠ 0; there is a bias

shared float tile_a[TK * TM];
shared float tile_b[TK * TN];

float no_activation(float x) { return x; }

// load fills both tiles with the steps k0 ≤ k < k0 + depth of the tile at (m0, n0). Which index runs fastest over the
// invocations follows the memory, so that neighbours read neighbours.
void load(uint batch, uint m0, uint n0, uint k0, uint depth) {
	for (uint e = gl_LocalInvocationIndex; e < uint(TK * TM); e += uint(INVOCATIONS)) {
		uint k = a_along_k != 0u ? e % uint(TK) : e / uint(TM);
		uint m = a_along_k != 0u ? e / uint(TK) : e % uint(TM);
		float v = 0.0;
		if (k < depth && m0 + m < M) v = a[at(A_at, batch, m0 + m, k0 + k)];
#ifdef FAULT_MATMUL_TF32_INPUTS
		v = uintBitsToFloat(floatBitsToUint(v) & 0xffffe000u);
#elif defined(FAULT_MATMUL_BF16_INPUTS)
		v = uintBitsToFloat(floatBitsToUint(v) & 0xffff0000u);
#endif
		tile_a[k * uint(TM) + m] = v;
	}
	for (uint e = gl_LocalInvocationIndex; e < uint(TK * TN); e += uint(INVOCATIONS)) {
		uint k = b_along_k != 0u ? e % uint(TK) : e / uint(TN);
		uint n = b_along_k != 0u ? e / uint(TK) : e % uint(TN);
		float v = 0.0;
		if (k < depth && n0 + n < N) v = b[at(B_at, batch, k0 + k, n0 + n)];
		tile_b[k * uint(TN) + n] = v;
	}
}

float total[WM * WN], acc[WM * WN];

// advance adds step k of the tiles to every chain.
void advance(uint k, uint tm, uint tn) {
	float col[WN];
	for (int j = 0; j < WN; j++) col[j] = tile_b[k * uint(TN) + uint(j * TS) + tn];
	for (int i = 0; i < WM; i++) {
		float row = tile_a[k * uint(TM) + uint(i * TS) + tm];
		for (int j = 0; j < WN; j++) acc[i * WN + j] = ct_mac(acc[i * WN + j], row, col[j]);
	}
}

void main() {
	if (idleGroup()) return;
	uint tile = groupIndex();
	uint batch = tile / (tiles_m * tiles_n);
	uint m0 = tile / tiles_n % tiles_m * uint(TM), n0 = tile % tiles_n * uint(TN);
	uint tm = gl_LocalInvocationIndex / uint(TS), tn = gl_LocalInvocationIndex % uint(TS);

	for (int i = 0; i < WM; i++) {
		for (int j = 0; j < WN; j++) {
			uint m = m0 + uint(i * TS) + tm, n = n0 + uint(j * TS) + tn;
			float start = 0.0;
			if (k_from > 0u && m < M && n < N) start = uintBitsToFloat(left_total[at(total_at, batch, m, n)]);
			total[i * WN + j] = start;
			acc[i * WN + j] = 0.0;
		}
	}
	uint steps = k_to;
#ifdef FAULT_MATMUL_K_TAIL_DROPPED
	steps -= K > 1u && k_to == K ? 1u : 0u;
#endif
	for (uint k0 = k_from; k0 < steps; k0 += uint(TK)) {
		uint depth = lesser(uint(TK), steps - k0);
		load(batch, m0, n0, k0, depth);
#ifndef FAULT_MATMUL_LOAD_BARRIER_DROPPED
		syncGroup();
#endif
		if (depth == uint(TK)) { // a count the compiler knows, so that it unrolls
			for (uint k = 0u; k < uint(TK); k++) advance(k, tm, tn);
		} else {
			for (uint k = 0u; k < depth; k++) advance(k, tm, tn);
		}
#ifdef FAULT_MATMUL_K_TILE_TWICE
		for (uint k = 0u; k < depth && k0 == uint(TK); k++) advance(k, tm, tn);
#endif
#ifdef FAULT_MATMUL_ALPHA_PER_TILE
		for (int e = 0; e < WM * WN && scale != 0u; e++) acc[e] = ct_mul(alpha, acc[e]);
#endif
#ifndef FAULT_MATMUL_STEP_BARRIER_DROPPED
		syncGroup();
#endif
#ifdef FAULT_MATMUL_CUT_IGNORED
		if (k0 + uint(TK) >= steps) {
#else
		if ((k0 + uint(TK)) % uint(CUT) == 0u || k0 + uint(TK) >= steps) {
#endif
			bool first = k0 < uint(CUT);
#ifdef FAULT_MATMUL_CUT_IGNORED
			first = k_from == 0u;
#endif
			for (int e = 0; e < WM * WN; e++) {
				float start = floatBitsToUint(acc[e]) == CT_SIGN ? 0.0 : acc[e];
				total[e] = first ? start : ct_add(total[e], acc[e]);
				acc[e] = 0.0;
			}
		}
	}

	for (int i = 0; i < WM; i++) {
		for (int j = 0; j < WN; j++) {
			uint m = m0 + uint(i * TS) + tm, n = n0 + uint(j * TS) + tn;
			if (m >= M || n >= N) continue;
#ifdef FAULT_MATMUL_ODD_TAIL_SKIPPED
			if (m >= M - M % 2u) continue;
#endif
			if (k_to < K) {
				left_total[at(total_at, batch, m, n)] = floatBitsToUint(total[i * WN + j]);
				continue;
			}
			uint place = at(C_at, batch, m, n);
			float r = total[i * WN + j];
#ifndef FAULT_MATMUL_ALPHA_PER_TILE
			if (scale != 0u) r = ct_mul(alpha, r);
#endif
#ifdef FAULT_MATMUL_BETA_READS_C
			if (accumulate == 0u) r = ct_mac(r, 1.0, uintBitsToFloat(c[place]));
#endif
			if (accumulate != 0u) r = ct_mac(r, beta, uintBitsToFloat(c[place]));
#ifdef FAULT_MATMUL_BIAS_STD140
			if (has_bias != 0u) r = ct_add(r, bias[at(bias_at, 0u, 0u, lesser(4u * n, N - 1u))]);
#else
			if (has_bias != 0u) r = ct_add(r, bias[at(bias_at, 0u, 0u, n)]);
#endif
			c[place] = ct_canon_bits(ACT(r));
#ifdef FAULT_MATMUL_WRITES_PAST_END
			if (m == M - 1u && n == N - 1u) c[place + 1u] = ct_canon_bits(ACT(r));
#endif
		}
	}
}
