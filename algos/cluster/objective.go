package cluster

import (
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// finish labels the rows by the run's centres, which are on the device, and
// values the run. Under SEDMeans the run becomes a partition and its means.
func (f *fit) finish(r *run) {
	switch {
	case r.labels != nil:
		backend.Set(f.Scope, f.labels, r.labels)
		f.measure()
	case r.current:
		f.measure()
	default:
		f.assignMeasured()
		if !f.cfg.Method.metaheuristic() { // which has scored these centres before
			r.evaluations++
		}
	}
	if f.cfg.Objective == SEDMeans {
		r.centers = f.meansOf(f.sumRows(), r.centers) // those it has where the device failed
		backend.Set(f.Scope, f.centers, r.centers)
		f.measure()
		r.labels = backend.Get[int32](f.Scope, f.labels)
	}
	r.value = f.value()
}

// value sums the distances on the device as the objective does.
func (f *fit) value() float64 {
	if f.cfg.Metric != Euclidean {
		return f.total(f.distance)
	}
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	root := s.New(backend.Float32, f.n, 1)
	s.Run(&backend.Map{Fn: backend.FnSqrt, Y: root, A: f.distance})
	f.Fail(s.Err())
	return f.total(root)
}

// total is the exact sum of distances times weights, rounded once.
func (f *fit) total(distances *backend.Tensor) float64 {
	if sum := f.sumDistances(distances, nil); f.Err() == nil {
		return sum.Total64(0)
	}
	return 0
}

// columnMedians returns each cluster's median in every column, by weight: the
// mean of the two middle values, rounded once, where a value splits the weight
// in half exactly. A cluster without rows keeps its old centre. Rows stay on
// the host for it, which sorts: cost n·d·log n.
func (f *fit) columnMedians(old []float32) []float32 {
	labels := backend.Get[int32](f.Scope, f.labels)
	if f.Err() != nil {
		return nil
	}
	members := membersOf(labels, f.k)
	next := slices.Clone(old)
	var column []weighedValue
	for c, rows := range members {
		if len(rows) == 0 {
			continue
		}
		for j := range f.d {
			column = column[:0]
			for _, i := range rows {
				v := weighedValue{f.data.Data[int(i)*f.data.Stride+j], 1}
				if f.cfg.Weights != nil {
					v.weight = float64(f.cfg.Weights[i])
				}
				column = append(column, v)
			}
			next[c*f.d+j] = weighedMedian(column)
		}
	}
	return next
}

type weighedValue struct {
	value  float32
	weight float64
}

// weighedMedian sorts column and returns its median. Equal values keep their
// order, so that the sums of weights have one order.
func weighedMedian(column []weighedValue) float32 {
	slices.SortStableFunc(column, func(a, b weighedValue) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})
	total := 0.0
	for _, v := range column {
		total += v.weight
	}
	below := 0.0
	for i, v := range column {
		below += v.weight
		if 2*below == total && i+1 < len(column) {
			return float32(0.5 * (float64(v.value) + float64(column[i+1].value)))
		}
		if 2*below >= total {
			return v.value
		}
	}
	return column[len(column)-1].value
}

// membersOf lists the rows of each cluster, ascending.
func membersOf(labels []int32, k int) [][]int32 {
	members := make([][]int32, k)
	for i, c := range labels {
		members[c] = append(members[c], int32(i))
	}
	return members
}

// directions scales centres to length 1; one without a direction stays where
// it was.
func directions(centers, old []float32, d int) []float32 {
	next := slices.Clone(centers)
	for c := 0; c < len(next); c += d {
		row := next[c : c+d]
		var largest float32
		for _, v := range row {
			largest = max(largest, exact.Abs(v))
		}
		sum := 0.0
		for _, v := range row {
			t := float64(v) / float64(largest)
			sum += float64(t * t)
		}
		if !(largest > 0) {
			copy(row, old[c:c+d])
			continue
		}
		norm := sqrt(sum)
		for j, v := range row {
			row[j] = float32(float64(v) / float64(largest) / norm)
		}
	}
	return next
}
