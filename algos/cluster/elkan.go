package cluster

import (
	"slices"

	"samebits/backend"
)

// compareAll finds the nearest centre of the open rows and their distances to
// all of them.
func (b *bounds) compareAll(open []int32, largest float64) {
	f := b.f
	step := max(1, chunkElements/f.k)
	rows := open
	if open == nil {
		rows = make([]int32, f.n)
		for i := range rows {
			rows[i] = int32(i)
		}
	}
	for part := range slices.Chunk(rows, step) {
		s := backend.NewScope(f.ctx, f.dev)
		x, n := b.f.x, len(part)
		if n < f.n {
			x = f.rowsOf(s, part)
		}
		index, distance := s.New(backend.Int32, n, 1), s.New(backend.Float32, n, f.k)
		s.Run(
			&backend.Nearest{Index: index, X: x, C: f.centers, Shift: f.shift},
			&backend.Distances{D: distance, X: x, C: f.centers},
		)
		at, d := backend.Get[int32](s, index), backend.Get[float32](s, distance)
		f.Fail(s.Err())
		s.Close()
		if f.Err() != nil {
			return
		}
		for p, i := range part {
			b.labels[i] = at[p]
			for c := range f.k {
				low, high := b.interval(int(i), d[p*f.k+c], largest)
				b.each[int(i)*f.k+c] = low
				if int32(c) == at[p] {
					b.upper[i] = high
				}
			}
		}
	}
}
