package cpu

import (
	"unsafe"

	"samebits/backend/exact"
)

// kernel32 is a set of float32 kernels and the blocks that suit them.
type kernel32 struct {
	name   string
	mr, nr int // MR×NR: a tile
	kc     int // KC: steps of a panel of B, in L1 or close
	mc     int // MC: rows of a block of A, in L2
	nc     int // NC: columns of B that are packed in one go

	direct int // elements of A, and of B, up to which they are read in place

	macro   func(mac exact.Mac, x *macro) // A and B packed
	inPlace func(mac exact.Mac, x *macro) // A as it stands, B by steps, panel after panel
	narrow  func(mac exact.Mac, x *macro) // inPlace of few columns, if there is one
	most    int                           // columns of narrow
}

// best32 is the set that products run on. Tests run the others too.
var best32 = kernels32[0]

// macro is one panel of B against a block of A: kc steps of the chains of rows
// rows and NR columns, in tiles of MR×NR. Fields are read by the assembly.
type macro struct {
	kc      int      // ≥ 1
	a       *float32 // packed: panels of MR rows; in place: element (0, 0)
	b       *float32
	rows    int // ≥ 1
	flags   int
	tiles   *float32 // partial results, a tile for each panel of A
	out     *float32 // results
	stride  int      // bytes between rows of out
	strideA int      // in place: bytes between rows of A
	stepB   int      // in place: bytes between steps of B
	next    *float32 // packed: what of B comes next, fetched ahead
	cols    int      // narrow: columns
	panels  int      // in place: panels of B, one after the other, ≥ 1; narrow: 1
	strideB int      // in place: bytes between panels of B
}

// Flags of a macro. In place kernels start at +0 and end in out.
const (
	fromTiles = 1 // go on from tiles, else start at +0
	toOut     = 2 // add to +0, make NaN canonical, store in out; else store in tiles
)

// portable is the set of plain kernels, which every processor runs.
var portable = &kernel32{name: "portable", mr: mr, nr: nr, kc: 256, mc: 96, nc: 1024, direct: 1 << 14,
	macro:   func(mac exact.Mac, x *macro) { macroPlain(mac, mr, nr, x) },
	inPlace: func(mac exact.Mac, x *macro) { inPlacePlain(mac, nr, x) }}

// maxNR is the largest NR of any set.
const maxNR = 32

// macroPlain is the plain twin of the SIMD macro kernels.
func macroPlain(mac exact.Mac, mr, nr int, x *macro) {
	for i0 := 0; i0 < x.rows; i0 += mr {
		a := unsafe.Slice(offset(x.a, 4*i0*x.kc), mr*x.kc)
		b := unsafe.Slice(x.b, nr*x.kc)
		for i := range min(mr, x.rows-i0) {
			var lanes [maxNR]float32
			chains := lanes[:nr]
			if x.flags&fromTiles != 0 {
				copy(chains, unsafe.Slice(offset(x.tiles, 4*(i0+i)*nr), nr))
			}
			for k := range x.kc {
				macRow(mac, chains, a[k*mr+i], b[k*nr:])
			}
			x.leave(chains, i0+i)
		}
	}
}

// inPlacePlain is the plain twin of the SIMD kernels that read A in place.
// Its nr is the number of columns for narrow ones.
func inPlacePlain(mac exact.Mac, nr int, x *macro) {
	y := *x
	y.flags = toOut
	for range x.panels {
		for i := range y.rows {
			a := unsafe.Slice(offset(y.a, i*y.strideA), y.kc)
			var lanes [maxNR]float32
			chains := lanes[:nr]
			for k, e := range a {
				macRow(mac, chains, e, unsafe.Slice(offset(y.b, k*y.stepB), nr))
			}
			y.leave(chains, i)
		}
		y.b, y.out = offset(y.b, y.strideB), offset(y.out, 4*nr)
	}
}

// leave stores row i of the chains where the flags say.
func (x *macro) leave(chains []float32, i int) {
	if x.flags&toOut == 0 {
		copy(unsafe.Slice(offset(x.tiles, 4*i*len(chains)), len(chains)), chains)
		return
	}
	out := unsafe.Slice(offset(x.out, i*x.stride), len(chains))
	for j, r := range chains {
		out[j] = exact.CanonNaN(r + 0)
	}
}

// offset returns p, bytes further on.
func offset(p *float32, bytes int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), bytes)) }

// aligned is scratch memory that starts at a cache line.
type aligned struct{ floats []float32 }

// grow makes room for n elements, of any content.
func (s *aligned) grow(n int) {
	if cap(s.floats) >= n {
		s.floats = s.floats[:n]
		return
	}
	align := cacheLine
	if 4*n >= hugePage {
		align = hugePage
	}
	raw := make([]float32, n+align/4)
	shift := (-int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (align - 1)) / 4
	s.floats = raw[shift : shift+n : shift+n]
	adviseHuge(s.floats)
}

const hugePage = 2 << 20
