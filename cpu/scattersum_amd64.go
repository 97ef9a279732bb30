package cpu

// scatter adds rows to their labels' sums; see scatterRows.plain.
func (v laneKernels) scatter(a *scatterRows) {
	switch {
	case v == plainLanes || a.cols == 0:
		a.plain()
	case v == lanes512:
		scatter512(a)
	default:
		scatter256(a)
	}
}

// The kernels run under the default MXCSR and restore the caller's; n and cols
// are at least 1.

//go:noescape
func scatter512(args *scatterRows)

//go:noescape
func scatter256(args *scatterRows)
