package verify

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"samebits/backend"
)

func TestResolve(t *testing.T) {
	for _, name := range []string{
		"matmul/float32/nn/17x8x6/dense/wide-signs",
		"matmul/float32/nt/19x21x3/gapped/wide-signs/keep=a:3,7-9/keep=b:",
		"nearest/squared-euclidean/1x2x2/m=5/dense/near",
		"matmul/float32/nn/512x512x512/dense/normal-normal",
	} {
		c, err := Resolve(name)
		if err != nil || c.Name != name {
			t.Errorf("%s: %v, %s", name, err, c.Name)
		}
	}
	for _, name := range []string{
		"", "matmul", "matmul/float32/nn/dense/wide-signs", "matmul/float32/nn/17x8/dense/wide-signs", "matmul/float32/nn/17x8x6x1/dense/wide-signs",
		"matmul/float32/nn/017x8x6/dense/wide-signs", "matmul/float32/nn/17x8x99999999999/dense/wide-signs", "matmul/float32/nn/17xx6/dense/wide-signs",
		"matmul/float32/nn/1000000x1000000x1/dense/wide-signs", "matmul/float32/nn/4096x4096x4096/dense/wide-signs", "copy/float32/4096x4096x2/dense",
		"matmul/float32/nn/-1x8x6/dense/wide-signs", "matmul/float32/nn/17x8x6/dense/wide-wide", "matmul/float32/nn/17x8x6/dense/wide-signs/",
		"matmul/float32/nn/2x2x2/dense/wide-signs/keep=c:1", "matmul/float32/nn/2x2x2/dense/wide-signs/keep=a:4", "matmul/float32/nn/2x2x2/dense/wide-signs/keep=a:1,1",
		"matmul/float32/nn/2x2x2/dense/wide-signs/keep=a:2-1", "matmul/float32/nn/2x2x2/dense/wide-signs/keep=a:1/keep=a:2", "matmul/float32/nn/2x2x2/dense/wide-signs/keep=a:x",
		"gather/float32/2x7x18/dense", "topk/5x0/m=3/dense/normal", "nearest/squared-euclidean/4x3x0/m=2/dense/normal",
	} {
		if c, err := Resolve(name); !errors.Is(err, backend.ErrArgument) {
			t.Errorf("%s: %v, %s", name, err, c.Name)
		}
	}
}

// TestNamesMakeTheirCases: what a name resolves to is the case that a suite
// lists under it: the same data, and so the same judgement.
func TestNamesMakeTheirCases(t *testing.T) {
	cases := Cases(Nightly)
	for i := 0; i < len(cases); i += 1 + len(cases)/2500 {
		c := cases[i]
		if n := elementsOf(c.dims); n > 1<<18 {
			continue
		}
		r, err := Resolve(c.Name)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		x, y := c.trial(7).arrays, r.trial(7).arrays
		if len(x) != len(y) {
			t.Errorf("%s: %d tensors, by its name %d", c.Name, len(x), len(y))
			continue
		}
		for i, a := range x {
			if b := y[i]; a.name != b.name || a.batch != b.batch || a.rows != b.rows || a.cols != b.cols || a.place != b.place || a.role != b.role ||
				a.dtype != b.dtype || !slices.Equal(a.words, b.words) {
				t.Errorf("%s: %s is another by its name", c.Name, a.name)
			}
		}
	}
}

func elementsOf(d shape) int {
	n := 1
	for _, v := range d {
		n *= max(v, 1)
	}
	return n
}

func TestKeptWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfDistinct(rapid.IntRange(0, 40), rapid.ID[int]).Draw(t, "words")
		slices.Sort(words)
		k, err := parseKept(keptOf(words).String(), 41)
		if err != nil {
			t.Fatal(err)
		}
		a := &array{name: "a", words: make([]uint32, 41)}
		for i := range a.words {
			a.words[i] = uint32(i) + 100
		}
		f := &fills{keep: map[string]kept{"a": k}}
		for i, w := range f.kept(a, 7).words {
			want := uint32(7)
			if slices.Contains(words, i) {
				want = uint32(i) + 100
			}
			if w != want {
				t.Fatalf("%v as %v: word %d is %d, want %d", words, k, i, w, want)
			}
		}
	})
}
