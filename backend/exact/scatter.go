package exact

import (
	"fmt"
	"math"
	"math/big"
)

// Scatter sums add the rows of a data set into the rows that labels name,
// exactly and therefore in any order (contract §3). Each column has a scale
// 2^e, e the largest with max|x|·2^e ≤ 2³⁰. With t = x·2^e,
//
//	hi = roundEven(t), lo = roundEven((t − hi)·2³⁰),
//
// both are integers, summed apart. Elements with |x| ≥ 2⁻³⁶·max are held
// without error, smaller ones to 2⁻⁶⁰·max.

// scatterColumnWords is the number of uint32 words a column's sum takes:
// Σhi and Σlo as int64, low word first, and the sticky flag.
const scatterColumnWords = 5

// scatterLimit bounds a scale: beyond ±400 no float32 changes its result.
const scatterLimit = 400

// ScatterWords returns the number of uint32 words a row of sums over d
// columns takes: five a column (Σhi low, Σhi high, Σlo low, Σlo high, flag),
// then the count of rows added.
func ScatterWords(d int) int { return scatterColumnWords*d + 1 }

// ScatterExponent returns the scale e for a column whose finite elements do
// not pass maxAbs in magnitude: the largest e with maxAbs·2^e ≤ 2³⁰, and 0
// for a column of zeros.
func ScatterExponent(maxAbs float32) int32 {
	if maxAbs == 0 || maxAbs != maxAbs || math.IsInf(float64(maxAbs), 0) {
		return 0
	}
	frac, exp := math.Frexp(math.Abs(float64(maxAbs))) // |maxAbs| = frac·2^exp, ½ ≤ frac < 1
	if frac == 0.5 {
		exp-- // a power of two reaches 2³⁰ itself
	}
	return int32(30 - exp)
}

// ScatterSplit returns hi and lo of one element under scale e. It works on the
// bits of x alone, so no subnormal or overflow on the way can touch the
// result. held is false, and hi and lo are 0, where x is not finite or
// |x|·2^e passes 2³⁰, as under a scale that is not the data's: such an element
// makes its sum NaN instead of wrong.
func ScatterSplit(x float32, e int32) (hi, lo int32, held bool) {
	b := math.Float32bits(x)
	exponent := int32(b>>23) & 0xff
	mantissa := b & 0x7fffff
	if exponent == 0xff {
		return 0, 0, false
	}
	if exponent == 0 {
		exponent = 1
	} else {
		mantissa |= 1 << 23
	}
	// t = mantissa·2^shift
	shift := exponent - 150 + min(max(e, -scatterLimit), scatterLimit)
	if mantissa == 0 {
		return 0, 0, true
	}
	if shift > 30 || (shift > 0 && mantissa > 1<<30>>uint(shift)) {
		return 0, 0, false
	}
	hiMag, fracHi, fracLo := splitFixed(mantissa, shift)
	// t − hi lies in [−½, ½]: the fraction beyond hi, less one if hi was rounded up.
	up := fracHi > 1<<31 || (fracHi == 1<<31 && (fracLo != 0 || hiMag&1 == 1))
	var loMag int32
	if up {
		// (1 − fraction)·2³⁰, counted from above
		f := -(uint64(fracHi)<<32 | uint64(fracLo)) // 2⁶⁴ − fraction
		loMag = -roundEvenShift34(f)
		hiMag++
	} else {
		loMag = roundEvenShift34(uint64(fracHi)<<32 | uint64(fracLo))
	}
	hi, lo = int32(hiMag), loMag
	if b>>31 != 0 {
		hi, lo = -hi, -lo
	}
	return hi, lo, true
}

// splitFixed returns the integer part of mantissa·2^shift and its fraction as
// 64 bits; what lies below 2⁻⁶⁴ is kept as a sticky last bit. mantissa is not 0
// and mantissa·2^shift is at most 2³⁰.
func splitFixed(mantissa uint32, shift int32) (whole, fracHi, fracLo uint32) {
	switch {
	case shift >= 0:
		return mantissa << uint(shift), 0, 0
	case shift > -32:
		s := uint(-shift)
		return mantissa >> s, mantissa << (32 - s), 0
	case shift == -32:
		return 0, mantissa, 0
	case shift > -64:
		s := uint(-shift - 32)
		return 0, mantissa >> s, mantissa << (32 - s)
	}
	return 0, 0, 1
}

// roundEvenShift34 returns f/2³⁴ rounded to the nearest integer, ties to even.
func roundEvenShift34(f uint64) int32 {
	q := f >> 34
	rest := f & (1<<34 - 1)
	if rest > 1<<33 || (rest == 1<<33 && q&1 == 1) {
		q++
	}
	return int32(q)
}

// ScatterSums holds exact sums on the host: K labels × D columns.
type ScatterSums struct {
	K, D      int
	Exponent  []int32 // D
	Hi, Lo    []int64 // K×D
	NotFinite []bool  // K×D: a NaN, an infinity or an element past the scale was added
	Count     []int64 // K: rows added
}

// NewScatterSums returns sums of nothing under the columns' scales.
func NewScatterSums(k int, exponent []int32) *ScatterSums {
	d := len(exponent)
	return &ScatterSums{K: k, D: d, Exponent: append([]int32(nil), exponent...),
		Hi: make([]int64, k*d), Lo: make([]int64, k*d), NotFinite: make([]bool, k*d), Count: make([]int64, k)}
}

// Add adds one row under a label; labels outside 0..K−1 are skipped.
func (s *ScatterSums) Add(label int32, row []float32) {
	if label < 0 || int(label) >= s.K {
		return
	}
	base := int(label) * s.D
	for j, x := range row {
		hi, lo, held := ScatterSplit(x, s.Exponent[j])
		s.Hi[base+j] += int64(hi)
		s.Lo[base+j] += int64(lo)
		if !held {
			s.NotFinite[base+j] = true
		}
	}
	s.Count[label]++
}

// Merge adds the sums of another part of the same data set. Scales and sizes
// must be equal.
func (s *ScatterSums) Merge(o *ScatterSums) error {
	if s.K != o.K || s.D != o.D {
		return fmt.Errorf("merge sums of %d×%d into %d×%d: sizes differ", o.K, o.D, s.K, s.D)
	}
	for j, e := range s.Exponent {
		if o.Exponent[j] != e {
			return fmt.Errorf("merge sums: column %d has scale 2^%d here and 2^%d there", j, e, o.Exponent[j])
		}
	}
	for i := range s.Hi {
		s.Hi[i] += o.Hi[i]
		s.Lo[i] += o.Lo[i]
		s.NotFinite[i] = s.NotFinite[i] || o.NotFinite[i]
	}
	for i := range s.Count {
		s.Count[i] += o.Count[i]
	}
	return nil
}

// DecodeScatter reads the words of a device's sums, k rows of
// ScatterWords(len(exponent)).
func DecodeScatter(words []uint32, k int, exponent []int32) (*ScatterSums, error) {
	d := len(exponent)
	w := ScatterWords(d)
	if len(words) != k*w {
		return nil, fmt.Errorf("scatter sums: %d words for %d×%d, want %d", len(words), k, d, k*w)
	}
	s := NewScatterSums(k, exponent)
	for l := range k {
		row := words[l*w : (l+1)*w]
		for j := range d {
			c := row[scatterColumnWords*j:]
			s.Hi[l*d+j] = int64(uint64(c[0]) | uint64(c[1])<<32)
			s.Lo[l*d+j] = int64(uint64(c[2]) | uint64(c[3])<<32)
			s.NotFinite[l*d+j] = c[4] != 0
		}
		s.Count[l] = int64(row[w-1])
	}
	return s, nil
}

// Encode writes the sums as DecodeScatter reads them. Counts past 2³²−1 wrap;
// a device holds at most 2³¹ rows.
func (s *ScatterSums) Encode(words []uint32) {
	w := ScatterWords(s.D)
	for l := range s.K {
		row := words[l*w : (l+1)*w]
		for j := range s.D {
			c := row[scatterColumnWords*j:]
			hi, lo := uint64(s.Hi[l*s.D+j]), uint64(s.Lo[l*s.D+j])
			c[0], c[1], c[2], c[3], c[4] = uint32(hi), uint32(hi>>32), uint32(lo), uint32(lo>>32), 0
			if s.NotFinite[l*s.D+j] {
				c[4] = 1
			}
		}
		row[w-1] = uint32(s.Count[l])
	}
}

// numerator returns Σ = (Hi·2³⁰ + Lo) of one cell, in units of 2^−(e+30).
func (s *ScatterSums) numerator(label, col int) *big.Int {
	i := label*s.D + col
	n := new(big.Int).Lsh(big.NewInt(s.Hi[i]), 30)
	return n.Add(n, big.NewInt(s.Lo[i]))
}

// Sum returns the sum of one cell rounded once to float32; NaN if a value
// that is not finite was added.
func (s *ScatterSums) Sum(label, col int) float32 {
	return CanonNaN(float32(s.quotient(label, col, 1, 24)))
}

// Sum64 is Sum rounded once to float64.
func (s *ScatterSums) Sum64(label, col int) float64 {
	return s.quotient(label, col, 1, 53)
}

// Mean returns the exact mean of one cell rounded once to float32: the sum
// over the count. It is NaN for a label without rows, or where a value that
// is not finite was added.
func (s *ScatterSums) Mean(label, col int) float32 {
	if s.Count[label] == 0 {
		return CanonNaN(float32(math.NaN()))
	}
	return CanonNaN(float32(s.quotient(label, col, uint64(s.Count[label]), 24)))
}

// WeightedMean returns the exact quotient of one cell by the sum of weights
// in column 0 of weights (a one-column sum under the same labels), rounded
// once. It is NaN for a total weight of zero, or where a value or weight that
// is not finite was added.
func (s *ScatterSums) WeightedMean(label, col int, weights *ScatterSums) float32 {
	w := weights.numerator(label, 0)
	if w.Sign() == 0 || weights.NotFinite[label*weights.D] || s.NotFinite[label*s.D+col] {
		return CanonNaN(float32(math.NaN()))
	}
	r := new(big.Rat).SetFrac(s.numerator(label, col), w)
	scale := int(weights.Exponent[0]) - int(s.Exponent[col])
	p := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(abs(scale))))
	if scale < 0 {
		p.Inv(p)
	}
	mean, _ := r.Mul(r, p).Float32()
	return mean
}

// quotient returns Σ/den rounded once to prec bits (24 or 53); the value is
// exact in the float64 that carries it.
func (s *ScatterSums) quotient(label, col int, den uint64, prec int) float64 {
	i := label*s.D + col
	if s.NotFinite[i] {
		return math.NaN()
	}
	return roundedQuotient(s.Hi[i], s.Lo[i], den, -(int(s.Exponent[col]) + 30), prec)
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}
