//go:build gl && cgo

package gpu

import "math/bits"

// selection looks for an element in each of some rows; see select.comp.
type selection struct {
	x           *buffer
	xAt         [4]uint32
	first, n    int // rows, over all of a batch
	rows, cols  int // of one matrix
	target      uint32
	smallest    bool // smallest first instead of largest first
	weighted    bool // elements weigh as probabilities do
	wholeIfNaN  bool // a NaN raises the row's tally
	keyOnly     bool // which of the elements of equal key it is does not matter
	state, bins *buffer
}

const (
	selectBins  = 256  // BINS of select.comp
	selectBlock = 4096 // BLOCK of select.comp
	selectState = 4    // words of state a row
)

// selectScratch returns the scratch of selections over at most n rows at a time.
func selectScratch(p *plan, n int) (state, bins *buffer) {
	return p.scratch(wordBytes * selectState * int64(n)), p.scratch(wordBytes * selectBins * int64(n))
}

// selectRows adds the steps of a selection: two a digit.
func selectRows(p *plan, w selection) {
	dispatch := func(stage string, groups int, more uniforms) {
		u := uniforms{
			"x_at": w.xAt, "first_row": w.first, "rows": w.rows, "cols": w.cols, "count": w.n, "target": w.target,
			"weighted": flag(w.weighted), "whole_if_nan": flag(w.wholeIfNaN), "smallest": flag(w.smallest),
		}
		for name, v := range more {
			u[name] = v
		}
		p.run(step{shader: "select", defines: defines{"STAGE": stage}, buffers: []*buffer{w.state, w.bins, w.x}, uniforms: u, groups: groups})
	}
	digit := func(shift int, ofIndex, toCount bool) {
		u := uniforms{
			"shift": uint32(shift), "above": uint32(0xffffffff) << shift << 8, "of_index": flag(ofIndex), "to_count": flag(toCount),
		}
		dispatch("1", w.n*ceilDiv(w.cols, selectBlock), u)
		dispatch("2", w.n, u)
	}
	dispatch("0", groupsOf(w.n*selectBins), nil)
	for shift := 24; shift >= 0; shift -= 8 {
		digit(shift, false, shift == 0)
	}
	if w.keyOnly {
		return
	}
	for shift := (bits.Len(uint(w.cols-1)) + 7) / 8 * 8; shift > 0; shift -= 8 {
		digit(shift-8, true, false)
	}
}
