package exact

import "math"

// Filters copy the logits they keep and replace the others by −Inf. y may be x
// itself. A row without an order of probabilities is copied whole: under top-k
// one that holds a NaN; under top-p and min-p one whose softmax is NaN, which
// is a row that holds a NaN or a +Inf, or only −Inf. NaNs are stored canonical.

// FilterTopKRow keeps the k largest logits in the order (value descending,
// index ascending), −0 equal to +0. k at or past the length keeps all.
func FilterTopKRow(y, x []float32, k int) {
	whole := k >= len(x)
	for _, v := range x {
		whole = whole || v != v
	}
	kept := make([]bool, len(x))
	for i, j := range descending(x) {
		kept[j] = whole || i < k
	}
	storeKept(y, x, kept)
}

// FilterTopPRow keeps the shortest non-empty prefix, in the order (probability
// descending, index ascending), whose weights reach the target
// roundEven(p·2³⁰). The weight of a logit is ProbabilityWeight of its softmax.
// Where the weights of the whole row stay below the target, as rounding may
// have it for p near 1, all are kept.
func (m Mac) FilterTopPRow(y, x []float32, p float32) {
	prob := make([]float32, len(x))
	m.SoftmaxRow(prob, x, 1)
	kept := make([]bool, len(x))
	target := uint64(ProbabilityWeight(p))
	var sum uint64
	for i, j := range descending(prob) {
		if prob[j] != prob[j] {
			kept[j] = true
			continue
		}
		kept[j] = i == 0 || sum < target
		sum += uint64(ProbabilityWeight(prob[j]))
	}
	storeKept(y, x, kept)
}

// FilterMinPRow keeps the logits whose probability is at least p times the
// largest, the product rounded once.
func (m Mac) FilterMinPRow(y, x []float32, p float32) {
	prob := make([]float32, len(x))
	m.SoftmaxRow(prob, x, 1)
	least := float32(p * scaledMax(prob, 1))
	kept := make([]bool, len(x))
	for j := range prob {
		kept[j] = !(prob[j] < least)
	}
	storeKept(y, x, kept)
}

// ProbabilityWeight returns roundEven(p·2³⁰) for p in [0, 1]: the whole number
// that top-p sums, so that its sums have no order.
func ProbabilityWeight(p float32) uint32 {
	return uint32(math.RoundToEven(float64(p) * (1 << 30)))
}

// descending returns the indices of x in the order of TopK.
func descending(x []float32) []int32 {
	order := make([]int32, len(x))
	TopK(order, x)
	return order
}

func storeKept(y, x []float32, kept []bool) {
	for j, v := range x {
		if kept[j] {
			y[j] = CanonNaN(v)
		} else {
			y[j] = negInf
		}
	}
}
