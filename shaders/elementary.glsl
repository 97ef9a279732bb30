// The elementary functions of the contract: the same sequences of integer
// operations, +, −, × and mac as backend/exact/elementary.go and trig.go, whose
// comments say where each comes from and how far it may be off. Subnormal
// arguments count as zeros and subnormal results are zeros; NaN is canonical.
// A function named _core takes only arguments that need no special case.
//
// Needs contract.glsl.

#ifndef ELEMENTARY_GLSL
#define ELEMENTARY_GLSL

// Constants are given by their bits: how a driver reads a decimal is left open.
#define CT_LOG2E uintBitsToFloat(0x3fb8aa3bu) // 0x1.715476p+0
#define CT_LN2_HI uintBitsToFloat(0x3f317200u) // 0x1.62e4p-1
#define CT_LN2_LO uintBitsToFloat(0x35bfbe8eu) // 0x1.7f7d1cp-20
#define CT_EXP_C2 uintBitsToFloat(0x3efffffeu) // 0x1.fffffcp-2
#define CT_EXP_C3 uintBitsToFloat(0x3e2aaa46u) // 0x1.55548cp-3
#define CT_EXP_C4 uintBitsToFloat(0x3d2aac2cu) // 0x1.555858p-5
#define CT_EXP_C5 uintBitsToFloat(0x3c091ef6u) // 0x1.123decp-7
#define CT_EXP_C6 uintBitsToFloat(0x3ab56419u) // 0x1.6ac832p-10
#define CT_EXPM1_C3 uintBitsToFloat(0x3e2aaa96u) // 0x1.55552cp-3
#define CT_EXPM1_C4 uintBitsToFloat(0x3d2aaa7au) // 0x1.5554f4p-5
#define CT_EXPM1_C5 uintBitsToFloat(0x3c08a490u) // 0x1.11492p-7
#define CT_EXPM1_C6 uintBitsToFloat(0x3ab6a3d6u) // 0x1.6d47acp-10
#define CT_EXPM1_C7 uintBitsToFloat(0x392d5666u) // 0x1.5aacccp-13
#define CT_LOG_C10 uintBitsToFloat(0xbd38a1d4u) // -0x1.7143a8p-5
#define CT_LOG_C9 uintBitsToFloat(0x3dd6499bu) // 0x1.ac9336p-4
#define CT_LOG_C8 uintBitsToFloat(0xbe06c574u) // -0x1.0d8ae8p-3
#define CT_LOG_C7 uintBitsToFloat(0x3e144213u) // 0x1.288426p-3
#define CT_LOG_C6 uintBitsToFloat(0xbe2a77cau) // -0x1.54ef94p-3
#define CT_LOG_C5 uintBitsToFloat(0x3e4cb4ceu) // 0x1.99699cp-3
#define CT_LOG_C4 uintBitsToFloat(0xbe800021u) // -0x1.000042p-2
#define CT_LOG_C3 uintBitsToFloat(0x3eaaaad2u) // 0x1.5555a4p-2
#define CT_TANH_C11 uintBitsToFloat(0xbbba860fu) // -0x1.750c1ep-8
#define CT_TANH_C9 uintBitsToFloat(0x3ca8fc59u) // 0x1.51f8b2p-6
#define CT_TANH_C7 uintBitsToFloat(0xbd5c1ad1u) // -0x1.b835a2p-5
#define CT_TANH_C5 uintBitsToFloat(0x3e08837bu) // 0x1.1106f6p-3
#define CT_TANH_C3 uintBitsToFloat(0xbeaaaa99u) // -0x1.555532p-2
#define CT_SIN_C7 uintBitsToFloat(0xb94caa05u) // -0x1.99540ap-13
#define CT_SIN_C5 uintBitsToFloat(0x3c0883bcu) // 0x1.110778p-7
#define CT_SIN_C3 uintBitsToFloat(0xbe2aaaa3u) // -0x1.555546p-3
#define CT_COS_C8 uintBitsToFloat(0x37cd3430u) // 0x1.9a686p-16
#define CT_COS_C6 uintBitsToFloat(0xbab60718u) // -0x1.6c0e3p-10
#define CT_COS_C4 uintBitsToFloat(0x3d2aaaa7u) // 0x1.55554ep-5
const uint CT_TANH_ONE = 0x41102cb4u; // the bits of 9.010914
const float CT_ROUND_MAGIC = 12582912.0;
const uint CT_ROUND_MAGIC_BITS = 0x4b400000u;
const uint CT_THREE_QUARTERS = 0x3f400000u;

float ct_bits(uint u) { return uintBitsToFloat(u); }

// ct_reduce_exp splits x into n·ln 2 + r, n a whole number.
float ct_reduce_exp(float x, out uint n) {
    float t = ct_mac(CT_ROUND_MAGIC, x, CT_LOG2E);
    n = floatBitsToUint(t) - CT_ROUND_MAGIC_BITS;
    float nf = ct_sub(t, CT_ROUND_MAGIC);
    float r = ct_mac(x, nf, -CT_LN2_HI);
    return ct_mac(r, nf, -CT_LN2_LO);
}

float ct_exp_core(float x) {
    uint n;
    float r = ct_reduce_exp(x, n);
    float p = ct_mac(CT_EXP_C5, r, CT_EXP_C6);
    p = ct_mac(CT_EXP_C4, r, p);
    p = ct_mac(CT_EXP_C3, r, p);
    p = ct_mac(CT_EXP_C2, r, p);
    p = ct_mac(1.0, r, p);
    p = ct_mac(1.0, r, p);
    return ct_bits(floatBitsToUint(p) + (n << 23));
}

float ct_exp(float x) {
    uint u = floatBitsToUint(x);
    float y = ct_exp_core(x);
    y = u > 0xc2aeac4fu ? 0.0 : y;
    y = u > 0x42b17217u && u < CT_SIGN ? ct_bits(CT_INF) : y;
    return (u & 0x7fffffffu) > CT_INF ? ct_bits(CT_NAN) : y;
}

float ct_expm1(float x) {
    uint u = floatBitsToUint(x);
    uint n;
    float r = ct_reduce_exp(x, n);
    float p = ct_mac(CT_EXPM1_C6, r, CT_EXPM1_C7);
    p = ct_mac(CT_EXPM1_C5, r, p);
    p = ct_mac(CT_EXPM1_C4, r, p);
    p = ct_mac(CT_EXPM1_C3, r, p);
    p = ct_mac(0.5, r, p);
    float s = ct_mul(r, r);
    float v = ct_mac(n == 1u ? ct_add(r, 0.5) : r, s, p);
    float h = ct_bits((n + 126u) << 23);
    float y = ct_sub(h, 0.5);
    float lost = ct_sub(ct_sub(h, y), 0.5);
    float w = n == 1u ? v : ct_add(ct_mac(lost, h, v), y);
    w = ct_add(w, w);
    w = n == 0u ? v : w;
    w = u > 0xc18aa123u ? -1.0 : w;
    w = u > 0x42b17217u && u < CT_SIGN ? ct_bits(CT_INF) : w;
    w = (u & 0x7fffffffu) < CT_MIN_NORMAL ? ct_bits(u & CT_SIGN) : w;
    return (u & 0x7fffffffu) > CT_INF ? ct_bits(CT_NAN) : w;
}

// ct_log_poly returns k·ln 2 + log(1+f) for whole k and −¼ ≤ f ≤ ½.
float ct_log_poly(float k, float f) {
    float p = ct_mac(CT_LOG_C9, f, CT_LOG_C10);
    p = ct_mac(CT_LOG_C8, f, p);
    p = ct_mac(CT_LOG_C7, f, p);
    p = ct_mac(CT_LOG_C6, f, p);
    p = ct_mac(CT_LOG_C5, f, p);
    p = ct_mac(CT_LOG_C4, f, p);
    p = ct_mac(CT_LOG_C3, f, p);
    p = ct_mac(-0.5, f, p);
    float s = ct_mul(f, f);
    float r = ct_mac(f, s, p);
    r = ct_mac(r, k, CT_LN2_LO);
    return ct_mac(r, k, CT_LN2_HI);
}

float ct_log_core(float x) {
    uint d = floatBitsToUint(x) - CT_THREE_QUARTERS;
    float k = float(int(d) >> 23);
    float f = ct_sub(ct_bits((d & 0x7fffffu) + CT_THREE_QUARTERS), 1.0);
    return ct_log_poly(k, f);
}

float ct_log(float x) {
    uint u = floatBitsToUint(x);
    float y = ct_log_core(x);
    uint special = (u & 0x7fffffffu) < CT_MIN_NORMAL ? CT_INF | CT_SIGN : (u == CT_INF ? CT_INF : CT_NAN);
    return u - CT_MIN_NORMAL >= CT_INF - CT_MIN_NORMAL ? ct_bits(special) : y;
}

float ct_log1p_core(float x) {
    uint e = (floatBitsToUint(ct_add(1.0, x)) - CT_THREE_QUARTERS) & 0xff800000u;
    float k = float(int(e) >> 23);
    float one = ct_sub(ct_mul(0.25, ct_bits(0x40800000u - e)), 1.0);
    return ct_log_poly(k, ct_add(ct_bits(floatBitsToUint(x) - e), one));
}

float ct_log1p(float x) {
    uint u = floatBitsToUint(x);
    float y = ct_log1p_core(x);
    y = (u & 0x7fffffffu) < CT_MIN_NORMAL ? ct_bits(u & CT_SIGN) : y;
    y = u == CT_INF ? x : y;
    y = u == 0xbf800000u ? ct_bits(CT_INF | CT_SIGN) : y;
    return u > 0xbf800000u || (u > CT_INF && u < CT_SIGN) ? ct_bits(CT_NAN) : y;
}

float ct_tanh(float x) {
    uint u = floatBitsToUint(x);
    uint abs_bits = u & 0x7fffffffu;
    float a = ct_bits(abs_bits);
    uint bits;
    if (abs_bits > CT_INF) return ct_bits(CT_NAN);
    if (abs_bits < CT_MIN_NORMAL) return ct_bits(u & CT_SIGN);
    if (abs_bits >= CT_TANH_ONE) {
        bits = 0x3f800000u;
    } else if (abs_bits >= 0x3f200000u) {
        bits = floatBitsToUint(ct_sub(1.0, ct_div(2.0, ct_add(ct_exp_core(ct_add(a, a)), 1.0))));
    } else {
        float z = ct_mul(a, a);
        float p = ct_mac(CT_TANH_C9, z, CT_TANH_C11);
        p = ct_mac(CT_TANH_C7, z, p);
        p = ct_mac(CT_TANH_C5, z, p);
        p = ct_mac(CT_TANH_C3, z, p);
        bits = floatBitsToUint(ct_mac(a, ct_mul(a, z), p));
    }
    return ct_bits(bits | (u & CT_SIGN));
}

float ct_sigmoid(float x) {
    uint u = floatBitsToUint(x);
    float e = ct_exp(ct_bits(u | CT_SIGN));
    float y = ct_div(u >= CT_SIGN ? e : 1.0, ct_add(1.0, e));
    return (u & 0x7fffffffu) > CT_INF ? ct_bits(CT_NAN) : y;
}

float ct_softplus(float x) {
    uint u = floatBitsToUint(x);
    float y = ct_log1p_core(ct_exp(ct_bits(u | CT_SIGN)));
    y = u < CT_SIGN ? ct_add(x, y) : y;
    return (u & 0x7fffffffu) > CT_INF ? ct_bits(CT_NAN) : y;
}

float ct_relu(float x) {
    uint u = floatBitsToUint(x);
    uint bits = u >= CT_SIGN ? 0u : u;
    return ct_bits((u & 0x7fffffffu) > CT_INF ? CT_NAN : bits);
}

float ct_sin_poly(float r, float tail) {
    float z = ct_mul(r, r);
    float p = ct_mac(CT_SIN_C5, z, CT_SIN_C7);
    p = ct_mac(CT_SIN_C3, z, p);
    return ct_add(r, ct_mac(tail, ct_mul(r, z), p));
}

float ct_cos_poly(float r, float tail) {
    float z = ct_mul(r, r);
    float p = ct_mac(CT_COS_C6, z, CT_COS_C8);
    p = ct_mac(CT_COS_C4, z, p);
    float h = ct_mul(0.5, z);
    float w = ct_sub(1.0, h);
    float lost = ct_sub(ct_sub(1.0, w), h);
    return ct_add(w, ct_add(lost, ct_mac(-ct_mul(r, tail), ct_mul(z, z), p)));
}

const uint CT_TURN_BITS[8] = uint[8](
    0u, 0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u, 0x36d8a566u, 0x4f10e410u, 0x7f9458eau);

// ct_reduce_angle takes the bits of a finite x ≥ 0 and returns x as
// q·π/2 + r + tail, |r| ≤ π/4, by Payne and Hanek's method on 64-bit integers
// held as two words.
uint ct_reduce_angle(uint u, out float r, out float tail) {
    if (u <= 0x3f490fdau) {
        r = ct_bits(u);
        tail = 0.0;
        return 0u;
    }
    uint e = (u >> 23) - 126u;
    uint sig = (u << 8) | CT_SIGN;
    uint i = e >> 5, s = e & 31u;
    uint t0 = CT_TURN_BITS[i], t1 = CT_TURN_BITS[i + 1u], t2 = CT_TURN_BITS[i + 2u], t3 = CT_TURN_BITS[i + 3u];
    uint hi = (t0 << s) | ((t1 >> 1) >> (31u - s));
    uint mid = (t1 << s) | ((t2 >> 1) >> (31u - s));
    uint lo = (t2 << s) | ((t3 >> 1) >> (31u - s));
    uint mid_hi, mid_lo, lo_hi, lo_lo, carry;
    umulExtended(sig, mid, mid_hi, mid_lo);
    umulExtended(sig, lo, lo_hi, lo_lo);
    uint turn_lo = uaddCarry(mid_lo, lo_hi, carry);
    uint turn_hi = sig * hi + mid_hi + carry + 0x20000000u;
    uint q = turn_hi >> 30;
    // The rest is signed around the quarter turn, in units of 2⁻⁶⁴ turns.
    turn_hi = (turn_hi & 0x3fffffffu) - 0x20000000u;
    uint sign = turn_hi & CT_SIGN;
    if (sign != 0u) {
        turn_hi = ~turn_hi + (turn_lo == 0u ? 1u : 0u);
        turn_lo = ~turn_lo + 1u;
    }
    bool high = turn_hi != 0u;
    uint lz = uint(31 - findMSB(high ? turn_hi : turn_lo));
    uint lead = high ? (turn_hi << lz) | ((turn_lo >> 1) >> (31u - lz)) : turn_lo << lz;
    lz += high ? 0u : 32u;
    uint w, w_lo;
    umulExtended(lead, 0xc90fdaa2u, w, w_lo);
    float scale = ct_bits(((98u - lz) << 23) | sign);
    r = ct_mul(float(w & 0xffffff00u), scale);
    tail = ct_mul(float(w & 0xffu), scale);
    return q;
}

// ct_quadrant returns the bits of sin(q·π/2 + r + tail).
uint ct_quadrant(uint q, float r, float tail) {
    float y = (q & 1u) != 0u ? ct_cos_poly(r, tail) : ct_sin_poly(r, tail);
    return floatBitsToUint(y) ^ ((q & 2u) << 30);
}

float ct_sin(float x) {
    uint u = floatBitsToUint(x);
    uint abs_bits = u & 0x7fffffffu;
    if (abs_bits >= CT_INF) return ct_bits(CT_NAN);
    if (abs_bits < CT_MIN_NORMAL) return ct_bits(u & CT_SIGN);
    float r, tail;
    uint q = ct_reduce_angle(abs_bits, r, tail);
    return ct_bits(ct_quadrant(q, r, tail) ^ (u & CT_SIGN));
}

float ct_cos(float x) {
    uint abs_bits = floatBitsToUint(x) & 0x7fffffffu;
    if (abs_bits >= CT_INF) return ct_bits(CT_NAN);
    if (abs_bits < CT_MIN_NORMAL) return 1.0;
    float r, tail;
    uint q = ct_reduce_angle(abs_bits, r, tail);
    return ct_bits(ct_quadrant(q + 1u, r, tail));
}

#endif
