package exact

// Cut is where the contract cuts the K of a product: a cut is one chain of
// macs, and the cuts' results are added in ascending order.
const Cut = 4096

// Dot returns Σ a[k]·b[k] in the order of a product's element: r = +0, and for
// each cut of Cut elements one chain acc = mac(acc, a[k], b[k]) from +0, added
// to r. The empty product is +0 and no product is −0. a and b are of equal
// length.
func (m Mac) Dot(a, b []float32) float32 {
	return CanonNaN(m.product(len(a), func(k int) (float32, float32) { return a[k], b[k] }))
}

// product is Dot over the pairs that at gives for 0 ≤ k < n, NaN as it falls.
func (m Mac) product(n int, at func(k int) (a, b float32)) float32 {
	r := float32(0)
	for k0 := 0; k0 < n; k0 += Cut {
		acc := float32(0)
		for k := k0; k < min(k0+Cut, n); k++ {
			a, b := at(k)
			acc = m.Mac(acc, a, b)
		}
		r += acc
	}
	return r
}

// Epilogue is what follows a float32 product: r = Alpha·r where Alpha ≠ 1;
// r = mac(r, Beta, c) where Beta ≠ 0; r = r + Bias[j]; r = Act(r). Its zero
// value is a product with Alpha 0, which is +0 whatever A and B hold.
type Epilogue struct {
	Alpha, Beta float32
	Bias        []float32             // one a column, or nil
	Act         func(float32) float32 // nil for none
}

// Apply returns the element of column j that follows from the product r and
// the old element c, which enters only where Beta ≠ 0. NaN is canonical.
func (e *Epilogue) Apply(m Mac, r float32, j int, c float32) float32 {
	if e.Alpha != 1 && e.Alpha != 0 {
		r = float32(e.Alpha * r)
	}
	if e.Beta != 0 {
		r = m.Mac(r, e.Beta, c)
	}
	if e.Bias != nil {
		r += e.Bias[j]
	}
	if e.Act != nil {
		r = e.Act(r)
	}
	return CanonNaN(r)
}

// MatMul stores C = act(alpha·op(A)·op(B) + beta·C + bias), op(A) M×K, op(B)
// K×N and C M×N. With e.Alpha = 0 the product counts as +0 and neither A nor
// B is read; with e.Beta = 0 C is not read.
func (m Mac) MatMul(c, a, b View[float32], transA, transB bool, e Epilogue) {
	opA, opB, n := operand(a, transA), operand(b, transB), inner(a, transA)
	for i := range c.Rows {
		for j := range c.Cols {
			r := float32(0)
			if e.Alpha != 0 {
				r = m.product(n, func(k int) (float32, float32) { return opA(i, k), opB(k, j) })
			}
			c.Set(i, j, e.Apply(m, r, j, c.At(i, j)))
		}
	}
}

// ComplexEpilogue is Epilogue for complex64. A product by Alpha or Beta takes
// the four macs of MacComplex: alpha·r from +0, beta·c onto r.
type ComplexEpilogue struct {
	Alpha, Beta complex64
	Bias        []complex64 // one a column, or nil
}

// Apply returns the element of column j that follows from the product r and
// the old element c, which enters only where Beta ≠ 0. NaN parts are canonical.
func (e *ComplexEpilogue) Apply(m Mac, r complex64, j int, c complex64) complex64 {
	if e.Alpha != 1 && e.Alpha != 0 {
		r = m.MacComplex(0, e.Alpha, r)
	}
	if e.Beta != 0 {
		r = m.MacComplex(r, e.Beta, c)
	}
	re, im := real(r), imag(r)
	if e.Bias != nil {
		re += real(e.Bias[j])
		im += imag(e.Bias[j])
	}
	return complex(CanonNaN(re), CanonNaN(im))
}

// MacComplex returns acc + a·b by four macs in the contract's order:
// re = mac(re, ar, br), re = mac(re, −ai, bi), im = mac(im, ar, bi),
// im = mac(im, ai, br).
func (m Mac) MacComplex(acc, a, b complex64) complex64 {
	re := m.Mac(real(acc), real(a), real(b))
	re = m.Mac(re, -imag(a), imag(b))
	im := m.Mac(imag(acc), real(a), imag(b))
	im = m.Mac(im, imag(a), real(b))
	return complex(re, im)
}

// MatMulComplex is MatMul for complex64, where op also conjugates as asked.
func (m Mac) MatMulComplex(c, a, b View[complex64], transA, transB, conjA, conjB bool, e ComplexEpilogue) {
	opA, opB, n := operand(a, transA), operand(b, transB), inner(a, transA)
	for i := range c.Rows {
		for j := range c.Cols {
			var re, im float32
			for k0 := 0; k0 < n && e.Alpha != 0; k0 += Cut {
				var acc complex64
				for k := k0; k < min(k0+Cut, n); k++ {
					acc = m.MacComplex(acc, conjugate(opA(i, k), conjA), conjugate(opB(k, j), conjB))
				}
				re += real(acc)
				im += imag(acc)
			}
			c.Set(i, j, e.Apply(m, complex(re, im), j, c.At(i, j)))
		}
	}
}

// conjugate negates the imaginary part, exactly, if asked.
func conjugate(z complex64, conj bool) complex64 {
	if conj {
		return complex(real(z), -imag(z))
	}
	return z
}

// operand returns element (i, j) of op(v).
func operand[T any](v View[T], trans bool) func(i, j int) T {
	if trans {
		return func(i, j int) T { return v.At(j, i) }
	}
	return v.At
}

// inner returns K for the left operand of a product.
func inner[T any](a View[T], trans bool) int {
	if trans {
		return a.Rows
	}
	return a.Cols
}
