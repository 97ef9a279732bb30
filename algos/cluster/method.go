package cluster

import (
	"fmt"
	"strings"
)

// Method names how an objective is minimised.
type Method string

const (
	// Lloyd moves rows to their nearest centre and centres to the means of
	// their rows (medians of each column under Manhattan, directions of the
	// mean under Cosine). Under SED and SEDMeans it takes the same steps and
	// keeps the start with the best value.
	Lloyd Method = "lloyd"
	// Elkan (2003) and Hamerly (2010) are Lloyd to the bit; bounds tell which
	// rows cannot change their label.
	Elkan   Method = "elkan"
	Hamerly Method = "hamerly"
	// MiniBatch (Sculley 2010) learns from batches of rows.
	MiniBatch Method = "minibatch"
	// Weiszfeld moves centres towards the geometric medians of their rows.
	Weiszfeld Method = "weiszfeld"
	// Transfer moves single rows between clusters while that lowers SEDMeans.
	Transfer Method = "transfer"
	// Metaheuristics over the coordinates of all centres.
	PSO       Method = "pso"
	DE        Method = "de"
	GA        Method = "ga"
	SA        Method = "sa"
	BlackHole Method = "blackhole"
	// Hybrid is the metaheuristic of Config.Global, then local search from what
	// it found.
	Hybrid Method = "hybrid"
)

// Methods lists every method.
func Methods() []Method {
	return []Method{Lloyd, Elkan, Hamerly, MiniBatch, Weiszfeld, Transfer, PSO, DE, GA, SA, BlackHole, Hybrid}
}

// Metaheuristics lists the methods that need no descent.
func Metaheuristics() []Method { return []Method{PSO, DE, GA, SA, BlackHole} }

// localMethod is the local search of each objective.
func localMethod(o Objective) Method {
	switch o {
	case SED:
		return Weiszfeld
	case SEDMeans:
		return Transfer
	}
	return Lloyd
}

// budget holds what a method does by default.
type budget struct {
	starts, iterations int
	population         func(dimensions int) int
	tol                float64
}

func fixed(n int) func(int) int { return func(int) int { return n } }

// budgets gives each method's defaults. Those of the metaheuristics are of the
// papers that their files name.
var budgets = map[Method]budget{
	Lloyd:     {10, 300, nil, 1e-4},
	Elkan:     {10, 300, nil, 1e-4},
	Hamerly:   {10, 300, nil, 1e-4},
	MiniBatch: {3, 300, nil, 1e-4},
	Weiszfeld: {10, 1000, nil, 1e-10},
	Transfer:  {10, 300, nil, 1e-4},
	PSO:       {1, 100, fixed(10), 0},
	DE:        {1, 500, func(d int) int { return 10 * d }, 0},
	GA:        {1, 100, fixed(100), 0},
	SA:        {1, annealingSteps, fixed(10), 0},
	BlackHole: {1, 500, fixed(100), 0},
}

// metaheuristic says whether m searches with a population.
func (m Method) metaheuristic() bool { return budgets[m].population != nil }

// checkMethod completes method, starts, iterations and tolerance.
func (c Config) checkMethod(d int) (Config, error) {
	refuse := func(format string, args ...any) (Config, error) {
		return c, fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrInput)
	}
	if c.Method == "" {
		c.Method = localMethod(c.Objective)
	}
	if c.Method != Hybrid && c.Global != "" {
		return refuse("method %s takes no global method, %s does", c.Method, Hybrid)
	}
	own := c.Method
	if c.Method == Hybrid {
		if c.Global == "" {
			c.Global = PSO
		}
		if own = c.Global; !own.metaheuristic() {
			return refuse("global method %q: want one of %s", c.Global, names(Metaheuristics()))
		}
	}
	b, known := budgets[own]
	if !known {
		return refuse("method %q: want one of %s", c.Method, names(Methods()))
	}
	switch {
	case c.Method == Weiszfeld && c.Objective != SED:
		return refuse("method %s minimises %s, not %s", Weiszfeld, SED, c.Objective)
	case c.Method == Transfer && c.Objective != SEDMeans:
		return refuse("method %s minimises %s, not %s", Transfer, SEDMeans, c.Objective)
	case (c.Method == Elkan || c.Method == Hamerly || c.Method == MiniBatch) && !c.Metric.euclidean():
		return refuse("method %s does not know the metric %s", c.Method, c.Metric)
	case own.metaheuristic() && c.Init == GivenCenters:
		return refuse("method %s draws its own first centres", c.Method)
	case c.Population < 0 || c.Population > maxPopulation:
		return refuse("population = %d: want 1 to %d", c.Population, maxPopulation)
	case !own.metaheuristic() && c.Population > 0:
		return refuse("method %s has no population", c.Method)
	case c.BatchRows < 0:
		return refuse("batch = %d rows: want at least 1", c.BatchRows)
	}
	if c.Method == Hybrid {
		b.starts = 10 // each ends in a local optimum
	}
	if c.NInit == 0 {
		c.NInit = b.starts
	}
	if c.MaxIter == 0 {
		c.MaxIter = b.iterations
	}
	if c.Tol == 0 {
		c.Tol = b.tol
	}
	if c.BatchRows == 0 {
		c.BatchRows = 1024
	}
	if own.metaheuristic() && c.Population == 0 {
		c.Population = min(b.population(c.K*d), maxPopulation)
	}
	if own == DE && c.Population < 4 {
		return refuse("population = %d: %s needs at least 4", c.Population, DE)
	}
	return c, nil
}

// maxPopulation bounds the candidates of one generation.
const maxPopulation = 1 << 16

func names(m []Method) string {
	s := make([]string, len(m))
	for i, n := range m {
		s[i] = string(n)
	}
	return strings.Join(s, ", ")
}
