package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"samebits/cpu"
)

// Held to AVX2, the run is another process of this program, whose kernels,
// ceilings and free-order peer compute with it.
func TestISA(t *testing.T) {
	if cpu.Instructions() == "plain" {
		code, _, errOut := sh(t, nil, "--isa", "avx2")
		if code != exitUsage || !strings.Contains(errOut, "no AVX2") {
			t.Errorf("exit %d: %s", code, errOut)
		}
		return
	}
	code, out, errOut := sh(t, nil, "--isa", "avx2", "--work", "few-4x4x61", "--threads", "1", "--rounds", "1", "--sample", "0.001", "--json")
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	r := decode(t, out)
	if r.ISA != isaAVX2 || r.Instructions != "avx2" || cpu.Instructions() == "avx512" && !strings.HasSuffix(r.Processor, "(avx2)") {
		t.Errorf("held to %s with %s kernels on %s", r.ISA, r.Instructions, r.Processor)
	}
	for peer, want := range map[string]string{freeOrder: "8 lanes", "openblas": "Haswell"} {
		if v := r.Versions[peer]; r.Missing[peer] == "" && !strings.Contains(v, want) {
			t.Errorf("%s: %q, want %s", peer, v, want)
		}
	}
	code, _, errOut = sh(t, nil, "--isa", "avx2", "--work", "none")
	if code != exitUsage || strings.Count(errOut, "\n") != 1 {
		t.Errorf("exit %d: %s", code, errOut)
	}
	t.Setenv(cpu.Cap, "plain")
	code, _, errOut = sh(t, nil, "--work", "few-4x4x61")
	if code != exitUsage || !strings.Contains(errOut, cpu.Cap+"=plain holds our side alone back") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

// The child's exit code is the run's.
func TestISAPassesTheChildsCodeOn(t *testing.T) {
	if cpu.Instructions() != "avx512" {
		t.Skip("only a processor with AVX-512 needs a child for AVX2")
	}
	for _, want := range []int{exitDone, exitDifference, exitInterrupted} {
		a := &app{stdout: os.Stdout, stderr: os.Stderr, isa: isaAVX2, self: fake(fmt.Sprint("exit", want))}
		if code, done, err := a.again(t.Context()); code != want || !done || err != nil {
			t.Errorf("%d, %t, %v, want %d", code, done, err, want)
		}
	}
	a := &app{isa: isaAVX2, self: []string{"/nonexistent/peerbench"}}
	if _, done, err := a.again(t.Context()); !done || err == nil {
		t.Errorf("started nothing: %t, %v", done, err)
	}
}

// The free-order kernels agree with ours at depths that fill no vector.
func TestFreeOrder(t *testing.T) {
	code, out, errOut := sh(t, nil, "--work", "few", "--threads", "1,2", "--rounds", "1", "--json")
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	r := decode(t, out)
	if len(r.Results) != len(tinySizes.few) {
		t.Errorf("%d results of %d works that run on one thread alone", len(r.Results), len(tinySizes.few))
	}
	for _, m := range r.Results {
		free := slices.ContainsFunc(m.Peers, func(p peerResult) bool { return p.Peer == freeOrder })
		if free == (m.Work == "few-3x5x9") {
			t.Errorf("%s: free order %t", m.Work, free)
		}
		for _, p := range m.Peers {
			if p.Failed != "" && r.Missing[p.Peer] == "" {
				t.Errorf("%s in %s: %s", m.Work, p.Peer, p.Failed)
			}
		}
	}
	if !(r.ChainSeconds > 0 && r.ChainSeconds < 1e-3) {
		t.Errorf("a chain of %d steps takes %v s", chainSteps, r.ChainSeconds)
	}
	if m := r.Missing[freeOrder]; m != "" {
		t.Skip(m)
	}
}

func TestMarkdown(t *testing.T) {
	argv := map[string][]string{"openblas": fake("right"), "numpy": fake("missing"), "torch": fake("refuse")}
	for _, c := range []struct {
		goals bool
		row   []string // cells that a row begins with
		cols  int
	}{
		{false, []string{"float32 product 33³", "1"}, 8},
		{true, []string{"matmul-512", "1", "–"}, 9},
	} {
		args := []string{"--work", "matmul-33", "--threads", "1", "--rounds", "3", "-o", "markdown"}
		if c.goals {
			args = append(args, "--goal-table")
		}
		code, out, errOut := sh(t, argv, args...)
		if code != exitDone {
			t.Fatalf("exit %d: %s", code, errOut)
		}
		found := false
		for line := range strings.Lines(out) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "|") {
				if line != "" && !strings.HasPrefix(line, "- ") {
					t.Errorf("%q is neither list nor table", line)
				}
				continue
			}
			if n := strings.Count(line, " | ") + 1; n != c.cols {
				t.Errorf("%d columns in %s", n, line)
			}
			found = found || strings.HasPrefix(line, "| "+strings.Join(c.row, " | ")+" |")
		}
		if !found || !strings.Contains(out, "numpy: NOT MEASURED: missing") {
			t.Errorf("no row %v in\n%s", c.row, out)
		}
	}
}

// Every goal is a row of the table, with a word whether it is met.
func TestGoalTable(t *testing.T) {
	argv := map[string][]string{"openblas": fake("right"), "numpy": fake("missing"), "torch": fake("missing")}
	_, out, _ := sh(t, argv, "--work", "matmul-16", "--threads", "1", "--rounds", "1", "--goal-table")
	_, table, _ := strings.Cut(out, "quartiles")
	if n := strings.Count(table, "\n") - 1; n != len(goals()) {
		t.Errorf("%d rows for %d goals in\n%s", n, len(goals()), out)
	}
	rates := spreadOf([]float64{90, 100, 120})
	ratio := spread{1.5, 1.4, 1.6, 1.25, 1.75}
	v := verdict{Threads: 2, Unit: flops, Rate: &rates, Peer: "torch", PeerRate: &rates, Ratio: &ratio, Verdict: "met", goal: goal{"draw", 2, "torch", 1.4}}
	if got, want := v.cells("draw"), []string{"draw", "2", "100 GFLOP/s", "torch 100", "1.50", "1.40–1.60", "1.25–1.75", "≥ 1.4× torch", "met"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParseStat(t *testing.T) {
	busy, stolen, ok := parseStat(strings.Fields("100 200 300 4000 5000 60 7 900 1 2"))
	if busy != 6.67 || stolen != 9 || !ok {
		t.Errorf("%v, %v, %t", busy, stolen, ok)
	}
	for _, bad := range []string{"", "1 2 3", "1 2 3 4 5 6 7 x"} {
		if _, _, ok := parseStat(strings.Fields(bad)); ok {
			t.Errorf("%q is read", bad)
		}
	}
	start := load{processors: 2, ok: true}
	if d := start.others(); loadNow().ok && (d == nil || !(d.Host >= 0 && d.Host <= 1 && d.Others >= 0 && d.Others <= 1)) {
		t.Errorf("lost %+v", d)
	}
	if (load{}).others() != nil {
		t.Error("what is unknown is told")
	}
}
