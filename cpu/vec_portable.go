//go:build !amd64

package cpu

// vectorSets returns no kernels: this processor runs the plain twins.
func vectorSets() []*vectorKernels { return nil }
