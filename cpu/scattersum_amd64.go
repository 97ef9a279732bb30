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

// runChunks returns the chunks that a kernel of runs takes at once, at most that many.
func (v laneKernels) runChunks(most int) int {
	switch {
	case v == lanes512 && most >= 8:
		return 8
	case v == lanes512 && most >= 4:
		return 4
	case v == lanes256 && most >= 2:
		return 2
	}
	return 1
}

// addRuns adds the runs of labels from first on, up to one that holds an element
// past the scale, which it returns, or k; see scatterRuns.plain.
func (v laneKernels) addRuns(a *scatterRuns) int {
	switch {
	case v == plainLanes:
		return a.first
	case v == lanes512 && a.chunks == 8:
		return runs8x512(a)
	case v == lanes512 && a.chunks == 4:
		return runs4x512(a)
	case v == lanes512:
		return runs1x512(a)
	case a.chunks == 2:
		return runs2x256(a)
	}
	return runs1x256(a)
}

// The kernels run under the default MXCSR and restore the caller's; n and cols
// are at least 1.

//go:noescape
func scatter512(args *scatterRows)

//go:noescape
func scatter256(args *scatterRows)

//go:noescape
func runs8x512(args *scatterRuns) (label int)

//go:noescape
func runs4x512(args *scatterRuns) (label int)

//go:noescape
func runs1x512(args *scatterRuns) (label int)

//go:noescape
func runs2x256(args *scatterRuns) (label int)

//go:noescape
func runs1x256(args *scatterRuns) (label int)
