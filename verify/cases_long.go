package verify

import "samebits/backend"

// longLoops are shapes that take one processor of a device past 2¹⁶ steps, where some renderers end a loop without a
// word. They are for the full suite alone.
func (b *builder) longLoops() {
	b.product(true, product{m: 1, n: 1, k: 300_000, fillA: normal, fillB: signs})
	b.product(true, product{dtype: backend.Complex64, m: 2, n: 1, k: 150_001, tA: true, place: gapped, fillA: wide, fillB: normal})
	b.distanceMatrix(true, [3]int{2, 80_000, 3}, backend.SquaredEuclidean, normal, dense)
	b.distanceMatrix(true, [3]int{2, 80_000, 3}, backend.Cosine, normal, gapped)
	b.nearestRows(true, [3]int{2, 784, 2048}, backend.Euclidean, normal, 1, true, true, dense)
	b.topK(true, [2]int{1, 200_000}, 100, normal, dense)
	b.topK(true, [2]int{1, 200_000}, 100, ties, gapped)
	b.withoutReplacement(true, [2]int{1, 50_257}, 100, normal, 0, dense)
	b.softmax("softmax", true, [3]int{1, 1, 1_500_000}, logits, 0, dense)
	b.softmax("logsumexp", true, [3]int{1, 1, 2_200_000}, logits, 0, dense)
}
