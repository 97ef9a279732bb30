package exact

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"testing"
)

// elementary is one function of the contract, the wider function it is
// measured against, and the worst error in ULP that its docstring states for
// each mac.
type elementary struct {
	name  string
	f     func(m Mac, x float32) float32
	ref   func(x float64) float64
	bound [2]float64
}

var elementaries = []elementary{
	{"exp", Mac.Exp, math.Exp, [2]float64{0.8913, 1.1671}},
	{"expm1", Mac.Expm1, math.Expm1, [2]float64{1.0195, 1.0029}},
	{"log", Mac.Log, math.Log, [2]float64{0.9568, 0.9916}},
	{"log1p", Mac.Log1p, math.Log1p, [2]float64{1.2683, 1.2683}},
	{"tanh", Mac.Tanh, math.Tanh, [2]float64{1.3622, 1.3473}},
	{"sigmoid", Mac.Sigmoid, sigmoid64, [2]float64{2.4019, 2.4019}},
	{"softplus", Mac.Softplus, softplus64, [2]float64{1.8, 1.8}},
	{"sin", Mac.Sin, math.Sin, [2]float64{1.03, 1.05}},
	{"cos", Mac.Cos, math.Cos, [2]float64{1.03, 1.05}},
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func softplus64(x float64) float64 {
	return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

// want returns what the function must come near to at x: the reference, with
// subnormal arguments taken as zeros.
func (e *elementary) want(x float32) float64 {
	if math.Float32bits(x)&^signBit < minNormal {
		x = signedZero(x)
	}
	return e.ref(float64(x))
}

// ulpError returns |got − want| in units of the last place of a float32 of
// want's size. Where only one of the two is finite, NaN, or subnormal results
// were not made zeros of the right sign, it is +Inf.
func ulpError(got float32, want float64) float64 {
	bits := math.Float32bits(got)
	switch {
	case want != want:
		if bits != nanBits {
			return math.Inf(1)
		}
		return 0
	case bits&^signBit != 0 && bits&^signBit < minNormal:
		return math.Inf(1)
	case want == 0 || math.Abs(want) < 0x1p-126 && got == 0:
		if got != 0 || math.Signbit(float64(got)) != math.Signbit(want) {
			return math.Inf(1)
		}
		return 0
	case math.Abs(want) >= 0x1.ffffffp127:
		if float64(got) != math.Inf(int(math.Copysign(1, want))) {
			return math.Inf(1)
		}
		return 0
	}
	exp := max(int(math.Float64bits(want)>>52&0x7ff)-1023, -126)
	err := math.Abs(float64(got)-want) * math.Float64frombits(uint64(1023+23-exp)<<52)
	if err != err {
		return math.Inf(1)
	}
	return err
}

// sweep measures e under m on every stride-th bit pattern and returns the worst
// error and the argument where it stands.
func (e *elementary) sweep(m Mac, stride uint64) (worst float64, at float32) {
	type result struct {
		worst float64
		at    uint32
	}
	workers := runtime.GOMAXPROCS(0)
	results := make([]result, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := &results[w]
			for u := uint64(w) * stride; u < 1<<32; u += stride * uint64(workers) {
				x := math.Float32frombits(uint32(u))
				if err := ulpError(e.f(m, x), e.want(x)); err > r.worst {
					r.worst, r.at = err, uint32(u)
				}
			}
		})
	}
	wg.Wait()
	var best result
	for _, r := range results {
		if r.worst > best.worst {
			best = r
		}
	}
	return best.worst, math.Float32frombits(best.at)
}

// TestElementaryError measures every function on a dense sample: a stride
// prime to 2³² that meets every exponent 10,000 times. SAMEBITS_FULL=1 makes
// the stride 1, which is every float32 there is (one to two minutes a function
// and mac on two cores).
func TestElementaryError(t *testing.T) {
	stride := uint64(1<<32/2_560_000 | 1)
	if os.Getenv("SAMEBITS_FULL") == "1" {
		stride = 1
	} else if testing.Short() {
		stride = stride*16 | 1
	}
	for _, e := range elementaries {
		for _, m := range []Mac{Fused, Split} {
			t.Run(fmt.Sprintf("%s/%v", e.name, m), func(t *testing.T) {
				worst, at := e.sweep(m, stride)
				t.Logf("worst error %.4f ulp at %x", worst, at)
				if worst > e.bound[m]+5e-5 { // bounds have four digits
					t.Errorf("worst error %.4f ulp at %x (%08x): got %x, want %x; the docstring says %v",
						worst, at, math.Float32bits(at), e.f(m, at), e.want(at), e.bound[m])
				}
			})
		}
	}
}

// TestElementarySpecials checks what the docstrings say of infinities, zeros,
// NaN, subnormal arguments and the ends of each domain, in both profiles.
func TestElementarySpecials(t *testing.T) {
	inf := math.Inf(1)
	negZero := math.Copysign(0, -1)
	const tiny = 0x1p-127 // subnormal
	for _, c := range []struct {
		name    string
		f       func(m Mac, x float32) float32
		x, want float64
	}{
		{"Exp", Mac.Exp, -inf, 0}, {"Exp", Mac.Exp, inf, inf}, {"Exp", Mac.Exp, negZero, 1},
		{"Exp", Mac.Exp, tiny, 1}, {"Exp", Mac.Exp, 88.73, inf}, {"Exp", Mac.Exp, -87.34, 0},
		{"Expm1", Mac.Expm1, -inf, -1}, {"Expm1", Mac.Expm1, inf, inf}, {"Expm1", Mac.Expm1, negZero, negZero},
		{"Expm1", Mac.Expm1, 0, 0}, {"Expm1", Mac.Expm1, -tiny, negZero}, {"Expm1", Mac.Expm1, -100, -1},
		{"Expm1", Mac.Expm1, 0x1p-126, 0x1p-126},
		{"Log", Mac.Log, 0, -inf}, {"Log", Mac.Log, negZero, -inf}, {"Log", Mac.Log, tiny, -inf},
		{"Log", Mac.Log, -tiny, -inf}, {"Log", Mac.Log, inf, inf}, {"Log", Mac.Log, -inf, math.NaN()},
		{"Log", Mac.Log, -1, math.NaN()}, {"Log", Mac.Log, 1, 0},
		{"Log1p", Mac.Log1p, -1, -inf}, {"Log1p", Mac.Log1p, -1.0000001, math.NaN()}, {"Log1p", Mac.Log1p, -inf, math.NaN()},
		{"Log1p", Mac.Log1p, inf, inf}, {"Log1p", Mac.Log1p, negZero, negZero}, {"Log1p", Mac.Log1p, -tiny, negZero},
		{"Log1p", Mac.Log1p, 0, 0}, {"Log1p", Mac.Log1p, -0x1p-126, -0x1p-126},
		{"Tanh", Mac.Tanh, inf, 1}, {"Tanh", Mac.Tanh, -inf, -1}, {"Tanh", Mac.Tanh, negZero, negZero}, {"Tanh", Mac.Tanh, -tiny, negZero},
		{"Sigmoid", Mac.Sigmoid, inf, 1}, {"Sigmoid", Mac.Sigmoid, -inf, 0}, {"Sigmoid", Mac.Sigmoid, negZero, 0.5}, {"Sigmoid", Mac.Sigmoid, -88, 0},
		{"Softplus", Mac.Softplus, inf, inf}, {"Softplus", Mac.Softplus, -inf, 0}, {"Softplus", Mac.Softplus, 1e30, 1e30}, {"Softplus", Mac.Softplus, -88, 0},
		{"Sin", Mac.Sin, inf, math.NaN()}, {"Sin", Mac.Sin, negZero, negZero}, {"Sin", Mac.Sin, -tiny, negZero}, {"Sin", Mac.Sin, 0, 0},
		{"Cos", Mac.Cos, -inf, math.NaN()}, {"Cos", Mac.Cos, negZero, 1}, {"Cos", Mac.Cos, tiny, 1},
		{"Relu", relu, negZero, 0}, {"Relu", relu, -inf, 0}, {"Relu", relu, inf, inf}, {"Relu", relu, tiny, tiny}, {"Relu", relu, -tiny, 0},
	} {
		want := CanonNaN(float32(c.want))
		for _, m := range []Mac{Fused, Split} {
			if got := c.f(m, float32(c.x)); math.Float32bits(got) != math.Float32bits(want) {
				t.Errorf("%v.%s(%v) = %v (%08x), want %v", m, c.name, c.x, got, math.Float32bits(got), want)
			}
			for _, bad := range []uint32{0x7fc00001, 0xffffffff, 0x7f800001, 0xff800001} {
				if got := math.Float32bits(c.f(m, math.Float32frombits(bad))); got != nanBits {
					t.Errorf("%v.%s(NaN %08x) = %08x, want the canonical NaN", m, c.name, bad, got)
				}
			}
		}
	}
}

func relu(_ Mac, x float32) float32 { return Relu(x) }

func BenchmarkElementary(b *testing.B) {
	for _, e := range elementaries {
		b.Run(e.name, func(b *testing.B) {
			x := float32(0.7)
			var sum float32
			for b.Loop() {
				sum += e.f(Fused, x)
				x += 1e-6
			}
			if sum != sum {
				b.Fatal("NaN")
			}
		})
	}
}
