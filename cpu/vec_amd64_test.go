package cpu

import (
	"fmt"
	"runtime"
	"testing"

	"samebits/backend/exact"
)

// TestVectorKernelsUnderForeignMXCSR runs every kernel in a thread where
// another library flushes subnormals: the bits stay, and so does the thread's
// state.
func TestVectorKernelsUnderForeignMXCSR(t *testing.T) {
	const foreign = 0x9fc0 // FTZ and DAZ, all exceptions masked
	const n = 333
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	words, keys := make([]uint32, 384), make([]uint32, n)
	var source wordSource
	withKernels(t, func(t *testing.T) {
		source.set(exact.Position{Seed: 8}, philoxRounds)
		source.words(words, 0)
		x := make([]float32, n) // with subnormals and what becomes subnormal
		for j := range x {
			x[j] = exact.Fused.GumbelAt(exact.Position{Seed: 6}, uint64(j))
			if j%3 == 0 {
				x[j] *= 1e-38
			}
		}
		for _, mac := range bothMacs {
			k := &softmaxKernel{mac: mac, scale: 1}
			for name, run := range map[string]func(y []float32){
				"exp":          func(y []float32) { vecExp(mac, y, x) },
				"log":          func(y []float32) { vecLog(mac, y, x) },
				"log1p":        func(y []float32) { vecLog1p(mac, y, x) },
				"sin":          func(y []float32) { vecSin(mac, y, x) },
				"cos":          func(y []float32) { vecCos(mac, y, x) },
				"uniform":      func(y []float32) { vecUniform(y, words) },
				"exponential":  func(y []float32) { vecExponential(mac, y, words) },
				"gumbel":       func(y []float32) { vecGumbel(mac, y, words) },
				"normal":       func(y []float32) { vecNormal(mac, y, words) },
				"affine":       func(y []float32) { copy(y, x); vecAffine(mac, y, 1e-39, 0.3) },
				"scores":       func(y []float32) { vecScores(mac, y, words, x, 0.7) },
				"scale":        func(y []float32) { vecScale(y, x, 1e-3, false) },
				"stream":       func(y []float32) { vecScale(y, x, 1e-3, true) },
				"softmax":      func(y []float32) { k.shortRow(y, x, false, false) },
				"log-softmax":  func(y []float32) { k.shortRow(y, x, true, false) },
				"weights":      func(y []float32) { probabilityWeights(keys, x); y[0] = float32(keys[1]) },
				"order keys":   func(y []float32) { orderKeys(keys, x); y[0] = float32(keys[3]) },
				"largest":      func(y []float32) { y[0] = vecTop(x, 0.7) },
				"draw's score": func(y []float32) { y[0] = source.draw(mac, x, 0, 0.7).score },
			} {
				want, got := make([]float32, n+1)[1:], make([]float32, n+1)[1:] // not at a cache line
				run(want)
				old := setMXCSR(foreign)
				run(got)
				after := setMXCSR(old)
				if after &^= 0x3f; after != foreign { // but for the exception flags
					t.Errorf("%s: MXCSR is %#x afterwards, was %#x", name, after, foreign)
				}
				sameBits(t, fmt.Sprintf("%s, %v", name, mac), got, want)
			}
		}
	})
}
