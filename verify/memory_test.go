package verify

import (
	"testing"

	"samebits/backend"
)

// Guard words are NaN, none the canonical one, and hardly two the same, in a
// buffer or in two.
func TestGuardWordsAreTheirOwn(t *testing.T) {
	seen := map[uint32]int{}
	for _, name := range []string{"x", "y", "index", "distance"} {
		for i := range 2000 {
			w := guardAt(name, i)
			if !isNaNWord(w) || w == canonicalNaN {
				t.Fatalf("guard %d of %s is %08x", i, name, w)
			}
			seen[w]++
		}
	}
	if len(seen) < 7900 {
		t.Errorf("%d different words of 8000", len(seen))
	}
}

// Over a few shapes outputs begin as NaN, as the largest and as the least number.
func TestPoisonTakesTurns(t *testing.T) {
	seen := map[uint32]bool{}
	for cols := range 4 {
		seen[out("y", backend.Float32, 1, 3, cols).poison()] = true
	}
	for _, want := range []uint32{poisonWord, 0x7f7fffff, 0xff7fffff} {
		if !seen[want] {
			t.Errorf("no output holds %08x", want)
		}
	}
}
