package cluster

import (
	"context"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend"
)

// Explained is the best solution found for one objective, scored by all.
type Explained struct {
	Objective   Objective
	Method      Method
	Value       float64 // of Objective
	Evaluations int64
	Scores
}

// Explain minimises WCSS, SED and SEDMeans in turn, each by its own local
// search, and scores what it finds by all of them: which objective a published
// number belongs to can be read off the table. NInit, MaxIter, Init, Centers,
// Weights, Seed and Progress are taken from cfg; NInit 0 means 50 here. Each
// objective also starts from the solutions of the other two. A data set of more
// than 20,000 rows gets no row for SEDMeans.
func Explain(ctx context.Context, dev *backend.Device, data blas32.General, cfg Config) ([]Explained, error) {
	base := Config{K: cfg.K, Init: cfg.Init, Centers: cfg.Centers, Weights: cfg.Weights, NInit: cfg.NInit, MaxIter: cfg.MaxIter,
		Seed: cfg.Seed, Progress: cfg.Progress}
	if base.NInit == 0 {
		base.NInit = 50
	}
	objectives := []Objective{WCSS, SED, SEDMeans}
	if data.Rows > transferRows {
		objectives = objectives[:2]
	}
	first, best := make([]*Result, len(objectives)), make([]*Result, len(objectives))
	evaluations := make([]int64, len(objectives))
	for i, o := range objectives {
		c := base
		c.Objective = o
		if o == SEDMeans {
			c.NInit = min(c.NInit, 10) // a start costs n² here
		}
		r, err := Fit(ctx, dev, data, c)
		if err != nil {
			return nil, err
		}
		first[i], best[i], evaluations[i] = r, r, r.Evaluations
	}
	for i, o := range objectives {
		for j, from := range first {
			if i == j {
				continue
			}
			c := base
			c.Objective, c.Init, c.Centers, c.NInit = o, GivenCenters, &from.Centers, 1
			r, err := Fit(ctx, dev, data, c)
			if err != nil {
				return nil, err
			}
			evaluations[i] += r.Evaluations
			if r.Value < best[i].Value {
				best[i] = r
			}
		}
	}
	out := make([]Explained, len(objectives))
	for i, r := range best {
		out[i] = Explained{objectives[i], r.Method, r.Value, evaluations[i], r.Scores}
	}
	return out, nil
}

// PairwiseSums adds the squared distances over all ordered pairs of rows that
// share a label, pair by pair: what Scores.PairwiseSums gets from the identity
// 2·n_c·W_c. Labels are 0..k−1. The distances of a row are summed in float32 on
// the device, the rows in float64. Cost: 3·n²·d flops, n·k numbers of memory.
func PairwiseSums(ctx context.Context, dev *backend.Device, data blas32.General, labels []int32, k int) ([]float64, error) {
	s := backend.NewScope(ctx, dev)
	defer s.Close()
	x, err := backend.BorrowGeneral(ctx, dev, data)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	y := s.New(backend.Float32, data.Rows, k)
	s.Run(&backend.PairwiseSum{Y: y, X: x, C: x, Label: backend.Put(s, data.Rows, 1, labels)})
	perRow := backend.Get[float32](s, y)
	if err := s.Err(); err != nil {
		return nil, err
	}
	sums := make([]float64, k)
	for i, c := range labels {
		sums[c] += float64(perRow[i*k+int(c)])
	}
	return sums, nil
}
