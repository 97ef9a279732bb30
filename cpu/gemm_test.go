package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"samebits/backend"
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
		for _, kc := range []int{1, 2, 3, 4, 5, 7, 8, 63, 255, 256, 257} {
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

// So is the SIMD sum of tiles.
func TestTileSumIsItsTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for kind := range hardKinds {
		var got, want, x tile
		copy(got[:], hard(r, len(got), kind))
		copy(x[:], hard(r, len(x), kind))
		want = got
		addTile(&got, &x)
		addTilePlain(&want, &x)
		if err := sameTile(&got, &want); err != nil {
			t.Errorf("kind %d: %v", kind, err)
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

// sameFloats compares bits, with NaN of any payload equal.
func sameFloats(got, want []float32) error {
	for i, x := range got {
		x, y := exact.CanonNaN(x), exact.CanonNaN(want[i])
		if math.Float32bits(x) != math.Float32bits(y) {
			return fmt.Errorf("element %d: %v (%08x), want %v (%08x)", i, x, math.Float32bits(x), y, math.Float32bits(y))
		}
	}
	return nil
}

// Every set of kernels is its plain twins: any rows, from +0 and from tiles,
// into tiles and into rows with gaps, which are left alone.
func TestKernelSetsAreTheirTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, kern := range kernels32 {
		mr, nr := kern.mr, kern.nr
		for rows := 1; rows <= 2*mr+1; rows++ {
			kc := []int{1, 2, 3, 4, 5, 8, 31, 257}[rows%8]
			kind := rows % hardKinds
			panels := ceil(rows, mr)
			stride, strideA := nr+3, kc+2
			a, b := hard(r, panels*mr*strideA, kind), hard(r, kc*(nr+5)+4, kind)
			tiles := hard(r, panels*mr*nr, kind)
			for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
				for flags := range 4 {
					what := fmt.Sprintf("%s, %v, %d rows, %d steps, kind %d, flags %d", kern.name, mac, rows, kc, kind, flags)
					var got, want [2][]float32
					for _, v := range []*[2][]float32{&got, &want} {
						v[0], v[1] = append([]float32(nil), tiles...), filled(rows*stride, 7)
					}
					arg := func(v *[2][]float32) *macro {
						return &macro{kc: kc, a: &a[0], b: &b[0], rows: rows, flags: flags, tiles: &v[0][0],
							out: &v[1][0], stride: 4 * stride, next: &b[0]}
					}
					kern.macro(mac, arg(&got))
					macroPlain(mac, mr, nr, arg(&want))
					for i := range rows { // the rest of the last tile is free
						if err := sameFloats(got[0][i*nr:][:nr], want[0][i*nr:][:nr]); err != nil {
							t.Fatalf("%s, row %d of the tiles: %v", what, i, err)
						}
					}
					if err := sameEveryBit(got[1], want[1]); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					if flags != toOut {
						continue
					}
					for _, panels := range []int{1, 3} { // overlapping panels of B serve as well
						wide := nr*panels + 3
						got, want := filled(rows*wide, 7), filled(rows*wide, 7)
						arg := func(out []float32) *macro {
							return &macro{kc: kc, a: &a[0], b: &b[0], rows: rows, out: &out[0], stride: 4 * wide,
								strideA: 4 * strideA, stepB: 4 * (nr + 5), panels: panels, strideB: 8}
						}
						kern.inPlace(mac, arg(got))
						inPlacePlain(mac, nr, arg(want))
						if err := sameEveryBit(got, want); err != nil {
							t.Fatalf("%s, in place, %d panels: %v", what, panels, err)
						}
					}
					x, y := arg(&got), arg(&want)
					x.strideA, x.stepB, x.panels = 4*strideA, 4*(nr+5), 1
					y.strideA, y.stepB, y.panels = x.strideA, x.stepB, 1
					for cols := 1; cols <= kern.most; cols++ {
						x.cols = cols
						kern.narrow(mac, x)
						inPlacePlain(mac, cols, y)
						if err := sameEveryBit(got[1], want[1]); err != nil {
							t.Fatalf("%s, %d columns: %v", what, cols, err)
						}
					}
				}
			}
		}
	}
}

// sameEveryBit compares bits, of NaN too.
func sameEveryBit(got, want []float32) error {
	for i, x := range got {
		if math.Float32bits(x) != math.Float32bits(want[i]) {
			return fmt.Errorf("element %d: %08x, want %08x", i, math.Float32bits(x), math.Float32bits(want[i]))
		}
	}
	return nil
}

// A pair of rows, or one row, takes the products of its plain twin.
func TestRowPairIsItsTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	const stride = 45
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		for k := range 11 {
			for _, n := range []int{8, 16, 40} {
				for kind := range hardKinds {
					a, b := hard(r, 2*(k+1), kind), hard(r, (k+1)*stride, kind)
					want := hard(r, 2*n, kind)
					got := append([]float32(nil), want...)
					for _, second := range []int{0, 1} {
						pair := func(c []float32) *rowPair {
							return &rowPair{k: k + 1, a0: &a[0], a1: &a[second*(k+1)], b: &b[0], stepB: 4 * stride,
								c0: &c[0], c1: &c[second*n], n: n}
						}
						if simd {
							addRowPair(mac, pair(got))
						} else {
							addRowPairPlain(mac, pair(got))
						}
						for s := range k + 1 { // the statement: one mac after another
							for j := range n {
								want[j] = mac.Mac(want[j], a[s], b[s*stride+j])
								if second == 1 {
									want[n+j] = mac.Mac(want[n+j], a[k+1+s], b[s*stride+j])
								}
							}
						}
						if err := sameFloats(got, want); err != nil {
							t.Fatalf("%v, %d steps, %d columns, kind %d, second %d: %v", mac, k+1, n, kind, second, err)
						}
					}
				}
			}
		}
	}
}

// Dot products of groups of eight rows are those of the plain twin.
func TestRowDotsAreTheirTwin(t *testing.T) {
	if !simd {
		t.Skip("this processor lacks AVX2 or FMA: the twin is all there is")
	}
	r := rand.New(rand.NewPCG(15, 16))
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		for k := 8; k <= 56; k += 8 {
			for groups := 1; groups <= 9; groups++ {
				for kind := range hardKinds {
					stride := k + groups%3
					a, x := hard(r, 8*groups*stride, kind), hard(r, k, kind)
					want := hard(r, 8*groups, kind)
					got := append([]float32(nil), want...)
					arg := func(acc []float32) *rowDots {
						return &rowDots{k: k, a: &a[0], stride: 4 * stride, x: &x[0], groups: groups, acc: &acc[0]}
					}
					addRowDots(mac, arg(got))
					addRowDotsPlain(mac, arg(want))
					if err := sameFloats(got, want); err != nil {
						t.Fatalf("%v, %d steps, %d groups, kind %d: %v", mac, k, groups, kind, err)
					}
					if groups != 2 {
						continue
					}
					for second := range 9 { // rows from which on the second group is
						x, y := arg(got), arg(want)
						x.second, y.second = &a[second*stride], &a[second*stride]
						addTwoGroups(mac, x)
						addTwoGroupsPlain(mac, y)
						if err := sameFloats(got, want); err != nil {
							t.Fatalf("%v, %d steps, groups %d rows apart, kind %d: %v", mac, k, second, kind, err)
						}
					}
				}
			}
		}
	}
}

// The SIMD epilogue is its plain twin, of every combination of its parts.
func TestRowEndIsItsTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		for flags := range 2 * endRelu {
			for kind := range hardKinds {
				for n := 8; n <= 40; n += 8 {
					x, c, bias := hard(r, n, kind), hard(r, n, kind), hard(r, n, kind)
					got, want := append([]float32(nil), c...), append([]float32(nil), c...)
					arg := func(dst []float32) *rowEnd {
						return &rowEnd{n: n, r: &x[0], dst: &dst[0], c: &dst[0], bias: &bias[0], alpha: -1.7, beta: 0.3, flags: flags}
					}
					addRowEnd(mac, arg(got))
					addRowEndPlain(mac, arg(want))
					if err := sameEveryBit(got, want); err != nil {
						t.Fatalf("%v, flags %d, %d elements, kind %d: %v", mac, flags, n, kind, err)
					}
				}
			}
		}
	}
}

// A finished row is exact.Epilogue.Apply of its elements.
func TestFinishRowIsTheEpilogue(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		for act := backend.NoActivation; act <= backend.Softplus; act++ {
			for kind := range hardKinds {
				for _, n := range []int{1, 7, 8, 9, 16, 31, 200} {
					const j0 = 3
					x, c, bias := hard(r, n, kind), hard(r, n, kind), hard(r, n+j0, kind)
					for _, e := range []exact.Epilogue{{Alpha: 1}, {Alpha: -1.7, Beta: 1}, {Alpha: 1, Beta: -0.3, Bias: bias}} {
						e.Act = activations[mac][act]
						got, want := append([]float32(nil), c...), make([]float32, n)
						for j := range want {
							want[j] = exact.CanonNaN(e.Apply(mac, x[j], j0+j, c[j]))
						}
						finishRow(mac, &e, act, got, append([]float32(nil), x...), j0)
						if err := sameEveryBit(got, want); err != nil {
							t.Fatalf("%v, %v, kind %d, %d elements, alpha %v, beta %v: %v", mac, act, kind, n, e.Alpha, e.Beta, err)
						}
					}
				}
			}
		}
	}
}
