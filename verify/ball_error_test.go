package verify

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"samebits/backend"
)

// bigOf is a float64 exactly; sums and products of float32 stay exact in it.
func bigOf(v float64) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(v) }

// errorOf is |v − want| and want's nearest float64.
func errorOf(v float64, want *big.Float) float64 {
	d, _ := new(big.Float).SetPrec(2000).Sub(bigOf(v), want).Float64()
	return math.Abs(d)
}

// TestTheOraclesOwnErrorDecidesNothing: sums of products that cancel, which
// float64 does not hold, are bounded by γ around the exact sum, whatever the
// oracle lost; and in twice the precision it lost next to nothing.
func TestTheOraclesOwnErrorDecidesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3000).Draw(t, "n")
		f := newFills(rapid.Uint64().Draw(t, "seed"), "cancel")
		x, y := f.floats(normal, n), f.floats(large, n)
		for i := 1; i < n; i += 2 { // each second term cancels most of the one before it
			x[i], y[i] = -x[i-1], y[i-1]*(1+0x1p-20)
		}
		exactly, magnitude := bigOf(0), bigOf(0)
		plain := total{n: n}
		for i := range x {
			p := float64(x[i]) * float64(y[i])
			exactly.Add(exactly, bigOf(p))
			magnitude.Add(magnitude, bigOf(math.Abs(p)))
			plain.sum += p
			plain.magnitude += math.Abs(p)
		}
		mag, _ := magnitude.Float64()
		doubled := dotTotal(n, func(k int) (ball, ball) { return known(float64(x[k])), known(float64(y[k])) })
		depth := chainDepth(n)
		for name, b := range map[string]ball{"plain": plain.ball(depth), "doubled": doubled.ball(depth)} {
			if off := errorOf(b.v, exactly); off+gamma(depth)*mag > b.e {
				t.Fatalf("%s, n = %d: off by %g, with γ %g, the bound is %g", name, n, off, off+gamma(depth)*mag, b.e)
			}
		}
		if want, _ := exactly.Float64(); math.Abs(doubled.ball(depth).v-want) > 2*unit64*math.Abs(want)+float64(n)*0x1p-100*mag {
			t.Fatalf("n = %d: %v, the exact sum is %v", n, doubled.ball(depth).v, want)
		}
		if l := doubled.likely(depth); l.e > doubled.ball(depth).e || l.v != doubled.ball(depth).v {
			t.Fatalf("the alarm %+v is wider than the limit %+v", l, doubled.ball(depth))
		}
	})
}

// TestScoresNearTies: far from the origin scores cancel; what the oracle itself
// errs there is a 2⁻²⁰th of the bound at most, so that it calls no side wrong.
func TestScoresNearTies(t *testing.T) {
	for seed := range uint64(20) {
		f := newFills(seed, "ties")
		x, c := f.in("x", 1, 3, 17, far), f.in("c", 1, 9, 17, far)
		copy(c.words[17:34], c.words[:17])
		c.words[17] ^= 1 // a neighbour of the first
		rows, centres := rowsOf(x), rowsOf(c)
		of := scores(backend.SquaredEuclidean, ballRows(x, backend.SquaredEuclidean), ballRows(c, backend.SquaredEuclidean), nil)
		for i, r := range rows {
			for j, s := range of(i) {
				want := bigOf(0)
				for k, v := range centres[j] {
					want.Add(want, bigOf(r[k]*v))
					want.Sub(want, bigOf(v*v/2))
				}
				if off := errorOf(s.v, want); !(off <= s.e*0x1p-20) {
					t.Errorf("seed %d: score of %d and %d is off by %g, its bound is %g", seed, i, j, off, s.e)
				}
			}
		}
	}
}

// TestAlarms: an element within the limit but beyond what chance gives raises
// an alarm and fails nothing.
func TestAlarms(t *testing.T) {
	s := newTotal()
	for range 1000 {
		s.term(known(0.1))
	}
	limit, likely := s.ball(1000), s.likely(1000)
	word := func(v float64) uint32 { return math.Float32bits(float32(v)) }
	for _, c := range []struct {
		got     float64
		verdict Verdict
		alarm   bool
	}{{limit.v, Decisive, false}, {limit.v + likely.e*0.9, Decisive, false}, {limit.v + likely.e*1.2, Decisive, true}, {limit.v - limit.e*0.9, Decisive, true},
		{limit.v + limit.e*1.1, Wrong, false}, {math.NaN(), Wrong, false}} {
		o := watched("y", []ball{limit}, []ball{likely})(outputs{"y": {word(c.got)}}, 0)
		if o.verdict != c.verdict || o.alarm != c.alarm {
			t.Errorf("%v, the limit %+v, the alarm %+v: %+v", c.got, limit, likely, o)
		}
	}
	cs, tr := vector(watched("y", []ball{limit}, []ball{likely}), 1)
	x, y := sides([]uint32{word(limit.v + likely.e*1.2)}, []uint32{word(limit.v)})
	if got := compare(cs, tr, x, y, false, nil); got.alarms != 1 || got.failure != nil || !got.withinBound {
		t.Errorf("%+v", got)
	}
}
