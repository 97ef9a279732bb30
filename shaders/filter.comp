// filter.comp: the logits that a top-k, top-p or min-p filter keeps, −Inf for the others; after backend/exact/filter.go.
//
// x, y: [b×n×c] float32, y may be x; source: what select.comp looked at, x itself (top-k) or the rows' softmax without
// gaps, in scratch (top-p, min-p); state: what it found. Top-k: the k-th element in order; top-p: the one whose weight
// roundEven(p·2³⁰), added to those before it, reaches the target; min-p: the most probable. One invocation an element of
// rows first_row, first_row+1, ...: it reads its own element before it writes it, so that there is no barrier. Order
// (contract: filters): keys and weights are integers, and the result is that of a sort.

#include "contract.glsl"
#include "tensor.glsl"
#include "order.glsl"
#include "lanes.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 0) buffer Y { uint y[]; };
layout(std430, binding = 1) buffer X { float x[]; }; // not readonly: it may be y
layout(std430, binding = 2) buffer Source { float source[]; };
layout(std430, binding = 3) readonly buffer State { uint state[]; };
uniform uvec4 y_at, x_at, source_at;
uniform uint first_row, rows, cols; // rows: of one matrix of the batch
uniform uint count;                 // rows of this dispatch
uniform bool min_p;
uniform float share; // min-p: the part of the largest probability that keeps an element

void main() {
	uint n_th = invocationIndex();
	if (idleGroup() || n_th >= count * cols) return;
	uint row = n_th / cols, j = n_th % cols;
	uint matrix = (first_row + row) / rows, i = (first_row + row) % rows;

	float v = source[at(source_at, matrix, i, j)];
	uint pivot = state[4u * row], key = orderKey(v);
	bool kept = (state[4u * row + 3u] & 1u) != 0u; // a NaN, or a target out of reach: the whole row stays
	if (min_p) {
		kept = kept || !(v < ct_mul(share, ordered(pivot)));
	} else {
#ifdef FAULT_FILTER_EDGE_OFF_BY_ONE
		kept = kept || key < pivot || (key == pivot && j < state[4u * row + 1u]);
#else
		kept = kept || key < pivot || (key == pivot && j <= state[4u * row + 1u]);
#endif
	}
	y[at(y_at, matrix, i, j)] = kept ? ct_canon_bits(x[at(x_at, matrix, i, j)]) : (CT_INF | CT_SIGN);
}
