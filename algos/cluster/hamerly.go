package cluster

import (
	"math"

	"samebits/backend"
)

// compareTwo finds the two nearest centres of the open rows. Every centre but
// the first two scores no less than the second.
func (b *bounds) compareTwo(open []int32, largest float64) {
	f := b.f
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	x, n := b.gathered(s, open)
	m := min(2, f.k)
	index, distance := s.New(backend.Int32, n, m), s.New(backend.Float32, n, m)
	s.Run(&backend.Nearest{Index: index, Distance: distance, X: x, C: f.centers, Shift: f.shift})
	at, d := backend.Get[int32](s, index), backend.Get[float32](s, distance)
	if f.Fail(s.Err()); f.Err() != nil {
		return
	}
	for p := range n {
		i := rowAt(open, p)
		b.labels[i] = at[p*m]
		_, b.upper[i] = b.interval(i, d[p*m], largest)
		b.lower[i] = math.Inf(1)
		if m == 2 {
			low, _ := b.interval(i, d[p*m+1], largest)
			b.lower[i] = shrink(sqrt(max(0, shrink(float64(low*low))-4*b.scoreError(i, largest))))
		}
	}
}
