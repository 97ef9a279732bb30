package exact

import (
	"math"
	"slices"
)

// The distances of contract §3 run over the d columns of two rows as a product
// runs over K: cut every Cut columns, each cut one chain from +0, the cuts'
// results added to +0 in ascending order.

// A Measure is a distance between two rows of equal length.
type Measure func(x, c []float32) float32

// SquaredDistance returns Σ(x−c)²: acc = mac(acc, t, t) with t = x − c rounded.
func (m Mac) SquaredDistance(x, c []float32) float32 {
	return m.product(len(x), func(k int) (float32, float32) {
		t := x[k] - c[k]
		return t, t
	})
}

// EuclideanDistance returns the correctly rounded square root of SquaredDistance.
func (m Mac) EuclideanDistance(x, c []float32) float32 { return Sqrt(m.SquaredDistance(x, c)) }

// ManhattanDistance returns Σ|x−c|: acc = acc + |t| with t = x − c rounded. It
// is the same in both profiles.
func ManhattanDistance(x, c []float32) float32 {
	r := float32(0)
	for k0 := 0; k0 < len(x); k0 += Cut {
		acc := float32(0)
		for k := k0; k < min(k0+Cut, len(x)); k++ {
			t := x[k] - c[k]
			acc += math.Float32frombits(math.Float32bits(t) &^ signBit)
		}
		r += acc
	}
	return r
}

// CosineDistance returns ½·SquaredDistance, which is 1 − cos for rows that
// Normalize has scaled to length 1.
func (m Mac) CosineDistance(x, c []float32) float32 { return 0.5 * m.SquaredDistance(x, c) }

// Normalize writes row x, scaled by the reciprocal of its norm, to dst: norm =
// sqrt(product chain of x·x), r = 1/norm, dst = x·r. A row of norm 0 is
// copied. dst may be x.
func (m Mac) Normalize(dst, x []float32) {
	norm := Sqrt(m.Dot(x, x))
	if norm == 0 {
		copy(dst, x)
		return
	}
	r := Recip(norm)
	for j, v := range x {
		dst[j] = v * r
	}
}

// HalfSquare returns h = ½·(product chain of c·c), a centre's part of a score.
func (m Mac) HalfSquare(c []float32) float32 { return 0.5 * m.Dot(c, c) }

// Score returns h − (product chain of x·c), which ranks centres as the squared
// distance does: it is half of it, less ½·x·x.
func (m Mac) Score(h float32, x, c []float32) float32 { return h - m.Dot(x, c) }

// Shifted writes row x less the shift to dst, element by element. A nil shift
// copies. dst may be x.
func Shifted(dst, x, shift []float32) {
	copy(dst, x)
	for j, s := range shift {
		dst[j] = x[j] - s
	}
}

// NearestKey maps the score of centre i to an integer whose order is the order
// of nearest rows: NaN first, then by score, the lower index first on ties.
func NearestKey(score float32, i int) uint64 {
	return uint64(OrderKeyMin(score))<<32 | uint64(uint32(i))
}

// NearestRow writes the indices of the len(index) best scores, best first, in
// the order of NearestKey. len(index) must not pass len(score).
func NearestRow(index []int32, score []float32) {
	keys := make([]uint64, len(score))
	for i, s := range score {
		keys[i] = NearestKey(s, i)
	}
	slices.Sort(keys)
	for p := range index {
		index[p] = int32(uint32(keys[p]))
	}
}

// DistanceMatrix is D[i,j] = distance(X[i,·], C[j,·]), NaN canonical. D is
// n×k for X n×d and C k×d.
func DistanceMatrix(d, x, c View[float32], distance Measure) {
	for i := range x.Rows {
		for j := range c.Rows {
			d.Set(i, j, CanonNaN(distance(x.Row(i), c.Row(j))))
		}
	}
}

// DistancePairs is D[i,p] = distance(X[i,·], C[Index[i,p],·]), NaN canonical,
// and NaN for an index outside C. D and Index are n×m for X n×d.
func DistancePairs(d, x, c View[float32], index View[int32], distance Measure) {
	for i := range x.Rows {
		for p := range index.Cols {
			v := float32(math.NaN())
			if j := index.At(i, p); j >= 0 && int(j) < c.Rows {
				v = distance(x.Row(i), c.Row(int(j)))
			}
			d.Set(i, p, CanonNaN(v))
		}
	}
}

// PairwiseSumRow writes to y[g] the sum of the distances whose label is g, in
// the order of a row reduction over all of distance, where elements of other
// groups add nothing. With a nil label all of them are of group 0.
func PairwiseSumRow(y []float32, distance []float32, label []int32) {
	for g := range y {
		y[g] = RowSumPresent(distance, func(j int) bool { return label == nil || label[j] == int32(g) })
	}
}

// ColumnMeans returns the mean of each column over all labels of s, the exact
// rational rounded once: the shift of a data set. It is NaN where a value that
// is not finite was added, and for sums of no row.
func ColumnMeans(s *ScatterSums) []float32 {
	all := NewScatterSums(1, s.Exponent)
	for l := range s.K {
		for j := range s.D {
			i := l*s.D + j
			all.Hi[j] += s.Hi[i]
			all.Lo[j] += s.Lo[i]
			all.NotFinite[j] = all.NotFinite[j] || s.NotFinite[i]
		}
		all.Count[0] += s.Count[l]
	}
	means := make([]float32, s.D)
	for j := range means {
		means[j] = all.Mean(0, j)
	}
	return means
}

// SquaredDistanceBound returns a number that no finite SquaredDistance between
// two rows of a data set passes, in either profile, given the largest finite
// magnitude of each column: Σ 4·max², enlarged by what the roundings of a
// chain can add. It gives the ScatterExponent of a sum of squared distances;
// its Sqrt bounds the Euclidean distances.
func SquaredDistanceBound(maxAbs []float32) float32 {
	var sum float64
	for _, v := range maxAbs {
		sum += 4 * float64(v) * float64(v)
	}
	// t, t², each addition and each cut's addition round up by at most 2⁻²⁴ of
	// the value, or by half the smallest subnormal: together less than
	// exp(x) ≤ 1+2x of the sum for x ≤ 1.
	steps := float64(len(maxAbs))
	x := (2*steps + 8) * 0x1p-23
	if x > 1 {
		return math.MaxFloat32
	}
	sum = float64(sum*(1+2*x)) + steps*0x1p-149
	if sum >= math.MaxFloat32 {
		return math.MaxFloat32
	}
	b := float32(sum)
	if float64(b) < sum {
		b = math.Nextafter32(b, float32(math.Inf(1)))
	}
	return b
}
