package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"

	"samebits/backend"
)

// values is a peer's result: one of the slices.
type values struct {
	floats []float32
	ints   []int32
	bytes  []int8
}

// readValues reads a result file of a type that the protocol knows.
func readValues(path, dtype string) (v values, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	size := map[string]int{"float32": 4, "int32": 4, "int8": 1}[dtype]
	if size == 0 || len(raw)%size != 0 {
		return v, fmt.Errorf("a result of %d bytes of type %q", len(raw), dtype)
	}
	n := len(raw) / size
	switch dtype {
	case "float32":
		v.floats = make([]float32, n)
		for i := range v.floats {
			v.floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case "int32":
		v.ints = make([]int32, n)
		for i := range v.ints {
			v.ints[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case "int8":
		v.bytes = make([]int8, n)
		for i := range v.bytes {
			v.bytes[i] = int8(raw[i])
		}
	}
	return v, nil
}

type comparison = func(in map[string]*backend.Tensor, ours any, theirs values) (difference, allowed float64, err error)

// float32Tolerance is what two orders of an n-step product of normal numbers
// may differ by: partial sums of size √n, each rounded to 2⁻²⁴ of itself, with
// a wide margin for the largest of n² entries.
func float32Tolerance(n int) float64 { return 16 * 0x1p-24 * float64(n) }

// closeFloats compares float32 results by their largest difference.
func closeFloats(allowed float64) comparison {
	return func(_ map[string]*backend.Tensor, ours any, theirs values) (float64, float64, error) {
		a, b := ours.([]float32), theirs.floats
		if len(a) != len(b) {
			return 0, allowed, lengths(len(a), len(b))
		}
		worst := 0.0
		for i, v := range a {
			d := math.Abs(float64(v) - float64(b[i]))
			if d != d {
				return d, allowed, nil
			}
			worst = max(worst, d)
		}
		return worst, allowed, nil
	}
}

// sameLabels compares labels by the part that differs; rows that lie between
// two centres, to rounding, may.
func sameLabels(allowed float64) comparison {
	return func(_ map[string]*backend.Tensor, ours any, theirs values) (float64, float64, error) {
		a, b := ours.([]int32), theirs.ints
		if len(a) != len(b) {
			return 0, allowed, lengths(len(a), len(b))
		}
		differ := 0
		for i, v := range a {
			if v != b[i] {
				differ++
			}
		}
		return float64(differ) / float64(max(1, len(a))), allowed, nil
	}
}

// closeQuantized compares int8 outputs of a scale in units of that scale, with
// int8 outputs or with real ones, by the root mean square. Two ways to round
// may differ by a unit, a product whose operand is quantised on the fly by what
// that costs, and oneDNN before VNNI in the few sums where two products pass 16
// bits.
func closeQuantized(scale float64) comparison {
	return func(_ map[string]*backend.Tensor, ours any, theirs values) (float64, float64, error) {
		a := ours.([]int8)
		if theirs.bytes != nil {
			if len(a) != len(theirs.bytes) {
				return 0, 1, lengths(len(a), len(theirs.bytes))
			}
			sum := 0.0
			for i, v := range a {
				d := float64(v) - float64(theirs.bytes[i])
				sum += d * d
			}
			return math.Sqrt(sum / float64(max(1, len(a)))), 1, nil
		}
		if len(a) != len(theirs.floats) {
			return 0, 1, lengths(len(a), len(theirs.floats))
		}
		sum := 0.0
		for i, v := range a {
			real := min(max(float64(theirs.floats[i])/scale, -128), 127)
			sum += (float64(v) - real) * (float64(v) - real)
		}
		return math.Sqrt(sum / float64(max(1, len(a)))), 1, nil
	}
}

// drawsFollow checks draws of either side against the distribution they come
// from: the mean log-probability of what was drawn must be minus the mean
// entropy. The difference is in standard deviations, the larger of the two
// sides'; 6 occur once in 10⁹ honest runs.
func drawsFollow(z sizes) comparison {
	return func(in map[string]*backend.Tensor, ours any, theirs values) (float64, float64, error) {
		const allowed = 6
		a, b := ours.([]int32), theirs.ints
		if len(a) != z.softmaxRows || len(b) != len(a) {
			return 0, allowed, lengths(len(a), len(b))
		}
		x := make([]float32, in["x"].Len())
		if err := backend.Download(background, x, in["x"]); err != nil {
			return 0, allowed, err
		}
		var oursOff, theirsOff, variance float64
		for i := range a {
			row := x[i*z.softmax : (i+1)*z.softmax]
			if a[i] < 0 || b[i] < 0 || int(a[i]) >= len(row) || int(b[i]) >= len(row) {
				return 0, allowed, fmt.Errorf("row %d drew %d and %d of %d", i, a[i], b[i], len(row))
			}
			total, first, second := 0.0, 0.0, 0.0
			for _, v := range row {
				e := math.Exp(float64(v))
				total += e
				first += e * float64(v)
				second += e * float64(v) * float64(v)
			}
			mean := first / total
			variance += second/total - mean*mean
			oursOff += float64(row[a[i]]) - mean
			theirsOff += float64(row[b[i]]) - mean
		}
		return max(math.Abs(oursOff), math.Abs(theirsOff)) / math.Sqrt(variance), allowed, nil
	}
}

func lengths(ours, theirs int) error {
	return fmt.Errorf("a result of %d elements where ours has %d", theirs, ours)
}

// quantizeMultiplier writes 0 < m < 1 as q·2^(shift−31) with q in [2³⁰, 2³¹),
// as Jacob et al. 2018, section 2.2, do.
func quantizeMultiplier(m float64) (q, shift int32) {
	f, e := math.Frexp(m)
	r := math.Round(f * (1 << 31))
	if r == 1<<31 {
		r, e = r/2, e+1
	}
	return int32(r), int32(e)
}
