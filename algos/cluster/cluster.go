// Package cluster finds k centres of a data set and labels its rows, on any
// [backend.Device], with the same bits on each.
//
// The method is Lloyd's k-means: every row goes to its nearest centre, every
// centre to the mean of its rows, until nothing moves. Starts are greedy
// k-means++ (Arthur & Vassilvitskii 2007; the greedy variant of scikit-learn),
// random rows, or given centres. Centroid sums are exact integers, so no
// order of rows, number of threads or device changes a bit of the result.
//
// Whatever is optimised, [Result] reports the objectives that papers confuse
// side by side: the within-cluster sum of squares (WCSS), its mean (MSE), the
// sums of unsquared distances to the centres and to the partition's means
// (SED), and the mean of squared distances over pairs.
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
	// RandomRows takes k different rows at random.
	RandomRows Init = "random"
	// GivenCenters takes Config.Centers.
	GivenCenters Init = "given"
)

// Config says how to cluster. The zero value, K aside, works.
type Config struct {
	// K is the number of clusters, 1 ≤ K ≤ rows.
	K int
	// Init chooses the first centres; empty means KMeansPlusPlus, or
	// GivenCenters where Centers is set.
	Init Init
	// Centers are the given first centres, K×d.
	Centers *blas32.General
	// NInit is the number of starts, the best of which is kept; 0 means 10,
	// and 1 with given centres.
	NInit int
	// MaxIter bounds the iterations of one start; 0 means 300.
	MaxIter int
	// Tol ends a start when the squared movement of all centres together is
	// at most Tol times the mean variance of the columns. 0 means 1e-4; a
	// negative value goes on until no bit of a centre changes.
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
	Shift              float64 // squared movement of all centres together
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
// Cost: 2·n·K·d flops an iteration; device memory for data, and n·(L+4)
// numbers more, L = 2+⌊ln K⌋. An iteration moves K·(5d+2) words between host
// and device, and no rows.
func Fit(ctx context.Context, dev *backend.Device, data blas32.General, cfg Config) (*Result, error) {
	cfg, err := cfg.complete(data)
	if err != nil {
		return nil, err
	}
	f, err := newFit(ctx, dev, data, cfg)
	defer f.Close()
	if err != nil {
		return nil, err
	}
	var best *run
	for start := range cfg.NInit {
		r, err := f.lloyd(start)
		if err != nil {
			return nil, err
		}
		if best == nil || r.wcss < best.wcss {
			best = r
		}
	}
	return f.result(best)
}

// complete fills in defaults and refuses what cannot work.
func (c Config) complete(data blas32.General) (Config, error) {
	refuse := func(format string, args ...any) (Config, error) {
		return c, fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrInput)
	}
	n, d := data.Rows, data.Cols
	switch {
	case n < 1 || d < 1:
		return refuse("data of %d rows and %d columns", n, d)
	case n > maxRows:
		return refuse("%d rows pass %d", n, maxRows)
	case data.Stride < d || len(data.Data) < (n-1)*data.Stride+d:
		return refuse("%d×%d data with stride %d in %d numbers", n, d, data.Stride, len(data.Data))
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
	if c.Init == "" {
		c.Init = KMeansPlusPlus
		if c.Centers != nil {
			c.Init = GivenCenters
		}
	}
	switch c.Init {
	case KMeansPlusPlus, RandomRows:
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
		c.NInit = 1 // every start would be the same
	default:
		return refuse("init %q: want %s, %s or %s", c.Init, KMeansPlusPlus, RandomRows, GivenCenters)
	}
	if c.NInit == 0 {
		c.NInit = 10
	}
	if c.MaxIter == 0 {
		c.MaxIter = 300
	}
	if c.Tol == 0 {
		c.Tol = 1e-4
	}
	return c, nil
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
