// The arithmetic contract, for every kernel: the multiply-accumulate in the
// profile's rounding, sums and products that no compiler may contract, division
// and square root correctly rounded, and integer keys in place of max and min.
// Each function gives the bits of its namesake in backend/exact.
//
// The including program defines exactly one of
//   MAC_FUSED     a·b + acc rounded once, by the device's fma
//   MAC_SPLIT     the product rounded, then the sum
//   MAC_EMULATED  the fused bits through float64, where the device splits fma
//
// Nothing here uses /, sqrt, max, min, isnan or another float built-in, whose
// rounding GLSL leaves open. Special cases are decided on the bits: compilers
// fold constant zeros and assume away NaN even under `precise`.

#ifndef CONTRACT_GLSL
#define CONTRACT_GLSL

#if defined(MAC_FUSED) + defined(MAC_SPLIT) + defined(MAC_EMULATED) != 1
#error "define exactly one of MAC_FUSED, MAC_SPLIT and MAC_EMULATED"
#endif

#ifdef FAULT_MAC_OTHER_ROUNDING
#ifdef MAC_SPLIT
#undef MAC_SPLIT
#define MAC_EMULATED 1
#else
#undef MAC_FUSED
#undef MAC_EMULATED
#define MAC_SPLIT 1
#endif
#endif

const uint CT_SIGN = 0x80000000u;
const uint CT_INF = 0x7f800000u;
const uint CT_NAN = 0x7fc00000u;
const uint CT_MIN_NORMAL = 0x00800000u;

float ct_add(float a, float b) { precise float r = a + b; return r; }
float ct_sub(float a, float b) { precise float r = a - b; return r; }
float ct_mul(float a, float b) { precise float r = a * b; return r; }

// ct_mac returns acc + a·b in the profile's rounding.
#if defined(MAC_FUSED)

float ct_mac(float acc, float a, float b) { precise float r = fma(a, b, acc); return r; }

#elif defined(MAC_SPLIT)

float ct_mac(float acc, float a, float b) {
    precise float p = a * b;
    precise float r = acc + p;
    return r;
}

#else

// The product is exact in float64 and s is the float64 sum; e is what s lost
// (TwoSum). Where that is not zero, s takes an odd last bit towards e
// (round-to-odd), and the one rounding to float32 is then right. Only a
// half-way point between two float32 needs it, which has 28 low zero bits or
// more. An infinite or NaN s is left alone.
float ct_mac(float acc, float a, float b) {
    precise double p = double(a) * double(b);
    precise double c = double(acc);
    precise double s = p + c;
    precise double t = s - p;
    precise double e = (p - (s - t)) + (c - t);
    uvec2 u = unpackDouble2x32(s);
    uvec2 v = unpackDouble2x32(e);
    // e with s's sign moves s one unit away from zero, else towards zero.
    bool odd = (u.x & 0x0fffffffu) == 0u && ((v.x | (v.y << 1)) != 0u) && (u.y & 0x7ff00000u) != 0x7ff00000u;
    bool away = ((u.y ^ v.y) & CT_SIGN) == 0u;
    uint borrow = !away && u.x == 0u ? 1u : 0u;
    uvec2 w = uvec2(away ? u.x | 1u : u.x - 1u, u.y - borrow);
    precise float r = float(packDouble2x32(odd ? w : u));
    return r;
}

#endif

bool ct_isnan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > CT_INF; }

// ct_canon returns x, or the canonical NaN for any NaN. Results that are
// written as floats go through ct_canon_bits instead where a driver may
// change a NaN on its way to memory.
uint ct_canon_bits(float x) { return ct_isnan(x) ? CT_NAN : floatBitsToUint(x); }
float ct_canon(float x) { return uintBitsToFloat(ct_canon_bits(x)); }

// ct_key orders float32 as max and argmax do: any NaN above everything, −0
// equal to +0; the winner is the lowest index of the largest key. ct_key_min
// puts NaN below everything, for min and argmin and the smallest key.
uint ct_key(float x) {
    uint u = floatBitsToUint(x);
    uint key = (u & CT_SIGN) != 0u ? ~u : u | CT_SIGN;
    key = u == CT_SIGN ? CT_SIGN : key;
    return ct_isnan(x) ? 0xffffffffu : key;
}
uint ct_key_min(float x) { return ct_isnan(x) ? 0u : ct_key(x); }

// ct_significand returns the 24 significant bits of a finite x ≠ 0, given its
// absolute bits, and its exponent e: |x| = sig·2^(e−150), e ≤ 0 for subnormals.
uint ct_significand(uint abs_bits, out int e) {
    uint sig = abs_bits & 0x007fffffu;
    e = int(abs_bits >> 23);
    int up = 23 - findMSB(sig | 1u);
    bool normal = e != 0;
    e = normal ? e : 1 - up;
    return normal ? sig | CT_MIN_NORMAL : sig << up;
}

// ct_div returns a/b, correctly rounded, subnormal operands and results
// included. A float estimate of 1/b gives a quotient a few units off, and the
// exact integer remainder puts it right.
float ct_div(float a, float b) {
    uint ua = floatBitsToUint(a), ub = floatBitsToUint(b);
    uint sign = (ua ^ ub) & CT_SIGN;
    ua &= 0x7fffffffu;
    ub &= 0x7fffffffu;
    if (ua > CT_INF || ub > CT_INF || (ua == ub && (ua == 0u || ua == CT_INF))) return uintBitsToFloat(CT_NAN);
    if (ua == CT_INF || ub == 0u) return uintBitsToFloat(sign | CT_INF);
    if (ub == CT_INF || ua == 0u) return uintBitsToFloat(sign);

    int ea, eb;
    uint na = ct_significand(ua, ea), nb = ct_significand(ub, eb);
    int e = ea - eb + 127;
    if (na < nb) { na <<= 1; e -= 1; }

    // y ≈ 1/d for d = nb·2⁻²³ in [1, 2): a linear start, then three Newton steps.
    float d = uintBitsToFloat(nb - CT_MIN_NORMAL + 0x3f800000u);
    float y = uintBitsToFloat(0x7ef311c7u - floatBitsToUint(d));
    y = y * (2.0 - d * y);
    y = y * (2.0 - d * y);
    y = y * (2.0 - d * y);
    // q ≈ na·2²⁴/nb in [2²⁴, 2²⁵), and the remainder na·2²⁴ − q·nb, which
    // fits 32 bits although its terms do not.
    uint q = uint(float(na) * y * 2.0);
    int rem = int((na << 24) - q * nb);
    int step = int(float(rem) * (y * uintBitsToFloat(0x34000000u)));
    q += uint(step);
    rem -= step * int(nb);
    if (rem < 0) { q -= 1u; rem += int(nb); }
    if (rem >= int(nb)) { q += 1u; rem -= int(nb); }

    // Round q to nearest even at its last bit, or further up where the result
    // is subnormal; a remainder breaks what looks like a tie.
    int drop = e > 0 ? 1 : 2 - e;
    drop = drop > 26 ? 26 : drop;
    uint kept = q >> drop;
    uint cut = q & ((1u << drop) - 1u);
    uint tie = 1u << (drop - 1);
    bool up = cut > tie || (cut == tie && (rem != 0 || (kept & 1u) != 0u));
    uint bits = kept + (up ? 1u : 0u) + (e > 0 ? uint(e - 1) << 23 : 0u);
    bits = e >= 255 || bits >= CT_INF ? CT_INF : bits;
    return uintBitsToFloat(sign | bits);
}

// ct_recip returns 1/x likewise.
float ct_recip(float x) { return ct_div(1.0, x); }

// ct_sqrt returns √x, correctly rounded, by an estimate and its exact remainder.
float ct_sqrt(float x) {
    uint u = floatBitsToUint(x);
    if ((u & 0x7fffffffu) > CT_INF) return uintBitsToFloat(CT_NAN);
    if ((u & 0x7fffffffu) == 0u || u == CT_INF) return x;
    if ((u & CT_SIGN) != 0u) return uintBitsToFloat(CT_NAN);

    int e;
    uint n = ct_significand(u, e);
    // x = f·4^h with f = n·2^(odd−23) in [1, 4).
    int odd = (e - 127) & 1;
    int h = (e - 127) >> 1;
    float f = uintBitsToFloat(n - CT_MIN_NORMAL + 0x3f800000u + (uint(odd) << 23));
    // y ≈ 1/√f: the linear start in the exponent, then three Newton steps.
    float y = uintBitsToFloat(0x5f3759dfu - (floatBitsToUint(f) >> 1));
    y = y * (1.5 - 0.5 * f * y * y);
    y = y * (1.5 - 0.5 * f * y * y);
    y = y * (1.5 - 0.5 * f * y * y);
    // s ≈ √f·2²⁴ in [2²⁴, 2²⁵), and the remainder f·2⁴⁸ − s² in 32 bits.
    uint s = uint(f * y * 16777216.0);
    int rem = int((n << (25 + odd)) - s * s);
    int step = int(float(rem) * (y * uintBitsToFloat(0x33000000u)));
    s += uint(step);
    rem = int((n << (25 + odd)) - s * s);
    if (rem < 0) { s -= 1u; rem += int(2u * s + 1u); }
    if (rem > int(2u * s)) { s += 1u; }
    // The root of 24 bits is never half-way, so its 25th bit decides.
    uint bits = (s >> 1) + (s & 1u) + (uint(h + 126) << 23);
    return uintBitsToFloat(bits);
}

#endif
