package cpu

import (
	"context"

	"samebits/backend"
	"samebits/backend/exact"
)

// Filters by pivot search instead of a sort: four passes over the bytes of the
// elements' order keys, from the highest, each with a histogram of weights,
// find the key at which the kept prefix ends. Weights are whole numbers, so no
// sum depends on an order.

func init() { register("filter", filterFast, filterReference) }

func filterReference(d *driver, op *backend.Filter) error {
	for r := range tensorRows(op.Y) {
		y, x := tensorRow[float32](op.Y, r), tensorRow[float32](op.X, r)
		switch op.Kind {
		case backend.FilterTopK:
			exact.FilterTopKRow(y, x, op.K)
		case backend.FilterTopP:
			d.mac.FilterTopPRow(y, x, op.P)
		default:
			d.mac.FilterMinPRow(y, x, op.P)
		}
	}
	return nil
}

func filterFast(ctx context.Context, d *driver, op *backend.Filter) error {
	k := d.softmaxKernel(1)
	grain := max(1, exact.SumBlock/max(1, op.X.Cols()))
	return d.parallel(ctx, tensorRows(op.X), grain, func(from, to int) {
		s := takeRowScratch()
		defer s.give()
		for r := from; r < to; r++ {
			y, x := tensorRow[float32](op.Y, r), tensorRow[float32](op.X, r)
			switch op.Kind {
			case backend.FilterTopK:
				filterTopKRow(y, x, op.K, s)
			case backend.FilterTopP:
				filterTopPRow(k, y, x, op.P, s)
			default:
				filterMinPRow(k, y, x, op.P, s)
			}
		}
	})
}

func filterTopKRow(y, x []float32, k int, s *rowScratch) {
	if k >= len(x) {
		copyCanonical(y, x)
		return
	}
	keys := s.words(len(x))
	for j, v := range x {
		if v != v {
			copyCanonical(y, x)
			return
		}
		keys[j] = exact.OrderKey(v)
	}
	keepPrefix(y, x, keys, findPivot(keys, nil, uint64(k)))
}

func filterTopPRow(k *softmaxKernel, y, x []float32, p float32, s *rowScratch) {
	prob := s.floats(len(x))
	k.row(prob, x, false, inline) // inline returns no error
	if prob[0] != prob[0] {
		copyCanonical(y, x) // one NaN makes all of them NaN
		return
	}
	both := s.words(2 * len(x))
	keys, weights := both[:len(x)], both[len(x):]
	for j, q := range prob {
		keys[j] = exact.OrderKey(q)
		weights[j] = exact.ProbabilityWeight(q)
	}
	target := uint64(exact.ProbabilityWeight(p))
	if target == 0 {
		weights, target = nil, 1
	}
	keepPrefix(y, x, keys, findPivot(keys, weights, target))
}

func filterMinPRow(k *softmaxKernel, y, x []float32, p float32, s *rowScratch) {
	prob := s.floats(len(x))
	k.row(prob, x, false, inline) // inline returns no error
	least := float32(p * rowTop(prob, 1))
	for j, v := range x {
		if prob[j] < least {
			y[j] = negInf
		} else {
			y[j] = exact.CanonNaN(v)
		}
	}
}

// pivot is where a prefix in the order (key descending, index ascending) ends:
// all keys above key belong to it, and the first equal ones of key itself.
type pivot struct {
	key   uint32
	equal int
}

// findPivot returns the end of the shortest prefix whose weights reach target
// ≥ 1; a nil weights counts elements. Equal keys have equal weights. Where all weights stay
// below the target the prefix is the whole row.
func findPivot(keys, weights []uint32, target uint64) pivot {
	var key, mask uint32
	var above uint64 // weight of the keys that the bytes so far put above key
	for shift := 24; shift >= 0; shift -= 8 {
		var sum [256]uint64
		if weights == nil {
			for _, k := range keys {
				if k&mask == key {
					sum[k>>shift&255]++
				}
			}
		} else {
			for j, k := range keys {
				if k&mask == key {
					sum[k>>shift&255] += uint64(weights[j])
				}
			}
		}
		digit := 255
		for ; digit >= 0 && above+sum[digit] < target; digit-- {
			above += sum[digit]
		}
		if digit < 0 {
			return pivot{0, len(keys)}
		}
		key |= uint32(digit) << shift
		mask |= 255 << shift
	}
	weight := uint64(1)
	for j, k := range keys {
		if k == key && weights != nil {
			weight = uint64(weights[j])
			break
		}
	}
	return pivot{key, int((target - above + weight - 1) / weight)}
}

// keepPrefix copies the logits of a prefix to y and stores −Inf elsewhere.
func keepPrefix(y, x []float32, keys []uint32, p pivot) {
	equal := p.equal
	for j, v := range x {
		switch k := keys[j]; {
		case k > p.key:
			y[j] = v
		case k == p.key && equal > 0:
			equal--
			y[j] = v
		default:
			y[j] = negInf
		}
	}
}

func copyCanonical(y, x []float32) {
	for j, v := range x {
		y[j] = exact.CanonNaN(v)
	}
}
