package cpu

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// fillCase fills a matrix of the logits' shape.
func fillCase(distribution backend.Distribution, plain bool) samplingCase {
	return samplingCase{fmt.Sprintf("fill %v plain=%t", distribution, plain), false,
		func(dev *backend.Device, x *backend.Tensor) (backend.Op, []*backend.Tensor, error) {
			dtype := backend.Float32
			if distribution == backend.Bits {
				dtype = backend.Uint32
			}
			y, err := newGapped(dev, dtype, 1, x.Rows(), x.Cols())
			op := &backend.Fill{Y: y, Distribution: distribution, Draws: samplingDraws}
			if !plain {
				op.Loc, op.Scale = backend.Scalar(0.3), backend.Scalar(-1.7)
			}
			return op, []*backend.Tensor{y}, err
		}}
}

func fillCases() []samplingCase {
	cases := []samplingCase{fillCase(backend.Constant, false), fillCase(backend.Constant, true), fillCase(backend.Bits, true)}
	for _, d := range []backend.Distribution{backend.Uniform, backend.Normal, backend.Exponential, backend.Gumbel} {
		cases = append(cases, fillCase(d, true), fillCase(d, false))
	}
	return cases
}

func TestFillEqualsReference(t *testing.T) { compareEverywhere(t, fillCases()...) }

func TestFillOfNaNIsCanonical(t *testing.T) {
	for _, d := range []backend.Distribution{backend.Constant, backend.Uniform} {
		for _, name := range []string{"cpu", "reference"} {
			ctx := context.Background()
			dev, err := backend.Open(ctx, name, backend.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer dev.Close()
			y, err := dev.NewTensor(backend.Float32, 1, 5)
			if err != nil {
				t.Fatal(err)
			}
			op := &backend.Fill{Y: y, Distribution: d, Loc: backend.Scalar(math.Float32frombits(0xffc00001))}
			if err := dev.Run(ctx, op); err != nil {
				t.Fatal(err)
			}
			got, err := backend.ToSlice[float32](ctx, y)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range got {
				if math.Float32bits(v) != 0x7fc00000 {
					t.Errorf("%s, %v: NaN stored as %x", name, d, math.Float32bits(v))
				}
			}
		}
	}
}

// TestFillDistributions compares 40,000 numbers of each kind with its
// distribution function by the test of Kolmogorov and Smirnov: √n·D above 2.23
// has a probability of 10⁻⁴. The same numbers must fail against the function
// of numbers 10 % wider.
func TestFillDistributions(t *testing.T) {
	const n, limit = 40000, 2.23
	for d, cdf := range map[backend.Distribution]func(x float64) float64{
		backend.Uniform:     func(x float64) float64 { return min(1, max(0, x)) },
		backend.Normal:      func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) },
		backend.Exponential: func(x float64) float64 { return -math.Expm1(-x) },
		backend.Gumbel:      func(x float64) float64 { return math.Exp(-math.Exp(-x)) },
	} {
		ctx := context.Background()
		dev, err := backend.Open(ctx, "cpu", backend.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer dev.Close()
		y, err := dev.NewTensor(backend.Float32, 8, n/8)
		if err != nil {
			t.Fatal(err)
		}
		// Loc and Scale move the numbers to 3 − 2x; the test moves them back.
		op := &backend.Fill{Y: y, Distribution: d, Loc: backend.Scalar(3), Scale: backend.Scalar(-2),
			Draws: backend.Draws{Seed: 1, Use: exact.UseTest}}
		if err := dev.Run(ctx, op); err != nil {
			t.Fatal(err)
		}
		drawn, err := backend.ToSlice[float32](ctx, y)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(drawn, func(a, b float32) int { return int(math.Copysign(1, float64(b-a))) })
		distance := func(width float64) (worst float64) {
			for i, v := range drawn {
				f := cdf((3 - float64(v)) / 2 / width)
				worst = max(worst, math.Abs(f-float64(i)/n), math.Abs(f-float64(i+1)/n))
			}
			return worst * math.Sqrt(n)
		}
		if got := distance(1); got > limit {
			t.Errorf("%v: √n·D = %.2f, want at most %v", d, got, limit)
		}
		if got := distance(1.1); got < limit {
			t.Errorf("%v: √n·D = %.2f against a wrong width: the test sees nothing", d, got)
		}
	}
}

func BenchmarkFillNormal(b *testing.B)  { benchmarkSampling(b, fillCase(backend.Normal, true)) }
func BenchmarkFillUniform(b *testing.B) { benchmarkSampling(b, fillCase(backend.Uniform, true)) }
