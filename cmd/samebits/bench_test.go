package main

import (
	"context"
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"samebits/backend"
	"samebits/cpu"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{5, 1, 9}, spread{5, 1, 9}},
		{[]float64{8, 2, 4, 6}, spread{5, 2, 8}},
	} {
		if got := spreadOf(c.samples); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.samples, got, c.want)
		}
	}
}

func TestBenchReport(t *testing.T) {
	r := runJSON(t, "bench", "--backend", "cpu", "--rounds", "2", "--budget", "0.2")
	for _, field := range []string{"command", "backend", "device", "profile", "contract", "seed", "seconds", "machine", "renderer", "date",
		"rounds", "budget_seconds", "ceilings", "results", "skipped"} {
		if _, ok := r[field]; !ok {
			t.Errorf("no field %q", field)
		}
	}
	seen := map[string]bool{}
	for _, v := range r["results"].([]any) {
		b := v.(map[string]any)
		name, _, _ := strings.Cut(b["op"].(string), " ")
		seen[name] = true
		rate := b["rate"].(map[string]any)
		least, median, most := rate["min"].(float64), rate["median"].(float64), rate["max"].(float64)
		if !(0 < least && least <= median && median <= most) {
			t.Errorf("%v: rates %v", b["op"], rate)
		}
		share, _ := b["share"].(map[string]any)
		arithmetic := "compute"
		if b["unit"] == "Gop/s" {
			arithmetic = "integer"
		}
		if bound := b["bound"]; (bound != arithmetic && bound != "memory") || share == nil || !(share["median"].(float64) > 0) {
			t.Errorf("%v: share %v of %v", b["op"], b["share"], bound)
		}
	}
	kinds := map[string]bool{}
	for _, v := range r["ceilings"].([]any) {
		c := v.(map[string]any)
		kinds[c["kind"].(string)] = true
		if !(c["rate"].(map[string]any)["median"].(float64) > 0) || c["unit"] == "" || c["threads"].(float64) < 1 {
			t.Errorf("ceiling %v", c)
		}
	}
	if !kinds["compute"] || !kinds["integer"] || !kinds["memory"] {
		t.Errorf("ceilings of %v", kinds)
	}
	for _, name := range benchNames() {
		if !seen[name] {
			t.Errorf("%s was not measured", name)
		}
	}
	if m := r["machine"].(map[string]any); m["processor"] == "" || m["threads"].(float64) < 1 {
		t.Errorf("machine %v", m)
	}
}

func TestBenchOfOneOperation(t *testing.T) {
	code, out, errOut := sh("bench", "--backend", "cpu", "--op", "copy", "--rounds", "1", "--budget", "0.05")
	if code != exitDone || !strings.Contains(out, "copy non-temporal") && !strings.Contains(out, "fma scalar") {
		t.Errorf("no ceilings in %s", out)
	}
	if code != exitDone || !strings.Contains(out, "median of 1 rounds") || !strings.Contains(out, "GB/s") || strings.Contains(out, "matmul") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestBenchBadInput(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--op", "fft"}, `--op "fft": want one of matmul, qmatmul, softmax`},
		{[]string{"-o", "csv"}, `--output "csv": want table or gobench`},
		{[]string{"-o", "gobench", "--json"}, "--output gobench and --json"},
		{[]string{"--rounds", "0"}, "--rounds 0: want 1 to 1000"},
		{[]string{"--budget", "0"}, "--budget 0: want"},
		{[]string{"--budget", "NaN"}, "--budget NaN: want"},
		{[]string{"matmul"}, `bench takes no argument "matmul"`},
	} {
		code, out, errOut := sh(append([]string{"bench", "--backend", "cpu"}, c.args...)...)
		if code != exitUsage || !strings.Contains(errOut, c.want) || strings.Count(errOut, "\n") != 1 || out != "" {
			t.Errorf("%v: exit %d, %q, %q", c.args, code, out, errOut)
		}
	}
}

// Every operation of the contract is timed, at sizes that ascend.
func TestBenchKnowsEveryOperation(t *testing.T) {
	names := benchNames()
	for _, op := range backend.OpNames() {
		if !slices.Contains(names, op) {
			t.Errorf("bench lacks %s", op)
		}
	}
	dev, err := backend.Open(t.Context(), "cpu", backend.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	for _, c := range benchCases("") {
		s := backend.NewScope(t.Context(), dev)
		if op := c.sizes[0].build(s); s.Err() != nil || op.Name() != c.op || bytesMoved(op) <= 0 {
			t.Errorf("%s: %v", c.name, s.Err())
		}
		s.Close()
		for i := 1; i < len(c.sizes); i++ {
			if c.sizes[i].work <= c.sizes[i-1].work {
				t.Errorf("%s: size %d is no larger than the one before", c.name, i)
			}
		}
	}
}

// A Go benchmark line as golang.org/design/14313-benchmark-format has it: a
// name, a count, and pairs of value and unit.
func TestGobenchOutput(t *testing.T) {
	code, out, errOut := sh("bench", "--backend", "cpu", "--quiet", "--rounds", "3", "--budget", "0.2", "-o", "gobench")
	if code != exitDone || errOut != "" {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	config := regexp.MustCompile(`^(goos|goarch|pkg|cpu): \S.*$`)
	name := regexp.MustCompile(`^Benchmark[A-Z][A-Za-z0-9]*(/[a-z]+=[A-Za-z0-9._:]+)+-[1-9][0-9]*$`)
	rounds := map[string]int{}
	configs := 0
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if config.MatchString(line) {
			configs++
			continue
		}
		f := strings.Fields(line)
		if len(f) < 4 || len(f)%2 != 0 || !name.MatchString(f[0]) {
			t.Errorf("%q is no benchmark line", line)
			continue
		}
		if n, err := strconv.Atoi(f[1]); err != nil || n < 1 {
			t.Errorf("%q runs in %q", f[1], line)
		}
		for i := 2; i < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err != nil || !(v > 0) {
				t.Errorf("value %q in %q", f[i], line)
			}
		}
		if f[3] != "ns/op" {
			t.Errorf("no ns/op in %q", line)
		}
		rounds[f[0]]++
	}
	if configs != 4 {
		t.Errorf("%d configuration lines in\n%s", configs, out)
	}
	for _, c := range benchCases("") {
		if !strings.Contains(out, "Benchmark"+benchmarkName(c.name)+"/") {
			t.Errorf("no line for %s in\n%s", c.name, out)
		}
	}
	for b, n := range rounds {
		if n != 3 {
			t.Errorf("%d lines of %s in 3 rounds", n, b)
		}
	}
}

func TestBenchmarkNames(t *testing.T) {
	for in, want := range map[string]string{"matmul": "Matmul", "matmul complex64": "MatmulComplex64", "filter top-p": "FilterTopP"} {
		if got := benchmarkName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"64×64 · 64×64": "64x64.64x64", "1000×32, k = 64": "1000x32_k64", "gl:0": "gl:0"} {
		if got := benchmarkShape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The bound is the ceiling that the work takes longer under; the share is that
// time over the time taken, round by round.
func TestShareOfACeiling(t *testing.T) {
	list := []*cpu.Ceiling{{Name: "slow", Bound: cpu.Compute, Threads: 2}, {Name: "fast", Bound: cpu.Compute, Threads: 2}, {Name: "alone", Bound: cpu.Compute, Threads: 1},
		{Name: "copy", Bound: cpu.Memory, Threads: 2}, {Name: "int8", Bound: cpu.Integer, Threads: 2}}
	r := &roof{threads: 2, ceilings: list, samples: [][]float64{{50, 60}, {100, 50}, {900, 900}, {10, 20}, {200, 400}}}
	for _, c := range []struct {
		arithmetic        cpu.Bound
		operations, bytes float64
		bound             string
		share             spread
	}{
		{cpu.Integer, 100, 1, "integer", spread{(0.25 + 0.0625) / 2, 0.0625, 0.25}},
		{cpu.Compute, 100, 1, "compute", spread{(0.5 + 100.0/60/4) / 2, 100.0 / 60 / 4, 0.5}},
		{cpu.Compute, 100, 100, "memory", spread{(5 + 1.25) / 2, 1.25, 5}},
	} {
		bound, share, ok := r.share(c.arithmetic, c.operations, c.bytes, []float64{2, 4})
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }
		if !ok || bound != c.bound || !near(share.Median, c.share.Median) || !near(share.Min, c.share.Min) || !near(share.Max, c.share.Max) {
			t.Errorf("%v: %s, %+v, %t", c, bound, share, ok)
		}
	}
	if _, _, ok := (&roof{}).share(cpu.Compute, 1, 1, []float64{1}); ok {
		t.Error("a share of no ceiling")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&roof{ceilings: cpu.Ceilings(1)[:1], samples: make([][]float64, 1)}).measure(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("measured under an ended context: %v", err)
	}
}
