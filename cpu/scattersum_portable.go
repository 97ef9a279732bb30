//go:build !amd64

package cpu

func (v laneKernels) scatter(a *scatterRows) { a.plain() }

// runChunks and addRuns serve no kernels here: rows are added one by one.
func (v laneKernels) runChunks(int) int { return 1 }

func (v laneKernels) addRuns(a *scatterRuns) int { return a.first }
