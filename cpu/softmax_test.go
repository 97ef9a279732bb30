package cpu

import (
	"context"
	"fmt"
	"math"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// The harness of the softmax-sampling family: each case runs on the fast
// driver under several thread counts and on the reference, over memory that is
// first filled with a pattern, and whole buffers are compared, so that a
// touched gap between rows counts as a difference.

var samplingDraws = backend.Draws{Seed: 0x123456789abcdef0, Use: exact.UseTest, Sub: 3, Step: 5, Row: 11}

// samplingCase builds an operation over logits x and names what it writes.
type samplingCase struct {
	name  string
	batch bool // takes a batch of matrices
	build func(dev *backend.Device, x *backend.Tensor) (backend.Op, []*backend.Tensor, error)
}

const samplingGap = 3 // elements between rows

func newGapped(dev *backend.Device, dtype backend.DType, batch, rows, cols int) (*backend.Tensor, error) {
	return dev.NewStrided(dtype, batch, rows, cols, cols+samplingGap)
}

func softmaxCase(log, inPlace bool, temperature backend.Factor) samplingCase {
	return samplingCase{fmt.Sprintf("softmax log=%t inplace=%t T=%v", log, inPlace, temperature.Real(1)), true,
		func(dev *backend.Device, x *backend.Tensor) (backend.Op, []*backend.Tensor, error) {
			y, err := x, error(nil)
			if !inPlace {
				y, err = newGapped(dev, backend.Float32, x.Batch(), x.Rows(), x.Cols())
			}
			return &backend.Softmax{Y: y, X: x, Log: log, Temperature: temperature}, []*backend.Tensor{y}, err
		}}
}

func runSamplingCase(t *testing.T, name string, cfg backend.Config, c samplingCase, batch, rows, cols int, logits []float32) [][]byte {
	t.Helper()
	ctx := context.Background()
	dev, err := backend.Open(ctx, name, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	x, err := newGapped(dev, backend.Float32, batch, rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	paint(x)
	if err := backend.Upload(ctx, x, logits); err != nil {
		t.Fatal(err)
	}
	op, outs, err := c.build(dev, x)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range outs {
		if out != x {
			paint(out)
		}
	}
	if err := dev.Run(ctx, op); err != nil {
		t.Fatalf("%s on %s, %d×%d×%d: %v", c.name, name, batch, rows, cols, err)
	}
	var bytes [][]byte
	for _, out := range outs {
		if out.Len() > 0 {
			checkGaps(t, out)
			bytes = append(bytes, append([]byte(nil), out.Buffer().(*buffer).bytes...))
		}
	}
	return bytes
}

const paintByte = 0xa5

func paint(t *backend.Tensor) {
	if t.Len() == 0 {
		return
	}
	b := t.Buffer().(*buffer).bytes
	for i := range b {
		b[i] = paintByte
	}
}

func checkGaps(t *testing.T, out *backend.Tensor) {
	t.Helper()
	b, size := out.Buffer().(*buffer).bytes, out.DType().Size()
	for r := range tensorRows(out) {
		for _, v := range b[(r*out.Stride()+out.Cols())*size : (r+1)*out.Stride()*size] {
			if v != paintByte {
				t.Fatalf("gap after row %d of %v was written", r, out)
			}
		}
	}
}

func comparePasses(t *testing.T, c samplingCase, batch, rows, cols int, logits []float32) {
	t.Helper()
	for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		want := runSamplingCase(t, "reference", backend.Config{Profile: profile}, c, batch, rows, cols, logits)
		for threads := 1; threads <= 3; threads++ {
			got := runSamplingCase(t, "cpu", backend.Config{Profile: profile, Threads: threads}, c, batch, rows, cols, logits)
			for o := range want {
				if d := firstDifference(want[o], got[o]); d >= 0 {
					t.Errorf("%s, %v, %d threads, %d×%d×%d: output %d differs at word %d: %x, want %x",
						c.name, profile, threads, batch, rows, cols, o, d, got[o][4*d:4*d+4], want[o][4*d:4*d+4])
				}
			}
		}
	}
}

// firstDifference returns the first 4-byte word in which a and b differ, −1 if none.
func firstDifference(a, b []byte) int {
	if len(a) != len(b) {
		return 0
	}
	for i := range a {
		if a[i] != b[i] {
			return i / 4
		}
	}
	return -1
}

// samplingLogits returns rows of logits of different character: smooth, with
// ties, of wide range, constant, and negative zeros among zeros.
func samplingLogits(rows, cols int) []float32 {
	x := make([]float32, rows*cols)
	for i := range rows {
		for j := range cols {
			v := exact.Fused.NormalAt(exact.Position{Seed: 7, Row: uint32(i)}, uint64(j))
			switch i % 5 {
			case 1:
				v = float32(math.Round(float64(v) * 2))
			case 2:
				v *= 40
			case 3:
				v = 1.5
			case 4:
				v = float32(math.Copysign(0, float64(v)))
			}
			x[i*cols+j] = v
		}
	}
	return x
}

// specialRows are rows with infinities, NaN, zeros of both signs, subnormals
// and extremes, repeated to cols.
func specialRows(cols int) (rows int, x []float32) {
	inf, nan := float32(math.Inf(1)), math.Float32frombits(0xffc12345)
	for _, pattern := range [][]float32{
		{-inf}, {nan}, {inf}, {0, float32(math.Copysign(0, -1))}, {float32(math.Copysign(0, -1)), 0},
		{1, nan, 3, inf}, {1, inf, -inf, inf}, {-inf, -inf, 2, -inf, 1}, {-inf, nan, -inf},
		{math.MaxFloat32, -math.MaxFloat32, 0}, {-math.MaxFloat32}, {1e-40, -1e-40, 1e-45}, {88.8, -88.8, 0.25},
	} {
		rows++
		for j := range cols {
			x = append(x, pattern[j%len(pattern)])
		}
	}
	return rows, x
}

// compareEverywhere compares a case on edge shapes and on special values.
func compareEverywhere(t *testing.T, cases ...samplingCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, cols := range []int{1, 2, 63, 64, 65, 127, 255, 256, 257} {
				for _, rows := range []int{0, 1, 2, 7} {
					comparePasses(t, c, 1, rows, cols, samplingLogits(rows, cols))
				}
				rows, x := specialRows(cols)
				comparePasses(t, c, 1, rows, cols, x)
			}
			if c.batch {
				comparePasses(t, c, 3, 5, 33, samplingLogits(15, 33))
			}
			if testing.Short() {
				return
			}
			for _, cols := range []int{4095, 4096, 4097, 16383, 16384, 16385, 33000} {
				comparePasses(t, c, 1, 2, cols, samplingLogits(2, cols))
			}
			comparePasses(t, c, 1, 7, 4097, samplingLogits(7, 4097))
			rows, x := specialRows(16390)
			comparePasses(t, c, 1, rows, 16390, x)
			comparePasses(t, c, 1, 1, 33000, append(samplingLogits(1, 32999), float32(math.NaN())))
		})
	}
}

func TestSoftmaxEqualsReference(t *testing.T) {
	compareEverywhere(t,
		softmaxCase(false, false, backend.Factor{}), softmaxCase(false, true, backend.Scalar(0.7)),
		softmaxCase(true, false, backend.Factor{}), softmaxCase(true, true, backend.Scalar(1.7)))
}

// TestBatchOfOneEqualsRow runs every operation of the family on seven rows and
// on each of them alone, which draws as Draws.Row+i.
func TestBatchOfOneEqualsRow(t *testing.T) {
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", backend.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	const rows, cols = 7, 300
	for _, c := range everySamplingCase() {
		x, err := backend.FromSlice(ctx, dev, rows, cols, samplingLogits(rows, cols))
		if err != nil {
			t.Fatal(err)
		}
		op, outs, err := c.build(dev, x)
		if err != nil {
			t.Fatal(err)
		}
		if err := dev.Run(ctx, op); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for i := range rows {
			one, err := backend.FromSlice(ctx, dev, 1, cols, samplingLogits(rows, cols)[i*cols:(i+1)*cols])
			if err != nil {
				t.Fatal(err)
			}
			op, oneOuts, err := c.build(dev, one)
			if err != nil {
				t.Fatal(err)
			}
			if err := dev.Run(ctx, atRow(op, i)); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for o := range outs {
				if d := firstDifference(rowBytes(outs[o], i), rowBytes(oneOuts[o], 0)); d >= 0 {
					t.Errorf("%s: row %d alone differs at column %d", c.name, i, d)
				}
			}
		}
	}
}

func atRow(op backend.Op, i int) backend.Op {
	switch o := op.(type) {
	case *backend.Categorical:
		o.Draws.Row += uint32(i)
	case *backend.GumbelSoftmax:
		o.Draws.Row += uint32(i)
	case *backend.WithoutReplacement:
		o.Draws.Row += uint32(i)
	case *backend.Fill:
		o.Draws.Row += uint32(i)
	}
	return op
}

// rowBytes returns the bytes of row i of a tensor of 4-byte elements.
func rowBytes(t *backend.Tensor, i int) []byte {
	l := t.Layout()
	from := (l.Offset + i*l.Stride) * 4
	return t.Buffer().(*buffer).bytes[from : from+4*l.Cols]
}

func everySamplingCase() []samplingCase {
	cases := []samplingCase{softmaxCase(false, false, backend.Scalar(0.7)), softmaxCase(true, false, backend.Factor{}),
		logSumExpCase(backend.Scalar(0.7)), categoricalCase(3, backend.Scalar(0.7)),
		gumbelSoftmaxCase(true, true, backend.Scalar(0.7)), withoutReplacementCase(5, backend.Scalar(0.7))}
	return append(append(cases, filterCases()...), fillCases()...)
}

// TestPlantedFaultsShow runs each planted error of the family beside the clean
// driver: it must change bits.
func TestPlantedFaultsShow(t *testing.T) {
	for _, f := range []struct {
		fault string
		c     samplingCase
	}{
		{faultSoftmaxMax, softmaxCase(false, false, backend.Factor{})},
		{faultCategoricalTemperature, categoricalCase(4, backend.Scalar(0.25))},
		{faultFillRound, fillCase(backend.Normal, true)},
	} {
		x := samplingLogits(7, 65)
		want := runSamplingCase(t, "reference", backend.Config{}, f.c, 1, 7, 65, x)
		clean := runSamplingCase(t, "cpu", backend.Config{}, f.c, 1, 7, 65, x)
		bad := runSamplingCase(t, "cpu", backend.Config{Fault: f.fault}, f.c, 1, 7, 65, x)
		if firstDifference(want[0], clean[0]) >= 0 {
			t.Errorf("%s differs from the reference without a fault", f.c.name)
		}
		if firstDifference(want[0], bad[0]) < 0 {
			t.Errorf("%s: planted %s changes no bit", f.c.name, f.fault)
		}
	}
}

// TestFusedFunctions compares the written-out functions with their statements
// on a dense sample and around the edges of their ranges.
func TestFusedFunctions(t *testing.T) {
	check := func(name string, arg, got, want float32) {
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("%s(%v) = %x, want %x", name, arg, math.Float32bits(got), math.Float32bits(want))
		}
	}
	const stride = 1511
	for u := uint64(0); u < 1<<32; u += stride {
		x := math.Float32frombits(uint32(u))
		check("exp", x, expFused(x), exact.Fused.Exp(x))
		check("gumbel", x, gumbelFused(uint32(u)), exact.Fused.Gumbel(uint32(u)))
	}
	for _, edge := range []float32{-87.33654, -87.33, -88, 0, 88.72283, 1e-38, 1e-45, -1e-45} {
		u := math.Float32bits(edge)
		for d := uint32(0); d < 200; d++ {
			x := math.Float32frombits(u + d - 100)
			check("exp", x, expFused(x), exact.Fused.Exp(x))
		}
	}
	for w := uint32(0); w < 1<<12; w++ {
		check("gumbel", float32(w), gumbelFused(w), exact.Fused.Gumbel(w))
		check("gumbel", -float32(w), gumbelFused(^w), exact.Fused.Gumbel(^w))
	}
}

// TestNoAllocationPerRow: what an operation allocates does not grow with its rows.
func TestNoAllocationPerRow(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector sync.Pool drops memory at random")
	}
	ctx := context.Background()
	dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	const rows, cols = 200, 100
	for _, c := range everySamplingCase() {
		x, err := backend.FromSlice(ctx, dev, rows, cols, samplingLogits(rows, cols))
		if err != nil {
			t.Fatal(err)
		}
		op, _, err := c.build(dev, x)
		if err != nil {
			t.Fatal(err)
		}
		allocs := testing.AllocsPerRun(5, func() {
			if err := dev.Run(ctx, op); err != nil {
				t.Error(err)
			}
		})
		if allocs >= rows {
			t.Errorf("%s: %v allocations for %d rows", c.name, allocs, rows)
		}
	}
}

func BenchmarkSoftmax(b *testing.B) {
	benchmarkSampling(b, softmaxCase(false, false, backend.Factor{}))
}

// benchmarkSampling reports millions of elements of 512×8192 logits a second.
func benchmarkSampling(b *testing.B, c samplingCase) {
	const rows, cols = 512, 8192
	ctx := context.Background()
	for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%v/threads=%d", profile, threads), func(b *testing.B) {
				dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: threads, Profile: profile})
				if err != nil {
					b.Fatal(err)
				}
				defer dev.Close()
				x, err := dev.NewTensor(backend.Float32, rows, cols)
				if err != nil {
					b.Fatal(err)
				}
				fill := &backend.Fill{Y: x, Distribution: backend.Normal, Draws: samplingDraws}
				if err := dev.Run(ctx, fill); err != nil {
					b.Fatal(err)
				}
				op, _, err := c.build(dev, x)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := dev.Run(ctx, op); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*rows*cols/b.Elapsed().Seconds()/1e6, "Melements/s")
			})
		}
	}
}
