package exact

import (
	"fmt"
	"math"
)

// Mac names how a multiply-accumulate rounds. The zero value is Fused, the
// canonical profile.
type Mac uint8

const (
	// Fused rounds a·b + acc once, as a fused multiply-add does.
	Fused Mac = iota
	// Split rounds the product and then the sum.
	Split
)

// Mac returns acc + a·b in m's rounding: the one step that every product,
// chain and polynomial of the contract is made of.
func (m Mac) Mac(acc, a, b float32) float32 {
	if m == Fused {
		return FMA(a, b, acc)
	}
	return acc + float32(a*b)
}

func (m Mac) String() string {
	switch m {
	case Fused:
		return "fused"
	case Split:
		return "split"
	}
	return fmt.Sprintf("mac(%d)", uint8(m))
}

// ParseMac returns the Mac that String wrote: "fused" or "split".
func ParseMac(s string) (Mac, error) {
	switch s {
	case "fused":
		return Fused, nil
	case "split":
		return Split, nil
	}
	return Fused, fmt.Errorf("mac %q: want fused or split", s)
}

// MarshalText writes m as String does, so that m is a word in JSON.
func (m Mac) MarshalText() ([]byte, error) {
	if m > Split {
		return nil, fmt.Errorf("mac %d: want fused or split", uint8(m))
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (m *Mac) UnmarshalText(text []byte) error {
	v, err := ParseMac(string(text))
	if err == nil {
		*m = v
	}
	return err
}

// FMA returns a·b + c rounded once to float32, for every input: subnormal
// operands and results, infinities and NaN included. A NaN result may carry
// any payload.
//
// The product of two float32 is exact in float64, so s below is a·b + c
// rounded to float64, and rounding s again to float32 goes wrong only where s
// lies half-way between two float32 and is not the exact sum. The half-way
// point of a float32 with n significand bits leaves 52−n zero bits under it,
// so a set bit among the low 28 proves that s is not one; fmaTie has the rest.
func FMA(a, b, c float32) float32 {
	s := float64(a)*float64(b) + float64(c)
	if math.Float64bits(s)&(1<<28-1) != 0 {
		return float32(s)
	}
	return fmaTie(a, b, c)
}

// fmaTie is FMA by round-to-odd (Boldo and Melquiond, "Emulation of a FMA and
// correctly rounded sums: proved algorithms using rounding to odd", 2008): the
// float64 sum, where inexact, takes the neighbour with an odd significand, and
// the one rounding to float32 that follows is then right.
func fmaTie(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	d := float64(c)
	s := p + d
	if math.IsInf(s, 0) || s != s {
		return float32(s)
	}
	// TwoSum (Knuth): e is what s lost, exactly.
	t := s - p
	e := (p - (s - t)) + (d - t)
	u := math.Float64bits(s)
	if e != 0 && u&1 == 0 {
		if (e > 0) == (s > 0) {
			u++
		} else {
			u--
		}
	}
	return float32(math.Float64frombits(u))
}

// nanBits is the one NaN that is written and hashed.
const nanBits = 0x7fc00000

// CanonNaN returns x, or the canonical NaN 0x7fc00000 if x is any NaN.
func CanonNaN(x float32) float32 {
	if x != x {
		return math.Float32frombits(nanBits)
	}
	return x
}

// OrderKey maps x to an integer whose unsigned order is the contract's order
// for max and argmax: any NaN above everything, then +Inf down to −Inf, with
// −0 equal to +0. The winner is the lowest index of the largest key.
func OrderKey(x float32) uint32 {
	u := math.Float32bits(x)
	switch {
	case u&0x7fffffff > 0x7f800000:
		return math.MaxUint32
	case u == 0x80000000:
		return 0x80000000
	case u>>31 != 0:
		return ^u
	}
	return u | 0x80000000
}

// OrderKeyMin is OrderKey for min and argmin: any NaN below everything. The
// winner is the lowest index of the smallest key.
func OrderKeyMin(x float32) uint32 {
	if x != x {
		return 0
	}
	return OrderKey(x)
}
