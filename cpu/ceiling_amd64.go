package cpu

// multiplyAddKernels lists the instruction sets of this processor.
func multiplyAddKernels() []multiplyAdds {
	if !simd {
		return []multiplyAdds{scalarMultiplyAdds}
	}
	list := []multiplyAdds{{"fma avx2", Compute, 12 * 8 * 2, fmaAVX2}}
	if has.avx512 {
		list = append(list, multiplyAdds{"fma avx512", Compute, 24 * 16 * 2, fmaAVX512})
	}
	return list
}

// integerKernels lists the ways to multiply and add int8.
func integerKernels() []multiplyAdds {
	if !simd {
		return []multiplyAdds{scalarProducts}
	}
	list := []multiplyAdds{{"int8 avx2", Integer, 12 * 16 * 2, int8AVX2}}
	if has.avxVNNI {
		list = append(list, multiplyAdds{"int8 avxvnni", Integer, 12 * 32 * 2, int8AVXVNNI})
	}
	if has.avx512VNNI {
		list = append(list, multiplyAdds{"int8 avx512vnni", Integer, 24 * 64 * 2, int8AVX512VNNI})
	}
	return list
}

// copyKernels lists the ways to store.
func copyKernels() []copier {
	if !simd {
		return []copier{plainCopier}
	}
	return []copier{
		{"copy", func(dst, src []byte) {
			if n := len(dst) / copyUnit; n > 0 && len(src) >= len(dst) {
				copyAVX2(&dst[0], &src[0], n)
			}
		}},
		{"copy non-temporal", func(dst, src []byte) {
			if n := len(dst) / copyUnit; n > 0 && len(src) >= len(dst) {
				copyStreamAVX2(&dst[0], &src[0], n)
			}
		}},
	}
}

// fmaAVX2 runs steps of 12 independent 8-lane multiply-adds.
//
//go:noescape
func fmaAVX2(steps int)

// fmaAVX512 runs steps of 24 independent 16-lane multiply-adds.
//
//go:noescape
func fmaAVX512(steps int)

// int8AVX2 runs steps of 12 independent 8-lane sums of two products each.
//
//go:noescape
func int8AVX2(steps int)

// int8AVXVNNI runs steps of 12 independent 8-lane sums of four products each.
//
//go:noescape
func int8AVXVNNI(steps int)

// int8AVX512VNNI runs steps of 24 independent 16-lane sums of four products
// each.
//
//go:noescape
func int8AVX512VNNI(steps int)

// copyAVX2 copies units of 256 bytes, through the cache.
//
//go:noescape
func copyAVX2(dst, src *byte, units int)

// copyStreamAVX2 copies units of 256 bytes, past the cache; dst is aligned to
// 32 bytes.
//
//go:noescape
func copyStreamAVX2(dst, src *byte, units int)
