package cluster

import (
	"fmt"
	"math"

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
	d := x.Cols()
	reach := columnMaxima(s, x)
	if s.Err() != nil {
		return nil
	}
	scales := make([]int32, d)
	var widest float32
	for j, m := range reach {
		scales[j] = exact.ScatterExponent(m)
		widest = max(widest, m)
	}
	if widest > 0 && widest < smallestReach {
		s.Fail(fmt.Errorf("the largest value is %.3g, squared distances would underflow float32: scale the data: %w", widest, ErrInput))
	}
	if g := cfg.Centers; g != nil {
		for i := range g.Rows {
			for j, v := range g.Data[i*g.Stride : i*g.Stride+g.Cols] {
				reach[j] = max(reach[j], float32(math.Abs(float64(v))))
			}
		}
	}
	bound := exact.SquaredDistanceBound(reach)
	if bound >= math.MaxFloat32 {
		s.Fail(fmt.Errorf("squared distances between rows could overflow float32: scale the data: %w", ErrInput))
	}
	return scales
}

// columnMaxima returns the largest finite magnitude of each column of x.
func columnMaxima(s *backend.Scope, x *backend.Tensor) []float32 {
	largest := s.New(backend.Float32, 1, x.Cols())
	s.Run(&backend.Reduce{Y: largest, X: x, Reduction: backend.MaxAbsFinite, Axis: backend.AlongColumn})
	return backend.Get[float32](s, largest)
}
