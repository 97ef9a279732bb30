//go:build !amd64

package cpu

// allKernels32 are the sets of kernels.
func allKernels32() []*kernel32 { return []*kernel32{portable} }
