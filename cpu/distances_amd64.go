package cpu

// distanceKernel runs one tile's chains; see distanceKernelPlain.
func distanceKernel(kind chain, kc int, a, b []float32, t *tile) {
	if kc == 0 || !simd {
		distanceKernelPlain(kind, kc, a, b, t)
		return
	}
	_, _ = a[kc*mr-1], b[kc*nr-1]
	switch kind {
	case fusedSquares:
		distanceKernelFused(kc, &a[0], &b[0], t)
	case splitSquares:
		distanceKernelSplit(kc, &a[0], &b[0], t)
	default:
		distanceKernelAbs(kc, &a[0], &b[0], t)
	}
}

// pairKernel runs four chains over pairs of rows; see pairKernelPlain.
func pairKernel(kind chain, kc int, x, c *quad, sums *[4]float32) {
	if kc == 0 || !simd {
		pairKernelPlain(kind, kc, x, c, sums)
		return
	}
	for l := range x {
		_, _ = x[l][kc-1], c[l][kc-1]
	}
	switch kind {
	case fusedSquares:
		pairKernelFused(kc, x, c, sums)
	case splitSquares:
		pairKernelSplit(kc, x, c, sums)
	default:
		pairKernelAbs(kc, x, c, sums)
	}
}

// The kernels run under the default MXCSR and restore the caller's; kc ≥ 1.

//go:noescape
func distanceKernelFused(kc int, a, b *float32, t *tile)

//go:noescape
func distanceKernelSplit(kc int, a, b *float32, t *tile)

//go:noescape
func distanceKernelAbs(kc int, a, b *float32, t *tile)

//go:noescape
func pairKernelFused(kc int, x, c *quad, sums *[4]float32)

//go:noescape
func pairKernelSplit(kc int, x, c *quad, sums *[4]float32)

//go:noescape
func pairKernelAbs(kc int, x, c *quad, sums *[4]float32)

// follow lets a row's leaders follow the scores of a tile; see followPlain.
func follow(t *tile, half *[nr]float32, lead *[mr]leader, panel int32, wide int) {
	if wide < nr || !simd {
		followPlain(t, half, lead, panel, wide)
		return
	}
	followKernel(t, half, lead, panel)
}

// followKernel is followPlain for whole tiles.
//
//go:noescape
func followKernel(t *tile, half *[nr]float32, lead *[mr]leader, panel int32)
