package manifest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

const (
	digestA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// head is what a command knows of its run.
func head() Manifest {
	return Manifest{Program: "test", Contract: exact.ContractVersion, Command: "cluster", Arguments: []string{"data.csv"},
		Parameters: []Parameter{NewParameter("k", "3"), NewParameter("tol", "0.0001")}, Seed: 7, Device: "cpu", Profile: backend.Canonical()}
}

// record runs a recorder over an input file, steps and an output.
func record(t *testing.T, r *Recorder, input string, steps []string, output string) (*Manifest, error) {
	t.Helper()
	if err := r.Input(input); err != nil {
		return nil, err
	}
	for i, s := range steps {
		if err := r.Step(strings.Repeat("i", i+1), s); err != nil {
			return nil, err
		}
	}
	if err := r.Output("labels", output); err != nil {
		return nil, err
	}
	return r.Finish(head())
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.csv")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func encoded(t *testing.T, m *Manifest) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAManifestComesBack(t *testing.T) {
	m, err := record(t, NewRecorder(), file(t, "1,2\n"), []string{digestA, digestB}, digestA)
	if err != nil {
		t.Fatal(err)
	}
	text := encoded(t, m)
	again, err := Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, again), text) {
		t.Errorf("%s\nbecame\n%s", text, encoded(t, again))
	}
	if in := again.Inputs[0]; in.Bytes != 4 || in.SHA256 != "52186c933993da4082b3cdc7c40bb4bf735b391ff54a2ef78c037dda6c38a680" {
		t.Errorf("input %+v", in)
	}
}

func TestAReplayNamesTheFirstDifference(t *testing.T) {
	path := file(t, "1,2\n")
	steps := []string{digestA, digestB, digestA}
	old, err := record(t, NewRecorder(), path, steps, digestA)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := record(t, Against(old), path, steps, digestA); err != nil {
		t.Errorf("the same run differs: %v", err)
	}
	other := file(t, "1,3\n")
	for _, c := range []struct {
		what, kind, name string
		input            string
		steps            []string
		output           string
	}{
		{"a changed byte", "input", other, other, steps, digestA},
		{"the second step", "step", "ii", path, []string{digestA, digestA, digestB}, digestA},
		{"a step less", "step", "iii", path, steps[:2], digestA},
		{"a step more", "step", "iiii", path, append(steps[:3:3], digestA), digestA},
		{"an output", "output", "labels", path, steps, digestB},
	} {
		_, err := record(t, Against(old), c.input, c.steps, c.output)
		var d *Difference
		if !errors.As(err, &d) || d.Kind != c.kind || d.Name != c.name || d.Recorded == d.Now {
			t.Errorf("%s: got %v", c.what, err)
		}
	}
	r := Against(old)
	if err := r.Input(path); err != nil {
		t.Fatal(err)
	}
	if err := r.Step("another name", digestA); err == nil {
		t.Error("a step of another name was taken")
	}
	if err := r.Input(path); err == nil {
		t.Error("an input that was not recorded was taken")
	}
}

func TestManyStepsShareDigests(t *testing.T) {
	run := func(r *Recorder, odd int) (*Manifest, error) {
		for i := range 3*maxSteps + 5 {
			d := digestA
			if i == odd {
				d = digestB
			}
			if err := r.Step("s", d); err != nil {
				return nil, err
			}
		}
		return r.Finish(head())
	}
	old, err := run(NewRecorder(), -1)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(old.Steps); n != maxSteps+3 {
		t.Fatalf("%d steps", n)
	}
	if last := old.Steps[maxSteps+2].Name; last != "steps 196609 to 196613" {
		t.Errorf("the last is called %q", last)
	}
	if _, err := run(Against(old), -1); err != nil {
		t.Error(err)
	}
	for _, odd := range []int{maxSteps - 1, maxSteps, 2*maxSteps + 1, 3*maxSteps + 4} {
		if _, err := run(Against(old), odd); err == nil {
			t.Errorf("step %d differs and nothing was said", odd)
		}
	}
}

func TestDamagedManifestsAreNamed(t *testing.T) {
	m, err := record(t, NewRecorder(), file(t, "1,2\n"), []string{digestA}, digestA)
	if err != nil {
		t.Fatal(err)
	}
	good := string(encoded(t, m))
	for what, c := range map[string]struct{ old, new, kind string }{
		"another value of k":  {`"value": "3"`, `"value": "4"`, "parameter"},
		"another contract":    {`"contract": 1`, `"contract": 99`, "contract"},
		"another format":      {`"samebits_manifest": 1`, `"samebits_manifest": 2`, ""},
		"no format":           {`"samebits_manifest": 1,`, ``, ""},
		"a short digest":      {`"sha256": "aaaa`, `"sha256": "`, ""},
		"no hexadecimal":      {`"sha256": "aaaa`, `"sha256": "zzzz`, ""},
		"a bounded device":    {`"mode": "exact"`, `"mode": "bounded"`, ""},
		"a seed out of range": {`"seed": 7`, `"seed": 9007199254740992`, ""},
		"k twice":             {`"name": "tol"`, `"name": "k"`, ""},
		"no command":          {`"command": "cluster"`, `"command": ""`, ""},
		"a terminal's escape": {`"device": "cpu"`, `"device": "x\u001b[2Jok"`, ""},
		"a long name":         {`"device": "cpu"`, `"device": "` + strings.Repeat("x", 5000) + `"`, ""},
		"cut short":           {good[len(good)/2:], ``, ""},
		"more text":           {"\n}\n", "\n}\n{}", ""},
		"not JSON":            {good, "k,3\n", ""},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: nothing was replaced", what)
		}
		_, err := Decode(strings.NewReader(text))
		var d *Difference
		if c.kind != "" {
			if !errors.As(err, &d) || d.Kind != c.kind {
				t.Errorf("%s: got %v", what, err)
			}
			continue
		}
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	var d *Difference
	_, err = Decode(strings.NewReader(strings.Replace(good, `"value": "3"`, `"value": "4"`, 1)))
	if !errors.As(err, &d) || d.Name != "k" {
		t.Errorf("the changed parameter is not named: %v", err)
	}
}

func TestANilRecorderTakesEverything(t *testing.T) {
	var r *Recorder
	if err := errors.Join(r.Input("no such file"), r.Step("s", ""), r.Output("o", "")); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	m := head()
	m.Format, m.Outputs = Format, []Digest{{"labels", digestA}}
	var b bytes.Buffer
	if err := m.Encode(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"samebits_manifest":1,"steps":[{"name":"","sha256":""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Decode(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := m.Encode(&again); err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(&again); err != nil {
			t.Fatalf("%s was taken and, written again, refused: %v", text, err)
		}
	})
}
