package gradcheck

// Float32 makes a function of float32, as a device computes it, one that Real
// takes; its argument is rounded first. Options.Unit must be 2⁻²⁴.
func Float32(f func(x []float32) float32) func(x []float64) float64 {
	return func(x []float64) float64 { return float64(f(narrow(x))) }
}

// Float32Gradient is Float32 for a gradient.
func Float32Gradient(g func(x []float32) []float32) func(x []float64) []float64 {
	return func(x []float64) []float64 { return wide(g(narrow(x))) }
}

// Float32HessianVector is Float32 for a Hessian-vector product.
func Float32HessianVector(h func(x, v []float32) []float32) func(x, v []float64) []float64 {
	return func(x, v []float64) []float64 { return wide(h(narrow(x), narrow(v))) }
}

// Complex64 is Float32 for a complex function.
func Complex64(f func(z []complex64) complex64) func(z []complex128) complex128 {
	return func(z []complex128) complex128 { return complex128(f(narrowComplex(z))) }
}

// Complex64Gradient is Complex64 for a gradient.
func Complex64Gradient(g func(z []complex64) []complex64) func(z []complex128) []complex128 {
	return func(z []complex128) []complex128 {
		y := g(narrowComplex(z))
		x := make([]complex128, len(y))
		for i, v := range y {
			x[i] = complex128(v)
		}
		return x
	}
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func narrowComplex(z []complex128) []complex64 {
	y := make([]complex64, len(z))
	for i, v := range z {
		y[i] = complex64(v)
	}
	return y
}
