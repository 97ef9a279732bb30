//go:build !amd64

package cpu

func (v laneKernels) scatter(a *scatterRows) { a.plain() }
