//go:build !amd64

package cpu

import "samebits/backend/exact"

// microKernel runs one tile's chains; see microKernelPlain.
func microKernel(mac exact.Mac, kc int, a, b []float32, c *tile, first bool) {
	microKernelPlain(mac, kc, a, b, c, first)
}

// addTile adds t to r; see addTilePlain.
func addTile(r, t *tile) { addTilePlain(r, t) }

// storeRows stores a tile's first rows; see storeRowsPlain.
func storeRows(dst []float32, stride int, r *tile, rows int) { storeRowsPlain(dst, stride, r, rows) }
