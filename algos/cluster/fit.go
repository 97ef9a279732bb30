package cluster

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
	"samebits/backend/exact"
)

// fit holds what all starts share, on the device and on the host.
type fit struct {
	*backend.Scope
	ctx     context.Context
	dev     *backend.Device
	cfg     Config
	data    blas32.General
	n, d, k int
	scales  []int32 // of the columns
	spread  float64 // Σ |x − mean|², where a tolerance is relative to it

	x                *backend.Tensor // n×d
	shift            *backend.Tensor // 1×d, under a Euclidean metric, else nil
	shiftHost        []float32       // its values
	centers          *backend.Tensor // k×d
	labels, distance *backend.Tensor // n×1 each: nearest centre and the metric's distance
	exponents        *backend.Tensor // 1×d, scales of the columns
	exponent         *backend.Tensor // 1×1, scale of the distances being summed
	sums             *backend.Tensor // k×words of d columns
	distanceSums     *backend.Tensor // k×words of one column
	words            []uint32        // scratch: sums on the host

	weights        *backend.Tensor // n×1, or nil
	weighted       *backend.Tensor // n×1, scratch: distances times weights
	weightExponent *backend.Tensor // 1×1
	weightScale    []int32
	totalWeight    float64 // n without weights

	evaluations int64
}

// newFit brings the data to the device and measures it: column scales, column
// means (the shift that keeps scores from cancelling) and, for a tol that is
// relative to it, the mean variance. The caller closes the fit also after an
// error.
func newFit(ctx context.Context, dev *backend.Device, data blas32.General, cfg Config) (*fit, error) {
	f := &fit{Scope: backend.NewScope(ctx, dev), ctx: ctx, dev: dev, cfg: cfg, data: data, n: data.Rows, d: data.Cols, k: cfg.K,
		totalWeight: float64(data.Rows)}
	x, err := backend.BorrowGeneral(ctx, dev, data)
	if err != nil {
		return f, err
	}
	f.x = x
	if cfg.Metric == Cosine {
		f.scaleToLength1()
	}
	f.scales = columnScales(f.Scope, f.x, cfg)
	f.centers = f.New(backend.Float32, f.k, f.d)
	f.labels = f.New(backend.Int32, f.n, 1)
	f.distance = f.New(backend.Float32, f.n, 1)
	f.sums = f.New(backend.Uint32, f.k, exact.ScatterWords(f.d))
	f.distanceSums = f.New(backend.Uint32, f.k, exact.ScatterWords(1))
	f.exponents = backend.Put(f.Scope, 1, f.d, f.scales)
	f.exponent = f.New(backend.Int32, 1, 1)

	mean := f.scatter(f.View(f.sums, 0, 1, 0, exact.ScatterWords(f.d)), f.x, nil, f.exponents, f.scales)
	if f.Err() != nil {
		return f, f.Err()
	}
	// The exact sums tell whether a number is not finite; where it stands is
	// only looked for when there is one.
	if slices.Contains(mean.NotFinite, true) {
		i, j, _ := notFinite(data)
		return f, fmt.Errorf("row %d, column %d is not finite: %w", i+1, j+1, ErrInput)
	}
	f.shiftHost = exact.ColumnMeans(mean)
	center := backend.Put(f.Scope, 1, f.d, f.shiftHost)
	if cfg.Metric.euclidean() {
		f.shift = center
	}
	f.enterWeights()
	if cfg.Tol > 0 || cfg.Method == Hybrid {
		f.Run(&backend.Distances{D: f.distance, X: f.x, C: center})
		total := f.sumDistances(f.distance, nil)
		if f.Err() != nil {
			return f, f.Err()
		}
		f.spread = total.Total64(0)
		if f.weights != nil { // as if each row counted f.totalWeight/n times
			f.spread = f.spread / f.totalWeight * float64(f.n)
		}
	}
	return f, f.Err()
}

// Close frees the device memory of the fit.
func (f *fit) Close() error {
	f.x.Close()
	return f.Scope.Close()
}

// enterWeights brings the weights to the device, and the scales of the columns
// after weighting.
func (f *fit) enterWeights() {
	if f.cfg.Weights == nil || f.Err() != nil {
		return
	}
	f.weights = backend.Put(f.Scope, f.n, 1, f.cfg.Weights)
	f.weighted = f.New(backend.Float32, f.n, 1)
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	wx := s.New(backend.Float32, f.n, f.d)
	s.Run(&backend.Map{Fn: backend.FnMul, Y: wx, A: f.x, B: f.weights})
	largest, heaviest := columnMaxima(s, wx), columnMaxima(s, f.weights)
	if f.Fail(s.Err()); f.Err() != nil {
		return
	}
	f.scales = scalesOf(largest)
	backend.Set(f.Scope, f.exponents, f.scales)
	f.weightScale = scalesOf(heaviest)
	f.weightExponent = backend.Put(f.Scope, 1, 1, f.weightScale)
	total := f.scatter(f.View(f.distanceSums, 0, 1, 0, exact.ScatterWords(1)), f.weights, nil, f.weightExponent, f.weightScale)
	if f.Err() == nil {
		f.totalWeight = total.Total64(0)
	}
}

// scaleToLength1 replaces the data by its directions. Each row is first divided
// by its largest magnitude, so that no square can leave float32's range.
func (f *fit) scaleToLength1() {
	raw := f.x
	f.x = f.New(backend.Float32, f.n, f.d)
	defer raw.Close()
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	square, size := s.New(backend.Float32, f.n, f.d), s.New(backend.Float32, f.n, 1)
	smallest := s.New(backend.Int32, 1, 1)
	s.Run(
		&backend.Reduce{Y: size, X: raw, Reduction: backend.MaxAbsFinite, Axis: backend.AlongRow},
		&backend.Reduce{Y: smallest, X: size, Reduction: backend.ArgMin, Axis: backend.AlongColumn},
	)
	if at := backend.Get[int32](s, smallest); s.Err() == nil {
		if row := f.data.Data[int(at[0])*f.data.Stride:][:f.d]; !slices.ContainsFunc(row, func(v float32) bool { return v != 0 }) {
			s.Fail(fmt.Errorf("row %d is zero, and metric %s needs a direction: %w", at[0]+1, Cosine, ErrInput))
		}
	}
	s.Run(
		&backend.Map{Fn: backend.FnDiv, Y: f.x, A: raw, B: size},
		&backend.Map{Fn: backend.FnSquare, Y: square, A: f.x},
		&backend.Reduce{Y: size, X: square, Reduction: backend.Sum, Axis: backend.AlongRow},
		&backend.Map{Fn: backend.FnSqrt, Y: size, A: size},
		&backend.Map{Fn: backend.FnDiv, Y: f.x, A: f.x, B: size},
	)
	f.Fail(s.Err())
}

// center returns the view of centre c.
func (f *fit) center(c int) *backend.Tensor { return f.View(f.centers, c, c+1, 0, f.d) }

// scatter runs a scatter sum into sums and reads it; nil after an error.
func (f *fit) scatter(sums, x, labels, exponent *backend.Tensor, scale []int32) *exact.ScatterSums {
	return f.scatterWeighted(sums, x, nil, labels, exponent, scale)
}

func (f *fit) scatterWeighted(sums, x, weight, labels, exponent *backend.Tensor, scale []int32) *exact.ScatterSums {
	f.Run(&backend.ScatterSum{Sums: sums, X: x, Weight: weight, Label: labels, Exponent: exponent})
	if f.Err() != nil {
		return nil
	}
	f.words = slices.Grow(f.words[:0], sums.Len())[:sums.Len()]
	if f.Fail(backend.Download(f.ctx, f.words, sums)); f.Err() != nil {
		return nil
	}
	out, err := exact.DecodeScatter(f.words, sums.Rows(), scale)
	f.Fail(err)
	return out
}

// sumRows sums the rows, times their weights, by the labels on the device.
func (f *fit) sumRows() *exact.ScatterSums {
	return f.scatterWeighted(f.sums, f.x, f.weights, f.labels, f.exponents, f.scales)
}

// sumDistances sums an n×1 tensor of distances, or of their squares, by label,
// or all of it where labels is nil, each times its row's weight. The scale is
// that of the largest of them: a bound from the columns would lose small
// distances beside one far row.
func (f *fit) sumDistances(d, labels *backend.Tensor) *exact.ScatterSums {
	sums := f.distanceSums
	if f.Err() != nil || d == nil {
		return nil
	}
	if labels == nil {
		sums = f.View(sums, 0, 1, 0, exact.ScatterWords(1))
	}
	if f.weights != nil {
		f.Run(&backend.Map{Fn: backend.FnMul, Y: f.weighted, A: d, B: f.weights})
		d = f.weighted
	}
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	largest := columnMaxima(s, d)
	if f.Fail(s.Err()); f.Err() != nil {
		return nil
	}
	scale := scalesOf(largest)
	backend.Set(f.Scope, f.exponent, scale)
	return f.scatter(sums, d, labels, f.exponent, scale)
}

// assign labels every row with its nearest centre.
func (f *fit) assign() {
	f.Run(&backend.Nearest{Index: f.labels, X: f.x, C: f.centers, Shift: f.shift, Metric: f.cfg.Metric.ranking()})
}

// assignMeasured is assign and measure in one look at the rows.
func (f *fit) assignMeasured() {
	f.Run(&backend.Nearest{Index: f.labels, Distance: f.distance, X: f.x, C: f.centers, Shift: f.shift, Metric: f.cfg.Metric.ranking()})
}

// measure sets the distance of every row to the centre of its label, squared
// under a Euclidean metric.
func (f *fit) measure() {
	f.Run(&backend.Distances{D: f.distance, X: f.x, C: f.centers, Index: f.labels, Metric: f.cfg.Metric.ranking()})
}
