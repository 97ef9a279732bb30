package verify

import (
	"encoding/json"
	"math"
)

// histogramBins are the bins of a Histogram, powers of two from 2^lowestBin.
const (
	histogramBins = 17
	lowestBin     = 1 - histogramBins // 2^lowestBin is the upper end of the first
)

// Histogram counts the words of the device under test by their error, in
// bounds. Bin i of Counts holds the errors in (2^(i−17), 2^(i−16)], the first
// bin also all that are smaller and not 0: the last ends at the bound itself.
type Histogram struct {
	Exact  int64 // without an error: right in every bit, or as near as the oracle can say
	Counts [histogramBins]int64
	Over   int64 // outside the bound
	NaN    int64 // of which no error can be given
}

// add counts an oracle's opinion of one word.
func (h *Histogram) add(o opinion) {
	switch {
	case math.IsNaN(o.ratio):
		h.NaN++
	case o.verdict == Wrong || o.ratio > 1:
		h.Over++
	case o.ratio <= 0:
		h.Exact++
	default:
		f, e := math.Frexp(o.ratio) // o.ratio = f·2^e, 1/2 ≤ f < 1
		if f == 0.5 {
			e--
		}
		h.Counts[max(e-lowestBin, 0)]++
	}
}

// merge adds the counts of g.
func (h *Histogram) merge(g Histogram) {
	h.Exact += g.Exact
	for i, n := range g.Counts {
		h.Counts[i] += n
	}
	h.Over += g.Over
	h.NaN += g.NaN
}

// Total is the number of words counted.
func (h Histogram) Total() int64 {
	n := h.Exact + h.Over + h.NaN
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// MarshalJSON implements json.Marshaler: the counts with the binary logarithm
// of each bin's upper end.
func (h Histogram) MarshalJSON() ([]byte, error) {
	upper := make([]int, histogramBins)
	for i := range upper {
		upper[i] = lowestBin + i
	}
	return json.Marshal(struct {
		Exact  int64   `json:"exact"`
		Upper  []int   `json:"log2_upper"`
		Counts []int64 `json:"counts"`
		Over   int64   `json:"over"`
		NaN    int64   `json:"nan"`
	}{h.Exact, upper, h.Counts[:], h.Over, h.NaN})
}
