// metric.glsl: what the distance kernels share, after backend/exact/distance.go.
//
// A distance, like a product, runs over d in chains of CUT that each begin at +0; the chains' results are added to +0 in
// ascending order. METRIC is the number of backend.Metric. Needs contract.glsl.
//
// A dispatch takes the components from ≤ e < to, whole cuts but for the last. Where a row is too long for one dispatch
// (gpu/loops.go), the sum of its cuts so far waits in memory for the next.
//
// Rows of centres are read in panels of PANEL: component e of centre c stands at panels[(c/PANEL·d + e)·PANEL + c mod
// PANEL], written by centres.comp and filled up with zeros, so that one number of x meets PANEL centres. As everywhere
// in a tile, what is computed for centres that do not exist is never looked at.

#define SQUARED_EUCLIDEAN 0
#define EUCLIDEAN 1
#define MANHATTAN 2
#define COSINE 3

#define CUT 4096u
#define PANEL 16u // must be 16: the kernels hold a panel's chains in four vec4

uniform uint from, to; // this dispatch's part of d, from a cut's beginning
uniform float zero; // +0, which no compiler can fold into a sum

float ct_abs(float v) { return uintBitsToFloat(floatBitsToUint(v) & 0x7fffffffu); }

vec4 add4(vec4 a, vec4 b) {
	precise vec4 r = a + b;
	return r;
}

vec4 sub4(vec4 a, vec4 b) {
	precise vec4 r = a - b;
	return r;
}

vec4 abs4(vec4 v) { return uintBitsToFloat(floatBitsToUint(v) & uvec4(0x7fffffffu)); }

// product4 continues four chains by x·c.
vec4 product4(vec4 acc, float x, vec4 c) {
	return vec4(ct_mac(acc.x, x, c.x), ct_mac(acc.y, x, c.y), ct_mac(acc.z, x, c.z), ct_mac(acc.w, x, c.w));
}

#ifdef FAULT_DISTANCES_CANCEL
// squares is x² + c² − 2xc in place of (x − c)².
float squares(float acc, float x, float c) { return ct_mac(ct_mac(ct_mac(acc, x, x), c, c), ct_mul(-2.0, x), c); }
#endif

// distance4 continues four chains of the metric.
vec4 distance4(vec4 acc, float x, vec4 c) {
#ifdef FAULT_DISTANCES_CANCEL
	return vec4(squares(acc.x, x, c.x), squares(acc.y, x, c.y), squares(acc.z, x, c.z), squares(acc.w, x, c.w));
#endif
	vec4 t = sub4(vec4(x), c);
#if METRIC == MANHATTAN || defined(FAULT_DISTANCES_L1_FOR_L2)
	return add4(acc, abs4(t));
#else
	return vec4(ct_mac(acc.x, t.x, t.x), ct_mac(acc.y, t.y, t.y), ct_mac(acc.z, t.z, t.z), ct_mac(acc.w, t.w, t.w));
#endif
}

// distance1 continues one.
float distance1(float acc, float x, float c) {
#ifdef FAULT_DISTANCES_CANCEL
	return squares(acc, x, c);
#endif
	float t = ct_sub(x, c);
#if METRIC == MANHATTAN || defined(FAULT_DISTANCES_L1_FOR_L2)
	return ct_add(acc, ct_abs(t));
#else
	return ct_mac(acc, t, t);
#endif
}

// finished turns the sum of the chains into the distance.
float finished(float sum) {
#if METRIC == EUCLIDEAN
	return ct_sqrt(sum);
#elif METRIC == COSINE
	return ct_mul(0.5, sum);
#else
	return sum;
#endif
}

// unit returns the factor that scales a row of norm² = square to length 1; a row of norm 0 stays as it is.
float unit(float square) {
	float norm = ct_sqrt(square);
	return (floatBitsToUint(norm) & 0x7fffffffu) == 0u ? 1.0 : ct_recip(norm);
}
