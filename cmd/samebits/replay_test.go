package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samebits/verify/manifest"
)

// groups is a file of n rows around 4 centres, far enough from converged
// after a seeding for several iterations.
func groups(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("x,y,z\n")
	s := uint32(1)
	next := func() float64 {
		s = s*1664525 + 1013904223
		return float64(s>>8) / (1 << 24)
	}
	for i := range n {
		c := float64(i % 4)
		fmt.Fprintf(&b, "%.6f,%.6f,%.6f\n", c+next(), c*c/2+2*next(), next())
	}
	return write(t, "groups.csv", b.String())
}

// recorded runs a clustering with a manifest and returns its path.
func recorded(t *testing.T, args ...string) string {
	t.Helper()
	m := filepath.Join(t.TempDir(), "run.json")
	runJSON(t, append(args, "--manifest", m)...)
	return m
}

// replayJSON replays and returns the exit code and the JSON object.
func replayJSON(t *testing.T, args ...string) (int, map[string]any) {
	t.Helper()
	code, out, errOut := sh(append(append([]string{"replay"}, args...), "--json")...)
	var v map[string]any
	if out == "" {
		t.Fatalf("replay %v: exit %d: %s", args, code, errOut)
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("replay %v: %v in %q", args, err, out)
	}
	return code, v
}

func difference(v map[string]any) string {
	d, ok := v["difference"].(map[string]any)
	if !ok {
		return ""
	}
	return fmt.Sprint(d["kind"], " ", d["name"])
}

func TestReplayGivesTheSameDigests(t *testing.T) {
	data := groups(t, 5000)
	m := recorded(t, "cluster", data, "--k", "7", "--n-init", "2", "--max-iter", "6", "--backend", "cpu", "--threads", "1", "--seed", "5")
	for _, args := range [][]string{{"--backend", "cpu", "--threads", "2"}, {"--backend", "reference"}, {}} {
		code, v := replayJSON(t, append([]string{m}, args...)...)
		if code != exitDone || v["same"] != true || difference(v) != "" {
			t.Errorf("%v: exit %d: %v", args, code, v)
		}
		if steps := v["steps"].(float64); steps < 6 || v["outputs"] != 4.0 || v["seed"] != 5.0 || v["device"] == nil || v["profile"] == nil {
			t.Errorf("%v: %v", args, v)
		}
	}
	code, out, errOut := sh("replay", m)
	if code != exitDone || !strings.Contains(out, "same: ") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestReplayNamesWhatDiffers(t *testing.T) {
	data := groups(t, 400)
	m := recorded(t, "cluster", data, "--k", "5", "--n-init", "1", "--backend", "cpu")
	for _, c := range []struct {
		args          []string
		changed, want string
	}{
		{[]string{"--set", "k=4"}, "k", "step start 1, iteration 0: centres"},
		{[]string{"--set", "max-iter=1"}, "max-iter", "step start 1, iteration 2: centres"},
		{[]string{"--seed", "2"}, "seed", "step start 1, iteration 0: centres"},
		{[]string{"--profile", "split"}, "profile", "output scores"},
	} {
		code, v := replayJSON(t, append([]string{m}, c.args...)...)
		changed := v["changed"].([]any)
		if code != exitDifference || len(changed) != 1 {
			t.Fatalf("%v: exit %d: %v", c.args, code, v)
		}
		if got := difference(v); got != c.want {
			t.Errorf("%v: got %q, want %q", c.args, got, c.want)
		}
		if name := changed[0].(map[string]any)["name"]; name != c.changed {
			t.Errorf("%v names %v", c.args, name)
		}
	}

	// One byte of the data.
	text, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-2] ^= 1
	if err := os.WriteFile(data, text, 0o644); err != nil {
		t.Fatal(err)
	}
	code, v := replayJSON(t, m)
	if code != exitDifference || difference(v) != "input "+data {
		t.Errorf("a changed byte: exit %d: %v", code, v)
	}
	text[len(text)-2] ^= 1
	elsewhere := write(t, "elsewhere.csv", string(text))
	if code, v := replayJSON(t, m, "--input", data+"="+elsewhere); code != exitDone {
		t.Errorf("the data elsewhere: exit %d: %v", code, v)
	}

	// A parameter edited in the file.
	old, err := os.ReadFile(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"k":       {`"value": "5"`, `"value": "6"`},
		"seed":    {`"seed": 1,`, `"seed": 2,`},
		"profile": {`"mac": "fused"`, `"mac": "split"`},
	} {
		edited := strings.Replace(string(old), c[0], c[1], 1)
		if edited == string(old) {
			t.Fatalf("the manifest does not hold %s", c[0])
		}
		if code, v := replayJSON(t, write(t, "edited.json", edited)); code != exitDifference || difference(v) != "parameter "+name {
			t.Errorf("an edited %s: exit %d: %v", name, code, v)
		}
	}
	// The same value in other words is no change.
	if code, v := replayJSON(t, m, "--set", "tol=1e-4", "--input", data+"="+elsewhere); code != exitDone || len(v["changed"].([]any)) != 0 {
		t.Errorf("tol=1e-4: exit %d: %v", code, v)
	}
}

func TestReplayOfAPlantedError(t *testing.T) {
	// A device with an error planted into it cannot be asked for by replay, so
	// the digest of a step is changed in the file.
	data := groups(t, 400)
	m := recorded(t, "cluster", data, "--k", "5", "--n-init", "1", "--backend", "cpu")
	old, err := os.ReadFile(m)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(old), "iteration 1: centres")
	from := at + strings.Index(string(old[at:]), `"sha256": "`) + len(`"sha256": "`)
	if old[from] == '0' {
		old[from] = '1'
	} else {
		old[from] = '0'
	}
	code, v := replayJSON(t, write(t, "other.json", string(old)), "--backend", "reference")
	if code != exitDifference || difference(v) != "step start 1, iteration 1: centres" {
		t.Errorf("exit %d: %v", code, v)
	}
}

func TestManifestAndReplayRefuse(t *testing.T) {
	data := groups(t, 40)
	m := recorded(t, "cluster", data, "--k", "2", "--n-init", "1", "--backend", "cpu")
	text, err := os.ReadFile(m)
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, new string) string {
		s := strings.Replace(string(text), old, new, 1)
		if s == string(text) {
			t.Fatalf("%s is not in the manifest", old)
		}
		return write(t, "m.json", s)
	}
	for _, args := range [][]string{
		{"replay"},
		{"replay", m, m},
		{"replay", "no-such.json"},
		{"replay", data},
		{"replay", write(t, "empty.json", "")},
		{"replay", m, "--set", "k"},
		{"replay", m, "--set", "labels-out=x.npy"},
		{"replay", m, "--set", "k=3", "--set", "k=4"},
		{"replay", m, "--set", "k=three"},
		{"replay", m, "--seed", "3", "--set", "seed=4"},
		{"replay", withoutParameter(t, m, "tol")},
		{"replay", m, "--input", "other=" + data},
		{"replay", with(`"command": "cluster"`, `"command": "devices"`)},
		{"replay", with(`"command": "cluster"`, `"command": "--help"`)},
		{"replay", withParameter(t, m, manifest.NewParameter("labels-out", "x.npy"))},
		{"devices", "--manifest", filepath.Join(t.TempDir(), "m.json")},
		{"cluster", data, "--k", "2", "--manifest", "-"},
		{"cluster", data, "--k", "2", "--manifest", data},
		{"cluster", data, "--k", "2", "--manifest", filepath.Join(t.TempDir(), "no", "m.json")},
	} {
		code, out, errOut := sh(args...)
		if code != exitUsage || out != "" || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%v: exit %d: %q %q", args, code, out, errOut)
		}
	}
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := sh("replay", m); code != exitUsage || !strings.Contains(errOut, "--input") {
		t.Errorf("the data is gone: exit %d: %s", code, errOut)
	}
}

// A run of the verifier itself is recorded on one device and replayed on another.
func TestReplayOfVerify(t *testing.T) {
	m := recorded(t, "verify", "--op", "transpose", "--backend", "cpu", "--seed", "4")
	code, v := replayJSON(t, m, "--backend", "reference")
	if code != exitDone || v["steps"].(float64) < 5 {
		t.Errorf("exit %d: %v", code, v)
	}
	if code, v := replayJSON(t, m, "--seed", "5"); code != exitDifference || !strings.HasPrefix(difference(v), "step transpose/") {
		t.Errorf("another seed: exit %d: %v", code, v)
	}
	for _, args := range [][]string{{"--fault", "matmul-k-tail-dropped"}, {"--against", m}, {"--faults"}} {
		if code, _, errOut := sh(append([]string{"verify", "--backend", "cpu", "--manifest", filepath.Join(t.TempDir(), "m.json")}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d: %s", args, code, errOut)
		}
	}
}

// An input that lies beside the manifest is found, also one with an equals sign.
func TestReplayLooksBesideTheManifest(t *testing.T) {
	t.Chdir(t.TempDir())
	text, err := os.ReadFile(groups(t, 50))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile("a=b.csv", text, 0o644), os.Mkdir("sub", 0o755)); err != nil {
		t.Fatal(err)
	}
	runJSON(t, "cluster", "a=b.csv", "--k", "2", "--n-init", "1", "--backend", "cpu", "--manifest", "m.json")
	t.Chdir("sub")
	if code, v := replayJSON(t, "../m.json"); code != exitDone {
		t.Errorf("exit %d: %v", code, v)
	}
	if code, v := replayJSON(t, "../m.json", "--input", "a=b.csv=../a=b.csv"); code != exitDone {
		t.Errorf("exit %d: %v", code, v)
	}
}

// withoutParameter returns a manifest that lacks one.
func withoutParameter(t *testing.T, path, name string) string {
	t.Helper()
	m, err := manifest.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m.Parameters = slices.DeleteFunc(m.Parameters, func(p manifest.Parameter) bool { return p.Name == name })
	var b strings.Builder
	if err := m.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return write(t, "m.json", b.String())
}

// withParameter returns a manifest that holds another parameter as well.
func withParameter(t *testing.T, path string, p manifest.Parameter) string {
	t.Helper()
	m, err := manifest.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m.Parameters = append(m.Parameters, p)
	var b strings.Builder
	if err := m.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return write(t, "m.json", b.String())
}

func TestReplayOfGivenCentresAndTheDemo(t *testing.T) {
	data := groups(t, 60)
	centres := write(t, "c.csv", "0,0,0\n3,4,0\n")
	m := recorded(t, "cluster", data, "--k", "2", "--init", centres, "--backend", "cpu")
	if code, v := replayJSON(t, m); code != exitDone {
		t.Errorf("given centres: exit %d: %v", code, v)
	}
	if err := os.WriteFile(centres, []byte("0,0,0\n3,4,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, v := replayJSON(t, m); code != exitDifference || difference(v) != "input "+centres {
		t.Errorf("changed centres: exit %d: %v", code, v)
	}

	picture := pngFile(t, flag())
	out := filepath.Join(t.TempDir(), "colours")
	m = recorded(t, "demo", "--image", picture, "--k", "3", "--out", out, "--backend", "cpu")
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	if code, v := replayJSON(t, m, "--threads", "1"); code != exitDone || v["outputs"] != 3.0 {
		t.Errorf("demo: exit %d: %v", code, v)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("the replay wrote the demo's pictures")
	}
}
