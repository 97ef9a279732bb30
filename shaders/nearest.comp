// nearest.comp: the nearest row of c for each row of x, after backend/exact/distance.go.
//
//   score[c] = ½·Σ cs·cs − Σ xs·cs,  xs = x − shift, cs = c − shift   (Euclidean; the sums are product chains)
//   score[c] = likewise without shift, rows scaled to length 1        (cosine)
//   score[c] = Σ |x − c|                                              (Manhattan)
//
// x: n×d, c: k×d float32; index: n×m int32; distance: n×m float32. panels and half_square: see centres.comp; factors:
// rowfactor.comp. Ranked by ct_key_min of the score, the lower index first.
//
// STAGE 0 (m = 1): one invocation a row. It walks the panels first_panel to last_panel−1; each number of x, read once a
// panel, meets 16 centres whose chains lie in registers. Rows or centres too long or too many for one dispatch
// (gpu/loops.go) go on in the next from the best key and index so far; the last one computes the winner's distance from x
// and c themselves. The panels' addresses are the same in all invocations of a group, so that reads of them serve it whole.
// STAGE 1: the scores of n rows from first_row on go to scratch, n×k, one invocation a row and panel; until from..to
// reaches d they are the sums so far. topk.comp or rank.comp then picks the m best.
// STAGE 2: the distances of the picked, or of pairs that an index names, NaN outside c, one invocation each; likewise.
//
// There is no barrier: no two invocations share an element that either writes. Order (contract: distances): product
// chains with their cuts, one subtraction a score, the lowest index on ties.

#include "contract.glsl"
#include "tensor.glsl"
#include "metric.glsl"

layout(local_size_x = 64) in;

// OpenGL promises eight buffers to a kernel: what a stage does not read is not declared there.
#if STAGE == 1
layout(std430, binding = 0) buffer Scores { float scores[]; };
#else
layout(std430, binding = 0) buffer Index { int index[]; };
layout(std430, binding = 1) buffer Distance { uint distance_bits[]; };
layout(std430, binding = 3) readonly buffer C { float c[]; };
#endif
layout(std430, binding = 2) readonly buffer X { float x[]; };
layout(std430, binding = 4) readonly buffer Panels { vec4 panels[]; };
layout(std430, binding = 5) readonly buffer HalfSquare { float half_square[]; };
// Only one of the two is read, by the metric.
#if METRIC == COSINE
layout(std430, binding = 6) readonly buffer Factors { float factors[]; }; // of c, then of x
#else
layout(std430, binding = 6) readonly buffer Shift { float shift[]; };
#endif
#if STAGE == 0
layout(std430, binding = 7) buffer BestKeys { uint best_keys[]; }; // of each row of the dispatch, so far
#endif
uniform uvec4 index_at, distance_at, x_at, c_at, shift_at;
uniform uint first_row, n, k, d, m;
uniform uint first_panel, last_panel;
uniform bool with_distance;

#if STAGE != 2
// component is number e of row i as the score takes it.
float component(uint i, uint e, float factor) {
	float v = x[at(x_at, 0u, i, e)];
#ifdef SHIFTED
	v = ct_sub(v, shift[at(shift_at, 0u, 0u, e)]);
#elif METRIC == COSINE
	v = ct_mul(v, factor);
#endif
	return v;
}

#if METRIC == MANHATTAN
#define CHAIN distance4
#else
#define CHAIN product4
#endif

// scorePanel adds the components from..to of row i and the 16 centres of a panel to their sums.
void scorePanel(uint panel, uint i, float factor, inout vec4 s0, inout vec4 s1, inout vec4 s2, inout vec4 s3) {
	for (uint cut = from; cut < to; cut += CUT) {
		vec4 a0 = vec4(zero), a1 = a0, a2 = a0, a3 = a0;
		uint end = lesser(to, cut + CUT);
		for (uint e = cut; e < end; e++) {
			float v = component(i, e, factor);
			uint p = (panel * d + e) * 4u;
			a0 = CHAIN(a0, v, panels[p]);
			a1 = CHAIN(a1, v, panels[p + 1u]);
			a2 = CHAIN(a2, v, panels[p + 2u]);
			a3 = CHAIN(a3, v, panels[p + 3u]);
		}
		s0 = add4(s0, a0);
		s1 = add4(s1, a1);
		s2 = add4(s2, a2);
		s3 = add4(s3, a3);
	}
}

float score(uint centre, float sum) {
#if METRIC == MANHATTAN
	return sum;
#else
	return ct_sub(half_square[centre], sum);
#endif
}
#endif

#if STAGE != 1
// distanceSum adds the components from..to of row i and centre j, without shift, to their sum.
float distanceSum(float sum, uint i, uint j) {
	for (uint cut = from; cut < to; cut += CUT) {
		float chain = zero;
		for (uint e = cut; e < lesser(to, cut + CUT); e++) {
			float xv = x[at(x_at, 0u, i, e)], cv = c[at(c_at, 0u, j, e)];
#if METRIC == COSINE
			xv = ct_mul(xv, factors[k + i]);
			cv = ct_mul(cv, factors[j]);
#endif
			chain = distance1(chain, xv, cv);
		}
		sum = ct_add(sum, chain);
	}
	return sum;
}
#endif

#if STAGE == 0
uint best_key, best;

// rank takes the scores of four centres, in ascending order.
void rank(uint centre, vec4 sums) {
	for (uint t = 0u; t < 4u; t++) {
		uint j = centre + t;
		uint key = ct_key_min(score(j, sums[t]));
#ifdef FAULT_NEAREST_TIES_REVERSED
		bool better = key <= best_key;
#else
		bool better = key < best_key;
#endif
		if (better && j < k) {
			best_key = key;
#ifdef FAULT_NEAREST_INDEX_WITHOUT_BASE
			best = j % PANEL;
#else
			best = j;
#endif
		}
	}
}
#endif

#if STAGE == 1
// left returns the sums so far of four centres from j on; those past the last are never looked at.
vec4 left(uint row, uint j) {
	vec4 sums = vec4(zero);
	for (uint t = 0u; t < 4u; t++) {
		if (j + t < k) sums[t] = scores[row * k + j + t];
	}
	return sums;
}
#endif

void main() {
	uint n_th = invocationIndex();
	if (idleGroup()) return;
#if STAGE == 2
	if (n_th >= n * m) return;
	uint i = first_row + n_th / m, r = n_th % m;
	uint j = uint(index[at(index_at, 0u, i, r)]);
	uint place = at(distance_at, 0u, i, r);
	float sum = zero;
	if (from > 0u) sum = uintBitsToFloat(distance_bits[place]);
	if (j >= k) { // of named pairs alone: what is picked lies inside
		distance_bits[place] = CT_NAN;
		return;
	}
	sum = distanceSum(sum, i, j);
	distance_bits[place] = ct_canon_bits(to < d ? sum : finished(sum));
#elif STAGE == 1
	uint count = (k + PANEL - 1u) / PANEL;
	if (n_th >= n * count) return;
	uint row = n_th % n, centre = n_th / n * PANEL;
	uint i = first_row + row;
	float factor = 1.0;
#if METRIC == COSINE
	factor = factors[k + i];
#endif
	vec4 s0 = vec4(zero), s1 = s0, s2 = s0, s3 = s0;
	if (from > 0u) {
		s0 = left(row, centre);
		s1 = left(row, centre + 4u);
		s2 = left(row, centre + 8u);
		s3 = left(row, centre + 12u);
	}
	scorePanel(centre / PANEL, i, factor, s0, s1, s2, s3);
	for (uint t = 0u; t < PANEL; t++) {
		uint j = centre + t;
		vec4 s = t < 8u ? (t < 4u ? s0 : s1) : (t < 12u ? s2 : s3);
		if (j < k) scores[row * k + j] = to < d ? s[t & 3u] : score(j, s[t & 3u]);
	}
#else
	if (n_th >= n) return;
	uint i = first_row + n_th;
	float factor = 1.0;
#if METRIC == COSINE
	factor = factors[k + i];
#endif
	best_key = 0xffffffffu; // no score has this key
	best = 0u;
	if (first_panel > 0u) {
		best_key = best_keys[n_th];
		best = uint(index[at(index_at, 0u, i, 0u)]);
	}
	for (uint panel = first_panel; panel < last_panel; panel++) {
		uint centre = panel * PANEL;
		vec4 s0 = vec4(zero), s1 = s0, s2 = s0, s3 = s0;
		scorePanel(panel, i, factor, s0, s1, s2, s3);
		rank(centre, s0);
		rank(centre + 4u, s1);
		rank(centre + 8u, s2);
		rank(centre + 12u, s3);
	}
	index[at(index_at, 0u, i, 0u)] = int(best);
	if (last_panel * PANEL < k) {
		best_keys[n_th] = best_key;
	} else if (with_distance) {
		distance_bits[at(distance_at, 0u, i, 0u)] = ct_canon_bits(finished(distanceSum(zero, i, best)));
	}
#endif
}
