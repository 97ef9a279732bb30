//go:build !amd64

package cpu

func distanceKernel(kind chain, kc int, a, b []float32, t *tile) {
	distanceKernelPlain(kind, kc, a, b, t)
}

func pairKernel(kind chain, kc int, x, c *quad, sums *[4]float32) {
	pairKernelPlain(kind, kc, x, c, sums)
}

func follow(t *tile, half *[nr]float32, lead *[mr]leader, panel int32, wide int) {
	followPlain(t, half, lead, panel, wide)
}
