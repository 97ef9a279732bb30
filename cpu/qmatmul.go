package cpu

import (
	"context"
	"sync"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("qmatmul", qMatMul, qMatMulReference) }

// The integer product is exact modulo 2³² in any order, so it is free to take
// the widest integer instruction there is. Operands are packed as 32-bit words
// of `group` values along K:
//
//	group 4: bytes, A signed, B unsigned (b + 128), for VPDPBUSD
//	group 2: int16 less the zero point, for VPMADDWD
//	group 1: int32 less the zero point, for processors without SIMD kernels
//
// A tile of MR×NR sums runs over the whole of K in registers. What the packed
// values still lack of the zero points, ea = za − (A's packed zero) and eb
// alike, is settled afterwards by the sums of A's rows and B's columns:
//
//	Σ(a−ea)(b−eb) = Σab − eb·Σa − ea·Σb + K·ea·eb
type qKernel struct {
	name   string
	mr, nr int
	group  int
	tile   func(steps int, a []uint32, rowStride, stepStride int, b []uint32, c *qTile)
}

// qTile holds the sums of one tile, row by row without gaps.
type qTile [12 * 32]int32

// qChosen is the kernel this processor runs.
var qChosen = qKernels()[0]

const (
	// qLanes is the number of A's columns of one packed panel where A is
	// transposed; every MR divides it.
	qLanes = 48
	// qBudget is the number of words of one packed operand, so that a block
	// with the whole of K stays near the caches.
	qBudget = 1 << 20
	// qStripe is the number of rows, qStrip of columns, of one piece of work.
	qStripe = 96
	qStrip  = 256
	// qGrain is the number of words that one piece of packing takes at least.
	qGrain = 1 << 14
)

// qProduct is one product of a batch: what its tiles need, packed.
type qProduct struct {
	k       qKernel
	op      *backend.QMatMul
	batch   int
	m, n    int
	steps   int // words along K
	pitch   int // words from a row of A to the next, where A is packed by rows
	za, zb  int32
	ea, eb  int32
	requant exact.Requant // of int8 C

	a, b []uint32 // packed blocks of A and B
	rows []int32  // what a row of the block adds to its sums
	cols []int32  // what a column of the block adds, bias included
	mult []int32  // a column's multiplier and shift, where C is int8
	left []int32

	bias           []int32 // of all columns, or nil
	i0, height     int     // the rows of the block
	j0, width      int     // its columns
	stripe, strip  int     // the size of one piece of work
	packA, packB   func(from, to int)
	packAT, pieces func(from, to int)
}

// qPool keeps products, with their memory and their pieces' functions.
var qPool = sync.Pool{New: func() any {
	p := new(qProduct)
	p.packA, p.packAT, p.packB, p.pieces = p.packRowsOfA, p.packColumnsOfA, p.packPanelsOfB, p.runPieces
	return p
}}

var qTilePool = sync.Pool{New: func() any { return new(qTile) }}

func qMatMul(ctx context.Context, d *driver, o *backend.QMatMul) error {
	p := qPool.Get().(*qProduct)
	defer func() {
		p.op, p.bias, p.requant = nil, nil, exact.Requant{}
		qPool.Put(p)
	}()
	p.prepare(qChosen, o)
	mc := max(qLanes, qBudget/max(1, p.pitch)/qLanes*qLanes)
	nc := max(p.k.nr, qBudget/max(1, p.steps)/p.k.nr*p.k.nr)
	for p.batch = range o.C.Batch() {
		for p.j0 = 0; p.j0 < p.n; p.j0 += nc {
			p.width = min(nc, p.n-p.j0)
			if p.batch == 0 || o.B.Batch() > 1 || nc < p.n {
				if err := p.packBlockB(ctx, d); err != nil {
					return err
				}
			}
			for p.i0 = 0; p.i0 < p.m; p.i0 += mc {
				p.height = min(mc, p.m-p.i0)
				if p.batch == 0 && p.j0 == 0 || o.A.Batch() > 1 || mc < p.m {
					if err := p.packBlockA(ctx, d); err != nil {
						return err
					}
				}
				if err := p.run(ctx, d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (p *qProduct) prepare(k qKernel, o *backend.QMatMul) {
	m, n, depth := o.Sizes()
	p.k, p.op = k, o
	p.bias, p.requant = biasOf(o), requantOf(o)
	p.m, p.n, p.steps = m, n, ceil(depth, k.group)
	// An odd number of cache lines, so that rows fall into different sets.
	p.pitch = (ceil(p.steps, 16) | 1) * 16
	p.za, p.zb = o.ZeroA, o.ZeroB
	if k.group == 4 {
		p.za, p.zb = 0, -128
	}
	p.ea, p.eb = o.ZeroA-p.za, o.ZeroB-p.zb
}

// packBlockA packs the block's rows of op(A) up to whole panels of qLanes; what
// is past the block's last row reaches no result.
func (p *qProduct) packBlockA(ctx context.Context, d *driver) error {
	padded := ceil(p.height, qLanes) * qLanes
	grow(&p.rows, padded)
	if p.op.TransA {
		grow(&p.a, padded*p.steps)
		return d.parallel(ctx, padded/qLanes, ceil(qGrain, qLanes*max(1, p.steps)), p.packAT)
	}
	grow(&p.a, padded*p.pitch)
	return d.parallel(ctx, padded, ceil(qGrain, max(1, p.steps)), p.packA)
}

// packColumnsOfA packs panels from..to of A's columns.
func (p *qProduct) packColumnsOfA(from, to int) {
	a := matrix[int8](p.op.A, p.batch)
	constant := int32(a.Rows) * p.ea * p.eb
	for u := from; u < to; u++ {
		panel := p.a[u*qLanes*p.steps : (u+1)*qLanes*p.steps]
		sums := p.rows[u*qLanes : (u+1)*qLanes]
		packInt8Columns(panel, qLanes, p.k.group, a, p.za, p.i0+u*qLanes, min(qLanes, p.height-u*qLanes))
		if p.eb != 0 {
			sumLanesSigned(sums, panel, p.steps)
		}
		for i := range sums {
			sums[i] = constant - p.eb*sums[i]
		}
	}
}

// packRowsOfA packs rows from..to of A.
func (p *qProduct) packRowsOfA(from, to int) {
	a := matrix[int8](p.op.A, p.batch)
	constant := int32(a.Cols) * p.ea * p.eb
	for i := from; i < to; i++ {
		words := p.a[i*p.pitch : i*p.pitch+p.steps]
		if i >= p.height {
			clear(words)
			continue
		}
		packInt8Row(words, p.k.group, a.Row(p.i0+i), p.za)
		p.rows[i] = constant
		if p.eb != 0 {
			p.rows[i] -= p.eb * sumSigned(words)
		}
	}
}

// packBlockB packs the block's columns of op(B) in panels of NR, and what their
// columns add.
func (p *qProduct) packBlockB(ctx context.Context, d *driver) error {
	nr := p.k.nr
	padded := ceil(p.width, nr) * nr
	grow(&p.b, padded*p.steps)
	grow(&p.cols, padded)
	if q := &p.requant; p.op.Requant != nil {
		grow(&p.mult, padded)
		grow(&p.left, padded)
		for j := range p.width {
			c := p.j0 + j
			if len(q.Multiplier) == 1 {
				c = 0
			}
			p.mult[j], p.left[j] = q.Multiplier[c], min(max(q.Shift[c], -31), 30)
		}
	}
	return d.parallel(ctx, padded/nr, ceil(qGrain, nr*max(1, p.steps)), p.packB)
}

// packPanelsOfB packs panels from..to of op(B).
func (p *qProduct) packPanelsOfB(from, to int) {
	b, nr := matrix[int8](p.op.B, p.batch), p.k.nr
	for u := from; u < to; u++ {
		panel := p.b[u*nr*p.steps : (u+1)*nr*p.steps]
		sums := p.cols[u*nr : (u+1)*nr]
		if p.op.TransB {
			packInt8Rows(panel, nr, p.k.group, b, p.zb, p.j0+u*nr, min(nr, p.width-u*nr))
		} else {
			packInt8Columns(panel, nr, p.k.group, b, p.zb, p.j0+u*nr, min(nr, p.width-u*nr))
		}
		if p.ea != 0 {
			sumLanesUnsigned(sums, panel, p.steps)
		}
		for j := range sums {
			sums[j] *= -p.ea
			if c := p.j0 + u*nr + j; p.bias != nil && c < p.n {
				sums[j] += p.bias[c]
			}
		}
	}
}

// run computes the block of C whose operands are packed.
func (p *qProduct) run(ctx context.Context, d *driver) error {
	p.stripe, p.strip = qStripe, qStrip
	if int64(p.height)*int64(p.width)*int64(p.steps) <= tinyProduct {
		// Not worth a second thread.
		p.stripe, p.strip = p.height, ceil(p.width, p.k.nr)*p.k.nr
	}
	return d.parallel(ctx, ceil(p.height, p.stripe)*ceil(p.width, p.strip), 1, p.pieces)
}

// runPieces computes pieces from..to of the block.
func (p *qProduct) runPieces(from, to int) {
	t := qTilePool.Get().(*qTile)
	defer qTilePool.Put(t)
	wide := ceil(p.width, p.strip)
	rowStride, stepStride := p.pitch, 1
	if p.op.TransA {
		rowStride, stepStride = 1, qLanes
	}
	for u := from; u < to; u++ {
		top, left := u/wide*p.stripe, u%wide*p.strip
		for j := left; j < min(left+p.strip, p.width); j += p.k.nr {
			for i := top; i < min(top+p.stripe, p.height); i += p.k.mr {
				if p.steps == 0 { // a packed A of no steps has no element to begin at
					clear(t[:])
				} else {
					a := p.a[i*rowStride:]
					if p.op.TransA {
						a = p.a[i/qLanes*qLanes*p.steps+i%qLanes:]
					}
					p.k.tile(p.steps, a, rowStride, stepStride, p.b[j*p.steps:], t)
				}
				p.finish(t, i, min(p.k.mr, p.height-i), j, min(p.k.nr, p.width-j))
			}
		}
	}
}

// finish stores a tile, whose element (0, 0) is (i, j) of the block.
func (p *qProduct) finish(t *qTile, i, rows, j, cols int) {
	nr, i0, j0 := p.k.nr, p.i0, p.j0
	add := p.cols[j : j+nr]
	if p.op.Requant == nil {
		c := matrix[int32](p.op.C, p.batch)
		for r := range rows {
			addInt32(c.Row(i0 + i + r)[j0+j:j0+j+cols], t[r*nr:(r+1)*nr], add, p.rows[i+r])
		}
		return
	}
	c := matrix[int8](p.op.C, p.batch)
	if cols == nr && requantizeTile(c.Data[(i0+i)*c.Stride+j0+j:], c.Stride, t[:rows*nr], add, p.rows[i:i+rows],
		p.mult[j:j+nr], p.left[j:j+nr], &p.requant) {
		return
	}
	for r := range rows {
		requantize(c.Row(i0 + i + r)[j0+j:j0+j+cols], t[r*nr:(r+1)*nr], add, p.rows[i+r],
			p.mult[j:j+nr], p.left[j:j+nr], &p.requant)
	}
}

// addInt32Plain stores t + add + row.
func addInt32Plain(dst, t, add []int32, row int32) {
	for j := range dst {
		dst[j] = t[j] + add[j] + row
	}
}

// requantizePlain stores the int8 that follow from t + add + row; mult and
// shift hold one entry a column, shift in [−31, 30].
func requantizePlain(dst []int8, t, add []int32, row int32, mult, shift []int32, q *exact.Requant) {
	for j := range dst {
		one := exact.Requant{Multiplier: mult[j : j+1], Shift: shift[j : j+1], Zero: q.Zero, Min: q.Min, Max: q.Max}
		dst[j] = one.Apply(t[j]+add[j]+row, 0)
	}
}

// qTilePlain is the 2×4 tile of the portable kernel: words are int32.
func qTilePlain(steps int, a []uint32, rowStride, stepStride int, b []uint32, c *qTile) {
	var c00, c01, c02, c03, c10, c11, c12, c13 uint32
	for s := range steps {
		a0, a1 := a[s*stepStride], a[s*stepStride+rowStride]
		w := (*[4]uint32)(b[4*s:])
		c00 += a0 * w[0]
		c01 += a0 * w[1]
		c02 += a0 * w[2]
		c03 += a0 * w[3]
		c10 += a1 * w[0]
		c11 += a1 * w[1]
		c12 += a1 * w[2]
		c13 += a1 * w[3]
	}
	for j, x := range [8]uint32{c00, c01, c02, c03, c10, c11, c12, c13} {
		c[j] = int32(x)
	}
}

// grow makes *s n elements long; what they hold is left open.
func grow[T any](s *[]T, n int) {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	*s = (*s)[:n]
}

// biasOf returns the bias, or nil.
func biasOf(o *backend.QMatMul) []int32 {
	v, given := optional[int32](o.Bias)
	if !given {
		return nil
	}
	return v.Row(0)
}

// requantOf returns the requantisation; what it holds has no meaning where C is int32.
func requantOf(o *backend.QMatMul) exact.Requant {
	q := o.Requant
	if q == nil {
		return exact.Requant{}
	}
	return exact.Requant{Multiplier: matrix[int32](q.Multiplier, 0).Row(0),
		Shift: matrix[int32](q.Shift, 0).Row(0), Zero: q.ZeroC, Min: q.Min, Max: q.Max}
}

// integerPut returns what stores an element of one matrix of C.
func integerPut(o *backend.QMatMul, batch int) func(i, j int, acc int32) {
	if o.Requant == nil {
		return matrix[int32](o.C, batch).Set
	}
	c, requant := matrix[int8](o.C, batch), requantOf(o)
	return func(i, j int, acc int32) { c.Set(i, j, requant.Apply(acc, j)) }
}

func qMatMulReference(d *driver, o *backend.QMatMul) error {
	m, n, _ := o.Sizes()
	for b := range o.C.Batch() {
		exact.QMatMul(m, n, matrix[int8](o.A, b), matrix[int8](o.B, b), o.TransA, o.TransB, o.ZeroA, o.ZeroB,
			biasOf(o), integerPut(o, b))
	}
	return nil
}
