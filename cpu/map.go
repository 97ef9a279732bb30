package cpu

import (
	"context"
	"sync"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("map", mapFast, mapReference) }

// mapChunk is the number of elements of a row that one call of a row function
// takes; mapGrain the number that one piece of work takes at least.
const (
	mapChunk = 1024
	mapGrain = 16384
)

func mapFast(ctx context.Context, d *driver, o *backend.Map) error {
	c := mapPool.Get().(*mapCall)
	defer mapPool.Put(c)
	c.y, c.args = flatOperand(o.Y), o.Fn.Args()
	whole := o.Y.Contiguous() // every operand is one run of elements
	for i, t := range [3]*backend.Tensor{o.A, o.B, o.C} {
		if i < c.args {
			c.in[i] = flatOperand(t)
			whole = whole && t.Contiguous() && t.Len() == o.Y.Len()
		}
	}
	if whole {
		c.y.asRow()
		for i := range c.args {
			c.in[i].asRow()
		}
	}
	c.chunks = ceil(c.y.Cols, mapChunk)
	c.row = rowFunctions[d.mac][o.Fn]
	err := d.parallel(ctx, c.y.Batch*c.y.Rows*c.chunks, ceil(mapGrain, min(c.y.Cols, mapChunk)), c.work)
	c.y, c.in = flat{}, [3]flat{} // a pool holds no tensor's memory
	return err
}

// mapCall is one operation; calls are kept for the next.
type mapCall struct {
	y      flat
	in     [3]flat
	args   int
	chunks int // of a row
	row    func(y, a, b, c, scratch []float32)
	work   func(from, to int)
}

var mapPool = sync.Pool{New: func() any {
	c := new(mapCall)
	c.work = c.units
	return c
}}

// units computes chunks from..to, counted through rows and batch.
func (c *mapCall) units(from, to int) {
	work := mapWorkPool.Get().(*mapWork)
	defer mapWorkPool.Put(work)
	var x [3][]float32
	for u := from; u < to; u++ {
		b, i, j0 := u/c.chunks/c.y.Rows, u/c.chunks%c.y.Rows, u%c.chunks*mapChunk
		n := min(mapChunk, c.y.Cols-j0)
		for a := range c.args {
			x[a] = c.in[a].run(b, i, j0, n, c.y.Cols, &work.stretched[a])
		}
		c.row(c.y.run(b, i, j0, n, c.y.Cols, nil), x[0], x[1], x[2], work.scratch[:n])
	}
}

// mapWork is one thread's memory: arguments of one column, spread, and what
// lies between the steps of a function.
type mapWork struct {
	stretched [3][mapChunk]float32
	scratch   [mapChunk]float32
}

var mapWorkPool = sync.Pool{New: func() any { return new(mapWork) }}

// rowFunctions holds rowFunction of every mac and function.
var rowFunctions = func() (all [2][]func(y, a, b, c, scratch []float32)) {
	for mac := range all {
		for _, fn := range backend.Fns() {
			all[mac] = append(all[mac], rowFunction(exact.Mac(mac), fn))
		}
	}
	return all
}()

// flat is a float32 tensor's layout and its memory from the first element on.
type flat struct {
	backend.Layout
	data []float32
}

func flatOperand(t *backend.Tensor) flat {
	return flat{t.Layout(), span[float32](t)}
}

// asRow takes the elements as one row; they have no gaps.
func (f *flat) asRow() {
	f.Cols *= f.Batch * f.Rows
	f.Batch, f.Rows = 1, 1
}

// run returns elements j0..j0+n of row i of matrix b, where the result has
// wide columns. What has one of these serves all; a single column is spread
// into buf.
func (f *flat) run(b, i, j0, n, wide int, buf *[mapChunk]float32) []float32 {
	if f.Batch == 1 {
		b = 0
	}
	if f.Rows == 1 {
		i = 0
	}
	start := b*f.BatchStride + i*f.Stride
	if f.Cols == 1 && wide > 1 {
		x := f.data[start]
		for j := range n {
			buf[j] = x
		}
		return buf[:n]
	}
	return f.data[start+j0 : start+j0+n]
}

// rowFunction returns the function over rows of equal length; arguments that
// fn lacks are nil, y may be any of them, and scratch is as long as y.
func rowFunction(mac exact.Mac, fn backend.Fn) func(y, a, b, c, scratch []float32) {
	plain := rowFunctionPlain(mac, fn)
	if f := elementaryRow(mac, fn); f != nil {
		return func(y, a, _, _, scratch []float32) { f(y, a, scratch) }
	}
	fast := simdRow(mac, fn)
	if fast == nil {
		return func(y, a, b, c, _ []float32) { plain(y, a, b, c) }
	}
	return func(y, a, b, c, _ []float32) {
		if full := len(y) / 8 * 8; full > 0 {
			fast(&y[0], start(&a, full), start(&b, full), start(&c, full), full/8)
			y = y[full:]
		}
		plain(y, a, b, c)
	}
}

// start cuts the first n elements off *s and returns where they stand; nil
// stays nil.
func start(s *[]float32, n int) *float32 {
	if *s == nil {
		return nil
	}
	p := &(*s)[:n][0]
	*s = (*s)[n:]
	return p
}

// rowFunctionPlain is rowFunction element by element.
func rowFunctionPlain(mac exact.Mac, fn backend.Fn) func(y, a, b, c []float32) {
	switch f := elementFunction(mac, fn); fn.Args() {
	case 1:
		return func(y, a, _, _ []float32) {
			for i, x := range a {
				y[i] = f(x, 0, 0)
			}
		}
	case 2:
		return func(y, a, b, _ []float32) {
			for i, x := range a {
				y[i] = f(x, b[i], 0)
			}
		}
	default:
		return func(y, a, b, c []float32) {
			for i, x := range a {
				y[i] = f(x, b[i], c[i])
			}
		}
	}
}

// elementFunction returns fn on elements. Results that are NaN are canonical.
func elementFunction(mac exact.Mac, fn backend.Fn) func(a, b, c float32) float32 {
	one := func(f func(float32) float32) func(a, b, c float32) float32 {
		return func(a, _, _ float32) float32 { return exact.CanonNaN(f(a)) }
	}
	two := func(f func(a, b float32) float32) func(a, b, c float32) float32 {
		return func(a, b, _ float32) float32 { return f(a, b) }
	}
	switch fn {
	case backend.FnNeg:
		return one(exact.Neg)
	case backend.FnAbs:
		return one(exact.Abs)
	case backend.FnSquare:
		return one(exact.Square)
	case backend.FnSqrt:
		return one(exact.Sqrt)
	case backend.FnRecip:
		return one(exact.Recip)
	case backend.FnExp:
		return one(mac.Exp)
	case backend.FnExpm1:
		return one(mac.Expm1)
	case backend.FnLog:
		return one(mac.Log)
	case backend.FnLog1p:
		return one(mac.Log1p)
	case backend.FnTanh:
		return one(mac.Tanh)
	case backend.FnSigmoid:
		return one(mac.Sigmoid)
	case backend.FnSoftplus:
		return one(mac.Softplus)
	case backend.FnRelu:
		return one(exact.Relu)
	case backend.FnSin:
		return one(mac.Sin)
	case backend.FnCos:
		return one(mac.Cos)
	case backend.FnAdd:
		return two(exact.Add)
	case backend.FnSub:
		return two(exact.Sub)
	case backend.FnMul:
		return two(exact.Mul)
	case backend.FnDiv:
		return two(exact.Div)
	case backend.FnMax:
		return two(exact.Maximum)
	case backend.FnMin:
		return two(exact.Minimum)
	case backend.FnMac:
		return mac.MultiplyAdd
	default: // FnSelect; Device refuses functions past it
		return exact.Select
	}
}

func mapReference(d *driver, o *backend.Map) error {
	f := elementFunction(d.mac, o.Fn)
	for b := range o.Y.Batch() {
		y := matrix[float32](o.Y, b)
		var x [3]func(i, j int) float32
		for a, t := range [3]*backend.Tensor{o.A, o.B, o.C} {
			x[a] = stretched(t, b)
		}
		for i := range y.Rows {
			for j := range y.Cols {
				y.Set(i, j, f(x[0](i, j), x[1](i, j), x[2](i, j)))
			}
		}
	}
	return nil
}

// stretched returns element (i, j) of a tensor that may have one row, one
// column or one matrix for all; 0 for nil.
func stretched(t *backend.Tensor, b int) func(i, j int) float32 {
	if t == nil {
		return func(int, int) float32 { return 0 }
	}
	v := matrix[float32](t, b)
	return func(i, j int) float32 { return v.At(min(i, v.Rows-1), min(j, v.Cols-1)) }
}
