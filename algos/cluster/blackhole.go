package cluster

import "slices"

// blackHole is the black hole algorithm (Hatamlou, "Black hole: a new heuristic
// optimization approach for data clustering", Information Sciences 222, 2013).
// The best star is the black hole; every other moves towards it,
//
//	x = x + r·(hole − x)
//
// with r uniform, drawn for every coordinate. A star that finds a better place
// becomes the hole. One that comes closer than the event horizon, the hole's
// value over the sum of all values, is swallowed and a new one is born anywhere
// in the box. 100 stars, 500 generations.
type blackHole struct {
	*herd
	hole int
}

func newBlackHole(h *herd) heuristic { return &blackHole{herd: h} }

func (b *blackHole) first() []float32 { return b.randomRows() }

func (b *blackHole) next(generation int, stars []float32, values []float64) []float32 {
	sum := 0.0
	for i, v := range values {
		sum += v
		if v < values[b.hole] {
			b.hole = i
		}
	}
	hole := stars[b.hole*b.dimensions : (b.hole+1)*b.dimensions]
	horizon := values[b.hole] / sum // 0/0 swallows none
	next := slices.Clone(stars)
	for i := range b.size {
		if i == b.hole {
			continue
		}
		draw := b.stream(generation, i)
		star := next[i*b.dimensions : (i+1)*b.dimensions]
		distance := 0.0
		for j, h := range hole {
			d := float64(h) - float64(star[j])
			distance += float64(d * d)
		}
		born := sqrt(distance) < horizon
		for j, h := range hole {
			if born {
				star[j] = b.within(j, float64(b.low[j])+float64(draw.uniform()*(float64(b.high[j])-float64(b.low[j]))))
			} else {
				star[j] = b.within(j, float64(star[j])+float64(draw.uniform()*(float64(h)-float64(star[j]))))
			}
		}
	}
	return next
}
