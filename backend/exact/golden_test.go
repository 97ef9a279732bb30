package exact

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"testing"
)

// golden holds, for every function and mac, the first 8 bytes of the SHA-256 of
// its results (little-endian, NaN canonical) on goldenArgs. They are the
// contract's bits: a compiler, an instruction set or an architecture that
// gives others breaks the promise.
var golden = map[string]string{
	"recip":             "2fe2e4fca0cb38b3",
	"div":               "60dae21f5abe7a9d",
	"sqrt":              "eec91de215d03c46",
	"relu":              "7c0c3610c0e527e9",
	"uniform":           "8a7f17311f0a9a3d",
	"mac/fused":         "16ae9bb5eabf9741",
	"exp/fused":         "f2209dfe3ba74117",
	"expm1/fused":       "b8ea9cd6c49d9e98",
	"log/fused":         "d8c33a164f729ba9",
	"log1p/fused":       "85c32cfb17575bd8",
	"tanh/fused":        "c1a0bbc57aadce85",
	"sigmoid/fused":     "5bd5cdd15564d20b",
	"softplus/fused":    "74ff9c4df63c425c",
	"sin/fused":         "58d67da5fa0cf1cd",
	"cos/fused":         "1c65c47369f154b3",
	"exponential/fused": "0526b73d33d5f7a8",
	"gumbel/fused":      "886b135e196714c1",
	"normal0/fused":     "2ff7993d9ebf6046",
	"normal1/fused":     "95a9602ce574e770",
	"mac/split":         "aa037dce2ab71326",
	"exp/split":         "6ed70f7ef62aba6e",
	"expm1/split":       "94e9fcb3d4a9c04b",
	"log/split":         "9c4a4d7fc7d47247",
	"log1p/split":       "3737bc5fd8ab3f4c",
	"tanh/split":        "23a5034bb92b4544",
	"sigmoid/split":     "d0d947a9a2f5817b",
	"softplus/split":    "1e7a979daa59b793",
	"sin/split":         "edf9286410cefe50",
	"cos/split":         "a0caeb572abf5a3f",
	"exponential/split": "6b4115610bdbe6f3",
	"gumbel/split":      "7ae511909439237e",
	"normal0/split":     "a62d610abdae10ba",
	"normal1/split":     "453ad42c8706c11f",
}

// thresholds are the arguments about which an elementary function changes its
// way: the ends of its domain, and where a range reduction takes its next step.
var thresholds = []uint32{
	0x00800000, 0x3e800000, 0x3eb17218, 0x3f000000, 0x3f200000, 0x3f400000, 0x3f490fda, 0x3f800000, 0x3f851592,
	0x3fc00000, 0x40000000, 0x41102cb4, 0x418aa123, 0x42aeac4f, 0x42b17217, 0x4b000000, 0x7ec00000, 0x7f400000, 0x7f800000,
}

// goldenArgs calls f with 40,000 triples: every pair of special values, what stands
// about the thresholds, and random bits, half of them with exponents near 1.
func goldenArgs(f func(a, b, c float32)) {
	xs := specialFloats()
	for i, a := range xs {
		for j, b := range xs {
			f(a, b, xs[(i*7+j*13)%len(xs)])
		}
	}
	for _, u := range thresholds {
		for d := range uint32(16) {
			x := math.Float32frombits(u + d - 7)
			f(x, -x, x)
			f(-x, x, x)
		}
	}
	for i := range uint32(36_000) {
		w := Block(2024, UseTest, 0xffff, 0, 0, i)
		if i&1 != 0 {
			for k := range 3 {
				w[k] = w[k]&0x87ffffff | 0x3c000000
			}
		}
		f(math.Float32frombits(w[0]), math.Float32frombits(w[1]), math.Float32frombits(w[2]))
	}
}

func TestGoldenBits(t *testing.T) {
	type function struct {
		name string
		f    func(a, b, c float32) float32
	}
	functions := []function{
		{"recip", func(a, b, c float32) float32 { return Recip(a) }},
		{"div", func(a, b, c float32) float32 { return Div(a, b) }},
		{"sqrt", func(a, b, c float32) float32 { return Sqrt(a) }},
		{"relu", func(a, b, c float32) float32 { return Relu(a) }},
		{"uniform", func(a, b, c float32) float32 { return Uniform(math.Float32bits(a)) }},
	}
	for _, m := range []Mac{Fused, Split} {
		add := func(name string, f func(a, b, c float32) float32) {
			functions = append(functions, function{fmt.Sprintf("%s/%v", name, m), f})
		}
		add("mac", func(a, b, c float32) float32 { return m.Mac(c, a, b) })
		for _, e := range elementaries {
			add(e.name, func(a, b, c float32) float32 { return e.f(m, a) })
		}
		add("exponential", func(a, b, c float32) float32 { return m.Exponential(math.Float32bits(a)) })
		add("gumbel", func(a, b, c float32) float32 { return m.Gumbel(math.Float32bits(a)) })
		add("normal0", func(a, b, c float32) float32 {
			x, _ := m.NormalPair(math.Float32bits(a), math.Float32bits(b))
			return x
		})
		add("normal1", func(a, b, c float32) float32 {
			_, y := m.NormalPair(math.Float32bits(a), math.Float32bits(b))
			return y
		})
	}
	for _, fn := range functions {
		hash := sha256.New()
		var word [4]byte
		goldenArgs(func(a, b, c float32) {
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(CanonNaN(fn.f(a, b, c))))
			hash.Write(word[:])
		})
		if got := hex.EncodeToString(hash.Sum(nil)[:8]); got != golden[fn.name] {
			t.Errorf("%q: %q, want %q", fn.name, got, golden[fn.name])
		}
	}
	if len(golden) != len(functions) {
		t.Errorf("%d golden values for %d functions", len(golden), len(functions))
	}
}
