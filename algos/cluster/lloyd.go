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
	n, d, k int
	scales  []int32 // of the columns
	tol     float64 // of the centres' squared movement

	x, shift         *backend.Tensor // n×d, 1×d
	centers          *backend.Tensor // k×d
	labels, distance *backend.Tensor // n×1 each: nearest centre and squared distance
	exponents        *backend.Tensor // 1×d, scales of the columns
	exponent         *backend.Tensor // 1×1, scale of the distances being summed
	sums             *backend.Tensor // k×words of d columns
	distanceSums     *backend.Tensor // k×words of one column
	words            []uint32        // scratch: sums on the host
}

// run is the outcome of one start.
type run struct {
	start      int
	centers    []float32
	wcss       float64
	iterations int
	converged  bool
}

// newFit brings the data to the device and measures it: column scales, column
// means (the shift that keeps scores from cancelling) and, for a tol that is
// relative to it, the mean variance. The caller closes the fit also after an
// error.
func newFit(ctx context.Context, dev *backend.Device, data blas32.General, cfg Config) (*fit, error) {
	f := &fit{Scope: backend.NewScope(ctx, dev), ctx: ctx, dev: dev, cfg: cfg, n: data.Rows, d: data.Cols, k: cfg.K}
	x, err := backend.BorrowGeneral(ctx, dev, data)
	if err != nil {
		return f, err
	}
	f.x = x
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
	means := exact.ColumnMeans(mean)
	f.shift = backend.Put(f.Scope, 1, f.d, means)
	f.tol = cfg.Tol
	if cfg.Tol > 0 {
		f.Run(&backend.Distances{D: f.distance, X: f.x, C: f.shift})
		total := f.sumDistances(f.distance, nil)
		if f.Err() != nil {
			return f, f.Err()
		}
		f.tol = cfg.Tol * total.Total64(0) / (float64(f.n) * float64(f.d))
	}
	return f, f.Err()
}

// Close frees the device memory of the fit.
func (f *fit) Close() error {
	f.x.Close()
	return f.Scope.Close()
}

// center returns the view of centre c.
func (f *fit) center(c int) *backend.Tensor { return f.View(f.centers, c, c+1, 0, f.d) }

// scatter runs a scatter sum into sums and reads it; nil after an error.
func (f *fit) scatter(sums, x, labels, exponent *backend.Tensor, scale []int32) *exact.ScatterSums {
	f.Run(&backend.ScatterSum{Sums: sums, X: x, Label: labels, Exponent: exponent})
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

// sumDistances sums an n×1 tensor of distances, or of their squares, by label,
// or all of it where labels is nil. The scale is that of the largest of them:
// a bound from the columns would lose small distances beside one far row.
func (f *fit) sumDistances(d, labels *backend.Tensor) *exact.ScatterSums {
	sums := f.distanceSums
	if labels == nil {
		sums = f.View(sums, 0, 1, 0, exact.ScatterWords(1))
	}
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	largest := columnMaxima(s, d)
	if f.Fail(s.Err()); f.Err() != nil {
		return nil
	}
	scale := []int32{exact.ScatterExponent(largest[0])}
	backend.Set(f.Scope, f.exponent, scale)
	return f.scatter(sums, d, labels, f.exponent, scale)
}

// assign labels every row with its nearest centre.
func (f *fit) assign() {
	f.Run(&backend.Nearest{Index: f.labels, X: f.x, C: f.centers, Shift: f.shift})
}

// assignMeasured is assign and measure in one look at the rows.
func (f *fit) assignMeasured() {
	f.Run(&backend.Nearest{Index: f.labels, Distance: f.distance, X: f.x, C: f.centers, Shift: f.shift})
}

// measure sets the distance of every row to the centre of its label.
func (f *fit) measure() {
	f.Run(&backend.Distances{D: f.distance, X: f.x, C: f.centers, Index: f.labels})
}

// lloyd runs one start to its end and scores it.
func (f *fit) lloyd(start int) (*run, error) {
	f.seed(start)
	old := backend.Get[float32](f.Scope, f.centers)
	f.observe(start, 0, old)
	r := &run{start: start}
	current := false // labels follow from the centres
	for r.iterations < f.cfg.MaxIter && !r.converged && f.Err() == nil {
		f.assign()
		sums := f.scatter(f.sums, f.x, f.labels, f.exponents, f.scales)
		sums, moved := f.relocate(sums)
		if f.Err() != nil {
			break
		}
		next := means(sums, old)
		backend.Set(f.Scope, f.centers, next)
		shift, same := movement(old, next)
		old = next
		current = same && !moved
		r.iterations++
		r.converged = same || shift <= f.tol
		f.observe(start, r.iterations, next)
		if f.cfg.Progress != nil && f.Err() == nil {
			f.cfg.Progress(Progress{Start: start + 1, Starts: f.cfg.NInit, Iteration: r.iterations,
				MaxIter: f.cfg.MaxIter, Shift: shift, Converged: r.converged})
		}
	}
	// Labels follow from the final centres, whichever way the loop ended.
	if current {
		f.measure()
	} else {
		f.assignMeasured()
	}
	total := f.sumDistances(f.distance, nil)
	if f.Err() != nil {
		return nil, f.Err()
	}
	r.centers, r.wcss = old, total.Total64(0)
	return r, nil
}

// observe tells Config.Observe of new centres.
func (f *fit) observe(start, iteration int, centers []float32) {
	if f.cfg.Observe != nil && f.Err() == nil {
		f.Fail(f.cfg.Observe(Step{Start: start + 1, Iteration: iteration, Centers: centers}))
	}
}

// means returns each cluster's exact mean, rounded once, and the old centre
// of a cluster without rows.
func means(sums *exact.ScatterSums, old []float32) []float32 {
	next := make([]float32, len(old))
	for c := range sums.K {
		for j := range sums.D {
			if sums.Count[c] == 0 {
				next[c*sums.D+j] = old[c*sums.D+j]
			} else {
				next[c*sums.D+j] = sums.Mean(c, j)
			}
		}
	}
	return next
}

// movement returns the summed squared movement of the centres, and whether no
// bit of them changed.
func movement(a, b []float32) (sum float64, same bool) {
	same = true
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += float64(d * d)
		same = same && a[i] == b[i]
	}
	return sum, same
}

// relocate gives each empty cluster the row farthest from its centre,
// distance descending, then index ascending, as long as that row lies off its
// centre and its cluster keeps another row. It returns the sums after the
// moves, and whether there were any. Clusters that find no row stay empty: the
// data has fewer different rows than k.
func (f *fit) relocate(sums *exact.ScatterSums) (_ *exact.ScatterSums, moved bool) {
	if f.Err() != nil {
		return nil, false
	}
	var empty []int
	for c, n := range sums.Count {
		if n == 0 {
			empty = append(empty, c)
		}
	}
	if len(empty) == 0 {
		return sums, false
	}
	f.measure()
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	// Each cluster can refuse at most its last row, so this many suffice.
	m := min(f.n, len(empty)+f.k)
	index := s.New(backend.Int32, 1, m)
	far, label := s.New(backend.Float32, m, 1), s.New(backend.Int32, m, 1)
	s.Run(&backend.TopK{Index: index, X: s.Reshape(f.distance, 1, f.n)})
	byRow := s.Reshape(index, m, 1)
	s.Run(&backend.Gather{Y: far, X: f.distance, Index: byRow}, &backend.Gather{Y: label, X: f.labels, Index: byRow})
	rows, distances, from := backend.Get[int32](s, index), backend.Get[float32](s, far), backend.Get[int32](s, label)
	for i := 0; i < len(rows) && len(empty) > 0; i++ {
		if !(distances[i] > 0) || sums.Count[from[i]] < 2 {
			continue
		}
		sums.Count[from[i]]--
		backend.Set(s, s.View(f.labels, int(rows[i]), int(rows[i])+1, 0, 1), []int32{int32(empty[0])})
		empty = empty[1:]
		moved = true
	}
	f.Fail(s.Err())
	if !moved {
		return sums, false
	}
	return f.scatter(f.sums, f.x, f.labels, f.exponents, f.scales), true
}
