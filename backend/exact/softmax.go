package exact

// The softmax family of the contract, row by row. With z = x·(1/T), the
// product rounded (1/T = 1 changes nothing),
//
//	m = max z, s = Σ exp(z − m) in the order of RowSum,
//	softmax      = exp(z − m)·(1/s),
//	log-softmax  = (z − m) − log s,
//	log-sum-exp  = m + log s.
//
// m is the element where the argmax of z stands: any NaN makes the whole row
// NaN, and of −0 and +0 the first counts. Infinities follow from the
// arithmetic alone: a row of −Inf is NaN (−Inf − −Inf), and so is a row that
// holds a +Inf; −Inf beside a finite element is probability 0.

// SoftmaxRow stores the softmax of x/temperature in y, which may be x itself.
func (m Mac) SoftmaxRow(y, x []float32, temperature float32) {
	scale := Recip(temperature)
	top := scaledMax(x, scale)
	for j := range x {
		y[j] = m.Exp(float32(x[j]*scale) - top)
	}
	r := Recip(RowSum(y[:len(x)]))
	for j := range x {
		y[j] = CanonNaN(y[j] * r)
	}
}

// LogSoftmaxRow stores the logarithm of the softmax of x/temperature in y,
// which may be x itself.
func (m Mac) LogSoftmaxRow(y, x []float32, temperature float32) {
	scale := Recip(temperature)
	top := scaledMax(x, scale)
	logSum := m.Log(m.expSum(x, scale, top))
	for j := range x {
		y[j] = CanonNaN((float32(x[j]*scale) - top) - logSum)
	}
}

// LogSumExpRow returns log Σ exp(x/temperature) of a row with at least one element.
func (m Mac) LogSumExpRow(x []float32, temperature float32) float32 {
	scale := Recip(temperature)
	top := scaledMax(x, scale)
	return CanonNaN(top + m.Log(m.expSum(x, scale, top)))
}

// expSum returns Σ exp(x·scale − top) in the order of RowSum.
func (m Mac) expSum(x []float32, scale, top float32) float32 {
	e := make([]float32, len(x))
	for j := range x {
		e[j] = m.Exp(float32(x[j]*scale) - top)
	}
	return RowSum(e)
}

// scaledMax returns the element of x·scale where its argmax stands; −Inf for
// an empty row.
func scaledMax(x []float32, scale float32) float32 {
	j := ArgMax(len(x), func(i int) float32 { return float32(x[i] * scale) })
	if j < 0 {
		return negInf
	}
	return float32(x[j] * scale)
}
