package cpu

import "golang.org/x/sys/cpu"

// simd says that this processor runs the AVX2 and FMA kernels; others run
// their plain twins, which give the same bits.
var simd = cpu.X86.HasAVX2 && cpu.X86.HasFMA
