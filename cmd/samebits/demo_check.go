package main

import (
	"context"
	"errors"
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/cluster"
	"samebits/algos/dataset"
	"samebits/backend"
)

// colors is what the demo found: the result of the last iteration, and the
// centres that iteration started from.
type colors struct {
	*cluster.Result
	from cluster.Config
}

// findColors clusters the pixels and ends with one iteration from known
// centres, which any device can repeat alone.
func findColors(ctx context.Context, dev *backend.Device, data blas32.General, k int, seed uint64, progress func(cluster.Progress), observe func(cluster.Step) error) (colors, error) {
	first, err := cluster.Fit(ctx, dev, data, cluster.Config{K: k, NInit: demoStarts, MaxIter: demoMaxIter, Tol: demoTol,
		Seed: seed, Progress: progress, Observe: observe})
	if err != nil {
		return colors{}, err
	}
	from := cluster.Config{K: k, Centers: &first.Centers, MaxIter: 1, Tol: demoTol, Seed: seed}
	last, err := cluster.Fit(ctx, dev, data, from)
	if err != nil {
		return colors{}, err
	}
	last.Iterations += first.Iterations
	last.Converged = first.Converged
	return colors{last, from}, nil
}

// demoCheck is what the other path said.
type demoCheck struct {
	on, renderer, what          string
	rows                        int
	same                        bool
	labels, centroids           string // SHA-256 on the device, of what was checked
	otherLabels, otherCentroids string // and on the other path
}

// The pixels that a check repeats: all of the drawn picture on the plain
// statements, fewer where a software OpenGL would keep the user waiting.
const (
	checkRows         = 1 << 20
	checkRowsSoftware = 1 << 17
)

// crossCheck repeats the last iteration on a device of another kind and
// compares labels, centroids and every objective.
func (a *app) crossCheck(ctx context.Context, dev *backend.Device, data blas32.General, found colors) (demoCheck, error) {
	other, limit, err := a.otherPath(ctx, dev)
	if err != nil {
		return demoCheck{}, err
	}
	defer other.Close()
	own := found.Result
	what := "the last iteration and all scores, every pixel"
	if data.Rows > limit {
		what = fmt.Sprintf("the last iteration and all scores, the first %d of %d pixels", limit, data.Rows)
		data.Rows, data.Data = limit, data.Data[:limit*data.Stride]
		if own, err = cluster.Fit(ctx, dev, data, found.from); err != nil {
			return demoCheck{}, err
		}
	}
	progress := a.newBar(1, fmt.Sprintf("checking %d pixels on %s", data.Rows, other.Info().Name))
	from := found.from
	from.Progress = func(cluster.Progress) { progress.set(1) }
	theirs, err := cluster.Fit(ctx, other, data, from)
	progress.close()
	if err != nil {
		return demoCheck{}, fmt.Errorf("cross-check on %s: %w", other.Info().Name, err)
	}
	c := demoCheck{on: other.Info().Name, renderer: other.Info().Renderer, what: what, rows: data.Rows,
		labels: dataset.SHA256Int32(own.Labels), centroids: dataset.SHA256Float32(own.Centers.Data),
		otherLabels: dataset.SHA256Int32(theirs.Labels), otherCentroids: dataset.SHA256Float32(theirs.Centers.Data)}
	if other.Info().Kind == "reference" {
		c.renderer = "the plain statements of the contract, one thread"
	}
	c.same = c.labels == c.otherLabels && c.centroids == c.otherCentroids &&
		own.WCSS == theirs.WCSS && own.SED == theirs.SED && own.SEDToMeans == theirs.SEDToMeans &&
		own.PairwiseMean == theirs.PairwiseMean
	return c, nil
}

// otherPath opens a device of another kind that follows the same arithmetic:
// the processor for a GPU; for the processor a GPU, software included, and the
// plain statements where there is none. It returns how many pixels to give it.
func (a *app) otherPath(ctx context.Context, dev *backend.Device) (*backend.Device, int, error) {
	cfg := a.config()
	cfg.Logger = nil // the run's own device has said what there is to say
	cfg.Profile = backend.ProfileRequest(dev.Profile().Mac.String())
	if dev.Info().Kind != "cpu" {
		other, err := backend.Open(ctx, "cpu", cfg)
		return other, checkRows, err
	}
	for _, in := range backend.Devices(ctx, cfg) {
		if in.Kind == "cpu" || !in.Usable || in.Profile == nil || in.Profile.Mode != backend.ExactMode {
			continue
		}
		other, err := backend.Open(ctx, in.Name, cfg)
		if errors.Is(err, backend.ErrUnavailable) {
			continue
		}
		limit := checkRows
		if in.Software {
			limit = checkRowsSoftware
		}
		return other, limit, err
	}
	other, err := backend.Open(ctx, "reference", cfg)
	return other, checkRows, err
}
