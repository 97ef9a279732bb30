package cluster

import (
	"fmt"
	"slices"

	"samebits/backend"
)

// transferRows bounds what transfer takes: each move compares all rows of two
// clusters.
const transferRows = 20_000

// transfer moves single rows between clusters as long as that lowers the sum
// of distances to the clusters' means, the objective of papers that code a
// clustering by its labels. Rows are tried in order, each in the clusters whose
// mean is at most twice as far as its own, and go where the gain is largest;
// sweeps go on until none moves. All of it is float64 on the host, in the order
// written. Cost of a sweep: n²·d·(1+1/k) at most, of which few rows pay.
func (f *fit) transfer(r *run, limit int) {
	if f.n > transferRows {
		f.Fail(fmt.Errorf("method %s takes at most %d rows: %w", Transfer, transferRows, ErrInput))
	}
	f.assign()
	labels := backend.Get[int32](f.Scope, f.labels)
	if f.Err() != nil {
		return
	}
	p := &partition{f: f, labels: labels, members: membersOf(labels, f.k)}
	p.mean = make([][]float64, f.k)
	p.cost = make([]float64, f.k)
	for c := range f.k {
		p.mean[c] = p.meanOf(c, -1, -1)
		p.cost[c] = p.costOf(c, -1, -1, p.mean[c])
	}
	r.converged = false
	for sweep := 0; sweep < limit && !r.converged && f.Err() == nil; sweep++ {
		r.converged = !p.sweep()
		r.iterations++
		r.evaluations++
		f.Fail(f.ctx.Err())
		f.progress(r, r.iterations+limit-sweep-1, 0)
	}
	r.labels = p.labels
}

// partition is a clustering coded by its labels.
type partition struct {
	f       *fit
	labels  []int32
	members [][]int32 // ascending
	mean    [][]float64
	cost    []float64 // Σ w·|x−m| of each cluster
}

// weight returns a row's weight.
func (p *partition) weight(i int32) float64 {
	if p.f.cfg.Weights == nil {
		return 1
	}
	return float64(p.f.cfg.Weights[i])
}

// each calls visit for the rows of cluster c, without one row and with
// another, where they are not −1.
func (p *partition) each(c int, without, with int32, visit func(i int32)) {
	for _, i := range p.members[c] {
		if i != without {
			visit(i)
		}
	}
	if with >= 0 {
		visit(with)
	}
}

func (p *partition) meanOf(c int, without, with int32) []float64 {
	m, total := make([]float64, p.f.d), 0.0
	p.each(c, without, with, func(i int32) {
		w, row := p.weight(i), p.f.data.Data[int(i)*p.f.data.Stride:]
		for j := range m {
			m[j] += float64(w * float64(row[j]))
		}
		total += w
	})
	for j := range m {
		m[j] /= total
	}
	return m
}

func (p *partition) costOf(c int, without, with int32, mean []float64) float64 {
	sum := 0.0
	p.each(c, without, with, func(i int32) { sum += float64(p.weight(i) * p.distance(i, mean)) })
	return sum
}

// distance is |x−m|.
func (p *partition) distance(i int32, mean []float64) float64 {
	sum, row := 0.0, p.f.data.Data[int(i)*p.f.data.Stride:]
	for j, m := range mean {
		t := float64(row[j]) - m
		sum += float64(t * t)
	}
	return sqrt(sum)
}

// sweep tries every row once and says whether one moved.
func (p *partition) sweep() (moved bool) {
	for i := range int32(p.f.n) {
		a := int(p.labels[i])
		if len(p.members[a]) < 2 {
			continue
		}
		own := p.distance(i, p.mean[a])
		var left []float64 // mean of a without the row
		var leftCost float64
		best, gain := -1, 0.0
		var mean []float64
		var cost float64
		for b := range p.f.k {
			if b == a || len(p.members[b]) == 0 || p.distance(i, p.mean[b]) > 2*own {
				continue
			}
			if left == nil {
				left = p.meanOf(a, i, -1)
				leftCost = p.costOf(a, i, -1, left)
			}
			m := p.meanOf(b, -1, i)
			c := p.costOf(b, -1, i, m)
			// A gain must pass what rounding could feign.
			if g := p.cost[a] + p.cost[b] - leftCost - c; g > gain && g > 1e-12*(p.cost[a]+p.cost[b]) {
				best, gain, mean, cost = b, g, m, c
			}
		}
		if best < 0 {
			continue
		}
		at, _ := slices.BinarySearch(p.members[a], i)
		p.members[a] = slices.Delete(p.members[a], at, at+1)
		at, _ = slices.BinarySearch(p.members[best], i)
		p.members[best] = slices.Insert(p.members[best], at, i)
		p.labels[i] = int32(best)
		p.mean[a], p.cost[a], p.mean[best], p.cost[best] = left, leftCost, mean, cost
		moved = true
	}
	return moved
}
