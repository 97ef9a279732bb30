package cluster

import "slices"

// genetic is the genetic algorithm of Maulik & Bandyopadhyay ("Genetic
// algorithm-based clustering technique", Pattern Recognition 33, 2000): strings
// of k·d coordinates, 100 of them, for 100 generations; roulette selection by
// the reciprocal of the objective, crossover at one point with probability 0.8,
// and mutation of each coordinate v with probability 0.001 to v ± 2·δ·v, or
// ±2·δ for v = 0, δ uniform. As in the paper the fitness of a string includes
// one step of descent, which replaces its centres: means there and for every
// objective that means minimise, a step of Weiszfeld's for SED. The best string
// ever is kept outside the population.
type genetic struct{ *herd }

const (
	geneticCrossover = 0.8
	geneticMutation  = 0.001
)

func newGenetic(h *herd) heuristic { return &genetic{h} }

func (g *genetic) first() []float32 { return g.population.improved(g.randomRows()) }

func (g *genetic) next(generation int, strings []float32, values []float64) []float32 {
	children := make([]float32, 0, len(strings))
	draw := g.stream(generation, 0)
	wheel := wheelOf(values)
	for range g.size {
		i := wheel.turn(draw.uniform())
		children = append(children, strings[i*g.dimensions:(i+1)*g.dimensions]...)
	}
	for i := 0; i+1 < g.size; i += 2 {
		draw := g.stream(generation, 1+i)
		if !(draw.uniform() < geneticCrossover) || g.dimensions < 2 {
			continue
		}
		a, b := children[i*g.dimensions:(i+1)*g.dimensions], children[(i+1)*g.dimensions:(i+2)*g.dimensions]
		for j := 1 + draw.below(g.dimensions-1); j < g.dimensions; j++ {
			a[j], b[j] = b[j], a[j]
		}
	}
	for i := range g.size {
		draw := g.stream(generation, 1+g.size+i)
		for j := range g.dimensions {
			if !(draw.uniform() < geneticMutation) {
				continue
			}
			v := float64(children[i*g.dimensions+j])
			change := 2 * draw.uniform()
			if v != 0 {
				change = float64(change * v)
			}
			if draw.word()&1 == 1 {
				change = -change
			}
			children[i*g.dimensions+j] = g.within(j, v+change)
		}
	}
	return g.population.improved(children)
}

// wheel is a roulette wheel: place i ends at wheel[i].
type wheel []float64

// wheelOf gives each candidate a share of one over its value. A value of zero,
// which nothing can pass, takes the whole wheel.
func wheelOf(values []float64) wheel {
	w := make(wheel, len(values))
	perfect := slices.Contains(values, 0)
	sum := 0.0
	for i, v := range values {
		switch {
		case !perfect:
			sum += 1 / v
		case v == 0:
			sum++
		}
		w[i] = sum
	}
	return w
}

// turn returns the place at u of the wheel, 0 ≤ u < 1.
func (w wheel) turn(u float64) int {
	at := float64(u * w[len(w)-1])
	for i, end := range w {
		if at < end {
			return i
		}
	}
	return len(w) - 1
}
