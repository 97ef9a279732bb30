package cpu

import (
	"context"
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

// Filters by pivot search instead of a sort, over order keys and weights that
// are whole numbers, so that no sum depends on an order. With vector kernels the
// search halves the range of keys, each time in one pass; the plain search
// sorts out the bytes of the keys, from the highest, with a histogram of weights.

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
	c := filterCalls.take()
	defer filterCalls.give(c)
	c.args = filterCall{ctx, d.softmaxKernel(1), op}
	grain := max(1, exact.SumBlock/max(1, op.X.Cols()))
	return c.parallel(ctx, d, tensorRows(op.X), grain, (*filterCall).rows)
}

type filterCall struct {
	ctx context.Context
	k   softmaxKernel
	op  *backend.Filter
}

var filterCalls calls[filterCall]

func (c *filterCall) rows(from, to int) {
	s := takeRowScratch()
	defer s.give()
	for r := from; r < to; r++ {
		y, x := tensorRow[float32](c.op.Y, r), tensorRow[float32](c.op.X, r)
		switch c.op.Kind {
		case backend.FilterTopK:
			filterTopKRow(c.ctx, y, x, c.op.K, s)
		case backend.FilterTopP:
			filterTopPRow(c.ctx, &c.k, y, x, c.op.P, s)
		default:
			filterMinPRow(c.ctx, &c.k, y, x, c.op.P, s)
		}
	}
}

// The row functions leave a long row unfinished when ctx ends, which the
// operation then returns.

func filterTopKRow(ctx context.Context, y, x []float32, k int, s *rowScratch) {
	if k >= len(x) {
		copyCanonical(ctx, y, x)
		return
	}
	keys := s.words(len(x))
	nan := false
	for from, to := range longPieces(ctx, len(x)) {
		nan = orderKeys(keys[from:to], x[from:to]) || nan
	}
	if nan {
		copyCanonical(ctx, y, x)
		return
	}
	if end, ok := findPivot(ctx, keys, nil, uint64(k)); ok {
		keepPrefix(ctx, y, x, keys, end)
	}
}

func filterTopPRow(ctx context.Context, k *softmaxKernel, y, x []float32, p float32, s *rowScratch) {
	prob := s.floats(len(x))
	if k.row(prob, x, false, false, spreader{ctx: ctx}) != nil {
		return
	}
	if prob[0] != prob[0] {
		copyCanonical(ctx, y, x) // one NaN makes all of them NaN
		return
	}
	both := s.words(2 * len(x))
	keys, weights := both[:len(x)], both[len(x):]
	for from, to := range longPieces(ctx, len(x)) {
		orderKeys(keys[from:to], prob[from:to])
		probabilityWeights(weights[from:to], prob[from:to])
	}
	target := uint64(exact.ProbabilityWeight(p))
	if target == 0 {
		weights, target = nil, 1
	}
	if end, ok := findPivot(ctx, keys, weights, target); ok {
		keepPrefix(ctx, y, x, keys, end)
	}
}

func filterMinPRow(ctx context.Context, k *softmaxKernel, y, x []float32, p float32, s *rowScratch) {
	prob := s.floats(len(x))
	if k.row(prob, x, false, false, spreader{ctx: ctx}) != nil {
		return
	}
	top := negInf
	for from, to := range longPieces(ctx, len(x)) {
		if v := vecTop(prob[from:to], 1); !(v <= top) {
			top = v // one NaN makes all of them NaN
		}
	}
	least := float32(p * top)
	for from, to := range longPieces(ctx, len(x)) {
		for j := from; j < to; j++ {
			if prob[j] < least {
				y[j] = negInf
			} else {
				y[j] = exact.CanonNaN(x[j])
			}
		}
	}
}

// pivot is where a prefix in the order (key descending, index ascending) ends:
// all keys above key belong to it, and the first equal ones of key itself.
type pivot struct {
	key   uint32
	equal int
}

// orderKeys stores exact.OrderKey of x ≠ ∅ and reports whether it holds a NaN.
func orderKeys(keys []uint32, x []float32) (nan bool) {
	if vec == nil {
		return orderKeysPlain(keys, x)
	}
	vec.orderKeys(&keys[:len(x)][0], &x[0], len(x))
	return vec.countFrom(&keys[0], len(x), math.MaxUint32) > 0
}

func orderKeysPlain(keys []uint32, x []float32) (nan bool) {
	for j, v := range x {
		keys[j] = exact.OrderKey(v)
		nan = nan || v != v
	}
	return nan
}

// probabilityWeights stores exact.ProbabilityWeight of q ≠ ∅.
func probabilityWeights(weights []uint32, q []float32) {
	if vec == nil {
		probabilityWeightsPlain(weights, q)
		return
	}
	vec.weights(&weights[:len(q)][0], &q[0], len(q))
}

func probabilityWeightsPlain(weights []uint32, q []float32) {
	for j, p := range q {
		weights[j] = exact.ProbabilityWeight(p)
	}
}

// findPivot returns the end of the shortest prefix whose weights reach target
// ≥ 1; a nil weights counts elements. Equal keys have equal weights. Where all weights stay
// below the target the prefix is the whole row. It is false where ctx ended
// before the pivot was found.
func findPivot(ctx context.Context, keys, weights []uint32, target uint64) (pivot, bool) {
	if vec == nil {
		return findPivotPlain(ctx, keys, weights, target)
	}
	from := func(threshold uint32) (sum uint64) {
		for i, j := range longPieces(ctx, len(keys)) {
			if weights == nil {
				sum += vec.countFrom(&keys[i], j-i, threshold)
			} else {
				sum += vec.weightFrom(&keys[i], &weights[i], j-i, threshold)
			}
		}
		return sum
	}
	// The pivot is the largest key from which on the weights reach the target;
	// no key is 0, and the largest of all is that of a NaN.
	var key uint32
	for bit := uint32(1 << 31); bit > 0; bit >>= 1 {
		w := from(key | bit)
		if w >= target {
			key |= bit
		}
		if w == target && weights == nil {
			return pivot{key - 1, 0}, !ended(ctx, len(keys)) // whatever elements have that key are out
		}
	}
	if key == 0 {
		return pivot{0, len(keys)}, !ended(ctx, len(keys))
	}
	above := uint64(0)
	if key < math.MaxUint32 {
		above = from(key + 1)
	}
	if ended(ctx, len(keys)) {
		return pivot{}, false
	}
	return pivot{key, equalKept(keys, weights, key, target-above)}, true
}

// equalKept returns how many elements of a key reach the rest of a target.
func equalKept(keys, weights []uint32, key uint32, rest uint64) int {
	weight := uint64(1)
	for j, k := range keys {
		if k == key && weights != nil {
			weight = uint64(weights[j])
			break
		}
	}
	return int((rest + weight - 1) / weight)
}

func findPivotPlain(ctx context.Context, keys, weights []uint32, target uint64) (pivot, bool) {
	var key, mask uint32
	var above uint64 // weight of the keys that the bytes so far put above key
	for shift := 24; shift >= 0; shift -= 8 {
		var sum [256]uint64
		for from, to := range longPieces(ctx, len(keys)) {
			if weights == nil {
				for _, k := range keys[from:to] {
					if k&mask == key {
						sum[k>>shift&255]++
					}
				}
				continue
			}
			for j := from; j < to; j++ {
				if k := keys[j]; k&mask == key {
					sum[k>>shift&255] += uint64(weights[j])
				}
			}
		}
		if ended(ctx, len(keys)) {
			return pivot{}, false
		}
		digit := 255
		for ; digit >= 0 && above+sum[digit] < target; digit-- {
			above += sum[digit]
		}
		if digit < 0 {
			return pivot{0, len(keys)}, true
		}
		key |= uint32(digit) << shift
		mask |= 255 << shift
	}
	return pivot{key, equalKept(keys, weights, key, target-above)}, true
}

// keepPrefix copies the logits of a prefix to y and stores −Inf elsewhere.
func keepPrefix(ctx context.Context, y, x []float32, keys []uint32, p pivot) {
	for from, to := range longPieces(ctx, len(x)) {
		p.equal -= keepPiece(y[from:to], x[from:to], keys[from:to], p)
	}
}

// keepPiece is keepPrefix for a piece of a row, and returns how many elements of
// the pivot's key it kept.
func keepPiece(y, x []float32, keys []uint32, p pivot) (kept int) {
	if vec == nil || p.key == math.MaxUint32 {
		return keepPlain(y, x, keys, p)
	}
	// Up to the last equal key that is kept the pivot's key passes, then none of it.
	cut := 0
	for ; kept < p.equal && cut < len(keys); cut++ {
		if keys[cut] == p.key {
			kept++
		}
	}
	if cut > 0 {
		vec.keepFrom(&y[0], &x[0], &keys[0], cut, p.key)
	}
	if cut < len(x) {
		vec.keepFrom(&y[cut], &x[cut], &keys[cut], len(x)-cut, p.key+1)
	}
	return kept
}

func keepPlain(y, x []float32, keys []uint32, p pivot) (kept int) {
	for j, v := range x {
		switch k := keys[j]; {
		case k > p.key:
			y[j] = v
		case k == p.key && kept < p.equal:
			kept++
			y[j] = v
		default:
			y[j] = negInf
		}
	}
	return kept
}

func copyCanonical(ctx context.Context, y, x []float32) {
	for from, to := range longPieces(ctx, len(x)) {
		for j := from; j < to; j++ {
			y[j] = exact.CanonNaN(x[j])
		}
	}
}
