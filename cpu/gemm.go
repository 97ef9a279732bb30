package cpu

import (
	"context"
	"sync"

	"samebits/backend/exact"
)

// The float32 product is built as in Goto and van de Geijn, "Anatomy of
// high-performance matrix multiplication", 2008, with one difference that the
// contract's order asks for: a tile's chains run on through the KC blocks of a
// cut, so that partial results are carried in packed MR×NR tiles and C is
// written once, in the last pass.
//
//	for jc over N by NC, for each cut of K:
//	    pack B's panels of the cut, on all threads
//	    for blocks of MC rows × some columns, on all threads:
//	        for pc over the cut by KC:
//	            pack the block's panels of A
//	            for each panel of B (L1): macro kernel, over A's panels (L2)
//	        finish rows: totals over cuts, epilogue
//
// A product of one block of rows packs each block's part of B inside the block,
// KC steps at a time. A small one reads A, and B, where they stand. One of very
// few rows adds rows of B to rows of C (gemm_stream.go), one of very few columns
// is computed as its transpose (matmul.go).
//
// Nothing here decides a result: only the order of a chain does.
type gemm struct {
	d    *driver
	kern *kernel32
	mac  exact.Mac

	m, n, k int
	cut     int // K is cut every cut steps
	a, b    operand
	c       exact.View[float32] // C, or C's rows of real and imaginary parts
	plain   bool                // C is the product itself
	epi     epilogue32

	totals           exact.View[float32] // between cuts, m×n
	threads          int
	directA, directB bool
	bInside          bool // blocks pack their part of B

	// The stage that the threads are at: columns jc..jc+nc, steps k0..k0+depth.
	jc, nc, k0, depth     int
	mBlocks, nBlocks      int
	blockRows, blockCols  int
	packedB               aligned
	packStage, blockStage func(from, to int)
	rowsStage, dotsStage  func(from, to int)

	x      aligned // the vector of a product of one row
	turned bool    // C is the column whose transpose is computed

	own work // of the only thread, if there is one
}

// operand is A or B: a matrix and how its elements become steps of lanes,
// where a lane is a row of op(A) or a column of op(B).
type operand struct {
	view  exact.View[float32] // of complex elements: their parts, twice as wide
	order order
	signs [4]uint32 // of complex B: flips of a pair's signs, even and odd step
}

// order is where lanes and steps stand in a matrix.
type order uint8

const (
	laneMajor  order = iota // row = lane, column = step
	stepMajor               // row = step, column = lane
	splitSteps              // complex A, transposed: row = two steps, columns = (re, im) of a lane
	pairSteps               // complex B: row = two steps, columns = (re, im) of two lanes
	pairLanes               // complex B, transposed: row = two lanes, columns = (re, im) of two steps
)

func orderOf(lanesAreRows bool) order {
	if lanesAreRows {
		return laneMajor
	}
	return stepMajor
}

var gemmPool = sync.Pool{New: func() any {
	g := new(gemm)
	g.packStage, g.blockStage, g.rowsStage = g.pack, g.blocks, g.rows
	g.dotsStage = g.dots
	return g
}}

// release keeps g for the next product, without this one's operands.
func (g *gemm) release() {
	g.a.view.Data, g.b.view.Data, g.c.Data, g.totals.Data = nil, nil, nil, nil
	if g.epi.real.Bias != nil || g.epi.isComplex {
		g.epi = epilogue32{}
	}
	g.own.forget()
	gemmPool.Put(g)
}

// run computes the product.
func (g *gemm) run(ctx context.Context) error {
	if g.k > g.cut && g.n > 0 {
		g.totals = g.c
		if !g.plain {
			total := floatScratch(g.m * g.n)
			defer releaseFloats(total)
			g.totals = exact.Dense(*total, g.m, g.n)
		}
	}
	if g.k == 0 {
		return g.d.spread(ctx, g.threads, g.m, max(1, ceil(4096, max(1, g.n))), g.rowsStage)
	}
	g.plan()
	if g.directB && g.threads == 1 && g.k <= g.cut && g.m*g.n*g.k <= tinyProduct {
		g.jc, g.nc, g.k0, g.depth = 0, g.n, 0, g.k
		b := block{gemm: g, work: &g.own, m: g.m, n: g.n}
		b.run()
		return nil
	}
	for g.jc = 0; g.jc < g.n; g.jc += g.kern.nc {
		g.nc = min(g.kern.nc, g.n-g.jc)
		g.layout()
		for g.k0 = 0; g.k0 < g.k; g.k0 += g.cut {
			g.depth = min(g.cut, g.k-g.k0)
			if !g.bInside && !g.directB {
				panels := ceil(g.nc, g.kern.nr)
				g.packedB.grow(panels * g.kern.nr * g.depth)
				if err := g.d.spread(ctx, g.threads, panels, 1, g.packStage); err != nil {
					return err
				}
			}
			if err := g.d.spread(ctx, g.threads, g.mBlocks*g.nBlocks, 1, g.blockStage); err != nil {
				return err
			}
		}
	}
	return nil
}

// plan chooses what is packed. Reading an operand in place pays while its lines
// stay in L1 (A) or L2 (B) for as long as they are used.
func (g *gemm) plan() {
	few := g.m <= fewRows && g.n <= g.kern.nr // each element is read once or twice
	g.directA = g.a.order == laneMajor && (few || g.m*g.k <= g.kern.direct)
	g.directB = g.directA && g.b.order == stepMajor && g.b.view.Stride <= maxDirectStride && (few || g.n*g.k <= g.kern.direct)
	g.bInside = !g.directB && g.m <= g.kern.mc
}

// fewRows are the rows of a product of one panel of B that packing never pays for.
const fewRows = 16

// maxDirectStride keeps the steps of B that are read in place from being a page
// apart each.
const maxDirectStride = 768

// layout cuts the columns jc..jc+nc into blocks that keep all threads busy to
// the end.
func (g *gemm) layout() {
	mr, nr := g.kern.mr, g.kern.nr
	panels := ceil(g.nc, nr)
	g.blockRows = min(ceil(g.m, mr)*mr, g.kern.mc)
	g.blockCols = panels * nr
	if g.bInside {
		g.blockCols = min(g.blockCols, insideCols/nr*nr)
	}
	if g.directA && g.m < 2*g.kern.mc { // no rest of a few rows
		g.blockRows = ceil(g.m, mr) * mr
	}
	if g.threads > 1 {
		switch {
		case g.directA && panels%g.threads == 0: // nothing is packed twice
			g.blockRows, g.blockCols = ceil(g.m, mr)*mr, panels/g.threads*nr
		case g.m > g.kern.mc:
			g.blockRows = evenRows(g.m, mr, g.kern.mc, g.threads)
		default:
			g.blockCols = min(g.blockCols, ceil(panels, g.threads)*nr)
		}
	}
	g.mBlocks, g.nBlocks = ceil(g.m, g.blockRows), ceil(g.nc, g.blockCols)
}

// insideCols are the columns of a block that packs its own part of B.
const insideCols = 512

// evenRows returns the number of rows of a block, between half of MC and MC, of
// which the busiest thread gets the fewest in all.
func evenRows(m, mr, mc, threads int) int {
	rows, least := mc, m+mc
	for try := mc; 2*try >= mc; try -= mr {
		whole := m / try
		busiest := ceil(whole, threads) * try
		if whole%threads == 0 {
			busiest += m % try
		}
		if busiest < least {
			rows, least = try, busiest
		}
	}
	return rows
}

// pack packs panels from..to of B.
func (g *gemm) pack(from, to int) {
	nr := g.kern.nr
	for p := from; p < to; p++ {
		packPanels(g.packedB.floats[p*nr*g.depth:], nr, &g.b, g.jc+p*nr, min(nr, g.nc-p*nr), g.k0, g.depth)
	}
}

// work is a thread's memory while it computes a block.
type work struct {
	args             macro
	pair             rowPair
	panelsA, panelsB aligned
	tiles            aligned // partial results
	rowDots          rowDots
	sums, chains     [dotRows]float32 // of dot products: totals, and what is added to them
	last             [16]float32      // dot products, or a row of few columns
	rest             [8 * dotRows]float32
	restX            [8]float32
	out              aligned // one panel of finished rows, or rows of C under way
}

var workPool = sync.Pool{New: func() any { return new(work) }}

// release keeps w for the next blocks.
func (w *work) release() {
	w.forget()
	workPool.Put(w)
}

// forget drops what points into operands.
func (w *work) forget() {
	w.args.a, w.args.b, w.args.out, w.args.next = nil, nil, nil, nil
	if w.pair.b != nil {
		w.pair = rowPair{}
	}
	if w.rowDots.a != nil {
		w.rowDots = rowDots{}
	}
}

// blocks computes blocks from..to.
func (g *gemm) blocks(from, to int) {
	w := &g.own
	if g.threads > 1 {
		w = workPool.Get().(*work)
		defer w.release()
	}
	for i := from; i < to; i++ {
		i0, j0 := i/g.nBlocks*g.blockRows, i%g.nBlocks*g.blockCols
		b := block{gemm: g, work: w, i0: i0, m: min(g.blockRows, g.m-i0), j0: j0, n: min(g.blockCols, g.nc-j0)}
		b.run()
	}
}

// block is the part of a stage that one thread computes in one go: rows
// i0..i0+m, columns jc+j0..jc+j0+n.
type block struct {
	*gemm
	*work
	i0, m, j0, n int
}

// run runs the block's chains through the cut and finishes its rows.
func (b *block) run() {
	mr, nr := b.kern.mr, b.kern.nr
	if b.m <= maxStreamed && b.b.order == stepMajor && b.a.order == laneMajor && b.stream() {
		return
	}
	step := b.kern.kc
	if b.directA {
		step = b.depth // chains stay in registers
	}
	high, wide := ceil(b.m, mr), ceil(b.n, nr)
	b.out.grow(high * mr * nr)
	if !b.directA {
		b.panelsA.grow(high * mr * min(step, b.depth))
	}
	if step < b.depth {
		b.tiles.grow(high * mr * wide * nr)
	}
	if b.bInside {
		b.panelsB.grow(wide * nr * min(step, b.depth))
	}
	done := 0
	if b.directB && b.plain && b.k <= b.cut {
		done = b.wholePanels()
	}
	for pc := 0; pc < b.depth; pc += step {
		kc := min(step, b.depth-pc)
		if !b.directA {
			packPanels(b.panelsA.floats, mr, &b.a, b.i0, b.m, b.k0+pc, kc)
		}
		if b.bInside {
			packPanels(b.panelsB.floats, nr, &b.b, b.jc+b.j0, b.n, b.k0+pc, kc)
		}
		for q := done; q < wide; q++ {
			b.panel(q, pc, kc)
		}
	}
}

// wholePanels runs the panels of B that have all NR columns, read where they
// stand, against the block, whose rows end in C. It returns how many they are.
func (b *block) wholePanels() int {
	nr := b.kern.nr
	n := b.n / nr
	if n > 0 {
		x, j := &b.args, b.jc+b.j0
		x.kc, x.rows, x.flags, x.panels, x.strideB = b.depth, b.m, toOut, n, 4*nr
		x.a, x.strideA = &b.a.view.Data[b.i0*b.a.view.Stride+b.k0], 4*b.a.view.Stride
		x.b, x.stepB = &b.b.view.Data[b.k0*b.b.view.Stride+j], 4*b.b.view.Stride
		x.out, x.stride = &b.c.Data[b.i0*b.c.Stride+j], 4*b.c.Stride
		b.kern.inPlace(b.mac, x)
	}
	return n
}

// panel runs panel q of B, steps pc..pc+kc of the cut, against the block.
func (b *block) panel(q, pc, kc int) {
	mr, nr := b.kern.mr, b.kern.nr
	j := b.jc + b.j0 + q*nr
	cols := min(nr, b.n-q*nr)
	narrow := b.directA && cols <= b.kern.most
	x := &b.args
	*x = macro{kc: kc, rows: b.m, cols: cols, panels: 1}
	switch {
	case b.directB && (cols == nr || narrow):
		x.b, x.stepB = &b.b.view.Data[(b.k0+pc)*b.b.view.Stride+j], 4*b.b.view.Stride
	case b.directB:
		b.panelsB.grow(nr * kc)
		packPanels(b.panelsB.floats, nr, &b.b, j, cols, b.k0+pc, kc)
		x.b, x.stepB = &b.panelsB.floats[0], 4*nr
	case b.bInside:
		x.b, x.stepB = &b.panelsB.floats[q*nr*kc], 4*nr
		x.next = x.b
	default:
		at := (b.j0+q*nr)*b.depth + pc*nr
		x.b, x.stepB = &b.packedB.floats[at], 4*nr
		x.next = &b.packedB.floats[min(at+nr*b.depth, len(b.packedB.floats)-1)]
	}
	if pc > 0 {
		x.flags |= fromTiles
	}
	if pc+kc < b.depth || pc > 0 {
		x.tiles = &b.tiles.floats[q*ceil(b.m, mr)*mr*nr]
	}
	last := pc+kc == b.depth
	inPlace := last && b.plain && (cols == nr || narrow) && b.k <= b.cut
	switch {
	case inPlace:
		x.flags |= toOut
		x.out, x.stride = &b.c.Data[b.i0*b.c.Stride+j], 4*b.c.Stride
	case last:
		x.flags |= toOut
		x.out, x.stride = &b.out.floats[0], 4*nr
	}
	if b.directA {
		x.a, x.strideA = &b.a.view.Data[b.i0*b.a.view.Stride+b.k0+pc], 4*b.a.view.Stride
		if narrow {
			b.kern.narrow(b.mac, x)
		} else {
			b.kern.inPlace(b.mac, x)
		}
	} else {
		x.a = &b.panelsA.floats[0]
		b.kern.macro(b.mac, x)
	}
	if last && !inPlace {
		for i := range b.m {
			b.finish(b.out.floats[i*nr:i*nr+cols], b.i0+i, j)
		}
	}
}

// finish takes r, finished chains of the cut bound for row i of C from column j
// on: it adds the totals and, after the last cut, applies the epilogue. It
// overwrites r.
func (g *gemm) finish(r []float32, i, j int) {
	if g.k > g.cut {
		total := g.totals.Row(i)[j : j+len(r)]
		if g.k0 == 0 {
			copy(total, r)
			return
		}
		for l, x := range r {
			total[l] += x
		}
		if g.k0+g.depth < g.k {
			return
		}
		r = total
	}
	g.last(r, i, j)
}

// last applies the epilogue to a finished product's elements.
func (g *gemm) last(r []float32, i, j int) {
	if !g.plain {
		g.epi.row(g, r, i, j)
		return
	}
	dst := g.c.Row(i)[j : j+len(r)]
	if g.k <= g.cut { // as the kernels left it
		copy(dst, r)
		return
	}
	for l, x := range r {
		dst[l] = exact.CanonNaN(x)
	}
}

// rows finishes rows from..to of a product of no steps: +0 throughout.
func (g *gemm) rows(from, to int) {
	zeros := floatScratch(g.n)
	defer releaseFloats(zeros)
	for i := from; i < to; i++ {
		clear(*zeros)
		g.last(*zeros, i, 0)
	}
}
