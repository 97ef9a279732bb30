// map.comp: Y[b,i,j] = FN(A[b,i,j], B[b,i,j], C[b,i,j]), element by element.
//
// Buffers: Y, A, B, C at bindings 0 to 3, float32 as bits. Arguments that FN does not take are dummies. A, B and C are
// stretched by strides of 0. Y may be the memory of any argument: an invocation reads its elements before it writes the
// one that stands there, and no other invocation touches these.
//
// Each invocation has one element; there is no barrier. FN is one of the functions fn_* below, which follow exact.Map:
// bits for what only moves or picks, contract.glsl and elementary.glsl for the rest, NaN canonical on the way out.

#include "contract.glsl"
#include "elementary.glsl"
#include "tensor.glsl"

#ifndef GROUP_SIZE
#define GROUP_SIZE 256 // invocations of a group, one element each
#endif
#ifndef FN
#define FN fn_add
#endif

layout(local_size_x = GROUP_SIZE) in;

layout(std430, binding = 0) buffer Y { uint y[]; };
layout(std430, binding = 1) readonly buffer A { uint a[]; };
layout(std430, binding = 2) readonly buffer B { uint b[]; };
layout(std430, binding = 3) readonly buffer C { uint c[]; };

uniform uvec4 Y_at, A_at, B_at, C_at;
uniform uint batch, rows, cols;

uint bits(float x) { return floatBitsToUint(x); }

uint fn_neg(float a, float b, float c) { return bits(a) ^ CT_SIGN; }
uint fn_abs(float a, float b, float c) { return bits(a) & ~CT_SIGN; }
uint fn_square(float a, float b, float c) { return bits(ct_mul(a, a)); }
uint fn_sqrt(float a, float b, float c) { return bits(ct_sqrt(a)); }
uint fn_recip(float a, float b, float c) { return bits(ct_recip(a)); }
uint fn_exp(float a, float b, float c) { return bits(ct_exp(a)); }
uint fn_expm1(float a, float b, float c) { return bits(ct_expm1(a)); }
uint fn_log(float a, float b, float c) { return bits(ct_log(a)); }
uint fn_log1p(float a, float b, float c) { return bits(ct_log1p(a)); }
uint fn_tanh(float a, float b, float c) { return bits(ct_tanh(a)); }
uint fn_sigmoid(float a, float b, float c) { return bits(ct_sigmoid(a)); }
uint fn_softplus(float a, float b, float c) { return bits(ct_softplus(a)); }
uint fn_sin(float a, float b, float c) { return bits(ct_sin(a)); }
uint fn_cos(float a, float b, float c) { return bits(ct_cos(a)); }
uint fn_relu(float a, float b, float c) {
#ifdef FAULT_MAP_RELU_KEEPS_MINUS_ZERO
	if (bits(a) == CT_SIGN) return CT_SIGN;
#endif
	return bits(ct_relu(a));
}

uint fn_add(float a, float b, float c) { return bits(ct_add(a, b)); }
uint fn_sub(float a, float b, float c) { return bits(ct_sub(a, b)); }
uint fn_mul(float a, float b, float c) { return bits(ct_mul(a, b)); }
uint fn_div(float a, float b, float c) { return bits(ct_div(a, b)); }
uint fn_max(float a, float b, float c) { return ct_key(a) >= ct_key(b) ? bits(a) : bits(b); }
uint fn_min(float a, float b, float c) { return ct_key_min(a) <= ct_key_min(b) ? bits(a) : bits(b); }

uint fn_mac(float a, float b, float c) { return bits(ct_mac(a, b, c)); }
uint fn_select(float a, float b, float c) { return (bits(a) & ~CT_SIGN) != 0u ? bits(b) : bits(c); }

void main() {
	if (idleGroup()) return;
	uint index = invocationIndex();
	if (index >= batch * rows * cols) return;
	uint j = index % cols, row = index / cols;
	uint i = row % rows, n = row / rows;
	uint result = FN(uintBitsToFloat(a[at(A_at, n, i, j)]), uintBitsToFloat(b[at(B_at, n, i, j)]),
		uintBitsToFloat(c[at(C_at, n, i, j)]));
	y[at(Y_at, n, i, j)] = (result & ~CT_SIGN) > CT_INF ? CT_NAN : result;
}
