package cpu

import (
	"fmt"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// labelsFor returns n labels in −1..k, so that some fall outside on both sides.
func labelsFor(n, k int) []int32 {
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = int32((i*7+i/5)%(k+2)) - 1
	}
	return labels
}

func TestPairwiseSum(t *testing.T) { withLaneKernels(t, testPairwiseSum) }

func testPairwiseSum(t *testing.T) {
	shapes := distanceShapes()
	lengths := []int{0, exact.SumBlock, exact.SumBlock + 1, 2*exact.SumBlock + 77}
	if testing.Short() {
		lengths = []int{0, exact.SumBlock + 1}
	}
	for _, k := range lengths {
		shapes = append(shapes, [3]int{2, 1, k})
	}
	for s, size := range shapes {
		n, d, k := size[0], size[1], size[2]
		for _, profile := range profiles {
			for m, metric := range metrics {
				if k > 1000 && m != s%4 {
					continue
				}
				kind := (s + m) % hardKinds
				x, c := distanceData(n, d, k, kind)
				for _, groups := range []int{0, 1, 5} { // 0: no labels
					what := fmt.Sprintf("%v %v n=%d d=%d k=%d groups=%d kind %d", profile, metric, n, d, k, groups, kind)
					same(t, profile, what, func(r *rig) backend.Op {
						o := &backend.PairwiseSum{X: in(r, shape{1, n, d, 3}, x), C: in(r, shape{1, k, d, 1}, c), Metric: metric}
						if groups > 0 {
							o.Label = in(r, shape{1, k, 1, 1}, labelsFor(k, groups))
						}
						wide := max(1, groups)
						o.Y = out(r, shape{1, n, wide, 2}, make([]float32, n*wide))
						return o
					})
				}
			}
		}
	}
}

// Each distance counts in its own group and nowhere else: sums of small
// integers are exact in any order.
func TestPairwiseSumByGroup(t *testing.T) {
	const n, d, k, groups = 9, 3, 500, 4
	x, c, labels := numbers(1, n*d, 3), numbers(2, k*d, 3), labelsFor(k, groups)
	got, err := runRig(t, "cpu", backend.Config{Threads: 2}, func(r *rig) backend.Op {
		return &backend.PairwiseSum{X: in(r, shape{1, n, d, 0}, x), C: in(r, shape{1, k, d, 0}, c),
			Label: in(r, shape{1, k, 1, 0}, labels), Y: out(r, shape{1, n, groups, 0}, make([]float32, n*groups))}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, n*groups)
	for i := range n {
		for j, label := range labels {
			if label < 0 || label >= groups {
				continue
			}
			for q := range d {
				v := x[i*d+q] - c[j*d+q]
				want[i*groups+int(label)] += float32(v * v)
			}
		}
	}
	if diff := differing(got, [][]byte{bytesOf(want)}); diff != "" {
		t.Error(diff)
	}
}
