// probe.comp: what the device's arithmetic does, one computation an invocation.
//
// Buffers: CASES, a uvec4 (kind, a, b, c) each; RESULT, the bits of each answer. The host knows the right bits; all
// operands come from memory, so that no compiler can work them out. Kinds are numbered as in gpu/probe.go. All but
// PLAIN is written as the kernels write it; PLAIN shows what the compiler does where it may.
//
// Variants: PROBE_DOUBLE adds float64, which a device may lack, and then this does not compile.
// There is no barrier: no two invocations share an element.

#include "contract.glsl"
#include "tensor.glsl"

#ifndef GROUP_SIZE
#define GROUP_SIZE 64 // invocations of a group
#endif

layout(local_size_x = GROUP_SIZE) in;

layout(std430, binding = 0) readonly buffer Cases { uvec4 probe_case[]; };
layout(std430, binding = 1) writeonly buffer Result { uint result[]; };

uniform uint cases;

const uint FMA = 0u, PLAIN = 1u, PRECISE = 2u, ADD = 3u, MUL = 4u, REASSOCIATE = 5u, INT = 6u, UINT = 7u, DOUBLE = 8u, MAC = 9u;

float compute(uvec4 v) {
	float a = uintBitsToFloat(v.y), b = uintBitsToFloat(v.z), c = uintBitsToFloat(v.w);
	if (v.x == FMA) {
		precise float r = fma(a, b, c);
		return r;
	}
	if (v.x == PLAIN) return a * b + c;
	if (v.x == PRECISE) {
		precise float p = a * b;
		precise float s = p + c;
		return s;
	}
	if (v.x == ADD) return ct_add(a, b);
	if (v.x == MUL) return ct_mul(a, b);
	if (v.x == REASSOCIATE) {
		precise float s = a + b;
		precise float d = s - a;
		return d;
	}
	if (v.x == INT) return float(int(v.y));
	if (v.x == UINT) return float(v.y);
#ifdef PROBE_DOUBLE
	if (v.x == DOUBLE) return float(packDouble2x32(v.yz));
#endif
	return ct_mac(c, a, b);
}

void main() {
	if (idleGroup()) return;
	uint i = invocationIndex();
	if (i < cases) result[i] = floatBitsToUint(compute(probe_case[i]));
}
