package cluster

import (
	"fmt"
	"math"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// smallestReach is the largest magnitude below which a data set is refused:
// differences of a thousandth of it would have squares that are not normal.
const smallestReach = 0x1p-53

// columnScales reads the largest magnitude of each column off the device,
// derives the exponents of the columns' exact sums from them, and refuses data
// whose squared distances could leave float32's range. Given centres widen the
// box that bounds the distances.
func columnScales(s *backend.Scope, x *backend.Tensor, cfg Config) []int32 {
	reach := columnMaxima(s, x)
	if s.Err() != nil {
		return nil
	}
	scales, err := scalesFor(reach, cfg)
	s.Fail(err)
	return scales
}

// scalesFor is columnScales for columns whose largest magnitudes are known.
func scalesFor(reach []float32, cfg Config) ([]int32, error) {
	reach = slices.Clone(reach)
	scales := scalesOf(reach)
	widest := slices.Max(reach)
	if widest > 0 && widest < smallestReach {
		return nil, fmt.Errorf("the largest value is %.3g, squared distances would underflow float32: scale the data: %w", widest, ErrInput)
	}
	if g := cfg.Centers; g != nil && cfg.Metric != Cosine { // directions do not reach further than rows do
		for i := range g.Rows {
			for j, v := range g.Data[i*g.Stride : i*g.Stride+g.Cols] {
				reach[j] = max(reach[j], float32(math.Abs(float64(v))))
			}
		}
	}
	bound := exact.SquaredDistanceBound(reach)
	heaviest := float64(1)
	if len(cfg.Weights) > 0 {
		heaviest = max(1, float64(slices.Max(cfg.Weights)))
	}
	if float64(bound)*heaviest >= math.MaxFloat32 {
		return nil, fmt.Errorf("squared distances between rows could overflow float32: scale the data: %w", ErrInput)
	}
	return scales, nil
}

// scalesOf returns the exponents of exact sums whose terms reach so far.
func scalesOf(largest []float32) []int32 {
	scales := make([]int32, len(largest))
	for j, m := range largest {
		scales[j] = exact.ScatterExponent(m)
	}
	return scales
}

// columnMaxima returns the largest finite magnitude of each column of x.
func columnMaxima(s *backend.Scope, x *backend.Tensor) []float32 {
	largest := s.New(backend.Float32, 1, x.Cols())
	s.Run(&backend.Reduce{Y: largest, X: x, Reduction: backend.MaxAbsFinite, Axis: backend.AlongColumn})
	return backend.Get[float32](s, largest)
}
