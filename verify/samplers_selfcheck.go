package verify

import (
	"errors"
	"math"

	"samebits/backend/exact"
	"samebits/verify/stats"
)

// SamplersSelfCheck runs the comparators of the checks of samplers on draws
// made up here, right and wrong ones, in milliseconds. Its error says which one
// is broken.
func SamplersSelfCheck() error {
	var errs []error
	want := func(what string, ok bool) {
		if !ok {
			errs = append(errs, errors.New("samplers: "+what))
		}
	}
	row := func(row uint32, from, n int) []uint32 {
		w := make([]uint32, n)
		for j := range w {
			w[j] = exact.Word(1, exact.UseTest, 0, 0, row, uint64(from+j))
		}
		return w
	}
	a := row(0, 0, 4096)
	want("equal words differ", wordsDiffer(a, row(0, 0, 4096)) == "")
	want("one bit of a word is not seen", wordsDiffer(a, append([]uint32{a[0] ^ 1}, a[1:]...)) != "")
	want("no words pass for equal words", wordsDiffer(nil, nil) != "")
	want("rows of different words repeat", repeats([][]uint32{a, row(1, 0, 4096)}) == "")
	want("rows that overlap are not seen", repeats([][]uint32{a, row(0, 4001, 4096)}) != "")

	law := fillLawsOf[0]
	x := make([]float32, len(a))
	for j, w := range a {
		x[j] = exact.Uniform(w)
	}
	uniforms := func() []stats.Verdict {
		v := widened(x)
		return stats.Judge([]stats.Result{
			stats.Band("", v, law.cdf), stats.GTest("", stats.Cross([]int{64}, cellsOf(v, law.cdf, 64)), stats.Uniform(64)), tails("", v, law),
		})
	}
	for _, v := range uniforms() {
		want("uniform numbers are refused", !v.Rejected)
	}
	x[7] = float32(math.NaN())
	for _, v := range uniforms() {
		want("a NaN among the draws passes", v.Rejected)
	}
	_, wrong := oneHotPlaces([]float32{0.25, 0.75}, []float32{0, 1}, 2)
	want("a relaxed row is refused", wrong == "")
	for _, bad := range [][4]float32{{0.5, 0.4, 1, 0}, {0.25, 0.75, 1, 0}, {0.25, 0.75, 0, 0}, {0.25, 0.75, 1, 1}, {float32(math.NaN()), 1, 0, 1}, {-0.25, 1.25, 0, 1}} {
		_, wrong := oneHotPlaces(bad[:2], bad[2:], 2)
		want("a row that is no relaxed draw passes", wrong != "")
	}
	return errors.Join(errs...)
}
