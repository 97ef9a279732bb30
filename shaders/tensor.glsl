// tensor.glsl: where an element of a tensor stands, and which piece of work a work group has.
//
// A tensor is a uvec4 uniform named X_at: offset, batch stride, row stride and column stride, all in elements. The host
// sets a stride to 0 along a dimension that is stretched, and swaps two to transpose. Indices stay below 2^31.
//
// OpenGL promises no more than 65,535 work groups in a dimension, so the host folds a count into three and fills the
// grid up with groups that have no work: main begins with `if (idleGroup()) return;`, which is uniform in a group, so
// that barriers after it are met by all or none.

uniform uint groups; // work groups that have work

uint groupIndex() {
	return gl_WorkGroupID.x + gl_NumWorkGroups.x * (gl_WorkGroupID.y + gl_NumWorkGroups.y * gl_WorkGroupID.z);
}

bool idleGroup() { return groupIndex() >= groups; }

// invocationIndex numbers the invocations of all groups, for kernels of one element each. It is a macro because
// gl_WorkGroupSize exists only after the shader's own layout.
#define invocationIndex() (groupIndex() * gl_WorkGroupSize.x + gl_LocalInvocationID.x)

uint at(uvec4 t, uint b, uint i, uint j) { return t.x + b * t.y + i * t.z + j * t.w; }

// syncGroup waits for all invocations of the group and makes what they wrote to shared memory visible to each.
void syncGroup() {
#ifndef FAULT_MATMUL_FENCE_DROPPED
	memoryBarrierShared();
#endif
	barrier();
}

uint lesser(uint a, uint b) { return a < b ? a : b; }
