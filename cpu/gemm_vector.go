package cpu

import (
	"context"
	"unsafe"

	"samebits/backend/exact"
)

// A product of one column is computed as its transpose, of one row. A product
// of one row is a vector times a matrix: where the matrix is stored by steps,
// the stream kernel adds its rows up (gemm_stream.go); where it is stored by
// lanes, each result is the dot product of a row, and the kernels here run the
// chains of eight rows at a time. Both read the matrix once, as it stands.

const (
	dotRows = 64 // rows under way, whose chains overlap
	// dotGrain is the number of macs that a piece of work has at least.
	dotGrain = 1 << 16
)

// rowDots runs the chains acc[i] = mac(acc[i], a[i, s], x[s]) of 8·groups rows
// over k steps, s ascending; k is a multiple of 8. Fields are read by the
// assembly.
type rowDots struct {
	k      int // ≥ 8
	a      *float32
	stride int // bytes between rows
	x      *float32
	groups int // ≥ 1
	acc    *float32
}

// addRowDotsPlain is the plain twin of the SIMD kernel.
func addRowDotsPlain(mac exact.Mac, x *rowDots) {
	acc, v := unsafe.Slice(x.acc, 8*x.groups), unsafe.Slice(x.x, x.k)
	for i := range acc {
		for s, e := range unsafe.Slice(offset(x.a, i*x.stride), x.k) {
			acc[i] = mac.Mac(acc[i], e, v[s])
		}
	}
}

// vector prepares a product of one row, and reports whether it is one that dots
// computes: A becomes one run of k elements, and of zeros to a multiple of 8.
func (g *gemm) vector() (dots bool) {
	if !simd || g.a.order > stepMajor || g.b.order > stepMajor {
		return false
	}
	padded := ceil(g.k, 8) * 8
	g.x.grow(padded)
	x := g.x.floats
	clear(x[g.k:])
	if g.a.order == laneMajor {
		copy(x, g.a.view.Row(0))
	} else {
		for k := range g.k {
			x[k] = g.a.view.Data[k*g.a.view.Stride]
		}
	}
	g.a.view, g.a.order = exact.View[float32]{Data: x, Rows: 1, Cols: g.k, Stride: padded}, laneMajor
	return g.b.order == laneMajor && g.n >= 8
}

// runDots computes a product of one row whose B is stored by lanes.
func (g *gemm) runDots(ctx context.Context) error {
	return g.d.spread(ctx, g.threads, ceil(g.n, dotRows), ceil(dotGrain, dotRows*g.k), g.dotsStage)
}

// dots computes pieces from..to of dotRows results.
func (g *gemm) dots(from, to int) {
	w := &g.own
	if g.threads > 1 {
		w = workPool.Get().(*work)
		defer workPool.Put(w)
	}
	for p := from; p < to; p++ {
		j0, n := p*dotRows, min(dotRows, g.n-p*dotRows)
		whole := n &^ 7
		r := w.sums[:n]
		if whole > 0 {
			g.someDots(w, r[:whole], j0)
		}
		if whole < n { // the last eight rows of B, of which some are done
			g.someDots(w, w.last[:], j0+n-8)
			copy(r[whole:], w.last[8-(n-whole):])
		}
		for i, x := range r {
			r[i] = exact.CanonNaN(x)
		}
		switch {
		case !g.turned:
			g.last(r, 0, j0)
		case g.plain:
			for i, x := range r {
				g.c.Data[(j0+i)*g.c.Stride] = x
			}
		default:
			for i := range r {
				g.last(r[i:i+1], j0+i, 0)
			}
		}
	}
}

// someDots stores the dot products of rows j0.. of B, a multiple of eight of them.
func (g *gemm) someDots(w *work, r []float32, j0 int) {
	clear(r)
	x := &w.rowDots
	x.groups, x.acc = len(r)/8, &w.chains[0]
	for k0 := 0; k0 < g.k; k0 += g.cut {
		depth := min(g.cut, g.k-k0)
		acc := w.chains[:len(r)]
		clear(acc)
		whole := depth &^ 7
		if whole > 0 {
			x.k, x.a, x.stride, x.x = whole, &g.b.view.Data[j0*g.b.view.Stride+k0], 4*g.b.view.Stride, &g.a.view.Data[k0]
			addRowDots(g.mac, x)
		}
		if whole < depth { // with zeros on both sides
			for i := range r {
				rest := w.rest[8*i : 8*i+8]
				clear(rest[copy(rest, g.b.view.Row(j0 + i)[k0+whole:k0+depth]):])
			}
			x.k, x.a, x.stride, x.x = 8, &w.rest[0], 32, &g.a.view.Data[:k0+whole+1][k0+whole]
			addRowDots(g.mac, x)
		}
		for i, c := range acc {
			r[i] += c
		}
	}
}
