package cpu

// allKernels32 are the sets of kernels, whether or not this processor runs them.
func allKernels32() []*kernel32 { return []*kernel32{avx512, avx2, portable} }
