package exact

import "math/bits"

// The multipliers and key increments of Philox4x32 (Salmon, Moraes, Dror and
// Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
const (
	philoxM0 = 0xd2511f53
	philoxM1 = 0xcd9e8d57
	philoxW0 = 0x9e3779b9
	philoxW1 = 0xbb67ae85
)

// Philox returns the four random words of Philox4x32-10 at counter under key.
func Philox(counter [4]uint32, key [2]uint32) [4]uint32 {
	c0, c1, c2, c3 := counter[0], counter[1], counter[2], counter[3]
	k0, k1 := key[0], key[1]
	for range 10 {
		hi0, lo0 := bits.Mul32(philoxM0, c0)
		hi1, lo1 := bits.Mul32(philoxM1, c2)
		c0, c1, c2, c3 = hi1^c1^k0, lo1, hi0^c3^k1, lo0
		k0 += philoxW0
		k1 += philoxW1
	}
	return [4]uint32{c0, c1, c2, c3}
}

// Use says what a draw is for. Each use has its own streams, so that no two
// parts of a program ever share a random word. The numbers are part of the
// contract: they are never changed and never given to another use.
type Use uint16

// The uses of random words.
const (
	UseTest               Use = 0  // tests and benchmarks
	UseUniformFill        Use = 1  // fills with uniform numbers
	UseNormalFill         Use = 2  // fills with normal numbers
	UseCategorical        Use = 3  // categorical draws
	UseGumbelSoftmax      Use = 4  // relaxed and straight-through draws
	UseWithoutReplacement Use = 5  // Gumbel top-k
	UseKMeansInit         Use = 6  // centres that start a clustering
	UseShuffle            Use = 7  // orders of rows
	UseVerify             Use = 8  // inputs of verification cases
	UseDemo               Use = 9  // the picture that the demo draws
	UseExponentialFill    Use = 10 // fills with exponential numbers
	UseGumbelFill         Use = 11 // fills with Gumbel numbers
	UseWeights            Use = 12 // first weights of a network
	UseDropout            Use = 13 // masks
	UseChain              Use = 14 // Markov chains
	UseSwarm              Use = 15 // particle swarms over centres
	UseDifferential       Use = 16 // differential evolution over centres
	UseGenetic            Use = 17 // genetic algorithms over centres
	UseAnnealing          Use = 18 // simulated annealing over centres
	UseBlackHole          Use = 19 // black holes over centres
	UseOversample         Use = 20 // candidates of k-means||
	UseMiniBatch          Use = 21 // batches of rows
)

// The largest coordinates of a draw. What lies past them is an error of the
// caller's, to be reported before any word is drawn.
const (
	MaxRow     uint64 = 1<<32 - 1
	MaxElement uint64 = 1<<34 - 1
)

// Word returns the random word at its coordinates: element ≤ MaxElement of row
// in a step of the sub-stream sub of a use, under a 64-bit seed. It depends on
// nothing else. Neighbours in element share a Block: lane = element mod 4.
func Word(seed uint64, use Use, sub uint16, step, row uint32, element uint64) uint32 {
	return Block(seed, use, sub, step, row, uint32(element>>2))[element&3]
}

// Block returns the words of elements 4·block to 4·block+3: the Philox block at
// counter (block, row, step, use<<16 | sub), whose key is the seed's low half
// and then its high half.
func Block(seed uint64, use Use, sub uint16, step, row, block uint32) [4]uint32 {
	return Philox(
		[4]uint32{block, row, step, uint32(use)<<16 | uint32(sub)},
		[2]uint32{uint32(seed), uint32(seed >> 32)},
	)
}
