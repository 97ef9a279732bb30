package exact

import "testing"

// TestPhiloxKnownAnswers are the vectors of Random123 (kat_vectors).
func TestPhiloxKnownAnswers(t *testing.T) {
	ones := uint32(0xffffffff)
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := Philox(c.counter, c.key); got != c.want {
			t.Errorf("Philox(%08x, %08x) = %08x, want %08x", c.counter, c.key, got, c.want)
		}
	}
}

func TestWordCoordinates(t *testing.T) {
	const seed = 0x1122334455667788
	for _, e := range []uint64{0, 1, 2, 3, 4, 4095, MaxElement} {
		want := Philox(
			[4]uint32{uint32(e / 4), 11, 9, uint32(UseShuffle)<<16 | 0xabcd},
			[2]uint32{0x55667788, 0x11223344},
		)[e%4]
		if got := Word(seed, UseShuffle, 0xabcd, 9, 11, e); got != want {
			t.Errorf("Word at element %d = %08x, want %08x", e, got, want)
		}
	}
	if MaxElement/4 != 1<<32-1 {
		t.Errorf("MaxElement/4 = %d does not fill the counter's word", MaxElement/4)
	}
}

// TestUseNumbers holds the numbers of the uses, which recorded results rest on.
func TestUseNumbers(t *testing.T) {
	for want, use := range []Use{
		UseTest, UseUniformFill, UseNormalFill, UseCategorical, UseGumbelSoftmax,
		UseWithoutReplacement, UseKMeansInit, UseShuffle, UseVerify, UseDemo,
		UseExponentialFill, UseGumbelFill, UseWeights, UseDropout, UseChain,
		UseSwarm, UseDifferential, UseGenetic, UseAnnealing, UseBlackHole, UseOversample, UseMiniBatch,
	} {
		if use != Use(want) {
			t.Errorf("use %d has become %d", want, use)
		}
	}
}

func BenchmarkPhilox(b *testing.B) {
	var c [4]uint32
	for b.Loop() {
		c = Philox(c, [2]uint32{1, 2})
	}
}
