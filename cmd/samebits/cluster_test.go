package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samebits/algos/dataset"
)

// runAsProgram, set in the environment, makes the test binary the program.
const runAsProgram = "SAMEBITS_RUN_AS_PROGRAM"

// TestMain lets the test binary answer as the program does when it probes
// devices through a child process of itself, or when a test asks for it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == probeName || os.Getenv(runAsProgram) != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// sh runs one command line.
func sh(args ...string) (code int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	code = run(context.Background(), args, &out, &errOut)
	return code, out.String(), errOut.String()
}

// runJSON runs a command that must succeed and decodes its --json object.
func runJSON(t *testing.T, args ...string) map[string]any {
	t.Helper()
	code, out, errOut := sh(append(args, "--json")...)
	if code != exitDone {
		t.Fatalf("%v: exit %d: %s", args, code, errOut)
	}
	var v map[string]any
	dec := json.NewDecoder(strings.NewReader(out))
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v: %v in %q", args, err, out)
	}
	if dec.More() {
		t.Fatalf("%v: more than one object on stdout: %q", args, out)
	}
	return v
}

// write makes a file in the test's folder and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const twoGroups = "x,y,class\n0,0,a\n0,1,a\n10,10,b\n10,11,b\n"

func TestClusterReport(t *testing.T) {
	path := write(t, "two.csv", twoGroups)
	dir := t.TempDir()
	labels, centroids := filepath.Join(dir, "l.npy"), filepath.Join(dir, "c.npy")
	r := runJSON(t, "cluster", path, "--label", "class", "--k", "2", "--backend", "cpu",
		"--labels-out", labels, "--centroids-out", centroids)
	for _, field := range []string{"command", "backend", "device", "profile", "contract", "seed", "seconds",
		"n", "d", "k", "objective", "value", "wcss", "mse", "sed", "sed_to_means", "pairwise_mean", "sizes",
		"iterations", "converged", "n_init", "labels_sha256", "centroids_sha256"} {
		if _, ok := r[field]; !ok {
			t.Errorf("no field %q", field)
		}
	}
	if r["wcss"] != 1.0 || r["mse"] != 0.25 || r["sed"] != 2.0 || r["pairwise_mean"] != 0.5 || r["n_init"] != 10.0 || r["seed"] != 1.0 {
		t.Errorf("report %v", r)
	}
	p := r["profile"].(map[string]any)
	if p["mac"] != "fused" || p["subnormals"] != "keep" || p["mode"] != "exact" || p["precise"] != true || p["emulated"] != false {
		t.Errorf("profile %v", p)
	}
	// The files hold what the digests say.
	c, err := dataset.Read(context.Background(), centroids, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := dataset.SHA256Float32(c.Matrix.Data); got != r["centroids_sha256"] {
		t.Errorf("the file of centroids has digest %s, the report %v", got, r["centroids_sha256"])
	}
	raw, err := os.ReadFile(labels)
	if err != nil {
		t.Fatal(err)
	}
	read := make([]int32, 4)
	for i := range read {
		read[i] = int32(binary.LittleEndian.Uint32(raw[len(raw)-16+4*i:]))
	}
	if got := dataset.SHA256Int32(read); got != r["labels_sha256"] {
		t.Errorf("the file of labels has digest %s, the report %v", got, r["labels_sha256"])
	}
	// The centres that came out go in again and stay where they are.
	again := runJSON(t, "cluster", path, "--label", "class", "--k", "2", "--backend", "cpu", "--init", centroids)
	if again["centroids_sha256"] != r["centroids_sha256"] || again["iterations"] != 1.0 || again["n_init"] != 1.0 {
		t.Errorf("from its own centres: %v", again)
	}
}

func TestClusterForPeople(t *testing.T) {
	code, out, errOut := sh("cluster", write(t, "two.csv", twoGroups), "--label", "class", "--k", "2", "--backend", "cpu")
	if code != exitDone {
		t.Fatal(errOut)
	}
	for _, want := range []string{"4 rows × 2 columns", "wcss", "sed to means", "pairwise mean", "converged", "sha256"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !strings.Contains(errOut, "device cpu") {
		t.Errorf("the device is not named: %q", errOut)
	}
	if _, _, errOut := sh("cluster", write(t, "two.csv", twoGroups), "--label", "class", "--k", "2", "--backend", "cpu", "--quiet"); errOut != "" {
		t.Errorf("--quiet printed %q", errOut)
	}
}

// npyHeader returns an .npy file of float32 that promises a shape and holds nothing.
func npyHeader(shape string) string {
	h := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape)
	h += strings.Repeat(" ", 117-len(h)) + "\n"
	return "\x93NUMPY\x01\x00" + string([]byte{byte(len(h)), 0}) + h
}

// TestBadInput holds every mistake to one clear line and exit code 2.
func TestBadInput(t *testing.T) {
	two := write(t, "two.csv", twoGroups)
	cases := []struct {
		name string
		args []string
		want []string
	}{
		{"missing file", []string{"cluster", "nowhere.csv", "--k", "2"}, []string{"nowhere.csv", "no such file"}},
		{"question mark", []string{"cluster", write(t, "q.csv", "a,b\n1,2\n3,?\n"), "--k", "1"}, []string{"q.csv:3", "column 2 (b)", `"?"`}},
		{"NaN", []string{"cluster", write(t, "n.csv", "a,b\n1,2\nNaN,4\n"), "--k", "1"}, []string{"n.csv:3", "column 1 (a)"}},
		{"ragged", []string{"cluster", write(t, "r.csv", "a,b\n1,2\n3\n"), "--k", "1"}, []string{"r.csv:3"}},
		{"k > n", []string{"cluster", two, "--label", "class", "--k", "5"}, []string{"two.csv", "5", "4 rows"}},
		{"k = 0", []string{"cluster", two, "--label", "class", "--k", "0"}, []string{"--k 0"}},
		{"no k", []string{"cluster", two, "--label", "class"}, []string{"--k"}},
		{"text column", []string{"cluster", two, "--k", "2"}, []string{"two.csv:2", "column 3 (class)"}},
		{"no such label", []string{"cluster", two, "--label", "kind", "--k", "2"}, []string{"two.csv", "kind"}},
		{"huge npy", []string{"cluster", write(t, "h.npy", npyHeader("(1152921504606846976, 4)")), "--k", "2"}, []string{"h.npy", "1152921504606846976"}},
		{"short npy", []string{"cluster", write(t, "s.npy", npyHeader("(1000000, 4)")), "--k", "2"}, []string{"s.npy"}},
		{"empty", []string{"cluster", write(t, "e.csv", ""), "--k", "2"}, []string{"e.csv"}},
		{"folder", []string{"cluster", t.TempDir(), "--k", "2"}, []string{"directory"}},
		{"no file", []string{"cluster", "--k", "2"}, []string{"one file"}},
		{"flag", []string{"cluster", two, "--kk", "2"}, []string{"--kk"}},
		{"flag value", []string{"cluster", two, "--k", "two"}, []string{"--k"}},
		{"n-init", []string{"cluster", two, "--label", "class", "--k", "2", "--n-init", "0"}, []string{"--n-init"}},
		{"max-iter", []string{"cluster", two, "--label", "class", "--k", "2", "--max-iter", "0"}, []string{"--max-iter"}},
		{"tol", []string{"cluster", two, "--label", "class", "--k", "2", "--tol", "NaN"}, []string{"--tol"}},
		{"init", []string{"cluster", two, "--label", "class", "--k", "2", "--init", "best"}, []string{"--init", "best"}},
		{"init file", []string{"cluster", two, "--label", "class", "--k", "2", "--init", "none.npy"}, []string{"none.npy"}},
		{"init rows", []string{"cluster", two, "--label", "class", "--k", "3", "--init", write(t, "c.csv", "1,2\n3,4\n")}, []string{"c.csv", "2 centres"}},
		{"init columns", []string{"cluster", two, "--label", "class", "--k", "2", "--init", write(t, "c.csv", "1,2,3\n3,4,5\n")}, []string{"c.csv", "3 columns"}},
		{"profile", []string{"cluster", two, "--k", "2", "--profile", "fast"}, []string{"profile", "fast"}},
		{"backend", []string{"cluster", two, "--label", "class", "--k", "2", "--backend", "cuda"}, []string{"cuda"}},
		{"threads", []string{"cluster", two, "--k", "2", "--threads", "-1"}, []string{"--threads"}},
		{"seed", []string{"cluster", two, "--k", "2", "--seed", "9007199254740992"}, []string{"--seed"}},
		{"command", []string{"clutser", two}, []string{"clutser"}},
		{"out", []string{"cluster", two, "--label", "class", "--k", "2", "--labels-out", "no/such/folder/l.npy"}, []string{"no/such/folder"}},
		{"output is input", []string{"cluster", two, "--label", "class", "--k", "2", "--labels-out", two}, []string{"--labels-out", "also the data"}},
		{"outputs are one", []string{"cluster", two, "--label", "class", "--k", "2", "--labels-out", two + ".npy", "--centroids-out", two + ".npy"}, []string{"--centroids-out", "also --labels-out"}},
		{"output to stdout", []string{"cluster", two, "--label", "class", "--k", "2", "--labels-out", "-"}, []string{"--labels-out"}},
		{"underflow", []string{"cluster", write(t, "u.csv", "1e-30\n-1e-30\n"), "--k", "1"}, []string{"u.csv", "underflow"}},
		{"backend of devices", []string{"devices", "--backend", "nope"}, []string{"nope"}},
		{"overflow", []string{"cluster", write(t, "o.csv", "1e30\n-1e30\n"), "--k", "1"}, []string{"o.csv", "overflow"}},
	}
	for _, c := range cases {
		code, out, errOut := sh(append(c.args, "--json")...)
		if code != exitUsage {
			t.Errorf("%s: exit %d, %q", c.name, code, errOut)
		}
		if out != "" {
			t.Errorf("%s: printed %q", c.name, out)
		}
		if strings.Count(errOut, "\n") != 1 || len(errOut) > 400 {
			t.Errorf("%s: not one clear line: %q", c.name, errOut)
		}
		for _, w := range c.want {
			if !strings.Contains(errOut, w) {
				t.Errorf("%s: no %q in %q", c.name, w, errOut)
			}
		}
	}
}

func TestSharedBadInput(t *testing.T) {
	path := sharedData(t, "cancer_wisconsin_699_missing.csv")
	code, _, errOut := sh("cluster", path, "--label", "class", "--k", "2")
	if code != exitUsage || !strings.Contains(errOut, "cancer_wisconsin_699_missing.csv:") ||
		!strings.Contains(errOut, "column") || !strings.Contains(errOut, `"?"`) || strings.Count(errOut, "\n") != 1 {
		t.Errorf("exit %d: %q", code, errOut)
	}
}

// fullDisk is a standard output that takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestFullStandardOutputIsAnError(t *testing.T) {
	two := write(t, "two.csv", twoGroups)
	for _, args := range [][]string{{"version"}, {"devices", "--json"}, {"--help"},
		{"cluster", two, "--label", "class", "--k", "2", "--backend", "cpu"}} {
		var errOut bytes.Buffer
		if code := run(context.Background(), args, fullDisk{}, &errOut); code != exitUsage || !strings.Contains(errOut.String(), "no space left") {
			t.Errorf("%v: exit %d, %q", args, code, errOut.String())
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errOut bytes.Buffer
	code := run(ctx, []string{"cluster", write(t, "two.csv", twoGroups), "--label", "class", "--k", "2"}, &out, &errOut)
	if code != exitInterrupted || out.Len() != 0 {
		t.Errorf("exit %d, %q, %q", code, out.String(), errOut.String())
	}
}

// sharedData returns a data file that lies beside the project and skips the
// test where it is absent; the tests on twoGroups are its companions.
func sharedData(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("SAMEBITS_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(dir, "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED: data/%s is not here (%v); set SAMEBITS_SHARED to the folder that holds data/", name, err)
	}
	return path
}

// digests runs a clustering and returns what must not depend on the device.
func digests(t *testing.T, args ...string) string {
	t.Helper()
	r := runJSON(t, append([]string{"cluster"}, args...)...)
	return fmt.Sprint(r["labels_sha256"], r["centroids_sha256"], r["wcss"], r["sed"], r["iterations"])
}

// TestSharedDigests runs the real data sets with 1 and 2 threads.
func TestSharedDigests(t *testing.T) {
	for _, set := range realSets {
		path := sharedData(t, set.file)
		for _, profile := range []string{"fused", "split"} {
			base := []string{path, "--label", "class", "--k", set.k, "--profile", profile, "--backend", "cpu", "--n-init", "2"}
			one, two := digests(t, append(base, "--threads", "1")...), digests(t, append(base, "--threads", "2")...)
			if one != two {
				t.Errorf("%s, %s: threads change the result", set.file, profile)
			}
		}
	}
}

var realSets = []struct{ file, k string }{
	{"iris_fisher.csv", "3"}, {"iris_uci.csv", "3"}, {"wine.csv", "3"}, {"cmc.csv", "3"}, {"digits_8x8.csv", "10"},
}

func TestDevicesAndVersion(t *testing.T) {
	r := runJSON(t, "devices")
	if r["device"] != nil || r["command"] != "devices" {
		t.Errorf("envelope %v", r)
	}
	autos, cpus := 0, 0
	for _, d := range r["devices"].([]any) {
		in := d.(map[string]any)
		for _, field := range []string{"name", "kind", "renderer", "software", "usable", "auto", "reason", "profile", "limits"} {
			if _, ok := in[field]; !ok {
				t.Errorf("device %v has no field %q", in["name"], field)
			}
		}
		if in["auto"] == true {
			autos++
		}
		if in["kind"] == "cpu" {
			cpus++
			if in["usable"] != true || in["limits"].(map[string]any)["threads"].(float64) < 1 {
				t.Errorf("cpu: %v", in)
			}
		}
		if in["reason"] == "" {
			t.Errorf("device %v gives no reason", in["name"])
		}
	}
	if autos != 1 || cpus != 1 {
		t.Errorf("%d devices for auto, %d processors", autos, cpus)
	}
	if v := runJSON(t, "version"); v["contract"].(float64) < 1 || v["version"] == "" {
		t.Errorf("version %v", v)
	}
	if code, out, _ := sh("--help"); code != exitDone || !strings.Contains(out, "cluster") || strings.Contains(out, probeName) {
		t.Errorf("help: exit %d\n%s", code, out)
	}
}
