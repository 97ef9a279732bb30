//go:build !amd64

package cpu

// distanceKernels are the kernels that the distance family runs on.
var distanceKernels = plainLanes

func (v laneKernels) pack(dst []float32, rows *rowTable, d int, shift []float32) {
	packPlain(dst, v.lanes(), rows, d, shift)
}

func (v laneKernels) pairs(kind chain, kc int, x, c *rowTable, sums *[maxLanes]float32) {
	pairsPlain(kind, v.lanes(), kc, x, c, sums)
}

func (v laneKernels) chains(kind chain, kc int, panel, group []float32, stride int, out []float32, outStride int) {
	tilePlain(kind, v, kc, panel, group, stride, out, outStride)
}

func (v laneKernels) search(kind chain, h *hunt) { h.plain(kind, v) }

func (v laneKernels) sift(kind chain, scores, half []float32, threshold *[maxLanes]float32, from, to int) (int, uint32) {
	return siftPlain(kind, v.lanes(), scores, half, threshold, from, to)
}

func (v laneKernels) first(kind chain, scores, half []float32, list []int32, m, k int) {
	firstPlain(kind, v.lanes(), scores, half, list, m, k)
}

func fetchLines(*float32, int) {}
