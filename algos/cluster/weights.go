package cluster

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
)

// weightReach is how far apart positive weights may lie: within it, exact sums
// hold each of them without error.
const weightReach = 1 << 36

// checkWeights refuses weights that mean nothing. nil weighs all rows alike.
func checkWeights(w []float32, n, k int) error {
	if w == nil {
		return nil
	}
	if len(w) != n {
		return fmt.Errorf("%d weights for %d rows: %w", len(w), n, ErrInput)
	}
	positive := 0
	var least, largest float32
	for i, v := range w {
		switch {
		case v-v != 0:
			return fmt.Errorf("weight of row %d is not finite: %w", i+1, ErrInput)
		case v < 0:
			return fmt.Errorf("weight of row %d is negative: %w", i+1, ErrInput)
		case v == 0:
			continue
		}
		if positive == 0 || v < least {
			least = v
		}
		largest = max(largest, v)
		positive++
	}
	switch {
	case positive == 0:
		return fmt.Errorf("all weights are zero: %w", ErrInput)
	case positive < k:
		return fmt.Errorf("k = %d clusters of %d rows with a weight above zero: %w", k, positive, ErrInput)
	case float64(largest) > float64(least)*weightReach:
		return fmt.Errorf("weights from %g to %g lie more than 2³⁶ apart: %w", least, largest, ErrInput)
	case largest > 0x1p40 || least < 0x1p-60:
		return fmt.Errorf("weights from %g to %g could leave float32's range: scale them: %w", least, largest, ErrInput)
	}
	return nil
}

// positiveRows returns the rows with a positive weight, or nil where that is
// all of them.
func positiveRows(w []float32) []int {
	if !slices.Contains(w, 0) {
		return nil
	}
	rows := make([]int, 0, len(w))
	for i, v := range w {
		if v > 0 {
			rows = append(rows, i)
		}
	}
	return rows
}

// fitKept clusters the named rows and labels all.
func fitKept(ctx context.Context, dev *backend.Device, data blas32.General, cfg Config, rows []int) (*Result, error) {
	if i, j, bad := notFinite(data); bad {
		return nil, fmt.Errorf("row %d, column %d is not finite: %w", i+1, j+1, ErrInput)
	}
	weights := make([]float32, len(rows))
	for p, i := range rows {
		weights[p] = cfg.Weights[i]
	}
	inner := cfg
	inner.Weights = weights
	f, err := newFit(ctx, dev, rowsAt(data, rows), inner)
	defer f.Close()
	if err != nil {
		return nil, err
	}
	best, err := f.bestStart()
	if err != nil {
		return nil, err
	}
	res, err := f.result(best)
	if err != nil {
		return nil, err
	}
	// The rows left out go where their centre is nearest.
	labels, err := f.nearest(data, res.Centers)
	if err != nil {
		return nil, err
	}
	for p, i := range rows {
		labels[i] = res.Labels[p]
	}
	clear(res.Sizes)
	for _, c := range labels {
		res.Sizes[c]++
	}
	res.N, res.Labels = data.Rows, labels
	return res, nil
}

// nearest labels rows that are not the fit's own.
func (f *fit) nearest(rows, centers blas32.General) ([]int32, error) {
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	x, err := backend.BorrowGeneral(f.ctx, f.dev, rows)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	index := s.New(backend.Int32, rows.Rows, 1)
	c := backend.Put(s, centers.Rows, centers.Cols, centers.Data)
	s.Run(&backend.Nearest{Index: index, X: x, C: c, Shift: f.shift, Metric: f.cfg.Metric.ranking()})
	labels := backend.Get[int32](s, index)
	return labels, s.Err()
}
