package cpu

import (
	"fmt"
	"os"

	"golang.org/x/sys/cpu"

	"samebits/backend"
)

// Cap is the environment variable that keeps kernels from instructions which
// the processor has: at most "avx2", "avx512", or none ("plain"). It is read
// when the program starts. The bits are the same under every value; what
// changes is the speed, so it serves to look for a fault in a kernel and to
// compare speeds as on another processor. Any other value makes the device
// unusable, with ErrArgument. Empty, kernels use what the processor has.
const Cap = "SAMEBITS_CPU"

// features are the instructions that kernels may use.
type features struct {
	avx2       bool // with FMA, BMI1 and BMI2
	avx512     bool // F, DQ, BW and VL
	avxVNNI    bool
	avx512VNNI bool
}

// has is what this processor has, under the cap; errCap says what is wrong
// with the cap.
var has, errCap = capped(processorFeatures(), os.Getenv(Cap))

// simd says that the AVX2 and FMA kernels run; else their plain twins do, which
// give the same bits.
var simd = has.avx2

func processorFeatures() (f features) {
	x := &cpu.X86
	f.avx2 = x.HasAVX2 && x.HasFMA && x.HasBMI1 && x.HasBMI2
	f.avx512 = f.avx2 && x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL
	f.avxVNNI = f.avx2 && x.HasAVXVNNI
	f.avx512VNNI = f.avx512 && x.HasAVX512VNNI
	return f
}

// capped drops the features past the instruction set that limit names.
func capped(f features, limit string) (features, error) {
	switch limit {
	case "", "avx512":
		return f, nil
	case "avx2":
		return features{avx2: f.avx2}, nil
	case "plain":
		return features{}, nil
	}
	return features{}, fmt.Errorf("%s=%s: want avx512, avx2 or plain: %w", Cap, limit, backend.ErrArgument)
}

// Instructions names the instruction set of the kernels: "avx512" or "avx2"
// where both the processor and Cap allow it, else "plain".
func Instructions() string {
	switch {
	case has.avx512:
		return "avx512"
	case has.avx2:
		return "avx2"
	}
	return "plain"
}
