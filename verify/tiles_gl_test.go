//go:build gl && cgo

package verify_test

import (
	"testing"

	"samebits/gpu"
)

func TestTilesOfOpenGLHaveCases(t *testing.T) { coverTiles(t, gpu.Tiles()) }
