// loops.comp: how many iterations a loop makes that was told to make so many.
//
// result: one uint32. Some drivers end a loop silently (gpu/loops.go); this counts up to where. One group of one
// invocation; there is no barrier, and no float, so that no rule of the contract applies.

#include "tensor.glsl"

layout(local_size_x = 1) in;

layout(std430, binding = 0) writeonly buffer Result { uint result[]; };
uniform uint iterations;

void main() {
	if (idleGroup()) return;
	uint n = 0u;
	for (uint i = 0u; i < iterations; i++) n++;
	result[0] = n;
}
