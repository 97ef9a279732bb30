// cmatmul.comp: C = alpha·op(A)·op(B) + beta·C + bias, complex64, a batch at a time.
//
// Buffers: C (read only where beta ≠ 0), A, B and bias at bindings 0 to 3, a vec2 (real, imaginary) an element; C is
// written as bits. Transposes are strides and conjugation a sign, flipped when a tile is loaded: A_at is offset, batch,
// m and k stride; B_at offset, batch, k and n stride.
//
// Tiles, barriers, cuts and the totals left between dispatches are those of matmul.comp. Order (contract: matrix product, complex), for every k:
// re = mac(re, ar, br); re = mac(re, −ai, bi); im = mac(im, ar, bi); im = mac(im, ai, br). alpha·r is that from +0, and
// beta·c that onto r.

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
#ifndef CUT
#define CUT 4096 // the contract's cut of K
#endif
#define TM (TS * WM)
#define TN (TS * WN)
#define INVOCATIONS (TS * TS)

#include "contract.glsl"
#include "tensor.glsl"

layout(local_size_x = TS, local_size_y = TS) in;

layout(std430, binding = 0) buffer C { uvec2 c[]; };
layout(std430, binding = 1) readonly buffer A { uvec2 a[]; };
layout(std430, binding = 2) readonly buffer B { uvec2 b[]; };
layout(std430, binding = 3) readonly buffer Bias { uvec2 bias[]; };
layout(std430, binding = 4) buffer Total { uvec2 left_total[]; };

uniform uvec4 C_at, A_at, B_at, bias_at, total_at;
uniform uint M, N, K;
uniform uint k_from, k_to; // this dispatch's part of K, from a cut's beginning
uniform uint tiles_m, tiles_n;
uniform uint a_along_k, b_along_k; // 1 where neighbours in memory are neighbours along k
uniform uint a_flip, b_flip;       // the sign bit where the operand is conjugated, else 0
uniform vec2 alpha, beta;
uniform uint scale, accumulate, has_bias; // alpha ∉ {0, 1}; beta ≠ 0; there is a bias
uniform float zero;                       // +0, where a constant would be folded into a wrong sign

shared vec2 tile_a[TK * TM];
shared vec2 tile_b[TK * TN];

vec2 number(uvec2 bits) { return uintBitsToFloat(bits); }

vec2 mac_complex(vec2 acc, vec2 x, vec2 y) {
	float re = ct_mac(acc.x, x.x, y.x);
#ifdef FAULT_MATMUL_IMAGINARY_SIGN
	re = ct_mac(re, x.y, y.y);
#else
	re = ct_mac(re, -x.y, y.y);
#endif
	float im = ct_mac(acc.y, x.x, y.y);
	im = ct_mac(im, x.y, y.x);
	return vec2(re, im);
}

// from_zero is +0 + x for the first cut: −0 becomes +0, on the bits.
float from_zero(float x) { return floatBitsToUint(x) == CT_SIGN ? 0.0 : x; }

void load(uint batch, uint m0, uint n0, uint k0, uint depth) {
	for (uint e = gl_LocalInvocationIndex; e < uint(TK * TM); e += uint(INVOCATIONS)) {
		uint k = a_along_k != 0u ? e % uint(TK) : e / uint(TM);
		uint m = a_along_k != 0u ? e / uint(TK) : e % uint(TM);
		vec2 v = vec2(0.0);
		if (k < depth && m0 + m < M) v = number(a[at(A_at, batch, m0 + m, k0 + k)] ^ uvec2(0u, a_flip));
		tile_a[k * uint(TM) + m] = v;
	}
	for (uint e = gl_LocalInvocationIndex; e < uint(TK * TN); e += uint(INVOCATIONS)) {
		uint k = b_along_k != 0u ? e % uint(TK) : e / uint(TN);
		uint n = b_along_k != 0u ? e / uint(TK) : e % uint(TN);
		vec2 v = vec2(0.0);
		if (k < depth && n0 + n < N) v = number(b[at(B_at, batch, k0 + k, n0 + n)] ^ uvec2(0u, b_flip));
		tile_b[k * uint(TN) + n] = v;
	}
}

vec2 total[WM * WN], acc[WM * WN];

// advance adds step k of the tiles to every chain.
void advance(uint k, uint tm, uint tn) {
	for (int i = 0; i < WM; i++) {
		vec2 row = tile_a[k * uint(TM) + uint(i * TS) + tm];
		for (int j = 0; j < WN; j++) {
			acc[i * WN + j] = mac_complex(acc[i * WN + j], row, tile_b[k * uint(TN) + uint(j * TS) + tn]);
		}
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
			vec2 start = vec2(0.0);
			if (k_from > 0u && m < M && n < N) start = number(left_total[at(total_at, batch, m, n)]);
			total[i * WN + j] = start;
			acc[i * WN + j] = vec2(0.0);
		}
	}
	uint steps = k_to;
#ifdef FAULT_MATMUL_K_TAIL_DROPPED
	steps -= K > 1u && k_to == K ? 1u : 0u;
#endif
	for (uint k0 = k_from; k0 < steps; k0 += uint(TK)) {
		uint depth = lesser(uint(TK), steps - k0);
		load(batch, m0, n0, k0, depth);
		syncGroup();
		if (depth == uint(TK)) { // a count the compiler knows, so that it unrolls
			for (uint k = 0u; k < uint(TK); k++) advance(k, tm, tn);
		} else {
			for (uint k = 0u; k < depth; k++) advance(k, tm, tn);
		}
		syncGroup();
		if ((k0 + uint(TK)) % uint(CUT) == 0u || k0 + uint(TK) >= steps) {
			bool first = k0 < uint(CUT);
			for (int e = 0; e < WM * WN; e++) {
				vec2 start = vec2(from_zero(acc[e].x), from_zero(acc[e].y));
				vec2 sum = vec2(ct_add(total[e].x, acc[e].x), ct_add(total[e].y, acc[e].y));
				total[e] = first ? start : sum;
				acc[e] = vec2(0.0);
			}
		}
	}

	for (int i = 0; i < WM; i++) {
		for (int j = 0; j < WN; j++) {
			uint m = m0 + uint(i * TS) + tm, n = n0 + uint(j * TS) + tn;
			if (m >= M || n >= N) continue;
			if (k_to < K) {
				left_total[at(total_at, batch, m, n)] = floatBitsToUint(total[i * WN + j]);
				continue;
			}
			uint place = at(C_at, batch, m, n);
			vec2 r = total[i * WN + j];
			if (scale != 0u) r = mac_complex(vec2(zero), alpha, r);
#ifdef FAULT_MATMUL_BETA_READS_C
			if (accumulate == 0u) r = mac_complex(r, vec2(1.0, 0.0), number(c[place]));
#endif
			if (accumulate != 0u) r = mac_complex(r, beta, number(c[place]));
			if (has_bias != 0u) {
				vec2 add = number(bias[at(bias_at, 0u, 0u, n)]);
				r = vec2(ct_add(r.x, add.x), ct_add(r.y, add.y));
			}
			c[place] = uvec2(ct_canon_bits(r.x), ct_canon_bits(r.y));
		}
	}
}
