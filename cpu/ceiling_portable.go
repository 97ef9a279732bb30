package cpu

// scalarMultiplyAdds is the arithmetic ceiling of a processor without SIMD
// kernels here: what compiled Go does with eight independent chains.
var scalarMultiplyAdds = multiplyAdds{"fma scalar", Compute, 8 * 2, func(steps int) { ceilingSink = scalarChains(steps, 1, 0) }}

// scalarProducts is its counterpart for integers.
var scalarProducts = multiplyAdds{"int8 scalar", Integer, 8 * 2, func(steps int) { productSink = scalarSums(steps, 3, 5) }}

// plainCopier is the runtime's copy, which chooses its stores by size.
var plainCopier = copier{"copy", func(dst, src []byte) { copy(dst, src) }}

// The sinks keep the compiler from dropping the chains.
var (
	ceilingSink float32
	productSink int32
)

// scalarChains runs eight chains of x·m + b and returns their sum. Their
// rounding is of no account, so the compiler may fuse.
func scalarChains(steps int, m, b float32) float32 {
	x0, x1, x2, x3, x4, x5, x6, x7 := m, m, m, m, m, m, m, m
	for range steps {
		x0, x1, x2, x3 = x0*m+b, x1*m+b, x2*m+b, x3*m+b
		x4, x5, x6, x7 = x4*m+b, x5*m+b, x6*m+b, x7*m+b
	}
	return x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7
}

// scalarSums runs eight chains of x·a + b, wrapping around, and returns their
// sum.
func scalarSums(steps int, a, b int32) int32 {
	x0, x1, x2, x3, x4, x5, x6, x7 := a, a, a, a, a, a, a, a
	for range steps {
		x0, x1, x2, x3 = x0*a+b, x1*a+b, x2*a+b, x3*a+b
		x4, x5, x6, x7 = x4*a+b, x5*a+b, x6*a+b, x7*a+b
	}
	return x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7
}
