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
	second *float32 // of two groups apart: row 0 of the second
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

// addTwoGroupsPlain is the plain twin of the SIMD kernel of two groups, which
// may overlap.
func addTwoGroupsPlain(mac exact.Mac, x *rowDots) {
	y := *x
	y.groups = 1
	addRowDotsPlain(mac, &y)
	y.a, y.acc = x.second, offset(x.acc, 32)
	addRowDotsPlain(mac, &y)
}

// vector prepares a product of one row, and reports whether it is one that dots
// computes: A becomes one run of k elements.
func (g *gemm) vector() (dots bool) {
	if !simd || g.a.order > stepMajor || g.b.order > stepMajor {
		return false
	}
	if g.a.order == stepMajor {
		x := g.a.view.Data
		if g.a.view.Stride > 1 {
			g.x.grow(g.k)
			x = g.x.floats
			for k := range x {
				x[k] = g.a.view.Data[k*g.a.view.Stride]
			}
		}
		g.a.view, g.a.order = exact.View[float32]{Data: x, Rows: 1, Cols: g.k, Stride: g.k}, laneMajor
	}
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
		defer w.release()
	}
	for p := from; p < to; p++ {
		j0, n := p*dotRows, min(dotRows, g.n-p*dotRows)
		r := w.sums[:n]
		switch whole := n &^ 7; {
		case n > 8 && n <= 16: // two groups, of which the second may overlap the first
			g.someDots(w, w.last[:], j0, j0+n-8)
			copy(r, w.last[:8])
			copy(r[n-8:], w.last[8:])
		case whole < n: // the last eight rows of B, of which some are done
			if whole > 0 {
				g.someDots(w, r[:whole], j0, j0+8)
			}
			g.someDots(w, w.last[:8], j0+n-8, j0+n)
			copy(r[whole:], w.last[8-(n-whole):8])
		default:
			g.someDots(w, r, j0, j0+8)
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

// someDots stores the dot products of rows of B, a multiple of eight of them:
// rows j0 to j0+7, then those from second on.
func (g *gemm) someDots(w *work, r []float32, j0, second int) {
	clear(r)
	x := &w.rowDots
	x.groups, x.acc = len(r)/8, &w.chains[0]
	kernel, apart := addRowDots, 0
	if len(r) == 16 {
		kernel, apart = addTwoGroups, (second-j0)*g.b.view.Stride
	}
	for k0 := 0; k0 < g.k; k0 += g.cut {
		depth := min(g.cut, g.k-k0)
		acc := w.chains[:len(r)]
		clear(acc)
		whole := depth &^ 7
		if whole > 0 {
			at := j0*g.b.view.Stride + k0
			x.k, x.a, x.stride, x.x = whole, &g.b.view.Data[at], 4*g.b.view.Stride, &g.a.view.Data[k0]
			x.second = &g.b.view.Data[at+apart]
			kernel(g.mac, x)
		}
		if whole < depth { // with zeros on both sides
			from, to := k0+whole, k0+depth
			for i := range r {
				j := j0 + i
				if i >= 8 {
					j = second + i - 8
				}
				rest := w.rest[8*i : 8*i+8]
				clear(rest[copy(rest, g.b.view.Row(j)[from:to]):])
			}
			clear(w.restX[copy(w.restX[:], g.a.view.Data[from:to]):])
			x.k, x.a, x.stride, x.x, x.second = 8, &w.rest[0], 32, &w.restX[0], &w.rest[64]
			kernel(g.mac, x)
		}
		for i, c := range acc {
			r[i] += c
		}
	}
}
