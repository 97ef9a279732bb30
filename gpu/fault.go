package gpu

import (
	"fmt"
	"slices"
	"strings"

	"samebits/backend"
	"samebits/shaders"
)

func init() {
	backend.RegisterFaults("gl", faults...)
	backend.RegisterSources("gl", sources)
}

// Families of operations that share a kernel's text.
var (
	drawing   = []string{"fill", "categorical", "gumbelsoftmax", "withoutreplacement"}
	rowSums   = []string{"reduce", "softmax", "logsumexp", "pairwisesum"}
	rowBests  = []string{"topk", "reduce", "categorical", "softmax"}
	distances = []string{"distances", "nearest", "pairwisesum"}
)

// faults are the errors that verification can plant into this driver's kernels. The shaders see the one that is
// switched on as a define (faultDefine), the host as plan.fault; those that the cpu driver can make too have its name.
// The list does not depend on the build.
var faults = []backend.Fault{
	{Name: "mac-other-rounding", Ops: []string{"matmul", "map", "distances"}, About: "a multiply-accumulate rounds twice under fused, once under split"},
	{Name: "matmul-k-tail-dropped", Ops: []string{"matmul"}, About: "the product leaves out the last element along K"},
	{Name: "matmul-k-tile-twice", Ops: []string{"matmul"}, About: "the second tile along K counts twice"},
	{Name: "matmul-transpose-ignored-square", Ops: []string{"matmul"}, About: "a square A is never transposed"},
	{Name: "matmul-stride-as-columns", Ops: []string{"matmul"}, About: "rows of A are taken to stand side by side, whatever their stride"},
	{Name: "matmul-batch-stale", Ops: []string{"matmul"}, About: "every matrix of a batch meets the first B"},
	{Name: "matmul-beta-reads-c", Ops: []string{"matmul"}, About: "the product reads C although beta is 0"},
	{Name: "matmul-alpha-per-tile", Ops: []string{"matmul"}, About: "alpha multiplies the chain after every tile of K"},
	{Name: "matmul-odd-tail-skipped", Ops: []string{"matmul"}, About: "the last row of an odd number is not written"},
	{Name: "matmul-cut-ignored", Ops: []string{"matmul"}, About: "K is one chain, not cut every 4096"},
	{Name: "matmul-tf32-inputs", Ops: []string{"matmul"}, About: "A keeps 10 bits after the point, as tensor cores may"},
	{Name: "matmul-bf16-inputs", Ops: []string{"matmul"}, About: "A keeps 7 bits after the point"},
	{Name: "matmul-bias-std140", Ops: []string{"matmul"}, About: "the bias is read as an array of std140, every fourth number"},
	{Name: "matmul-writes-past-end", Ops: []string{"matmul"}, About: "one element is written past the end of C"},
	{Name: "matmul-conj-ignored", Ops: []string{"matmul"}, About: "a complex A is never conjugated"},
	{Name: "matmul-imaginary-sign", Ops: []string{"matmul"}, About: "the product of the imaginary parts is added, not taken away"},
	{Name: "matmul-load-barrier-dropped", Ops: []string{"matmul"}, Silent: true, About: "no barrier between loading the tiles and reading them"},
	{Name: "matmul-step-barrier-dropped", Ops: []string{"matmul"}, Silent: true, About: "no barrier between reading the tiles and loading the next"},
	{Name: "matmul-fence-dropped", Ops: []string{"matmul", "qmatmul"}, Silent: true, About: "barriers do not make shared memory visible"},
	{Name: "qmatmul-zero-point-forgotten", Ops: []string{"qmatmul"}, About: "B's zero point is not taken away"},
	{Name: "qmatmul-single-rounding", Ops: []string{"qmatmul"}, About: "requantisation rounds at the shift alone, not at the product too"},
	{Name: "qmatmul-shift-truncates", Ops: []string{"qmatmul"}, About: "requantisation shifts without rounding"},
	{Name: "softmax-without-max", Ops: []string{"softmax"}, About: "the row's maximum is not taken away"},
	{Name: "softmax-max-from-zero", Ops: []string{"softmax"}, About: "the search for the maximum starts at 0"},
	{Name: "softmax-temperature-ignored", Ops: []string{"softmax"}, About: "logits are not divided by the temperature"},
	{Name: "softmax-input-overwritten", Ops: []string{"softmax"}, About: "probabilities are left in X too"},
	{Name: "softmax-barrier-dropped", Ops: []string{"softmax"}, Silent: true, About: "no barrier between writing the row's maximum and reading it"},
	{Name: "logsumexp-max-not-added", Ops: []string{"logsumexp"}, About: "the row's maximum is not added back"},
	{Name: "categorical-temperature-ignored", Ops: []string{"categorical"}, About: "draws from softmax(x) whatever the temperature"},
	{Name: "categorical-draws-share-numbers", Ops: []string{"categorical"}, About: "the draws of a row take the same random numbers"},
	{Name: "withoutreplacement-noise-scaled", Ops: []string{"withoutreplacement"}, About: "the temperature divides the noise too"},
	{Name: "fill-philox-round-missing", Ops: drawing, About: "nine rounds of Philox"},
	{Name: "fill-rows-share-numbers", Ops: drawing, About: "the counters of rows overlap"},
	{Name: "fill-streams-share-numbers", Ops: drawing, About: "the counters of sub-streams overlap"},
	{Name: "fill-steps-share-numbers", Ops: drawing, About: "the counters of neighbouring steps overlap"},
	{Name: "fill-uniform-zero", Ops: drawing, About: "a uniform number may be 0"},
	{Name: "fill-uniform-one", Ops: drawing, About: "a uniform number may be 1"},
	{Name: "filter-edge-off-by-one", Ops: []string{"filter"}, About: "the element that reaches the target is not kept"},
	{Name: "nearest-ties-reversed", Ops: []string{"nearest"}, About: "of equally near rows the highest index wins"},
	{Name: "nearest-shift-ignored", Ops: []string{"nearest"}, About: "scores come from unshifted values"},
	{Name: "nearest-index-without-base", Ops: []string{"nearest"}, About: "the index counts from the panel's first row, not from C's"},
	{Name: "distances-cancel", Ops: distances, About: "a distance is ‖x‖² + ‖c‖² − 2·x·c"},
	{Name: "distances-l1-for-l2", Ops: distances, About: "Euclidean distances add |x − c|"},
	{Name: "scatter-low-part-dropped", Ops: []string{"scattersum"}, About: "sums only the high part of each element"},
	{Name: "scatter-carry-dropped", Ops: []string{"scattersum"}, About: "the carry from the low word to the high one is lost"},
	{Name: "scatter-weight-forgotten", Ops: []string{"scattersum"}, About: "weights count in no sum"},
	{Name: "map-relu-keeps-minus-zero", Ops: []string{"map"}, About: "relu(−0) = −0"},
	{Name: "reduce-nan-blind-argmax", Ops: []string{"reduce"}, About: "an argmax passes NaN by"},
	{Name: "reduce-index-without-base", Ops: []string{"reduce"}, About: "the index counts from the work group's block, not from the row's or column's beginning"},
	{Name: "reduce-tree-reversed", Ops: rowSums, About: "the lanes' tree adds neighbours first"},
	{Name: "reduce-tree-barrier-dropped", Ops: rowSums, Silent: true, About: "no barrier between two levels of the sums' tree"},
	{Name: "reduce-reuse-barrier-dropped", Ops: rowSums, Silent: true, About: "no barrier before the sums' tree is used again"},
	{Name: "topk-ties-reversed", Ops: []string{"topk"}, About: "of equals the highest index comes first"},
	{Name: "topk-tree-barrier-dropped", Ops: rowBests, Silent: true, About: "no barrier between two levels of the tree of bests"},
	{Name: "topk-result-barrier-dropped", Ops: rowBests, Silent: true, About: "no barrier between the tree of bests and reading its result"},
	{Name: "gather-index-out-of-bounds", Ops: []string{"gather"}, About: "an index outside the rows takes the nearest row"},
	{Name: "copy-neighbours-overwritten", Ops: []string{"copy", "transpose", "gather"}, About: "bytes are written in whole words"},
}

// Faults lists the planted errors this driver knows, in alphabetical order.
func Faults() []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.Name
	}
	slices.Sort(names)
	return names
}

func checkFault(name string) error {
	if name != "" && !slices.Contains(Faults(), name) {
		return fmt.Errorf("planted error %q: the gl driver has %v: %w", name, Faults(), backend.ErrArgument)
	}
	return nil
}

// faultDefine is what shaders see: FAULT_MATMUL_K_TAIL_DROPPED.
func faultDefine(name string) string {
	return "FAULT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// sources returns the text of every variant of every shader as the compiler gets it; with an error planted, of those that
// it changes.
func sources(fault string) (map[string]string, error) {
	if err := checkFault(fault); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, shader := range shaders.Names() {
		for _, variant := range shaders.Variants(shader) {
			name := strings.TrimSpace(shader + " " + variant.String())
			defines := map[string]string{"MAC_SPLIT": "1"}
			for k, v := range variant {
				defines[k] = v
			}
			if fault != "" {
				defines[faultDefine(fault)] = "1"
			}
			text, err := shaders.Source(shader, defines)
			if err != nil {
				return nil, err
			}
			if fault == "" || strings.Count(text, faultDefine(fault)) > 1 { // the define itself, and where it matters
				out[name] = text
			}
		}
	}
	return out, nil
}
