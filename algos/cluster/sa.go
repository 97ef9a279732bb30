package cluster

import (
	"slices"

	"samebits/backend/exact"
)

// annealing is simulated annealing (Kirkpatrick and others 1983), which Selim &
// Alsultan brought to clustering ("A simulated annealing algorithm for the
// clustering problem", Pattern Recognition 24, 1991). They move rows between
// clusters; this moves centres, so that the objective's optimum over free
// centres can be reached: a step shifts one centre by a normal number in each
// coordinate. The schedule is the one that comparisons on these data sets give
// for it: a temperature that falls by a factor 0.98, 500-fold in all, and about
// 30,000 evaluations. Their first temperature is too hot for shifts of centres;
// here it is 0.0005 of the start's value. Steps shrink with the root of the
// temperature.
//
// A generation is ten proposals from the same place, scored together: the first
// that is accepted moves the chain, and those after it are as if never made.
// That is the chain of one proposal at a time, bit for bit a valid one; the
// evaluations counted include those not used.
type annealing struct {
	*herd
	x       []float32
	value   float64
	heat    float64 // first temperature
	cooling float64 // of the temperature and, by its root, of the steps
}

const (
	annealingHeat    = 0.0005 // first temperature over the first value
	annealingFactor  = 0.98   // from level to level
	annealingLevels  = 308    // from 5 to 0.01
	annealingPerStep = 10     // generations of a level
	annealingWidth   = 0.05   // of a column's range, the first steps' deviation
	annealingSteps   = annealingLevels * annealingPerStep
)

func newAnnealing(h *herd) heuristic { return &annealing{herd: h, cooling: 1} }

func (a *annealing) first() []float32 { return a.randomRows() }

func (a *annealing) next(generation int, proposed []float32, values []float64) []float32 {
	if a.x == nil { // the best of the first places starts the chain
		a.x, a.value = slices.Clone(a.best), a.bestValue
		a.heat = float64(annealingHeat * a.value)
	} else {
		for i, v := range values {
			if v <= a.value || a.accepts(generation-1, i, v-a.value) {
				a.value = v
				copy(a.x, proposed[i*a.dimensions:])
				break
			}
		}
	}
	if generation > 1 && (generation-1)%annealingPerStep == 0 {
		a.cooling = float64(a.cooling * annealingFactor)
	}
	next := make([]float32, 0, a.size*a.dimensions)
	width := float64(annealingWidth * sqrt(a.cooling))
	for i := range a.size {
		draw := a.stream(generation, i)
		draw.word() // what accepts draws
		next = append(next, a.x...)
		shifted := next[i*a.dimensions:]
		c, d := draw.below(a.f.k), a.f.d
		for j := c * d; j < (c+1)*d; j++ {
			deviation := float64(width * (float64(a.high[j]) - float64(a.low[j])))
			shifted[j] = a.within(j, float64(shifted[j])+float64(deviation*draw.normal()))
		}
	}
	return next
}

// accepts decides on a step that is worse by delta: with probability
// exp(−delta/T), by the proposal's first word.
func (a *annealing) accepts(generation, proposal int, delta float64) bool {
	t := float64(a.heat * a.cooling)
	return t > 0 && a.stream(generation, proposal).uniform() < float64(exact.Fused.Exp(float32(-delta/t)))
}
