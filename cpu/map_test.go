package cpu

import (
	"fmt"
	"math"
	"testing"

	"samebits/backend"
)

// corners are the numbers at which functions of one or two arguments turn.
var corners = []uint32{0, 1 << 31, 1, 1<<31 | 1, 0x007fffff, 0x807fffff, 0x00800000, 0x80800000, 0x3f800000, 0xbf800000,
	0x3f800001, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff, 0x33000000, 0x5f000000}

// Every kernel gives the bits of its element function, for all pairs of
// corners, hard numbers and every length of a tail, in place too.
func TestMapKernels(t *testing.T) {
	for _, profile := range profiles {
		d := runDriver(t, profile)
		for _, fn := range backend.Fns() {
			fast, plain := rowFunction(d.mac, fn), rowFunctionPlain(d.mac, fn)
			row := func(y, a, b, c []float32) { fast(y, a, b, c, make([]float32, len(y))) }
			var x [3][]float32
			for i := range corners {
				for j := range corners {
					for k, u := range [3]uint32{corners[i], corners[j], corners[(i*7+j*3)%len(corners)]} {
						x[k] = append(x[k], math.Float32frombits(u))
					}
				}
			}
			for kind := range hardKinds {
				for k := range x {
					x[k] = append(x[k], numbers(uint64(k), 211, kind)...)
				}
			}
			for n := len(x[0]) - 9; n <= len(x[0]); n++ {
				var got, want [3][]float32 // separate, over a, over the last argument
				for w := range got {
					for r, f := range [2]func(y, a, b, c []float32){row, plain} {
						args := [3][]float32{}
						for k := range fn.Args() {
							args[k] = append([]float32(nil), x[k][:n]...)
						}
						y := make([]float32, n)
						if w > 0 {
							y = args[(w-1)*(fn.Args()-1)]
						}
						f(y, args[0], args[1], args[2])
						if r == 0 {
							got[w] = y
						} else {
							want[w] = y
						}
					}
				}
				for w := range got {
					for i := range n {
						if math.Float32bits(got[w][i]) != math.Float32bits(want[w][i]) {
							t.Fatalf("%v, %v, place %d: element %d of %d (%x %x %x): %x, want %x", profile, fn, w, i, n,
								math.Float32bits(x[0][i]), math.Float32bits(x[1][i]), math.Float32bits(x[2][i]),
								math.Float32bits(got[w][i]), math.Float32bits(want[w][i]))
						}
					}
				}
			}
		}
	}
}

// The elementary functions keep their statements' bits all over the float32:
// a sample of every sign and exponent, and all that lies close to the places
// where they change their formula.
func TestElementaryKernels(t *testing.T) {
	var x []float32
	for u := uint64(0); u < 1<<32; u += 16411 {
		x = append(x, math.Float32frombits(uint32(u)))
	}
	for _, near := range []float32{0, 0x1p-126, 0.625, 9.010914, 17.32868, 87.33654, 88.72283, 44.36, 0.3465736, 1.0397208, 1, 0x1p-24} {
		for u := -300; u <= 300; u++ {
			v := math.Float32frombits(math.Float32bits(near) + uint32(u))
			x = append(x, v, -v)
		}
	}
	y, want := make([]float32, len(x)), make([]float32, len(x))
	scratch := make([]float32, len(x))
	for _, profile := range profiles {
		d := runDriver(t, profile)
		for _, fn := range []backend.Fn{backend.FnExp, backend.FnExpm1, backend.FnLog, backend.FnLog1p, backend.FnTanh,
			backend.FnSigmoid, backend.FnSoftplus, backend.FnSin, backend.FnCos} {
			rowFunction(d.mac, fn)(y, x, nil, nil, scratch)
			rowFunctionPlain(d.mac, fn)(want, x, nil, nil)
			for i := range x {
				if math.Float32bits(y[i]) != math.Float32bits(want[i]) {
					t.Fatalf("%v, %v of %v (%x): %x, want %x", profile, fn, x[i], math.Float32bits(x[i]),
						math.Float32bits(y[i]), math.Float32bits(want[i]))
				}
			}
		}
	}
}

// runDriver returns the fast driver of a profile.
func runDriver(t testing.TB, profile backend.ProfileRequest) *driver {
	t.Helper()
	drv, err := family{}.Open(t.Context(), 0, backend.Config{Profile: profile, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return drv.(*driver)
}

func BenchmarkMap(b *testing.B) {
	for _, fn := range backend.Fns() {
		for _, n := range []int{1024, 1 << 22} {
			b.Run(fmt.Sprintf("%v/%d", fn, n), func(b *testing.B) {
				ctx := b.Context()
				dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: 1})
				if err != nil {
					b.Fatal(err)
				}
				defer dev.Close()
				s := backend.NewScope(ctx, dev)
				op := &backend.Map{Fn: fn, Y: s.New(backend.Float32, 1, n)}
				for k, x := range []**backend.Tensor{&op.A, &op.B, &op.C}[:fn.Args()] {
					*x = backend.Put(s, 1, n, numbers(uint64(k), n, 0))
				}
				if s.Err() != nil {
					b.Fatal(s.Err())
				}
				for b.Loop() {
					if err := dev.Run(ctx, op); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(n), "ns/element")
			})
		}
	}
}
