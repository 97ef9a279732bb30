//go:build gl && cgo

package gpu

import (
	"context"
	"encoding/binary"
	"math"

	"samebits/backend/exact"
)

// maxIterations is how many loop iterations, those of all its loops together, one invocation of a kernel may make in
// one dispatch. Mesa's software renderers leave a loop without a word once an invocation has made 65,535 in total
// (LP_MAX_TGSI_LOOP_ITERATIONS in gallivm), and a hardware driver's watchdog may end a dispatch that runs for seconds.
// Half of that leaves room for the lanes of one SIMD vector, which are counted together where they take turns. What
// needs more goes on in the next dispatch from what it left in memory.
const maxIterations = 1 << 15

// loopIterations is maxIterations; tests make it small, so that small shapes go on in many dispatches too.
var loopIterations = maxIterations

// ranges calls f for consecutive ranges of 0..n, each a multiple of unit long but the last, whose units of iterations
// loop iterations each keep within loopIterations; at least one unit. n = 0 gives one empty range.
func ranges(n, unit, iterations int, f func(from, to int)) {
	size := unit * max(1, loopIterations/max(1, iterations))
	f(0, min(size, n))
	for from := size; from < n; from += size {
		f(from, min(from+size, n))
	}
}

// cutRanges is ranges for kernels that walk a chain of d elements cut by cut, an iteration each; what they leave
// between two dispatches are the totals of whole cuts, so that no chain is ever torn.
func cutRanges(d int, f func(from, to int)) { ranges(d, exact.Cut, exact.Cut+1, f) }

// measureLoops returns how many iterations a loop of this device makes before it is ended silently; 0 where it reached
// 2²⁰ as told.
func (d *driver) measureLoops() (int64, error) {
	const most = 1 << 20
	ctx := context.Background()
	result, err := d.Alloc(wordBytes)
	if err != nil {
		return 0, err
	}
	defer d.Free(result)
	p := &plan{driver: d}
	p.run(step{
		shader: "loops", buffers: []*buffer{result.(*buffer)}, uniforms: uniforms{"iterations": most}, groups: 1,
	})
	if err := d.do(p.issue); err != nil {
		return 0, err
	}
	word := make([]byte, wordBytes)
	if err := d.Read(ctx, result, 0, word); err != nil {
		return 0, err
	}
	n := int64(binary.LittleEndian.Uint32(word))
	if n == most || n > math.MaxInt32 {
		return 0, nil
	}
	return n, nil
}
