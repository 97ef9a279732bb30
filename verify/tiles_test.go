package verify_test

import (
	"slices"
	"testing"

	"samebits/cpu"
	"samebits/verify"
)

// coverTiles fails for a tile of a driver around which no suite has cases.
func coverTiles(t *testing.T, tiles map[string][]int) {
	t.Helper()
	for along, sizes := range tiles {
		for _, n := range sizes {
			if !slices.Contains(verify.TileEdges(along), n) {
				t.Errorf("along %s the driver has a tile of %d, the cases have edges at %v", along, n, verify.TileEdges(along))
			}
		}
	}
	if len(tiles) < 5 {
		t.Errorf("the driver tells of %d kinds of tiles", len(tiles))
	}
}

func TestTilesOfTheProcessorHaveCases(t *testing.T) { coverTiles(t, cpu.Tiles()) }
