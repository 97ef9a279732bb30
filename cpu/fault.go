package cpu

import (
	"fmt"
	"slices"

	"samebits/backend"
)

func init() { backend.RegisterFaults("cpu", faults...) }

// drawing are the operations that draw random numbers.
var drawing = []string{"fill", "categorical", "gumbelsoftmax", "withoutreplacement"}

// faults are the errors that verification can plant into this driver. A kernel
// asks d.fault at one place; those that plants makes need no kernel's help. The
// plain statements of package exact have none.
var faults = []backend.Fault{
	{Name: "matmul-k-tail-dropped", Ops: []string{"matmul"}, About: "the product leaves out the last element along K"},
	{Name: "matmul-beta-reads-c", Ops: []string{"matmul"}, About: "the product reads C although beta is 0"},
	{Name: "matmul-cut-ignored", Ops: []string{"matmul"}, About: "K is one chain, not cut every 4096"},
	{Name: "matmul-transpose-ignored-square", Ops: []string{"matmul"}, About: "a square A is never transposed"},
	{Name: "matmul-conj-ignored", Ops: []string{"matmul"}, About: "a complex A is never conjugated"},
	{Name: "matmul-batch-stale", Ops: []string{"matmul"}, About: "the accumulators of a batch's first matrix stay for the others"},
	{Name: "matmul-alpha-per-tile", Ops: []string{"matmul"}, About: "alpha multiplies twice where K has more than one tile of 16"},
	{Name: "matmul-odd-tail-skipped", Ops: []string{"matmul"}, About: "the last row of an odd number is not written"},
	{Name: "matmul-writes-past-end", Ops: []string{"matmul"}, About: "one element is written past the end of C"},
	{Name: "matmul-input-overwritten", Ops: []string{"matmul"}, About: "packing changes the first element of A"},
	{Name: "qmatmul-zero-point-forgotten", Ops: []string{"qmatmul"}, About: "B's zero point is not taken away"},
	{Name: "softmax-without-max", Ops: []string{"softmax"}, About: "the row's maximum is not taken away"},
	{Name: "softmax-temperature-ignored", Ops: []string{"softmax"}, About: "logits are not divided by the temperature"},
	{Name: "logsumexp-temperature-ignored", Ops: []string{"logsumexp"}, About: "logits are not divided by the temperature"},
	{Name: "categorical-temperature-ignored", Ops: []string{"categorical"}, About: "draws from softmax(x) whatever the temperature"},
	{Name: "categorical-draws-share-numbers", Ops: []string{"categorical"}, About: "the draws of a row take the same random numbers"},
	{Name: "withoutreplacement-temperature-ignored", Ops: []string{"withoutreplacement"}, About: "draws from softmax(x) whatever the temperature"},
	{Name: "fill-philox-round-missing", Ops: []string{"fill"}, About: "nine rounds of Philox"},
	{Name: "fill-rows-share-numbers", Ops: []string{"fill"}, About: "the counters of rows overlap"},
	{Name: "fill-streams-share-numbers", Ops: drawing, About: "the counters of sub-streams overlap"},
	{Name: "fill-steps-share-numbers", Ops: drawing, About: "the counters of neighbouring steps overlap"},
	{Name: "filter-edge-off-by-one", Ops: []string{"filter"}, About: "top-k keeps one element less"},
	{Name: "nearest-ties-reversed", Ops: []string{"nearest"}, About: "of equally near rows the highest index wins"},
	{Name: "nearest-shift-ignored", Ops: []string{"nearest"}, About: "scores come from unshifted values"},
	{Name: "nearest-index-without-base", Ops: []string{"nearest"}, About: "the index counts from the panel's first row, not from C's"},
	{Name: "distances-l1-for-l2", Ops: []string{"distances", "nearest", "pairwisesum"}, About: "Euclidean distances add |x − c|"},
	{Name: "pairwisesum-label-forgotten", Ops: []string{"pairwisesum"}, About: "every row counts for the first label"},
	{Name: "scatter-low-part-dropped", Ops: []string{"scattersum"}, About: "sums only the high part of each element"},
	{Name: "scatter-weight-forgotten", Ops: []string{"scattersum"}, About: "weights count in no sum"},
	{Name: "map-relu-keeps-minus-zero", Ops: []string{"map"}, About: "relu(−0) = −0"},
	{Name: "reduce-nan-blind-argmax", Ops: []string{"reduce"}, About: "an argmax passes NaN by"},
	{Name: "reduce-index-without-base", Ops: []string{"reduce"}, About: "the index counts from the block of 64 lanes, not from the row's or column's beginning"},
	{Name: "topk-one-late", Ops: []string{"topk"}, About: "the best element of a row is passed over for the next"},
	{Name: "gather-row-after", Ops: []string{"gather"}, About: "the last row gathered is that before it"},
	{Name: "copy-odd-tail-skipped", Ops: []string{"copy", "transpose"}, About: "the last row of an odd number is not written"},
}

// addFault returns the name of a planted error that a kernel makes. It panics
// for one that is not listed: a mistake of the kernel's author.
func addFault(name string) string {
	if !slices.Contains(Faults(), name) {
		panic("cpu: planted error " + name + " is not listed")
	}
	return name
}

// Faults lists the planted errors this driver knows.
func Faults() []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.Name
	}
	return names
}

func checkFault(name string) error {
	if name != "" && !slices.Contains(Faults(), name) {
		return fmt.Errorf("planted error %q: the cpu driver has %v: %w", name, Faults(), backend.ErrArgument)
	}
	return nil
}
