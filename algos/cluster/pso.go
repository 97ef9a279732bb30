package cluster

import (
	"math"
	"slices"
)

// swarm is particle swarm optimisation (Kennedy & Eberhart 1995, with the
// inertia of Shi & Eberhart 1998) over centres, as van der Merwe & Engelbrecht
// cluster with it ("Data clustering using particle swarm optimization", CEC
// 2003): 10 particles, w = 0.72, c1 = c2 = 1.49, and 1000 evaluations, that is
// 100 generations.
//
//	v = w·v + c1·r1·(p − x) + c2·r2·(g − x),  x = x + v
//
// with r1 and r2 drawn for every coordinate, p the particle's best position and
// g the swarm's. Particles start at rows of the data, at rest.
type swarm struct {
	*herd
	velocity []float64
	own      []float32
	ownValue []float64
}

const (
	swarmInertia = 0.72
	swarmPull    = 1.49
)

func newSwarm(h *herd) heuristic {
	n := h.size * h.dimensions
	s := &swarm{herd: h, velocity: make([]float64, n), own: make([]float32, n), ownValue: make([]float64, h.size)}
	for i := range s.ownValue {
		s.ownValue[i] = math.Inf(1)
	}
	return s
}

func (s *swarm) first() []float32 { return s.randomRows() }

func (s *swarm) next(generation int, at []float32, values []float64) []float32 {
	moved := slices.Clone(at)
	for i, v := range values {
		from, to := i*s.dimensions, (i+1)*s.dimensions
		if v < s.ownValue[i] {
			s.ownValue[i] = v
			copy(s.own[from:to], at[from:to])
		}
		draw := s.stream(generation, i)
		for j := range s.dimensions {
			p := from + j
			x := float64(at[p])
			own := float64(float64(swarmPull*draw.uniform()) * (float64(s.own[p]) - x))
			all := float64(float64(swarmPull*draw.uniform()) * (float64(s.best[j]) - x))
			s.velocity[p] = float64(swarmInertia*s.velocity[p]) + own + all
			moved[p] = s.within(j, x+s.velocity[p])
		}
	}
	return moved
}
