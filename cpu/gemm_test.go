package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"samebits/backend/exact"
)

// hard returns n numbers of the kinds that separate roundings and special
// cases: kind 0 are plain, 1 near the subnormals, 2 mixed with NaN, infinities
// and zeros of both signs, 3 cancelling integers.
func hard(r *rand.Rand, n, kind int) []float32 {
	special := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0,
		float32(math.Copysign(0, -1)), 1e-45, -1e-40, 0x1p-126, math.MaxFloat32}
	x := make([]float32, n)
	for i := range x {
		switch kind {
		case 1:
			x[i] = float32(math.Ldexp(r.Float64()-0.5, -50-r.IntN(40)))
		case 2:
			x[i] = float32(r.NormFloat64())
			if r.IntN(24) == 0 {
				x[i] = special[r.IntN(len(special))]
			}
		case 3:
			x[i] = float32(r.IntN(9) - 4)
		default:
			x[i] = float32(r.NormFloat64())
		}
	}
	return x
}

const hardKinds = 4

// sameTile compares bits, with NaN of any payload equal.
func sameTile(a, b *tile) error {
	for i := range a {
		x, y := exact.CanonNaN(a[i]), exact.CanonNaN(b[i])
		if math.Float32bits(x) != math.Float32bits(y) {
			return fmt.Errorf("element %d: %v (%08x) and %v (%08x)", i, x, math.Float32bits(x), y, math.Float32bits(y))
		}
	}
	return nil
}

// The SIMD microkernel is its plain twin, from +0 and going on from a tile.
func TestMicroKernelIsItsTwin(t *testing.T) {
	if !simd {
		t.Skip("this processor lacks AVX2 or FMA: the twin is all there is")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		for _, kc := range []int{1, 2, 3, 4, 5, 7, 8, 63, kcBlock - 1, kcBlock, kcBlock + 1} {
			for kind := range hardKinds {
				a, b := hard(r, kc*mr, kind), hard(r, kc*nr, kind)
				var got, want tile
				copy(got[:], hard(r, len(got), kind))
				want = got
				for _, first := range []bool{false, true} {
					microKernel(mac, kc, a, b, &got, first)
					microKernelPlain(mac, kc, a, b, &want, first)
					if err := sameTile(&got, &want); err != nil {
						t.Fatalf("%v, %d steps, kind %d, first %t: %v", mac, kc, kind, first, err)
					}
				}
			}
		}
	}
}

// So are the SIMD sum and store of tiles; the store leaves gaps alone.
func TestTileSumAndStoreAreTheirTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const stride = nr + 5
	for kind := range hardKinds {
		var got, want, x tile
		copy(got[:], hard(r, len(got), kind))
		copy(x[:], hard(r, len(x), kind))
		want = got
		addTile(&got, &x)
		addTilePlain(&want, &x)
		if err := sameTile(&got, &want); err != nil {
			t.Errorf("sum, kind %d: %v", kind, err)
		}
		for rows := range mr + 1 {
			a, b := filled(mr*stride, 7), filled(mr*stride, 7)
			storeRows(a, stride, &x, rows)
			storeRowsPlain(b, stride, &x, rows)
			for i := range a {
				if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
					t.Fatalf("store of %d rows, kind %d: element %d is %v, want %v", rows, kind, i, a[i], b[i])
				}
			}
		}
	}
}

// gemmTile of packed panels is exact.Mac.Dot, across cuts.
func TestGemmTileIsDot(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		for i, k := range []int{0, 1, 17, exact.Cut, exact.Cut + 1, 2*exact.Cut + 3} {
			x, c := exact.Dense(hard(r, mr*k, i%hardKinds), mr, k), exact.Dense(hard(r, nr*k, i%hardKinds), nr, k)
			a, b := make([]float32, mr*k), make([]float32, nr*k)
			packA(a, x, false, 0, mr, 0, k)
			packB(b, c, true, 0, nr, 0, k)
			var got, want tile
			gemmTile(mac, k, a, b, &got)
			for i := range mr {
				for j := range nr {
					want[i*nr+j] = mac.Dot(x.Row(i), c.Row(j))
				}
			}
			if err := sameTile(&got, &want); err != nil {
				t.Fatalf("%v, k = %d: %v", mac, k, err)
			}
		}
	}
}

// Both storage orders give the same panels, and lanes past the matrix are +0.
func TestPackingPadsWithZeros(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 5, 6, 7, 12, 13} {
		for _, kc := range []int{1, 2, 9} {
			rows := exact.Dense(hard(r, n*kc, 0), n, kc)
			cols := exact.Dense(make([]float32, n*kc), kc, n)
			exact.Transpose(cols, rows)
			size := ceil(n, mr) * mr * kc
			p, q := hard(r, size, 2), hard(r, size, 2)
			packA(p, rows, false, 0, n, 0, kc)
			packA(q, cols, true, 0, n, 0, kc)
			for i := range p {
				lane, k := i/(mr*kc)*mr+i%mr, i/mr%kc
				want := float32(0)
				if lane < n {
					want = rows.At(lane, k)
				}
				if math.Float32bits(p[i]) != math.Float32bits(want) || math.Float32bits(q[i]) != math.Float32bits(want) {
					t.Fatalf("%d rows, %d steps: element %d is %v and %v, want %v", n, kc, i, p[i], q[i], want)
				}
			}
		}
	}
}
