package cluster

import (
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
)

// restingBatches is how many batches in a row may hardly move the centres
// before mini-batches end.
const restingBatches = 10

// miniBatch is mini-batch k-means (Sculley, "Web-scale k-means clustering",
// 2010): each batch goes to its nearest centres, and each centre becomes the
// mean of all rows it was ever given. (Steps of 1/v towards each row, v the rows
// so far, amount to that mean; here it is c = (v·c + Σ w·x)/(v + Σ w) with exact
// sums, so that the order in the batch does not matter.) Batches run through a
// shuffle of all rows, a new one each time round. An iteration is a batch; the
// start ends when ten in a row moved the centres by no more than the tolerance.
func (f *fit) miniBatch(r *run, limit int, tol float64) {
	s := backend.NewScope(f.ctx, f.dev)
	defer s.Close()
	s.Fail(f.Err())
	b := min(f.cfg.BatchRows, f.n)
	rows, labels := s.New(backend.Float32, b, f.d), s.New(backend.Int32, b, 1)
	index := s.New(backend.Int32, b, 1)
	sums := s.New(backend.Uint32, f.k, exact.ScatterWords(f.d))
	var weights *backend.Tensor
	massScale := []int32{0}
	if f.weights != nil {
		weights, massScale = s.New(backend.Float32, b, 1), f.weightScale
	}
	massSums := s.New(backend.Uint32, f.k, exact.ScatterWords(1))
	f.Fail(s.Err())
	if tol > 0 {
		tol = tol * f.spread / (float64(f.n) * float64(f.d))
	}
	seen := make([]float64, f.k)
	var order []int32
	resting := 0
	for batch := 0; batch < limit && !r.converged && f.Err() == nil; batch++ {
		if len(order) < b {
			order = append(order, f.shuffled(r.start, batch)...)
		}
		backend.Set(s, index, order[:b])
		order = order[b:]
		s.Run(
			&backend.Gather{Y: rows, X: f.x, Index: index},
			&backend.Nearest{Index: labels, X: rows, C: f.centers, Shift: f.shift},
		)
		if weights != nil {
			s.Run(&backend.Gather{Y: weights, X: f.weights, Index: index})
		}
		f.Fail(s.Err())
		sum := f.scatterWeighted(sums, rows, weights, labels, f.exponents, f.scales)
		if f.Err() != nil {
			return
		}
		mass := make([]float64, f.k)
		for c, n := range sum.Count {
			mass[c] = float64(n)
		}
		if weights != nil {
			w := f.scatter(massSums, weights, labels, f.weightExponent, massScale)
			if f.Err() != nil {
				return
			}
			for c := range mass {
				mass[c] = w.Sum64(c, 0)
			}
		}
		next := slices.Clone(r.centers)
		for c, m := range mass {
			if m == 0 {
				continue
			}
			for j := range f.d {
				p := c*f.d + j
				next[p] = float32((float64(seen[c]*float64(r.centers[p])) + sum.Sum64(c, j)) / (seen[c] + m))
			}
			seen[c] += m
		}
		shift, _ := movement(r.centers, next)
		r.centers = next
		backend.Set(f.Scope, f.centers, next)
		r.iterations++
		r.evaluations++
		if resting++; shift > tol {
			resting = 0
		}
		r.converged = resting == restingBatches
		f.observe(r.start, r.iterations, next)
		f.progress(r, limit, shift)
	}
}

// shuffled returns all rows in a random order: by a word each, then by number.
func (f *fit) shuffled(start, round int) []int32 {
	keys := make([]uint64, f.n)
	var words [4]uint32
	for i := range keys {
		if i%4 == 0 {
			words = exact.Block(f.cfg.Seed, exact.UseMiniBatch, uint16(start), uint32(round), 0, uint32(i/4))
		}
		keys[i] = uint64(words[i%4])<<32 | uint64(i)
	}
	slices.Sort(keys)
	order := make([]int32, f.n)
	for i, k := range keys {
		order[i] = int32(uint32(k))
	}
	return order
}
