package cpu

import (
	"math"
	"math/bits"
	"unsafe"

	"samebits/backend/exact"
)

// The vector kernels of the softmax-sampling family, found at run time. They
// are generated (gen), in assembly; each function here runs the processor's
// kernel or, where it has none, the plain twin in vecplain.go, which gives the
// same bits.

//go:generate go -C gen run . -out ../vec_amd64.s -stubs ../vec_stubs_amd64.go -pkg cpu

// vectorKernels are the kernels of one instruction set, those that multiply
// and add by exact.Mac. Lengths are in elements and may be 0 only where the
// caller has a pointer all the same.
type vectorKernels struct {
	name string

	exp, log, log1p, sin, cos   [2]func(y, x *float32, n int)
	exponential, gumbel, normal [2]func(y *float32, words *uint32, n int)
	uniform                     func(y *float32, words *uint32, n int)
	affine                      [2]func(y *float32, n int, loc, scale float32)

	top                func(x *float32, n int, scale float32) (top float32, magnitude uint32)
	expSum             [2]func(y, x *float32, n int, scale, top float32, ahead int) float32
	scale, scaleStream func(y, x *float32, n int, factor float32)
	logFinish          func(y, x *float32, n int, scale, top, logSum float32)

	scores             [2]func(y *float32, words *uint32, x *float32, n int, scale float32)
	orderKeys, weights func(y *uint32, x *float32, n int)
	countFrom          func(keys *uint32, n int, threshold uint32) uint64
	weightFrom         func(keys, weights *uint32, n int, threshold uint32) uint64
	keepFrom           func(y, x *float32, keys *uint32, n int, threshold uint32)

	philox func(words *uint32, keys *rowKeys, block uint32, n int)
	draw   [2]func(keys *rowKeys, x *float32, from, n int, scale float32) (index int, score float32)
}

// vec is what this processor runs, nil where that is the plain twins.
var vec = bestKernels(vectorSets())

// bestKernels returns the last of the sets that a processor runs.
func bestKernels(sets []*vectorKernels) *vectorKernels {
	if len(sets) == 0 {
		return nil
	}
	return sets[len(sets)-1]
}

// vecExp stores mac.Exp of x in y, which may be x.
func vecExp(mac exact.Mac, y, x []float32) {
	y = y[:len(x)]
	if vec == nil || len(x) == 0 {
		expPlain(mac, y, x)
		return
	}
	vec.exp[mac](&y[0], &x[0], len(x))
}

// vecLog stores mac.Log of x in y, which may be x.
func vecLog(mac exact.Mac, y, x []float32) {
	y = y[:len(x)]
	if vec == nil || len(x) == 0 {
		logPlain(mac, y, x)
		return
	}
	vec.log[mac](&y[0], &x[0], len(x))
}

// vecLog1p stores mac.Log1p of x in y, which may be x.
func vecLog1p(mac exact.Mac, y, x []float32) {
	y = y[:len(x)]
	if vec == nil || len(x) == 0 {
		log1pPlain(mac, y, x)
		return
	}
	vec.log1p[mac](&y[0], &x[0], len(x))
}

// vecSin stores mac.Sin of x in y, which may be x.
func vecSin(mac exact.Mac, y, x []float32) {
	y = y[:len(x)]
	if vec == nil || len(x) == 0 {
		sinPlain(mac, y, x)
		return
	}
	vec.sin[mac](&y[0], &x[0], len(x))
}

// vecCos stores mac.Cos of x in y, which may be x.
func vecCos(mac exact.Mac, y, x []float32) {
	y = y[:len(x)]
	if vec == nil || len(x) == 0 {
		cosPlain(mac, y, x)
		return
	}
	vec.cos[mac](&y[0], &x[0], len(x))
}

// vecTop returns the element of x·scale where its argmax stands, −Inf where
// there is none; a NaN is canonical.
func vecTop(x []float32, scale float32) float32 {
	if vec == nil || len(x) == 0 {
		return topPlain(x, scale)
	}
	top, magnitude := vec.top(&x[0], len(x), scale)
	if magnitude > 0x7f800000 {
		return exact.CanonNaN(float32(math.NaN()))
	}
	if top == 0 {
		return firstZero(x, scale)
	}
	return top
}

// firstZero returns the first of the zeros in x·scale; there is one.
func firstZero(x []float32, scale float32) float32 {
	for _, v := range x {
		if z := float32(v * scale); z == 0 {
			return z
		}
	}
	return 0
}

// vecExpSum stores exp(x·scale − top) in y and returns the sum over up to
// exact.SumBlock elements. No x·scale is NaN or above a finite top.
// It calls the elements that stand ahead places further on into the cache.
func vecExpSum(mac exact.Mac, y, x []float32, scale, top float32, ahead int) float32 {
	y = y[:len(x)]
	if vec == nil || len(x) == 0 {
		return expSumPlain(mac, y, x, scale, top)
	}
	return vec.expSum[mac](&y[0], &x[0], len(x), scale, top, 4*ahead)
}

// vecScale stores x·factor, which is no NaN, in y, which may be x. With stream it writes
// past the caches where it can, for an output that leaves them anyway.
func vecScale(y, x []float32, factor float32, stream bool) {
	y = y[:len(x)]
	if vec == nil || len(x) == 0 {
		scalePlain(y, x, factor)
		return
	}
	if stream {
		if head := min(unaligned(y), len(y)); head > 0 {
			vec.scale(&y[0], &x[0], head, factor)
			y, x = y[head:], x[head:]
		}
		if whole := len(y) &^ 63; whole > 0 {
			vec.scaleStream(&y[0], &x[0], whole, factor)
			y, x = y[whole:], x[whole:]
		}
		if len(y) == 0 {
			return
		}
	}
	vec.scale(&y[0], &x[0], len(x), factor)
}

// unaligned returns how many elements of y precede the first at a multiple of
// a cache line.
func unaligned(y []float32) int {
	return -int(uintptr(unsafe.Pointer(unsafe.SliceData(y)))) & (cacheLine - 1) / 4
}

// vecLogFinish stores (x·scale − top) − logSum, none of it NaN, in y, which
// may be x.
func vecLogFinish(y, x []float32, scale, top, logSum float32) {
	y = y[:len(x)]
	if vec == nil || len(x) == 0 {
		logFinishPlain(y, x, scale, top, logSum)
		return
	}
	vec.logFinish(&y[0], &x[0], len(x), scale, top, logSum)
}

// vecUniform stores exact.Uniform of the words.
func vecUniform(y []float32, words []uint32) {
	if vec == nil || len(y) == 0 {
		uniformPlain(y, words)
		return
	}
	vec.uniform(&y[0], &words[:len(y)][0], len(y))
}

// vecExponential stores mac.Exponential of the words.
func vecExponential(mac exact.Mac, y []float32, words []uint32) {
	if vec == nil || len(y) == 0 {
		exponentialPlain(mac, y, words)
		return
	}
	vec.exponential[mac](&y[0], &words[:len(y)][0], len(y))
}

// vecGumbel stores mac.Gumbel of the words.
func vecGumbel(mac exact.Mac, y []float32, words []uint32) {
	if vec == nil || len(y) == 0 {
		gumbelPlain(mac, y, words)
		return
	}
	vec.gumbel[mac](&y[0], &words[:len(y)][0], len(y))
}

// vecNormal stores the normal numbers of whole Philox blocks of words, as many
// as y holds. It may read words up to the next multiple of 32, where their
// slice has the capacity.
func vecNormal(mac exact.Mac, y []float32, words []uint32) {
	whole := len(y) &^ 31
	if vec == nil || cap(words) < (len(y)+31)&^31 {
		normalPlain(mac, y, words)
		return
	}
	if whole > 0 {
		vec.normal[mac](&y[0], &words[0], whole)
	}
	if whole < len(y) {
		s := takeRowScratch()
		defer s.give()
		last := s.floats(32)
		vec.normal[mac](&last[0], &words[:cap(words)][whole], 32)
		copy(y[whole:], last)
	}
}

// vecAffine is y = mac.MultiplyAdd(loc, scale, y).
func vecAffine(mac exact.Mac, y []float32, loc, scale float32) {
	if vec == nil || len(y) == 0 {
		affinePlain(mac, y, loc, scale)
		return
	}
	vec.affine[mac](&y[0], len(y), loc, scale)
}

// vecScores stores mac(gumbel, x, scale) of the words' Gumbel numbers.
func vecScores(mac exact.Mac, y []float32, words []uint32, x []float32, scale float32) {
	y, words = y[:len(x)], words[:len(x)]
	if vec == nil || len(x) == 0 {
		scoresPlain(mac, y, words, x, scale)
		return
	}
	vec.scores[mac](&y[0], &words[0], &x[0], len(x), scale)
}

// rowKeys is what the Philox blocks of a row share: what the first two rounds
// leave to add, whose other inputs are the same for the whole row, and the
// keys of the rest. The order is that of the kernels (gen/philox.go).
type rowKeys = [19]uint32

// wordSource draws the words of a position's row.
type wordSource struct {
	keys   rowKeys
	at     exact.Position
	rounds int // philoxRounds, but under a planted error
}

// Philox4x32 (exact.Philox): multipliers and key increments.
const (
	philoxRounds = 10
	philoxM0     = 0xd2511f53
	philoxM1     = 0xcd9e8d57
	philoxW0     = 0x9e3779b9
	philoxW1     = 0xbb67ae85
)

// set points a source at a position.
func (s *wordSource) set(at exact.Position, rounds int) {
	s.at, s.rounds = at, rounds
	if vec == nil {
		return
	}
	k0, k1 := uint32(at.Seed), uint32(at.Seed>>32)
	high, low := bits.Mul32(philoxM1, at.Step)
	a0 := high ^ at.Row ^ k0
	s.keys[0] = uint32(at.Use)<<16 ^ uint32(at.Sub) ^ k1
	k0 += philoxW0
	k1 += philoxW1
	s.keys[1] = low ^ k0
	high, low = bits.Mul32(philoxM0, a0)
	s.keys[2] = high ^ k1
	s.keys[3] = low ^ (k1 + philoxW1)
	for i := range uint32(8) {
		s.keys[4+i] = k0 + (i+1)*philoxW0
	}
	for i := range uint32(7) {
		s.keys[12+i] = k1 + (i+2)*philoxW1
	}
}

// words stores the words of whole blocks, block, block+1, …; len(words) is a
// multiple of 4.
func (s *wordSource) words(words []uint32, block uint32) {
	if vec == nil || s.rounds != philoxRounds || len(words) == 0 {
		philoxPlain(words, s.at, block, s.rounds)
		return
	}
	vec.philox(&words[0], &s.keys, block, len(words))
}

// draw returns the winner of the elements from, from+1, … of a row, whose
// logits are x; from is a multiple of 4.
func (s *wordSource) draw(mac exact.Mac, x []float32, from int, scale float32) candidate {
	if vec == nil || len(x) == 0 {
		return drawPlain(mac, s.at, x, from, scale)
	}
	index, score := vec.draw[mac](&s.keys, &x[0], from, len(x), scale)
	return candidate{int32(index), score}
}
