package cluster

import (
	"fmt"
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

// scales are the exponents of the exact sums, fixed once per data set.
type scales struct {
	column []int32 // of the data's columns
	square int32   // of squared distances
	root   int32   // of distances
}

// columnScales reads the largest magnitude of each column off the device and
// derives every exponent from them. Given centres widen the box that bounds
// the distances.
func columnScales(s *backend.Scope, x *backend.Tensor, cfg Config) scales {
	d := x.Cols()
	largest := s.New(backend.Float32, 1, d)
	s.Run(&backend.Reduce{Y: largest, X: x, Reduction: backend.MaxAbsFinite, Axis: backend.AlongColumn})
	reach := backend.Get[float32](s, largest)
	if s.Err() != nil {
		return scales{}
	}
	sc := scales{column: make([]int32, d)}
	for j, m := range reach {
		sc.column[j] = exact.ScatterExponent(m)
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
		s.Fail(fmt.Errorf("squared distances between rows could overflow float32 (%.3g), scale the data: %w", bound, ErrInput))
		return sc
	}
	sc.square = exact.ScatterExponent(bound)
	sc.root = exact.ScatterExponent(exact.Sqrt(bound))
	return sc
}
