// Package cluster finds k centres of a data set and labels its rows, on any
// [backend.Device], with the same bits on each.
//
// An [Objective] says what is minimised, a [Method] how: by default Lloyd's
// k-means, where every row goes to its nearest centre and every centre to the
// mean of its rows, until nothing moves. Starts are greedy k-means++ (Arthur &
// Vassilvitskii 2007; the greedy variant of scikit-learn), k-means|| (Bahmani
// and others 2012), random rows, or given centres. Sums over rows are exact
// integers, so no order of rows, number of threads or device changes a bit of
// the result; what the host computes is float64 in a stated order, and random
// numbers depend on their coordinates alone.
//
// Whatever is optimised, [Result] reports the objectives that papers confuse
// side by side: the within-cluster sum of squares (WCSS), its mean (MSE), the
// sums of unsquared distances to the centres and to the partition's means
// (SED), and the sums and means of squared distances over pairs. [Explain]
// shows what the best solution found for each scores under all the others.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
)

// Init names how the first centres are chosen.
type Init string

const (
	// KMeansPlusPlus draws centres far from those already chosen, each the
	// best of 2+⌊ln k⌋ candidates.
	KMeansPlusPlus Init = "k-means++"
	// KMeansParallel oversamples rows far from those already chosen, in five
	// rounds of some 2k rows, and clusters them to k by their weights.
	KMeansParallel Init = "k-means||"
	// RandomRows takes k different rows at random.
	RandomRows Init = "random"
	// GivenCenters takes Config.Centers.
	GivenCenters Init = "given"
)

// Config says how to cluster. The zero value, K aside, works.
type Config struct {
	// K is the number of clusters, 1 ≤ K ≤ rows.
	K int
	// Objective is what is minimised, Metric the distance it sums; each follows
	// from the other, and both empty mean WCSS.
	Objective Objective
	Metric    Metric
	// Method says how; empty means the objective's own local search: Lloyd,
	// Weiszfeld for SED, Transfer for SEDMeans.
	Method Method
	// Global is the metaheuristic of method Hybrid; empty means PSO.
	Global Method
	// Population is the number of candidates a metaheuristic scores at a time; 0
	// means its paper's.
	Population int
	// BatchRows is the number of rows of a mini-batch; 0 means 1024.
	BatchRows int
	// Weights are the rows' weights, one each, or nil where all count alike.
	// They are finite and not negative, and the smallest positive one is at
	// least 2⁻³⁶ of the largest. A row of weight zero is labelled and else does
	// not exist.
	Weights []float32
	// Init chooses the first centres; empty means KMeansPlusPlus, or
	// GivenCenters where Centers is set.
	Init Init
	// Centers are the given first centres, K×d.
	Centers *blas32.General
	// NInit is the number of starts, the best of which is kept; 0 means 10 (3
	// for MiniBatch, 1 for a metaheuristic alone), and 1 with given centres.
	NInit int
	// MaxIter bounds the iterations of one start: 0 means 300 for Lloyd, and
	// for a metaheuristic the generations of its paper.
	MaxIter int
	// Tol ends a descent when the squared movement of all centres together is
	// at most Tol times the mean variance of the columns. 0 means 1e-4, and
	// 1e-10 for Weiszfeld, whose steps shrink slowly; a negative value goes on
	// until no bit of a centre changes.
	Tol float64
	// Seed feeds the random streams; each start has its own.
	Seed uint64
	// Progress, when set, is called after each iteration, on Fit's goroutine.
	Progress func(Progress)
	// Observe, when set, is called with the centres that start each start and
	// with those after each of its iterations, on Fit's goroutine. An error
	// ends the fit, which returns it.
	Observe func(Step) error
}

// Step is a start's state between two iterations. It is the same on every
// device.
type Step struct {
	Start     int       // from 1
	Iteration int       // 0 for the first centres
	Centers   []float32 // K×D, row-major; valid during the call
}

// Progress tells how far a fit has come.
type Progress struct {
	Start, Starts      int     // this start, from 1, of how many
	Iteration, MaxIter int     // this start's iteration, from 1, of at most
	Shift              float64 // squared movement of all centres together; 0 in a metaheuristic
	Converged          bool    // this start has converged
}

// Result is a clustering and its scores.
type Result struct {
	N, D, K int
	// Labels holds each row's centre, 0..K−1; −1 never occurs.
	Labels []int32
	// Centers is K×D. The centre of a cluster without rows is where it last was.
	Centers blas32.General
	// Objective is the name of what was minimised, Value its value.
	Objective string
	Value     float64
	Method    Method
	Metric    Metric
	// Evaluations is the number of sets of centres that were compared with all
	// rows (with a batch of them under MiniBatch), over all starts.
	Evaluations int64
	Scores
	// Iterations of the start that was kept, and whether it converged.
	Iterations int
	Converged  bool
	// NInit is the number of starts made, Best the one kept, from 0.
	NInit, Best int
}

// ErrInput says that data or configuration cannot be clustered.
var ErrInput = errors.New("cannot cluster")

// maxRows is what 32-bit labels and counts can number.
const maxRows = 1 << 31

// Fit clusters the rows of data. Data and centres must be finite, and squared
// distances between rows must not overflow float32. Errors wrap ErrInput for
// data or configurations that cannot be clustered, a backend sentinel for
// what the device cannot do, or are the context's. When ctx ends, the fit
// stops between two operations.
//
// Cost of Lloyd: 2·n·K·d flops an iteration; device memory for data, and
// n·(L+4) numbers more, L = 2+⌊ln K⌋. An iteration moves K·(5d+2) words between
// host and device, and no rows. The other methods state theirs.
func Fit(ctx context.Context, dev *backend.Device, data blas32.General, cfg Config) (*Result, error) {
	cfg, err := cfg.complete(data)
	if err != nil {
		return nil, err
	}
	if kept := positiveRows(cfg.Weights); kept != nil {
		return fitKept(ctx, dev, data, cfg, kept)
	}
	return fitAll(ctx, dev, data, cfg)
}

// fitAll is Fit for a complete configuration without weights of zero.
func fitAll(ctx context.Context, dev *backend.Device, data blas32.General, cfg Config) (*Result, error) {
	f, err := newFit(ctx, dev, data, cfg)
	defer f.Close()
	if err != nil {
		return nil, err
	}
	best, err := f.bestStart()
	if err != nil {
		return nil, err
	}
	return f.result(best)
}

// bestStart makes every start and returns the one with the smallest value.
func (f *fit) bestStart() (*run, error) {
	var best *run
	for start := range f.cfg.NInit {
		r, err := f.search(start)
		if err != nil {
			return nil, err
		}
		f.evaluations += r.evaluations
		if best == nil || r.value < best.value {
			best = r
		}
	}
	return best, nil
}

// Complete returns the configuration with every default filled in, or why it
// cannot cluster data. Fit does it itself.
func (c Config) Complete(data blas32.General) (Config, error) { return c.complete(data) }

// complete fills in defaults and refuses what cannot work.
func (c Config) complete(data blas32.General) (Config, error) {
	n, d := data.Rows, data.Cols
	if n >= 1 && d >= 1 && (data.Stride < d || len(data.Data) < (n-1)*data.Stride+d) {
		return c, fmt.Errorf("%d×%d data with stride %d in %d numbers: %w", n, d, data.Stride, len(data.Data), ErrInput)
	}
	return c.completeFor(n, d)
}

// completeFor is complete for n rows of d columns.
func (c Config) completeFor(n, d int) (Config, error) {
	refuse := func(format string, args ...any) (Config, error) {
		return c, fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrInput)
	}
	switch {
	case n < 1 || d < 1:
		return refuse("data of %d rows and %d columns", n, d)
	case n > maxRows:
		return refuse("%d rows pass %d", n, maxRows)
	case c.K < 1:
		return refuse("k = %d: want at least 1", c.K)
	case c.K > n:
		return refuse("k = %d clusters of %d rows: want k ≤ rows", c.K, n)
	case c.NInit < 0 || c.NInit > math.MaxUint16:
		return refuse("n-init = %d: want 1 to %d", c.NInit, math.MaxUint16)
	case c.MaxIter < 0:
		return refuse("max-iter = %d: want at least 1", c.MaxIter)
	case c.Tol != c.Tol || math.IsInf(c.Tol, 0):
		return refuse("tol = %v: want a finite number", c.Tol)
	}
	if err := checkWeights(c.Weights, n, c.K); err != nil {
		return c, err
	}
	var err error
	if c.Objective, c.Metric, err = resolve(c.Objective, c.Metric); err != nil {
		return c, err
	}
	if c.Init == "" {
		c.Init = KMeansPlusPlus
		if c.Centers != nil {
			c.Init = GivenCenters
		}
	}
	switch c.Init {
	case KMeansPlusPlus, KMeansParallel, RandomRows:
		if c.Centers != nil {
			return refuse("init %s takes no given centres", c.Init)
		}
	case GivenCenters:
		g := c.Centers
		if g == nil {
			return refuse("init %s without centres", c.Init)
		}
		if g.Rows != c.K || g.Cols != d || g.Stride < g.Cols || len(g.Data) < (g.Rows-1)*g.Stride+g.Cols {
			return refuse("given centres are %d×%d, want %d×%d", g.Rows, g.Cols, c.K, d)
		}
		if i, j, bad := notFinite(*g); bad {
			return refuse("given centre %d, column %d is not finite", i+1, j+1)
		}
		if c.Method != MiniBatch { // else every start would be the same
			c.NInit = 1
		}
	default:
		return refuse("init %q: want %s, %s, %s or %s", c.Init, KMeansPlusPlus, KMeansParallel, RandomRows, GivenCenters)
	}
	return c.checkMethod(d)
}

func notFinite(m blas32.General) (row, col int, found bool) {
	for i := range m.Rows {
		for j, v := range m.Data[i*m.Stride : i*m.Stride+m.Cols] {
			if v-v != 0 {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}
