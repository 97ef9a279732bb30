package cluster

import (
	"fmt"

	"samebits/backend"
)

// Metric is the distance between a row and a centre.
type Metric string

const (
	// SquaredEuclidean is |x−c|², whose sum is the WCSS.
	SquaredEuclidean Metric = "sqeuclidean"
	// Euclidean is |x−c|, whose sum is the SED.
	Euclidean Metric = "euclidean"
	// Manhattan is Σ|x_j−c_j|; the best centre of a cluster is its median in
	// each column.
	Manhattan Metric = "manhattan"
	// Cosine is 1 − cos(x, c). Rows are scaled to length 1 before anything else,
	// centres are directions of length 1, and every score is of those rows:
	// spherical k-means (Dhillon & Modha 2001).
	Cosine Metric = "cosine"
)

// Objective is a sum over all rows that a clustering minimises.
type Objective string

const (
	// WCSS is Σ |x−c|² to the nearest centre.
	WCSS Objective = "wcss"
	// SED is Σ |x−c| to the nearest centre, wherever the centres stand.
	SED Objective = "sed"
	// SEDMeans is Σ |x−m| to the mean of the row's cluster, over partitions.
	SEDMeans Objective = "sed-means"
	// SumManhattan and SumCosine are the sums of the metrics of those names.
	SumManhattan Objective = "manhattan"
	SumCosine    Objective = "cosine"
)

// metricOf gives the distance that an objective sums.
var metricOf = map[Objective]Metric{WCSS: SquaredEuclidean, SED: Euclidean, SEDMeans: Euclidean, SumManhattan: Manhattan, SumCosine: Cosine}

// objectiveOf gives the objective that a metric stands for on its own.
var objectiveOf = map[Metric]Objective{SquaredEuclidean: WCSS, Euclidean: SED, Manhattan: SumManhattan, Cosine: SumCosine}

// resolve completes an objective by its metric and the other way round.
func resolve(o Objective, m Metric) (Objective, Metric, error) {
	if _, known := objectiveOf[m]; m != "" && !known {
		return o, m, fmt.Errorf("metric %q: want %s, %s, %s or %s: %w", m, SquaredEuclidean, Euclidean, Manhattan, Cosine, ErrInput)
	}
	if _, known := metricOf[o]; o != "" && !known {
		return o, m, fmt.Errorf("objective %q: want %s, %s or %s, or the metric %s or %s alone: %w", o, WCSS, SED, SEDMeans, Manhattan, Cosine, ErrInput)
	}
	switch {
	case o == "" && m == "":
		return WCSS, SquaredEuclidean, nil
	case o == "":
		return objectiveOf[m], m, nil
	case m == "" || m == metricOf[o]:
		return o, metricOf[o], nil
	}
	return o, m, fmt.Errorf("objective %s sums the metric %s, not %s: %w", o, metricOf[o], m, ErrInput)
}

// ranking is the distance by which rows find their centres on a device.
// Euclidean distances rank as their squares do.
func (m Metric) ranking() backend.Metric {
	switch m {
	case Manhattan:
		return backend.Manhattan
	case Cosine:
		return backend.Cosine
	}
	return backend.SquaredEuclidean
}

// euclidean says whether rows go to the nearest centre in the plain sense.
func (m Metric) euclidean() bool { return m == SquaredEuclidean || m == Euclidean }
