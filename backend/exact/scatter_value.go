package exact

import "math/big"

// Total64 returns the sum of a column over all labels, rounded once to
// float64; NaN if a value that is not finite was added under any label.
func (s *ScatterSums) Total64(col int) float64 {
	all := NewScatterSums(1, s.Exponent[col:col+1])
	for label := range s.K {
		i := label*s.D + col
		all.Hi[0] += s.Hi[i]
		all.Lo[0] += s.Lo[i]
		all.NotFinite[0] = all.NotFinite[0] || s.NotFinite[i]
	}
	return all.Sum64(0, 0)
}

// TotalCount returns the number of rows added under all labels.
func (s *ScatterSums) TotalCount() int64 {
	var n int64
	for _, c := range s.Count {
		n += c
	}
	return n
}

// SmallestColumn returns the column whose sum under a label is the smallest,
// compared exactly; the lowest column on ties. A sum that holds a value that
// is not finite counts as larger than any other.
func (s *ScatterSums) SmallestColumn(label int) int {
	best, found := 0, false
	var least *big.Rat
	for j := range s.D {
		if s.NotFinite[label*s.D+j] {
			continue
		}
		v := s.value(label, j)
		if !found || v.Cmp(least) < 0 {
			best, least, found = j, v, true
		}
	}
	return best
}

// value returns the exact sum of one cell.
func (s *ScatterSums) value(label, col int) *big.Rat {
	v := new(big.Rat).SetInt(s.numerator(label, col))
	scale := int(s.Exponent[col]) + 30
	p := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(abs(scale))))
	if scale > 0 {
		p.Inv(p)
	}
	return v.Mul(v, p)
}
