// Randomness under the contract (backend/exact/philox.go, variates.go): the
// Philox4x32-10 generator, its counter layout, and the variates drawn from one
// word, or from two.
//
//   counter = (element ÷ 4, row, step, use << 16 | sub-stream)
//   key     = (low half, high half) of the seed
//   lane    = element mod 4
//
// Needs contract.glsl and elementary.glsl.

#ifndef PHILOX_GLSL
#define PHILOX_GLSL

#define CT_ANGLE_UNIT uintBitsToFloat(0x30490fdbu) // π/2·2⁻³¹

#ifdef FAULT_FILL_PHILOX_ROUND_MISSING
#define PHILOX_ROUNDS 9
#else
#define PHILOX_ROUNDS 10
#endif

uvec4 philox4x32(uvec4 counter, uvec2 key) {
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint hi0, lo0, hi1, lo1;
        umulExtended(0xd2511f53u, counter.x, hi0, lo0);
        umulExtended(0xcd9e8d57u, counter.z, hi1, lo1);
        counter = uvec4(hi1 ^ counter.y ^ key.x, lo1, hi0 ^ counter.w ^ key.y, lo0);
        key += uvec2(0x9e3779b9u, 0xbb67ae85u);
    }
    return counter;
}

// ct_random_block returns the words of elements 4·block to 4·block+3, and
// ct_random_word one of them, for elements below 2³².
uvec4 ct_random_block(uvec2 seed, uint stream, uint step, uint row, uint block) {
#ifdef FAULT_FILL_ROWS_SHARE_NUMBERS
    row = 0u;
#endif
#ifdef FAULT_FILL_STREAMS_SHARE_NUMBERS
    stream &= 0xffff0000u;
#endif
#ifdef FAULT_FILL_STEPS_SHARE_NUMBERS
    step &= ~1u;
#endif
    return philox4x32(uvec4(block, row, step, stream), seed);
}
uint ct_random_word(uvec2 seed, uint stream, uint step, uint row, uint element) {
    uvec4 w = ct_random_block(seed, stream, step, row, element >> 2);
    uint lane = element & 3u;
    return lane < 2u ? (lane == 0u ? w.x : w.y) : (lane == 2u ? w.z : w.w);
}

// ct_uniform is in [2⁻³³, 1).
float ct_uniform(uint word) {
    float hi = ct_mul(float(word >> 16), uintBitsToFloat(0x37800000u));
#ifdef FAULT_FILL_UNIFORM_ZERO
    float lo = ct_mul(float((word << 1) & 0x1ffffu), uintBitsToFloat(0x2f000000u));
#else
    float lo = ct_mul(float(((word << 1) & 0x1ffffu) | 1u), uintBitsToFloat(0x2f000000u));
#endif
    uint v = floatBitsToUint(ct_add(hi, lo));
#ifdef FAULT_FILL_UNIFORM_ONE
    return ct_bits(v);
#endif
    return ct_bits(v >= 0x3f800000u ? 0x3f7fffffu : v);
}

// ct_exponential has mean 1, and ct_gumbel is minus the logarithm of one.
float ct_exponential(uint word) { return -ct_log1p_core(-ct_uniform(word)); }
float ct_gumbel(uint word) { return -ct_log_core(ct_exponential(word)); }

// ct_normal_pair returns two standard normals by Box and Muller's method:
// words 0 and 1 of a block give elements 0 and 1, words 2 and 3 elements 2 and 3.
vec2 ct_normal_pair(uint w0, uint w1) {
    float radius = ct_sqrt(ct_mul(-2.0, ct_log_core(ct_uniform(w0))));
    uint q = (w1 + 0x20000000u) >> 30;
    int rest = int(((w1 - (q << 30)) << 1) | 1u);
    float angle = ct_mul(float(rest), CT_ANGLE_UNIT);
    float s = ct_sin_poly(angle, 0.0), c = ct_cos_poly(angle, 0.0);
    bool swap = (q & 1u) != 0u;
    uint flip = (q & 2u) << 30;
    uint x = floatBitsToUint(swap ? s : c) ^ (swap ? CT_SIGN : 0u) ^ flip;
    uint y = floatBitsToUint(swap ? c : s) ^ flip;
    return vec2(ct_mul(radius, ct_bits(x)), ct_mul(radius, ct_bits(y)));
}

#endif
