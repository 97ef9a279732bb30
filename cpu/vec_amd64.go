package cpu

// vectorSets returns the kernels that this processor runs, the fastest last.
func vectorSets() (sets []*vectorKernels) {
	if has.avx2 {
		sets = append(sets, &avx2Kernels)
		if has.avx512 {
			sets = append(sets, &avx512Kernels)
		}
	}
	return sets
}

type (
	rowKernel    = func(y, x *float32, n int)
	wordKernel   = func(y *float32, words *uint32, n int)
	expSumKernel = func(y, x *float32, n int, scale, top float32, ahead int) float32
	affineKernel = func(y *float32, n int, loc, scale float32)
	drawKernel   = func(keys *rowKeys, x *float32, from, n int, scale float32) (index int, score float32)
	scoresKernel = func(y *float32, words *uint32, x *float32, n int, scale float32)
)

// Each pair is in the order of exact.Fused and exact.Split.
var avx2Kernels = vectorKernels{
	name: "AVX2 and FMA",

	exp:         [2]rowKernel{expFusedAVX2, expSplitAVX2},
	log:         [2]rowKernel{logFusedAVX2, logSplitAVX2},
	log1p:       [2]rowKernel{log1pFusedAVX2, log1pSplitAVX2},
	sin:         [2]rowKernel{sinFusedAVX2, sinSplitAVX2},
	cos:         [2]rowKernel{cosFusedAVX2, cosSplitAVX2},
	exponential: [2]wordKernel{exponentialFusedAVX2, exponentialSplitAVX2},
	gumbel:      [2]wordKernel{gumbelFusedAVX2, gumbelSplitAVX2},
	normal:      [2]wordKernel{normalFusedAVX2, normalSplitAVX2},
	uniform:     uniformAVX2,
	affine:      [2]affineKernel{affineFusedAVX2, affineSplitAVX2},

	top:         topAVX2,
	expSum:      [2]expSumKernel{expSumFusedAVX2, expSumSplitAVX2},
	scale:       scaleAVX2,
	scaleStream: scaleStreamAVX2,
	logFinish:   logFinishAVX2,

	orderKeys:  orderKeysAVX2,
	weights:    weightsAVX2,
	countFrom:  countFromAVX2,
	weightFrom: weightFromAVX2,
	keepFrom:   keepFromAVX2,

	philox: philoxAVX2,
	draw:   [2]drawKernel{drawFusedAVX2, drawSplitAVX2},
	scores: [2]scoresKernel{scoresFusedAVX2, scoresSplitAVX2},
}

var avx512Kernels = vectorKernels{
	name: "AVX-512",

	exp:         [2]rowKernel{expFusedAVX512, expSplitAVX512},
	log:         [2]rowKernel{logFusedAVX512, logSplitAVX512},
	log1p:       [2]rowKernel{log1pFusedAVX512, log1pSplitAVX512},
	sin:         [2]rowKernel{sinFusedAVX512, sinSplitAVX512},
	cos:         [2]rowKernel{cosFusedAVX512, cosSplitAVX512},
	exponential: [2]wordKernel{exponentialFusedAVX512, exponentialSplitAVX512},
	gumbel:      [2]wordKernel{gumbelFusedAVX512, gumbelSplitAVX512},
	normal:      [2]wordKernel{normalFusedAVX512, normalSplitAVX512},
	uniform:     uniformAVX512,
	affine:      [2]affineKernel{affineFusedAVX512, affineSplitAVX512},

	top:         topAVX512,
	expSum:      [2]expSumKernel{expSumFusedAVX512, expSumSplitAVX512},
	scale:       scaleAVX512,
	scaleStream: scaleStreamAVX512,
	logFinish:   logFinishAVX512,

	orderKeys:  orderKeysAVX512,
	weights:    weightsAVX512,
	countFrom:  countFromAVX512,
	weightFrom: weightFromAVX512,
	keepFrom:   keepFromAVX512,

	philox: philoxAVX512,
	draw:   [2]drawKernel{drawFusedAVX512, drawSplitAVX512},
	scores: [2]scoresKernel{scoresFusedAVX512, scoresSplitAVX512},
}
