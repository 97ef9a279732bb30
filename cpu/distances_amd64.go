package cpu

import "samebits/backend/exact"

// distanceKernels are the kernels that the distance family runs on.
var distanceKernels = func() laneKernels {
	switch {
	case has.avx512:
		return lanes512
	case has.avx2:
		return lanes256
	}
	return plainLanes
}()

// pack packs one panel; see packPlain.
func (v laneKernels) pack(dst []float32, rows *rowTable, d int, shift []float32) {
	_, _ = dst[d*v.lanes()-1], shift[d-1]
	switch v {
	case lanes512:
		packLanes512(&dst[0], rows, d, &shift[0])
	case lanes256:
		packLanes256(&dst[0], rows, d, &shift[0])
	default:
		packPlain(dst, v.lanes(), rows, d, shift)
	}
}

// pairs runs one chain a lane; see pairsPlain.
func (v laneKernels) pairs(kind chain, kc int, x, c *rowTable, sums *[maxLanes]float32) {
	wide := v == lanes512
	switch {
	case v == plainLanes:
		pairsPlain(kind, v.lanes(), kc, x, c, sums)
	case kind == fusedSquares && wide:
		pairsFused512(kc, x, c, sums)
	case kind == fusedSquares:
		pairsFused256(kc, x, c, sums)
	case kind == splitSquares && wide:
		pairsSplit512(kc, x, c, sums)
	case kind == splitSquares:
		pairsSplit256(kc, x, c, sums)
	case wide:
		pairsAbs512(kc, x, c, sums)
	default:
		pairsAbs256(kc, x, c, sums)
	}
}

// chains runs one tile's chains; see tilePlain.
func (v laneKernels) chains(kind chain, kc int, panel, group []float32, stride int, out []float32, outStride int) {
	if v == plainLanes || kc == 0 {
		tilePlain(kind, v, kc, panel, group, stride, out, outStride)
		return
	}
	last := v.group() - 1
	_, _, _ = panel[kc*v.lanes()-1], group[last*stride+kc-1], out[last*outStride+v.lanes()-1]
	p, g, o := &panel[0], &group[0], &out[0]
	stride, outStride = stride*4, outStride*4
	switch wide := v == lanes512; {
	case kind == fusedProducts && wide:
		tileProductFused512(kc, p, g, stride, o, outStride)
	case kind == fusedProducts:
		tileProductFused256(kc, p, g, stride, o, outStride)
	case kind == splitProducts && wide:
		tileProductSplit512(kc, p, g, stride, o, outStride)
	case kind == splitProducts:
		tileProductSplit256(kc, p, g, stride, o, outStride)
	case kind == fusedSquares && wide:
		tileSquareFused512(kc, p, g, stride, o, outStride)
	case kind == fusedSquares:
		tileSquareFused256(kc, p, g, stride, o, outStride)
	case kind == splitSquares && wide:
		tileSquareSplit512(kc, p, g, stride, o, outStride)
	case kind == splitSquares:
		tileSquareSplit256(kc, p, g, stride, o, outStride)
	case wide:
		tileAbs512(kc, p, g, stride, o, outStride)
	default:
		tileAbs256(kc, p, g, stride, o, outStride)
	}
}

// search takes panels of rows past groups of centres; see hunt.plain.
func (v laneKernels) search(kind chain, h *hunt) {
	switch wide := v == lanes512; {
	case v == plainLanes || h.steps == 0 || h.steps > exact.Cut:
		h.plain(kind, v)
	case kind == fusedProducts && wide:
		searchFused512(h)
	case kind == fusedProducts:
		searchFused256(h)
	case kind == splitProducts && wide:
		searchSplit512(h)
	case kind == splitProducts:
		searchSplit256(h)
	case wide:
		searchAbs512(h)
	default:
		searchAbs256(h)
	}
}

// sift looks for scores before the threshold; see siftPlain.
func (v laneKernels) sift(kind chain, scores, half []float32, threshold *[maxLanes]float32, from, to int) (int, uint32) {
	if v == plainLanes || from >= to {
		return siftPlain(kind, v.lanes(), scores, half, threshold, from, to)
	}
	_, _ = scores[to*v.lanes()-1], half[to-1]
	h := &half[0]
	if kind == magnitudes {
		h = nil
	}
	if v == lanes512 {
		return sift512(&scores[0], h, threshold, from, to)
	}
	return sift256(&scores[0], h, threshold, from, to)
}

// first keeps the m best of k centres; see firstPlain.
func (v laneKernels) first(kind chain, scores, half []float32, list []int32, m, k int) {
	if v == plainLanes {
		firstPlain(kind, v.lanes(), scores, half, list, m, k)
		return
	}
	_, _, _ = scores[k*v.lanes()-1], half[k-1], list[m*2*v.lanes()-1]
	h := &half[0]
	if kind == magnitudes {
		h = nil
	}
	if v == lanes512 {
		first512(&scores[0], h, &list[0], m, k)
	} else {
		first256(&scores[0], h, &list[0], m, k)
	}
}

// The kernels run under the default MXCSR and restore the caller's. Strides
// are bytes, kc, d and steps at least 1.

//go:noescape
func packLanes512(dst *float32, rows *rowTable, d int, shift *float32)

//go:noescape
func packLanes256(dst *float32, rows *rowTable, d int, shift *float32)

//go:noescape
func pairsFused512(kc int, x, c *rowTable, sums *[maxLanes]float32)

//go:noescape
func pairsSplit512(kc int, x, c *rowTable, sums *[maxLanes]float32)

//go:noescape
func pairsAbs512(kc int, x, c *rowTable, sums *[maxLanes]float32)

//go:noescape
func pairsFused256(kc int, x, c *rowTable, sums *[maxLanes]float32)

//go:noescape
func pairsSplit256(kc int, x, c *rowTable, sums *[maxLanes]float32)

//go:noescape
func pairsAbs256(kc int, x, c *rowTable, sums *[maxLanes]float32)

//go:noescape
func tileProductFused512(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func tileProductSplit512(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func tileSquareFused512(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func tileSquareSplit512(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func tileAbs512(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func tileProductFused256(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func tileProductSplit256(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func tileSquareFused256(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func tileSquareSplit256(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func tileAbs256(kc int, panel, group *float32, stride int, out *float32, outStride int)

//go:noescape
func searchFused512(args *hunt)

//go:noescape
func searchSplit512(args *hunt)

//go:noescape
func searchAbs512(args *hunt)

//go:noescape
func searchFused256(args *hunt)

//go:noescape
func searchSplit256(args *hunt)

//go:noescape
func searchAbs256(args *hunt)

//go:noescape
func sift512(scores, half *float32, threshold *[maxLanes]float32, from, to int) (j int, mask uint32)

//go:noescape
func sift256(scores, half *float32, threshold *[maxLanes]float32, from, to int) (j int, mask uint32)

//go:noescape
func first512(scores, half *float32, list *int32, m, k int)

//go:noescape
func first256(scores, half *float32, list *int32, m, k int)

// fetchLines brings cache lines near that will be read soon; there is at least one.
//
//go:noescape
func fetchLines(p *float32, lines int)
