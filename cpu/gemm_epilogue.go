package cpu

import (
	"math"
	"unsafe"

	"samebits/backend"
	"samebits/backend/exact"
)

// rowEnd is the part of an epilogue that needs no elementary function, over n
// elements, a multiple of 8: r = alpha·r, r = mac(r, beta, c), r = r + bias,
// relu(r), each if flagged, and dst = r with NaN canonical. Fields are read by
// the assembly.
type rowEnd struct {
	n           int // ≥ 8
	r, dst      *float32
	c, bias     *float32
	alpha, beta float32
	flags       int
}

// Flags of a rowEnd.
const (
	endAlpha = 1 << iota
	endBeta
	endBias
	endRelu
)

// addRowEndPlain is the plain twin of the SIMD kernel.
func addRowEndPlain(mac exact.Mac, x *rowEnd) {
	r, dst := unsafe.Slice(x.r, x.n), unsafe.Slice(x.dst, x.n)
	for j, v := range r {
		if x.flags&endAlpha != 0 {
			v = float32(v * x.alpha)
		}
		if x.flags&endBeta != 0 {
			v = mac.Mac(v, x.beta, unsafe.Slice(x.c, x.n)[j])
		}
		if x.flags&endBias != 0 {
			v += unsafe.Slice(x.bias, x.n)[j]
		}
		if x.flags&endRelu != 0 {
			v = exact.Relu(v)
		}
		dst[j] = exact.CanonNaN(v)
	}
}

// activationFns are the maps that activations are.
var activationFns = [...]backend.Fn{backend.Sigmoid: backend.FnSigmoid, backend.Tanh: backend.FnTanh, backend.Softplus: backend.FnSoftplus}

// elementaryActivations are the activations over rows, nil where only elements
// can be had: y = act(a), with scratch as long as y, which may be y.
var elementaryActivations = func() (all [2][backend.Softplus + 1]func(y, a, scratch []float32)) {
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		for act := backend.Sigmoid; act <= backend.Softplus; act++ {
			all[mac][act] = elementaryRow(mac, activationFns[act])
		}
	}
	return all
}()

// finishRow is exact.Epilogue.Apply over part of a row of C, dst, whose products r
// it overwrites and whose first column is j0. act names e.Act.
func finishRow(mac exact.Mac, e *exact.Epilogue, act backend.Activation, dst, r []float32, j0 int) {
	dst = dst[:len(r)]
	row := elementaryActivations[mac][act]
	n := len(r) &^ 7
	if !simd || n == 0 || (row == nil && act > backend.Relu) {
		finishRowPlain(mac, e, act, dst, r, j0)
		return
	}
	x := rowEnd{n: n, r: &r[0], dst: &dst[0], c: &dst[0], bias: &r[0], alpha: e.Alpha, beta: e.Beta}
	if e.Alpha != 1 && e.Alpha != 0 {
		x.flags |= endAlpha
	}
	if e.Beta != 0 {
		x.flags |= endBeta
	}
	if e.Bias != nil {
		x.flags |= endBias
		x.bias = &e.Bias[j0 : j0+n][0]
	}
	if act == backend.Relu {
		x.flags |= endRelu
	}
	if row != nil { // whose scratch dst is
		x.dst = x.r
		addRowEnd(mac, &x)
		row(dst[:n], r[:n], dst[:n])
	} else {
		addRowEnd(mac, &x)
	}
	if n < len(r) {
		finishRowPlain(mac, e, act, dst[n:], r[n:], j0+n)
	}
}

// finishRowPlain is finishRow element by element.
func finishRowPlain(mac exact.Mac, e *exact.Epilogue, act backend.Activation, dst, r []float32, j0 int) {
	if e.Alpha != 1 && e.Alpha != 0 {
		for j := range r {
			r[j] = float32(r[j] * e.Alpha)
		}
	}
	switch {
	case e.Beta == 1: // one rounding in either profile
		for j, c := range dst {
			r[j] += c
		}
	case e.Beta != 0:
		for j, c := range dst {
			r[j] = mac.Mac(r[j], e.Beta, c)
		}
	}
	if e.Bias != nil {
		for j, x := range e.Bias[j0 : j0+len(r)] {
			r[j] += x
		}
	}
	switch {
	case act == backend.Relu: // by masks, since signs are hard to predict
		for j, x := range r {
			u := math.Float32bits(x)
			dst[j] = exact.CanonNaN(x)
			if x == x {
				dst[j] = math.Float32frombits(u &^ uint32(int32(u)>>31))
			}
		}
		return
	case e.Act != nil:
		for j, x := range r {
			r[j] = e.Act(x)
		}
	}
	for j, x := range r {
		dst[j] = exact.CanonNaN(x)
	}
}
