package main

import (
	"strings"
	"testing"
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
	r := runJSON(t, "bench", "--backend", "cpu", "--rounds", "3", "--budget", "0.2")
	for _, field := range []string{"command", "backend", "device", "profile", "contract", "seed", "seconds", "machine", "renderer", "date",
		"rounds", "budget_seconds", "results", "skipped"} {
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
	if code != exitDone || !strings.Contains(out, "median of 1 rounds") || !strings.Contains(out, "GB/s") || strings.Contains(out, "matmul") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestBenchBadInput(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--op", "fft"}, `--op "fft": want one of matmul, softmax`},
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
