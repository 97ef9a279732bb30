package verify

import "slices"

// edge is a size at which a kernel, or the contract, changes what it does.
type edge struct {
	size int
	of   string
}

// edges are the sizes around which every suite has cases, by what they are
// counted along. The drivers list theirs as cpu.Tiles and gpu.Tiles, and a test
// fails for one that is not here.
var edges = map[string][]edge{
	"product m": {
		{2, "cpu: a pair of streamed rows"}, {6, "cpu: MR of AVX2 and plain, and the rows that are streamed"}, {12, "cpu: MR of AVX-512"},
		{16, "gl: a group of one element an invocation"}, {32, "gl: a complex tile"}, {64, "gl: a tile"},
		{72, "cpu: MC of AVX2"}, {96, "cpu: MC of AVX-512 and plain"},
	},
	"product n": {
		{8, "cpu: a vector of AVX2"}, {16, "cpu: NR of AVX2, and the columns of the narrow kernel; gl: a small tile"},
		{32, "cpu: NR of AVX-512; gl: a complex tile"}, {64, "cpu: columns from which rows are streamed; gl: a tile"},
		{512, "cpu: columns of a block that packs its own part of B"}, {1024, "cpu: NC, and columns that are streamed at a time"},
	},
	"product k": {
		{16, "gl: TK"}, {64, "cpu: rows of B that are streamed at a time"}, {256, "cpu: KC of plain"}, {512, "cpu: KC of AVX2"},
		{1024, "cpu: KC of AVX-512"}, {4096, "the contract: a cut"},
	},
	"integer m": {
		{2, "cpu: MR of plain"}, {6, "cpu: MR of AVX2"}, {12, "cpu: MR of AVX-512"}, {16, "gl: a small tile"}, {32, "gl: a tile"},
		{48, "cpu: columns of a transposed panel"}, {96, "cpu: rows of a piece of work"},
	},
	"integer n": {{4, "cpu: NR of plain"}, {16, "cpu: NR of AVX2; gl: a small tile"}, {32, "cpu: NR of AVX-512; gl: a tile"}, {256, "cpu: columns of a piece of work"}},
	"integer k": {{1, "cpu: values of a word, plain"}, {2, "cpu: pairs"}, {4, "cpu: quads of VNNI"}, {16, "gl: TK"}},
	"points":    {{6, "cpu: a group of AVX2"}, {8, "cpu: a group of AVX-512"}, {16, "cpu: lanes of AVX2"}, {32, "cpu: lanes of AVX-512"}, {64, "gl: a group"}},
	"centres": {{6, "cpu: a group of AVX2"}, {8, "cpu: a group of AVX-512"}, {16, "cpu: lanes of AVX2; gl: a panel"}, {32, "cpu: lanes of AVX-512"},
		{64, "cpu: the longest sorted list; gl: a group"}},
	"groups":      {{32, "gl: groups of one pass of a pairwise sum"}},
	"features":    {{4096, "the contract: a cut"}},
	"row":         {{64, "the contract: lanes"}, {256, "gl: bins of a selection"}, {4096, "gl: a block of a selection"}, {16384, "the contract: a block; cpu: a piece of work"}},
	"column":      {{256, "the contract: a block"}},
	"across":      {{64, "gl: a group"}, {256, "cpu: a column tile"}},
	"elements":    {{256, "gl: a group"}, {1024, "cpu: a chunk of a row"}},
	"side":        {{32, "cpu: a tile of a transpose"}},
	"sum columns": {{8, "cpu: a chunk of columns"}, {64, "cpu: columns that are folded"}},
	"sum rows":    {{1024, "cpu: rows of a piece of a scatter sum"}},
	"work":        {{16384, "cpu: elements of a piece of work along rows"}},
	"work moved":  {{65536, "cpu: elements of a piece of a copy, gather or transpose"}},
	"work macs":   {{1 << 19, "cpu: macs of a product on one thread"}, {1 << 20, "cpu: macs of a product that has a thread of a batch"}},
	"work words":  {{16384, "cpu: words of a piece of packing integers"}, {1 << 20, "cpu: words of a packed block of integers"}},
}

// TileEdges returns the sizes around which the suites have cases, by what they
// are counted along: product m, product n, product k, integer m, integer n,
// integer k, points, centres, groups, features, row, column, across, elements,
// side, sum columns, sum rows, work, work moved, work macs and work words.
func TileEdges(along string) []int {
	var sizes []int
	for _, e := range edges[along] {
		sizes = append(sizes, e.size)
	}
	return sizes
}

// around returns the sizes of some edges, less one, and one more, ascending.
func around(along string) []int {
	var sizes []int
	for _, s := range TileEdges(along) {
		sizes = append(sizes, max(s-1, 1), s, s+1)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// The classes of shapes of three dimensions, for products m, n, k and for
// distances n, d, k: where there are rows of data they are long and narrow.
var (
	ones   = [][3]int{{1, 1, 1}, {1, 1, 67}, {1, 67, 1}, {67, 1, 1}}
	empty  = [][3]int{{0, 5, 3}, {5, 0, 3}, {3, 5, 0}}
	primes = [][3]int{{2, 3, 5}, {13, 31, 29}, {61, 37, 53}, {101, 103, 97}}
	skinny = [][3]int{{1, 131, 61}, {2, 257, 19}, {3, 3, 1021}}
	tall   = [][3]int{{131, 1, 61}, {257, 2, 19}, {521, 3, 7}}
)

// classes are all of these.
func classes() [][3]int { return slices.Concat(ones, empty, primes, skinny, tall) }

// corners are all combinations of a tile's edges less one, as they are, and one
// more.
func corners(m, n, k int) (shapes [][3]int) {
	for i := -1; i <= 1; i++ {
		for j := -1; j <= 1; j++ {
			shapes = append(shapes, [3]int{m + i, n + j, k})
		}
	}
	return shapes
}

// productEdges are m, n, k around each edge alone and around the corners of the
// tiles.
func productEdges() (shapes [][3]int) {
	for _, m := range around("product m") {
		shapes = append(shapes, [3]int{m, 19, 11})
	}
	for _, n := range around("product n") {
		shapes = append(shapes, [3]int{5, n, 7}, [3]int{13, n, 7})
	}
	for _, k := range around("product k") {
		shapes = append(shapes, [3]int{3, 66, k}, [3]int{13, 18, k})
	}
	for _, tile := range [][2]int{{6, 16}, {12, 32}, {16, 16}, {32, 32}, {64, 64}} {
		shapes = append(shapes, corners(tile[0], tile[1], 17)...)
	}
	return shapes
}

// integerEdges is productEdges for the integer product.
func integerEdges() (shapes [][3]int) {
	for _, m := range around("integer m") {
		shapes = append(shapes, [3]int{m, 19, 11})
	}
	for _, n := range around("integer n") {
		shapes = append(shapes, [3]int{13, n, 7})
	}
	for _, k := range around("integer k") {
		shapes = append(shapes, [3]int{13, 18, k})
	}
	for _, tile := range [][2]int{{6, 16}, {12, 32}, {32, 32}} {
		shapes = append(shapes, corners(tile[0], tile[1], 33)...)
	}
	return shapes
}

// distanceEdges are n, d, k around each edge alone and around the corners of
// lanes and groups.
func distanceEdges() (shapes [][3]int) {
	for _, n := range around("points") {
		shapes = append(shapes, [3]int{n, 5, 7})
	}
	for _, k := range around("centres") {
		shapes = append(shapes, [3]int{9, 3, k})
	}
	for _, d := range around("features") {
		shapes = append(shapes, [3]int{3, d, 5})
	}
	for _, tile := range [][2]int{{16, 6}, {32, 8}} {
		for _, c := range corners(tile[0], tile[1], 0) {
			shapes = append(shapes, [3]int{c[0], 4, c[1]}, [3]int{c[1], 4, c[0]})
		}
	}
	return shapes
}

// rowEdges are batch, rows, columns around the edges of operations along rows.
func rowEdges() (shapes [][3]int) {
	for i, cols := range around("row") {
		shapes = append(shapes, [3]int{1, 1 + 2*(i%2), cols})
	}
	return append(shapes, [3]int{3, 2, 65}, [3]int{2, 3, 4097})
}

// columnEdges are batch, rows, columns around the edges of operations along
// columns.
func columnEdges() (shapes [][3]int) {
	for _, rows := range around("column") {
		shapes = append(shapes, [3]int{1, rows, 5}, [3]int{2, 2 * rows, 3})
	}
	for _, cols := range around("across") {
		shapes = append(shapes, [3]int{1, 3, cols})
	}
	return shapes
}

// elementEdges are batch, rows, columns around the edges of elementwise
// operations; moveEdges those of transposes and copies.
func elementEdges() (shapes [][3]int) {
	for _, cols := range around("elements") {
		shapes = append(shapes, [3]int{1, 1, cols}, [3]int{2, 3, cols})
	}
	return shapes
}

func moveEdges() (shapes [][3]int) {
	for i, a := range around("side") {
		for j, b := range around("side") {
			shapes = append(shapes, [3]int{1 + (i+j)%2, a, b})
		}
	}
	return append(elementEdges(), shapes...)
}

// sumEdges are n, columns, labels around the edges of scatter sums.
func sumEdges() (shapes [][3]int) {
	for _, cols := range around("sum columns") {
		shapes = append(shapes, [3]int{67, cols, 5}, [3]int{301, cols, 1})
	}
	return shapes
}

// drawEdges are rows and columns around the edges of draws and filters.
func drawEdges() (shapes [][2]int) {
	for i, cols := range around("row") {
		shapes = append(shapes, [2]int{1 + 2*(i%2), cols})
	}
	return shapes
}
