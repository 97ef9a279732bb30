//go:build gl && cgo

package gpu

import (
	"context"
	"encoding/binary"
	"math"
	"strings"

	"samebits/backend"
	"samebits/backend/exact"
)

// What probe.comp computes, by number; the shader's constants are the same.
const (
	probeFMA         = iota // fma(a, b, c)
	probePlain              // a·b + c, not precise
	probePrecise            // the precise product, then the precise sum
	probeAdd                // a + b
	probeMul                // a·b
	probeReassociate        // (a + b) − a
	probeInt                // float(int a)
	probeUint               // float(uint a)
	probeDouble             // float(double of words a, b), with PROBE_DOUBLE
	probeMac                // ct_mac(c, a, b), emulated with PROBE_DOUBLE
)

// probeResults are what a device was found to do.
type probeResults struct {
	fused       bool // fma rounds once
	split       bool // fma rounds twice
	contracts   bool // a·b + c becomes one rounding where it is not precise
	precise     bool // precise products and sums round each, in the order written
	nearestEven bool // +, ×, fma and conversions round to nearest even
	keep        bool // subnormal operands and results survive +, × and fma
	float64     bool // shaders with float64 compile, and round to float32 to nearest even
	emulates    bool // the fused mac through float64 is right, subnormal results included
}

// decideProfile chooses the arithmetic for a request on a device: the profile that results follow, the define that
// selects the mac in contract.glsl, and what to tell the user, which is empty where there is nothing to tell.
func decideProfile(request backend.ProfileRequest, r probeResults) (p backend.Profile, define, reason string) {
	p = backend.Profile{Subnormals: backend.KeepSubnormals, Precise: r.precise, Mode: backend.ExactMode}
	var faults, notes []string
	if !r.keep {
		p.Subnormals = backend.FlushSubnormals
		faults = append(faults, "it flushes subnormal numbers")
	}
	if !r.nearestEven {
		faults = append(faults, "it does not round to nearest even")
	}
	if !r.precise {
		faults = append(faults, "it does not honour precise")
	}
	wantSplit := request == backend.ProfileSplit || (request == backend.ProfileNative && !r.fused)
	switch {
	case wantSplit:
		p.Mac, define = exact.Split, "MAC_SPLIT"
	case r.fused:
		p.Mac, define = exact.Fused, "MAC_FUSED"
	case r.emulates:
		p.Mac, define, p.Emulated = exact.Fused, "MAC_EMULATED", true
		notes = append(notes, "fma emulated in float64")
	default:
		p.Mac, define = exact.Split, "MAC_SPLIT"
		faults = append(faults, "it has neither a fused multiply-add nor the float64 to emulate one")
	}
	if len(faults) > 0 {
		p.Mode = backend.BoundedMode
		notes = append(notes, "results within error bounds only: "+strings.Join(faults, ", "))
	}
	return p, define, strings.Join(notes, "; ")
}

// A probeCase is one computation of the probe and the bits it may give.
type probeCase struct {
	kind    uint32
	a, b, c uint32
	want    uint32 // under correct rounding (fused, for fma)
	split   uint32 // under two roundings
}

// probe runs probe.comp on the device. The inputs come from a buffer, so that no compiler can compute the answers.
func (d *driver) probe() (probeResults, error) {
	var r probeResults
	mac, order, rounding, subnormal := macCases(), orderCases(), roundingCases(), subnormalCases()
	if err := d.runProbe("MAC_SPLIT", false, mac, order, rounding, subnormal); err != nil {
		return r, err
	}
	r.fused, r.split, r.contracts = true, true, false
	for _, c := range mac {
		got := c.got
		switch c.kind {
		case probeFMA:
			r.fused = r.fused && got == c.want
			r.split = r.split && got == c.split
		case probePlain:
			r.contracts = r.contracts || got != c.split
		}
	}
	r.precise = allRight(order)
	r.nearestEven = allRight(rounding)
	r.keep = allRight(subnormal)

	// A device without float64 fails to compile the second variant: that is an answer, not an error.
	double, emulated := doubleCases(), emulatedCases()
	if d.runProbe("MAC_EMULATED", true, double, emulated) == nil {
		r.float64 = allRight(double)
		r.emulates = r.float64 && allRight(emulated)
	}
	return r, nil
}

// tried is a probe case with the device's answer.
type tried struct {
	probeCase
	got uint32
}

func allRight(cases []*tried) bool {
	for _, c := range cases {
		if canonicalBits(c.got) != canonicalBits(c.want) {
			return false
		}
	}
	return true
}

// canonicalBits gives all NaNs one payload.
func canonicalBits(u uint32) uint32 {
	return math.Float32bits(exact.CanonNaN(math.Float32frombits(u)))
}

// runProbe computes all cases in one dispatch and notes the answers.
func (d *driver) runProbe(mac string, double bool, groups ...[]*tried) error {
	var all []*tried
	for _, g := range groups {
		all = append(all, g...)
	}
	in := make([]byte, 0, 16*len(all))
	for _, c := range all {
		for _, w := range [4]uint32{c.kind, c.a, c.b, c.c} {
			in = binary.LittleEndian.AppendUint32(in, w)
		}
	}
	variant := defines{mac: "1"}
	if double {
		variant["PROBE_DOUBLE"] = "1"
	}
	ctx := context.Background()
	src, err := d.Alloc(int64(len(in)))
	if err != nil {
		return err
	}
	defer d.Free(src)
	dst, err := d.Alloc(4 * int64(len(all)))
	if err != nil {
		return err
	}
	defer d.Free(dst)
	if err := d.Write(ctx, src, 0, in); err != nil {
		return err
	}
	p := &plan{driver: d}
	p.run(step{
		shader: "probe", defines: variant,
		buffers:     []*buffer{src.(*buffer), dst.(*buffer)},
		uniforms:    uniforms{"cases": len(all)},
		invocations: len(all),
	})
	if err := d.do(p.issue); err != nil {
		return err
	}
	out := make([]byte, 4*len(all))
	if err := d.Read(ctx, dst, 0, out); err != nil {
		return err
	}
	for i, c := range all {
		c.got = binary.LittleEndian.Uint32(out[4*i:])
	}
	return nil
}

func bitsOf(x float32) uint32 { return math.Float32bits(x) }

func ternary(kind uint32, a, b, c float32) *tried {
	return &tried{probeCase: probeCase{
		kind: kind, a: bitsOf(a), b: bitsOf(b), c: bitsOf(c),
		want: bitsOf(exact.FMA(a, b, c)), split: bitsOf(float32(a*b) + c),
	}}
}

// hardTriples are products whose low half decides the rounding of the sum, in signs and sizes from a Philox stream.
func hardTriples(n int) [][3]float32 {
	var out [][3]float32
	for i := 0; len(out) < n; i++ {
		w := exact.Block(1, exact.UseTest, 1, 0, 0, uint32(i))
		a := math.Float32frombits(w[0]&0x807fffff | (117+w[2]&15)<<23)
		b := math.Float32frombits(w[1]&0x807fffff | (117+w[2]>>4&15)<<23)
		// c near minus the product leaves what the product's rounding lost; c far off makes ties.
		c := -float32(a * b)
		if w[3]&1 != 0 {
			c = math.Float32frombits(w[3]&0x807fff00 | (107+w[2]>>8&31)<<23)
		}
		if exact.FMA(a, b, c) != float32(a*b)+c {
			out = append(out, [3]float32{a, b, c})
		}
	}
	return out
}

// macCases tell a fused multiply-add from a split one, and whether the compiler contracts.
func macCases() []*tried {
	var cases []*tried
	for _, t := range hardTriples(64) {
		cases = append(cases, ternary(probeFMA, t[0], t[1], t[2]))
		cases = append(cases, ternary(probePlain, t[0], t[1], t[2]))
	}
	return cases
}

// orderCases are right only where precise stops contraction and reassociation.
func orderCases() []*tried {
	var cases []*tried
	for _, t := range hardTriples(64) {
		c := ternary(probePrecise, t[0], t[1], t[2])
		c.want = c.split
		cases = append(cases, c)
		a, b := t[2]*4096, t[0]
		cases = append(cases, &tried{probeCase: probeCase{
			kind: probeReassociate, a: bitsOf(a), b: bitsOf(b), want: bitsOf(float32(a+b) - a),
		}})
	}
	return cases
}

// roundingCases are ties and near-ties of every operation that the contract rests on.
func roundingCases() []*tried {
	var cases []*tried
	binary := func(kind uint32, a, b, want float32) {
		cases = append(cases, &tried{probeCase: probeCase{kind: kind, a: bitsOf(a), b: bitsOf(b), want: bitsOf(want)}})
	}
	for _, sign := range []float32{1, -1} {
		for i := range 16 {
			base := sign * float32(1<<23+i)
			for _, step := range []float32{0.25, 0.5, 0.75, 1.5} {
				binary(probeAdd, base, sign*step, base+sign*step)
				binary(probeAdd, base, -sign*step, base-sign*step)
			}
			a, b := sign*float32(1<<12+2*i+1), float32(1<<12+1)*0x1p-1
			binary(probeMul, a, b, a*b)
		}
	}
	for i := range uint32(16) {
		for _, u := range []uint32{1<<24 + i, 1<<25 + i, 1<<31 - 1 - i, 1<<30 + 64*i + 32, 0x7fffffc0 - i} {
			cases = append(cases, &tried{probeCase: probeCase{kind: probeInt, a: u, want: bitsOf(float32(int32(u)))}})
			cases = append(cases, &tried{probeCase: probeCase{kind: probeInt, a: -u, want: bitsOf(float32(int32(-u)))}})
		}
		for _, u := range []uint32{1<<31 + 128*(2*i+1), 1<<31 + 128*i + 1, math.MaxUint32 - i, 0xffffff7f + i%3, 1<<24 + i} {
			cases = append(cases, &tried{probeCase: probeCase{kind: probeUint, a: u, want: bitsOf(float32(u))}})
		}
	}
	return cases
}

// subnormalCases have subnormal operands or results; 2⁻¹²⁶ − 2⁻¹⁵⁰ is half-way between the largest subnormal and the
// smallest normal number and rounds to the latter.
func subnormalCases() []*tried {
	var cases []*tried
	tiny := float32(math.SmallestNonzeroFloat32)
	for _, s := range []float32{1, -1} {
		for _, x := range []float32{tiny, 3 * tiny, 0x1p-130, 0x1p-127, 0x1.fffffep-127 / 2} {
			sx := s * x
			cases = append(cases, ternary(probeFMA, 1, sx, 0), ternary(probeFMA, 1, sx, 0x1p-126),
				ternary(probeFMA, 0x1p20, sx, 0x1p-120), ternary(probeFMA, 0x1p-60, s*0x1p-70, x))
			for _, b := range []float32{1, 0.5, 0.75, 0x1p30, 3} {
				cases = append(cases, &tried{probeCase: probeCase{kind: probeMul, a: bitsOf(sx), b: bitsOf(b), want: bitsOf(sx * b)}})
			}
			for _, b := range []float32{tiny, 0x1p-126, -0x1p-126, 0x1.8p-127} {
				cases = append(cases, &tried{probeCase: probeCase{kind: probeAdd, a: bitsOf(sx), b: bitsOf(b), want: bitsOf(sx + b)}})
			}
		}
		a, b := s*0x1.fffffep-64, float32(0x1p-63)
		cases = append(cases, &tried{probeCase: probeCase{kind: probeMul, a: bitsOf(a), b: bitsOf(b), want: bitsOf(a * b)}})
	}
	return cases
}

// doubleCases round float64 values half-way and nearly half-way between two float32, subnormal ones included.
func doubleCases() []*tried {
	var cases []*tried
	for i := range 32 {
		for _, e := range []int{0, 40, -100, -126, -130, -140, 127} {
			for _, low := range []uint64{1 << 28, 1<<28 + 1, 1<<28 - 1, 0} {
				x := math.Float64frombits(math.Float64bits(math.Ldexp(1, e)) | uint64(i*0x3fff5&0x7fffff)<<29 | low)
				if i&1 != 0 {
					x = -x
				}
				u := math.Float64bits(x)
				cases = append(cases, &tried{probeCase: probeCase{
					kind: probeDouble, a: uint32(u), b: uint32(u >> 32), want: bitsOf(float32(x)),
				}})
			}
		}
	}
	return cases
}

// emulatedCases compare the mac through float64 with exact.FMA where it is hard: halves that decide, infinities, NaN,
// overflow, zeros of both signs and subnormal results.
func emulatedCases() []*tried {
	var cases []*tried
	add := func(a, b, c float32) { cases = append(cases, ternary(probeMac, a, b, c)) }
	for _, t := range hardTriples(512) {
		add(t[0], t[1], t[2])
		// The same at the edge of the subnormal numbers.
		add(t[0]*0x1p-70, t[1]*0x1p-62, t[2]*0x1p-126)
		add(t[0]*0x1p-66, t[1]*0x1p-70, t[2]*0x1p-140)
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, nan, math.MaxFloat32, -math.MaxFloat32,
		math.SmallestNonzeroFloat32, 0x1p-126, 0x1.fffffep-127}
	for _, a := range special {
		for _, b := range special {
			for _, c := range special {
				add(a, b, c)
			}
		}
	}
	return cases
}
