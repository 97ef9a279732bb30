package cpu

import "samebits/backend/exact"

// Tiles returns the sizes at which this driver's kernels change what they do,
// on any processor: tiles, panels, blocks, what one thread takes on at least and
// the bounds between two ways, by what they are counted along. Package verify
// must have cases around each.
func Tiles() map[string][]int {
	t := map[string][]int{
		"product m":   {mr, maxStreamed},
		"product n":   {nr, insideCols, streamCols},
		"product k":   {streamSteps, exact.Cut},
		"integer m":   {qLanes, qStripe},
		"integer n":   {qStrip},
		"points":      {maxGroup},
		"centres":     {maxLanes, maxGroup, listed},
		"features":    {exact.Cut},
		"row":         {exact.SumLanes, exact.SumBlock, reduceGrain},
		"column":      {exact.ColumnBlock},
		"across":      {columnTile},
		"elements":    {mapChunk},
		"side":        {transposeTile},
		"sum columns": {scatterWide, foldedCols},
		"sum rows":    {scatterGrain},
		"work":        {mapGrain, reduceGrain, exact.SumBlock},
		"work moved":  {moveGrain},
		"work macs":   {tinyProduct, smallProduct},
		"work words":  {qGrain, qBudget},
	}
	for _, v := range []laneKernels{plainLanes, lanes256, lanes512} {
		t["points"] = append(t["points"], v.lanes(), v.group())
		t["centres"] = append(t["centres"], v.lanes(), v.group())
	}
	for _, k := range allKernels32() {
		t["product m"] = append(t["product m"], k.mr, k.mc)
		t["product n"] = append(t["product n"], k.nr, k.nc)
		t["product k"] = append(t["product k"], k.kc)
		if k.narrow != nil {
			t["product n"] = append(t["product n"], k.most)
		}
	}
	for _, k := range qKernels() {
		t["integer m"] = append(t["integer m"], k.mr)
		t["integer n"] = append(t["integer n"], k.nr)
		t["integer k"] = append(t["integer k"], k.group)
	}
	return t
}
