//go:build gl && cgo

package gpu

import "samebits/backend/exact"

// The tilings of large products; small ones have one element an invocation.
var (
	matMulTiling  = tiling{side: 16, wm: 4, wn: 4}
	complexTiling = tiling{side: 16, wm: 2, wn: 2}
	qMatMulTiling = tiling{side: 16, wm: 2, wn: 2}
)

// elementGroup is GROUP_SIZE of map.comp and move.comp.
const elementGroup = 256

// Tiles returns the sizes at which this driver's kernels change what they do:
// tiles of work groups, blocks, and the bounds between two ways, by what they
// are counted along. Package verify must have cases around each.
func Tiles() map[string][]int {
	return map[string][]int{
		"product m": {matMulTiling.side, matMulTiling.side * matMulTiling.wm, complexTiling.side * complexTiling.wm},
		"product n": {matMulTiling.side, matMulTiling.side * matMulTiling.wn, complexTiling.side * complexTiling.wn},
		"product k": {tileDepth, exact.Cut},
		"integer m": {qMatMulTiling.side, qMatMulTiling.side * qMatMulTiling.wm},
		"integer n": {qMatMulTiling.side, qMatMulTiling.side * qMatMulTiling.wn},
		"integer k": {tileDepth},
		"points":    {lanes},
		"centres":   {panelCentres, lanes},
		"groups":    {pairwiseTile},
		"features":  {exact.Cut},
		"row":       {lanes, exact.SumBlock, selectBins, selectBlock},
		"column":    {exact.ColumnBlock},
		"across":    {lanes},
		"elements":  {elementGroup},
	}
}
