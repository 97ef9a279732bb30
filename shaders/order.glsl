// order.glsl: the order in which elements are picked, as integer keys: the lower key comes first, and among equals the
// lower index.
//
// Largest first unless `smallest` says otherwise; NaN comes first in both, −0 and +0 are equal (contract: argmax). Needs
// contract.glsl and, for ordered, lanes.glsl.

uniform bool smallest; // smallest first instead of largest first

#define MINUS_INF_KEY (~0x007fffffu) // of −Inf, largest first

uint orderKey(float v) { return smallest ? ct_key_min(v) : ~ct_key(v); }

float keyed(uint key);

// ordered returns the number of a key, largest first, with +0 for both zeros.
float ordered(uint key) { return keyed(~key); }
