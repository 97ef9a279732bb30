package cluster

import "slices"

// differential is differential evolution in the form rand/1/bin (Storn & Price,
// "Differential evolution: a simple and efficient heuristic for global
// optimization over continuous spaces", 1997), with what the paper advises to
// try first: F = 0.5, CR = 0.9 for quick convergence, and ten candidates a
// dimension. The paper knows no clustering and sets no number of generations;
// 500 is this program's.
//
//	trial[j] = a[j] + F·(b[j] − c[j])  with probability CR and for one j at least, else x[j]
//
// with a, b, c three different candidates other than x; the trial takes x's
// place where it is not worse.
type differential struct {
	*herd
	x     []float32
	value []float64
}

const (
	differentialWeight    = 0.5
	differentialCrossover = 0.9
)

func newDifferential(h *herd) heuristic { return &differential{herd: h} }

func (e *differential) first() []float32 { return e.randomRows() }

func (e *differential) next(generation int, trials []float32, values []float64) []float32 {
	if e.x == nil {
		e.x, e.value = trials, values
	} else {
		for i, v := range values {
			if v <= e.value[i] {
				e.value[i] = v
				copy(e.x[i*e.dimensions:(i+1)*e.dimensions], trials[i*e.dimensions:])
			}
		}
	}
	next := slices.Clone(e.x)
	for i := range e.size {
		draw := e.stream(generation, i)
		chosen := []int{i}
		for len(chosen) < 4 {
			if c := draw.below(e.size); !slices.Contains(chosen, c) {
				chosen = append(chosen, c)
			}
		}
		a, b, c := e.x[chosen[1]*e.dimensions:], e.x[chosen[2]*e.dimensions:], e.x[chosen[3]*e.dimensions:]
		always := draw.below(e.dimensions)
		for j := range e.dimensions {
			if u := draw.uniform(); u < differentialCrossover || j == always {
				v := float64(a[j]) + float64(differentialWeight*(float64(b[j])-float64(c[j])))
				next[i*e.dimensions+j] = e.within(j, v)
			}
		}
	}
	return next
}
