package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samebits/backend"
	_ "samebits/cpu"
)

// tinySizes are the shapes of the tests.
var tinySizes = sizes{products: []int{16, 33}, complexProduct: 24, rows: 700, columns: 16, centre: 8, iterations: 3,
	softmaxRows: 300, softmax: 100, intProduct: 64,
	few: [][3]int{{4, 4, 61}, {1, 16, 67}, {8, 1, 77}, {3, 5, 9}}}

// sh runs the program with tests' sizes and, for the peers it names, fakes.
func sh(t *testing.T, argv map[string][]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	a := &app{stdout: &out, stderr: &errOut, sizes: tinySizes, argv: argv, self: []string{os.Args[0], "self"}}
	code = a.main(t.Context(), append([]string{"--sample", "0.001"}, args...))
	return code, out.String(), errOut.String()
}

func decode(t *testing.T, out string) report {
	t.Helper()
	var r report
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return r
}

func peerOf(t *testing.T, r result, name string) peerResult {
	t.Helper()
	for _, p := range r.Peers {
		if p.Peer == name {
			return p
		}
	}
	t.Fatalf("%s has no peer %s", r.Work, name)
	return peerResult{}
}

func TestEveryWayAPeerFails(t *testing.T) {
	for _, c := range []struct {
		mode   string
		code   int
		failed string
	}{
		{"wrong", exitDifference, "its result differs from ours by"},
		{"crash", exitDone, "ended: exit status 3: illegal instruction"},
		{"hang", exitDone, "no answer within 300ms"},
		{"liar", exitDone, `reports "NaN" seconds`},
		{"refuse", exitDone, "no such work"},
		{"garbage", exitDone, "which is not in the protocol"},
		{"missing", exitDone, "missing: no such library"},
		{"stillborn", exitDone, "ended: exit status 127: library.so: cannot open"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			argv := map[string][]string{"openblas": fake("right"), "numpy": fake(c.mode), "torch": {"/nonexistent/peer"}}
			timeout := "20s"
			if c.mode == "hang" {
				timeout = "300ms"
			}
			code, out, errOut := sh(t, argv, "--work", "matmul-16", "--threads", "1", "--rounds", "3", "--json", "--timeout", timeout)
			if code != c.code {
				t.Errorf("exit %d, want %d: %s", code, c.code, errOut)
			}
			r := decode(t, out)
			if len(r.Results) != 1 {
				t.Fatalf("%d results", len(r.Results))
			}
			bad := peerOf(t, r.Results[0], "numpy")
			if !strings.Contains(bad.Failed, c.failed) || bad.Rate != nil || bad.Ratio != nil || bad.Disagrees != (c.mode == "wrong") {
				t.Errorf("%+v, want %q", bad, c.failed)
			}
			good := peerOf(t, r.Results[0], "openblas")
			if good.Failed != "" || good.Rate == nil || math.Abs(good.Rate.Median/(2*16*16*16/1e9)*0.001*float64(repsOf(0.001, 0.001))-1) > 1e-6 {
				t.Errorf("%+v", good)
			}
			if gone := peerOf(t, r.Results[0], "torch"); !strings.HasPrefix(gone.Failed, "missing: ") || r.Missing["torch"] == "" {
				t.Errorf("%+v, missing %v", gone, r.Missing)
			}
			if !strings.HasPrefix(r.Versions["openblas"], "Fake 1.0 (kernel of") {
				t.Errorf("versions %v", r.Versions)
			}
		})
	}
}

// repsOf is how many runs of so many seconds fill a sample.
func repsOf(once, sample float64) int { return int(math.Max(1, math.Ceil(sample/once))) }

// A peer that dies of one work is started again for the next.
func TestPeerIsStartedAgain(t *testing.T) {
	argv := map[string][]string{"openblas": fake("crash"), "numpy": fake("right"), "torch": fake("missing")}
	_, out, _ := sh(t, argv, "--work", "matmul", "--threads", "1,2", "--rounds", "1", "--json")
	r := decode(t, out)
	if len(r.Results) != 4 {
		t.Fatalf("%d results", len(r.Results))
	}
	for _, m := range r.Results {
		if p := peerOf(t, m, "openblas"); !strings.Contains(p.Failed, "illegal instruction") {
			t.Errorf("%s on %d: %+v", m.Work, m.Threads, p)
		}
		if p := peerOf(t, m, "numpy"); p.Failed != "" || *p.Difference > 1e-4 {
			t.Errorf("%s on %d: %+v", m.Work, m.Threads, p)
		}
		if m.Share == nil || !(m.Share.Median > 0) || !(m.Ceiling.Min > 0) {
			t.Errorf("%s: share %v of %v", m.Work, m.Share, m.Ceiling)
		}
	}
}

func TestInterruption(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var out, errOut bytes.Buffer
	a := &app{stdout: &out, stderr: &errOut, sizes: tinySizes, argv: map[string][]string{"openblas": fake("hang")}}
	start := time.Now()
	if code := a.main(ctx, []string{"--work", "matmul-16"}); code != exitInterrupted || out.Len() != 0 {
		t.Errorf("exit %d, %q", code, out.String())
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--threads", "0"}, `--threads "0": want numbers from 1 to 1024`},
		{[]string{"--threads", "1,x"}, `--threads "1,x"`},
		{[]string{"--rounds", "0"}, "--rounds 0: want 1 to 1000"},
		{[]string{"--sample", "NaN"}, "--sample NaN"},
		{[]string{"--timeout", "-1s"}, "--timeout -1s"},
		{[]string{"--work", "fft"}, `--work "fft": want all or some of matmul-16`},
		{[]string{"--nope"}, "unknown flag"},
		{[]string{"matmul"}, "unknown command"},
		{[]string{"--isa", "sse"}, `--isa "sse": want native or avx2`},
		{[]string{"-o", "csv"}, `--output "csv": want table or markdown`},
		{[]string{"-o", "markdown", "--json"}, "--output markdown and --json"},
	} {
		code, out, errOut := sh(t, nil, c.args...)
		if code != exitUsage || out != "" || !strings.Contains(errOut, c.want) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%v: exit %d, %q, %q", c.args, code, out, errOut)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    spread
	}{
		{[]float64{3}, spread{3, 3, 3, 3, 3}},
		{[]float64{5, 1, 9}, spread{5, 3, 7, 1, 9}},
		{[]float64{8, 2, 4, 6}, spread{5, 3.5, 6.5, 2, 8}},
	} {
		kept := slices.Clone(c.samples)
		if got := spreadOf(c.samples); got != c.want || !slices.Equal(kept, c.samples) {
			t.Errorf("%v: %+v, want %+v", kept, got, c.want)
		}
	}
	if s := spreadOf(nil); !math.IsNaN(s.Median) {
		t.Errorf("spread of nothing is %+v", s)
	}
}

// A machine that is half as fast in one round leaves the ratio alone.
func TestRatioIsRoundByRound(t *testing.T) {
	ours, theirs := []float64{1, 2, 1}, []float64{3, 6, 3}
	if got := spreadOf(ratios(theirs, ours)); got != (spread{3, 3, 3, 3, 3}) {
		t.Errorf("ratio %+v", got)
	}
	if got := rates(6, []float64{2, 3}); !slices.Equal(got, []float64{3, 2}) {
		t.Errorf("rates %v", got)
	}
}

func TestParseAnswer(t *testing.T) {
	for _, c := range []struct {
		line, kind string
		fields     []string
		bad        bool
	}{
		{"ok", "ok", []string{}, false},
		{"ok\tfloat32", "ok", []string{"float32"}, false},
		{"seconds\t0.5\r", "seconds", []string{"0.5"}, false},
		{"ready\tFAISS 1.7.3\t2 threads", "ready", []string{"FAISS 1.7.3", "2 threads"}, false},
		{"error\tno such work: a b", "error", []string{"no such work: a b"}, false},
		{"ready\tFAISS", "", nil, true},
		{"seconds", "", nil, true},
		{"seconds 0.5", "", nil, true},
		{"Traceback (most recent call last):", "", nil, true},
		{"", "", nil, true},
	} {
		kind, fields, err := parseAnswer(c.line)
		if (err != nil) != c.bad || kind != c.kind || !slices.Equal(fields, c.fields) {
			t.Errorf("%q: %q, %q, %v", c.line, kind, fields, err)
		}
	}
}

func TestWorkerEnvironment(t *testing.T) {
	t.Setenv("OPENBLAS_CORETYPE", "Sandybridge")
	t.Setenv("OPENBLAS_L2_SIZE", "512")
	t.Setenv("OMP_NUM_THREADS", "7")
	t.Setenv("ATEN_CPU_CAPABILITY", "default")
	threads := []string{"OPENBLAS_NUM_THREADS=2", "OMP_NUM_THREADS=2"}
	for _, c := range []struct {
		isa          string
		have, refuse []string
	}{
		{isaNative, threads, []string{"OPENBLAS_CORETYPE=", "OPENBLAS_L2", "OMP_NUM_THREADS=7", "ATEN_CPU_CAPABILITY="}},
		{isaAVX2, append(threads, peerISA...), []string{"OPENBLAS_CORETYPE=Sandybridge", "OPENBLAS_L2", "ATEN_CPU_CAPABILITY=default"}},
	} {
		env := workerEnvironment(2, c.isa)
		for _, v := range env {
			if slices.ContainsFunc(c.refuse, func(prefix string) bool { return strings.HasPrefix(v, prefix) }) {
				t.Errorf("%s: workers see %s", c.isa, v)
			}
		}
		for _, want := range c.have {
			if !slices.Contains(env, want) {
				t.Errorf("%s: no %s", c.isa, want)
			}
		}
	}
}

func TestQuantizeMultiplier(t *testing.T) {
	for _, m := range []float64{0.5, 0.25, 0.1, 1.0 / 1024, 0.9999999999} {
		q, shift := quantizeMultiplier(m)
		if q < 1<<30 || math.Abs(float64(q)*math.Pow(2, float64(shift-31))/m-1) > 1e-9 {
			t.Errorf("%v: %d, %d", m, q, shift)
		}
	}
}

// The comparisons pass what is right and refuse what is not.
func TestComparisons(t *testing.T) {
	dev, err := backend.Open(t.Context(), "cpu", backend.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	s := backend.NewScope(t.Context(), dev)
	defer s.Close()
	z := sizes{softmaxRows: 400, softmax: 4}
	x := make([]float32, 400*4)
	uniform, first := make([]int32, 400), make([]int32, 400)
	for i := range 400 {
		x[4*i] = 3 // the first is drawn nearly always
		if i%7 == 0 {
			first[i] = 1
		}
		uniform[i] = int32(i % 4)
	}
	in := map[string]*backend.Tensor{"x": backend.Put(s, 400, 4, x)}
	for _, c := range []struct {
		name    string
		compare comparison
		ours    any
		theirs  values
		ok, bad bool
	}{
		{"equal", closeFloats(1e-6), []float32{1, 2}, values{floats: []float32{1, 2}}, true, false},
		{"far", closeFloats(1e-6), []float32{1, 2}, values{floats: []float32{1, 2.1}}, false, false},
		{"nan", closeFloats(1e-6), []float32{1, 2}, values{floats: []float32{float32(math.NaN()), 2}}, false, false},
		{"short", closeFloats(1e-6), []float32{1, 2}, values{floats: []float32{1}}, false, true},
		{"other type", closeFloats(1e-6), []float32{1, 2}, values{ints: []int32{1, 2}}, false, true},
		{"labels", sameLabels(0.5), []int32{1, 2}, values{ints: []int32{1, 3}}, true, false},
		{"labels differ", sameLabels(0.4), []int32{1, 2}, values{ints: []int32{1, 3}}, false, false},
		{"a step", closeQuantized(0.5), []int8{1, 2}, values{bytes: []int8{1, 3}}, true, false},
		{"two steps", closeQuantized(0.5), []int8{1, 2}, values{bytes: []int8{1, 4}}, false, false},
		{"real", closeQuantized(0.5), []int8{1, 127}, values{floats: []float32{0.6, 99}}, true, false},
		{"other scale", closeQuantized(0.5), []int8{10, 20}, values{floats: []float32{10, 20}}, false, false},
		{"draws", drawsFollow(z), first, values{ints: first}, true, false},
		{"uniform draws", drawsFollow(z), first, values{ints: uniform}, false, false},
		{"draws outside", drawsFollow(z), first, values{ints: append([]int32{4}, first[1:]...)}, false, true},
	} {
		d, allowed, err := c.compare(in, c.ours, c.theirs)
		if (err != nil) != c.bad || (err == nil && (d <= allowed) != c.ok) {
			t.Errorf("%s: %v of %v allowed, %v", c.name, d, allowed, err)
		}
	}
}

func TestReadValuesRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	if err := os.WriteFile(path, []byte{1, 2, 3}, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dtype := range []string{"float32", "int64", ""} {
		if _, err := readValues(path, dtype); err == nil {
			t.Errorf("three bytes of %q are read", dtype)
		}
	}
	if v, err := readValues(path, "int8"); err != nil || !slices.Equal(v.bytes, []int8{1, 2, 3}) {
		t.Errorf("%v, %v", v, err)
	}
}

// Every goal speaks of a work, a peer of it, and can be met and missed.
func TestGoals(t *testing.T) {
	works := map[string]work{}
	for _, w := range fullSizes.works() {
		works[w.name] = w
	}
	for _, g := range goals() {
		w, ok := works[g.work]
		if !ok || w.threads != 0 && w.threads != g.threads ||
			(g.against != ceiling && g.against != fastest && !slices.Contains(w.peers, g.against)) || (g.against == ceiling && w.bound == "") {
			t.Errorf("goal %+v of no work", g)
		}
	}
	one := spreadOf([]float64{1})
	results := []result{{Work: "softmax", Threads: 2, Share: &spread{Median: 0.9}, Peers: []peerResult{{Peer: "torch", Rate: &one, Ratio: &spread{Median: 1.5}},
		{Peer: "numpy", Rate: &one, Ratio: &spread{Median: 1.7}}, {Peer: "faiss", Failed: "missing: no module"}}},
		{Work: "draw", Threads: 2, Peers: []peerResult{{Peer: "torch", Failed: "missing: no torch"}}}}
	for _, c := range []struct {
		g    goal
		want string
	}{
		{goal{"softmax", 2, "torch", 1.4}, "met"},
		{goal{"softmax", 2, "torch", 1.6}, "missed"},
		{goal{"softmax", 2, ceiling, 0.85}, "met"},
		{goal{"softmax", 2, "numpy", 1.6}, "met"},
		{goal{"softmax", 2, fastest, 1.6}, "missed"},
		{goal{"softmax", 2, fastest, 1.5}, "met"},
		{goal{"draw", 2, fastest, 1}, "not measured: missing: no torch"},
		{goal{"softmax", 1, "torch", 1}, "not measured: not asked for"},
		{goal{"softmax", 2, "faiss", 1}, "not measured: missing: no module"},
	} {
		if v := judge([]goal{c.g}, results)[0]; v.Verdict != c.want {
			t.Errorf("%+v: %q, want %q", c.g, v.Verdict, c.want)
		}
	}
}

// Every work runs on our side and, where they are installed, in every peer
// that is to be compared, with agreeing results.
func TestRealPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("peers take seconds to start")
	}
	code, out, errOut := sh(t, nil, "--threads", "2", "--rounds", "2", "--goal-table", "--timeout", "90s", "--json")
	r := decode(t, out)
	if code != exitDone {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if len(r.Results) != len(tinySizes.works())-len(tinySizes.few) { // those run on one thread alone
		t.Errorf("%d results of %d works", len(r.Results), len(tinySizes.works()))
	}
	for _, m := range r.Results {
		if !(m.Rate.Min > 0) {
			t.Errorf("%s: rate %+v", m.Work, m.Rate)
		}
		for _, p := range m.Peers {
			if p.Failed != "" && r.Missing[p.Peer] == "" {
				t.Errorf("%s in %s: %s", m.Work, p.Peer, p.Failed)
			}
		}
	}
	if len(r.Missing) > 0 {
		t.Skipf("PEERS NOT TESTED, `make peers` installs them: %v", r.Missing)
	}
}

func TestTable(t *testing.T) {
	argv := map[string][]string{"openblas": fake("right"), "numpy": fake("missing"), "torch": fake("wrong")}
	code, out, errOut := sh(t, argv, "--work", "matmul-33", "--threads", "1", "--rounds", "1", "--goal-table")
	if code != exitDifference || !strings.Contains(errOut, errDifference.Error()) {
		t.Errorf("exit %d: %s", code, errOut)
	}
	for _, want := range []string{"median of 1 interleaved rounds", "openblas: Fake 1.0", "numpy: NOT MEASURED: missing: no such library",
		"samebits ÷ peer", "its result differs from ours", "≥ 3.3× faiss", "not measured: not asked for"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
