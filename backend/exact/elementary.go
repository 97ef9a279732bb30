package exact

import "math"

// The elementary functions below are each one fixed sequence of integer
// operations, +, −, ×, compares and mac, so that every backend can follow it
// bit by bit: no table, no division (but for the correctly rounded Div in
// Tanh and Sigmoid), and no branch that a select could not replace. Subnormal
// arguments count as zeros of their sign, and subnormal results are returned
// as zeros, so that no result depends on whether a device flushes subnormals.
// A NaN argument gives the canonical NaN. The polynomials are minimax fits
// (Remez) to the weighted relative error, their coefficients rounded to float32.

const (
	signBit   = 0x80000000
	infBits   = 0x7f800000
	minNormal = 0x00800000

	log2e = 0x1.715476p+0
	// ln2Hi has 15 significant bits: its product with a whole number below
	// 512 is exact, in either rounding of a mac.
	ln2Hi = 0x1.62e4p-1
	ln2Lo = 0x1.7f7d1cp-20
	// Adding and subtracting roundMagic rounds a float32 below 2²² to a whole
	// number, which then stands in the low bits of the sum.
	roundMagic     = 0x1.8p23
	roundMagicBits = 0x4b400000

	threeQuarters = 0x3f400000 // the bits of ¾
)

var (
	nan    = math.Float32frombits(nanBits)
	posInf = float32(math.Inf(1))
	negInf = float32(math.Inf(-1))
)

// signedZero returns the zero with x's sign.
func signedZero(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) & signBit)
}

// Exp returns e^x. Exp(−Inf) = +0, Exp(+Inf) = +Inf; past 88.72283 the result
// is +Inf, and below −87.33654, where it would be subnormal, +0.
// Worst error over all arguments: 0.8913 ULP fused, 1.1671 split.
func (m Mac) Exp(x float32) float32 {
	u := math.Float32bits(x)
	switch {
	case u&^signBit > infBits:
		return nan
	case u > 0xc2aeac4f: // below ln 2⁻¹²⁶
		return 0
	case u > 0x42b17217 && u < signBit: // above ln of the largest float32
		return posInf
	}
	return m.expCore(x)
}

// expCore is Exp for ln 2⁻¹²⁶ < x < ln 2¹²⁸: e^x = 2^n·e^r with r = x − n·ln 2
// and |r| ≤ ½·ln 2.
func (m Mac) expCore(x float32) float32 {
	t := m.Mac(roundMagic, x, log2e)
	n := math.Float32bits(t) - roundMagicBits
	nf := t - roundMagic
	r := m.Mac(x, nf, -ln2Hi)
	r = m.Mac(r, nf, -ln2Lo)
	p := m.Mac(0x1.123decp-7, r, 0x1.6ac832p-10)
	p = m.Mac(0x1.555858p-5, r, p)
	p = m.Mac(0x1.55548cp-3, r, p)
	p = m.Mac(0x1.fffffcp-2, r, p)
	p = m.Mac(1, r, p)
	p = m.Mac(1, r, p)
	return math.Float32frombits(math.Float32bits(p) + n<<23)
}

// Expm1 returns e^x − 1 without losing the small ones. Expm1(±0) = ±0,
// Expm1(−Inf) = −1, Expm1(+Inf) = +Inf.
// Worst error over all arguments: 1.0195 ULP fused, 1.0029 split.
func (m Mac) Expm1(x float32) float32 {
	u := math.Float32bits(x)
	switch {
	case u&^signBit > infBits:
		return nan
	case u&^signBit < minNormal:
		return signedZero(x)
	case u > 0xc18aa123: // below −17.32868 = ln 2⁻²⁵: e^x is no half ulp of 1
		return -1
	case u > 0x42b17217 && u < signBit:
		return posInf
	}
	t := m.Mac(roundMagic, x, log2e)
	n := math.Float32bits(t) - roundMagicBits
	nf := t - roundMagic
	r := m.Mac(x, nf, -ln2Hi)
	r = m.Mac(r, nf, -ln2Lo)
	p := m.Mac(0x1.6d47acp-10, r, 0x1.5aacccp-13)
	p = m.Mac(0x1.11492p-7, r, p)
	p = m.Mac(0x1.5554f4p-5, r, p)
	p = m.Mac(0x1.55552cp-3, r, p)
	p = m.Mac(0.5, r, p)
	s := float32(r * r)
	// e^x − 1 = 2·(h·v + (h − ½)) with h = 2^(n−1) and v = e^r − 1. For n = 1
	// the ½ goes into v, where r is still exact; n = 0 is v itself.
	switch n {
	case 0:
		return m.Mac(r, s, p)
	case 1:
		v := m.Mac(r+0.5, s, p)
		return v + v
	}
	v := m.Mac(r, s, p)
	h := math.Float32frombits((n + 126) << 23)
	y := h - 0.5
	lost := (h - y) - 0.5
	v = m.Mac(lost, h, v) + y
	return v + v
}

// Log returns the natural logarithm. Log(±0) = −Inf, Log(+Inf) = +Inf, and
// Log of a negative number is NaN.
// Worst error over all arguments: 0.9568 ULP fused, 0.9916 split.
func (m Mac) Log(x float32) float32 {
	u := math.Float32bits(x)
	if u-minNormal >= infBits-minNormal {
		switch {
		case u&^signBit < minNormal:
			return negInf
		case u == infBits:
			return posInf
		}
		return nan
	}
	return m.logCore(x)
}

// logCore is Log for normal x > 0: x = 2^k·(1 + f) with 1 + f in [¾, 3/2).
func (m Mac) logCore(x float32) float32 {
	d := math.Float32bits(x) - threeQuarters
	k := float32(int32(d) >> 23)
	f := math.Float32frombits(d&0x7fffff+threeQuarters) - 1
	return m.logPoly(k, f)
}

// logPoly returns k·ln 2 + log(1+f) for a whole number |k| ≤ 128 and −¼ ≤ f ≤ ½.
func (m Mac) logPoly(k, f float32) float32 {
	p := m.Mac(0x1.ac9336p-4, f, -0x1.7143a8p-5)
	p = m.Mac(-0x1.0d8ae8p-3, f, p)
	p = m.Mac(0x1.288426p-3, f, p)
	p = m.Mac(-0x1.54ef94p-3, f, p)
	p = m.Mac(0x1.99699cp-3, f, p)
	p = m.Mac(-0x1.000042p-2, f, p)
	p = m.Mac(0x1.5555a4p-2, f, p)
	p = m.Mac(-0.5, f, p)
	s := float32(f * f)
	r := m.Mac(f, s, p)
	r = m.Mac(r, k, ln2Lo)
	return m.Mac(r, k, ln2Hi)
}

// Log1p returns log(1+x) without losing the small x. Log1p(±0) = ±0,
// Log1p(−1) = −Inf, Log1p(+Inf) = +Inf, and NaN below −1.
// Worst error over all arguments: 1.2683 ULP in both profiles, at the float32
// below ½.
func (m Mac) Log1p(x float32) float32 {
	u := math.Float32bits(x)
	switch {
	case u&^signBit < minNormal:
		return signedZero(x)
	case u > 0xbf800000:
		return nan
	case u == 0xbf800000:
		return negInf
	case u == infBits:
		return posInf
	case u > infBits && u < signBit:
		return nan
	}
	return m.log1pCore(x)
}

// log1pCore is Log1p for finite x > −1 that are normal, or +0: it takes the
// exponent k from the rounded 1 + x and then f = x·2⁻ᵏ + (2⁻ᵏ − 1), a sum that
// is exact for |x| ≤ 1.
func (m Mac) log1pCore(x float32) float32 {
	e := (math.Float32bits(1+x) - threeQuarters) & 0xff800000
	k := float32(int32(e) >> 23)
	// 4·2⁻ᵏ is normal for every k ≤ 128, where 2⁻ᵏ is not.
	scale := math.Float32frombits(0x40800000 - e)
	one := float32(0.25*scale) - 1
	f := math.Float32frombits(math.Float32bits(x)-e) + one
	return m.logPoly(k, f)
}

// Tanh returns the hyperbolic tangent: odd, ±1 at ±Inf, Tanh(±0) = ±0.
// Worst error over all arguments: 1.3622 ULP fused, 1.3473 split.
func (m Mac) Tanh(x float32) float32 {
	u := math.Float32bits(x)
	a := math.Float32frombits(u &^ signBit)
	var y float32
	switch {
	case u&^signBit > infBits:
		return nan
	case u&^signBit < minNormal:
		return signedZero(x)
	case a >= 9.010914: // 1 − tanh is no half ulp of 1
		y = 1
	case a >= 0.625:
		// tanh a = 1 − 2/(e^2a + 1)
		y = 1 - Div(2, m.expCore(a+a)+1)
	default:
		z := float32(a * a)
		p := m.Mac(0x1.51f8b2p-6, z, -0x1.750c1ep-8)
		p = m.Mac(-0x1.b835a2p-5, z, p)
		p = m.Mac(0x1.1106f6p-3, z, p)
		p = m.Mac(-0x1.555532p-2, z, p)
		y = m.Mac(a, float32(a*z), p)
	}
	return math.Float32frombits(math.Float32bits(y) | u&signBit)
}

// Sigmoid returns 1/(1+e^−x): +0 below −87.33654, where it would be subnormal.
// Worst error over all arguments: 2.4019 ULP in both profiles.
func (m Mac) Sigmoid(x float32) float32 {
	u := math.Float32bits(x)
	if u&^signBit > infBits {
		return nan
	}
	e := m.Exp(math.Float32frombits(u | signBit))
	num := float32(1)
	if u >= signBit {
		num = e
	}
	return Div(num, 1+e)
}

// Softplus returns log(1+e^x), as max(x, 0) + log1p(e^−|x|), so that no large
// x overflows: +0 below −87.33654, x itself where e^−x no longer counts.
// Worst error in a sample of 66 million arguments: 1.62 ULP fused, 1.66 split;
// the tests hold it below 1.8.
func (m Mac) Softplus(x float32) float32 {
	u := math.Float32bits(x)
	if u&^signBit > infBits {
		return nan
	}
	y := m.log1pCore(m.Exp(math.Float32frombits(u | signBit)))
	if u < signBit {
		y = x + y
	}
	return y
}

// Relu returns x for x > 0, NaN for NaN, and +0 otherwise, also for −0. A
// subnormal x > 0 is itself.
func Relu(x float32) float32 {
	u := math.Float32bits(x)
	switch {
	case u&^signBit > infBits:
		return nan
	case u >= signBit:
		return 0
	}
	return x
}
