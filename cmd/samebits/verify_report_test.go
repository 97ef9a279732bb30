package main

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifyRecordsAndCompares: a record made with one thread is confirmed with
// two; a planted error and another profile are told.
func TestVerifyRecordsAndCompares(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a record.json")
	code, out, errOut := sh("verify", "--backend", "cpu", "--op", "reduce", "--seed", "5", "--threads", "1", "--record", file, "--quiet")
	if code != exitDone || !strings.Contains(out, "recorded in "+file) {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	r := runJSON(t, "verify", "--backend", "cpu", "--threads", "2", "--against", file, "--quiet")
	if r["seed"].(float64) != 5 || r["record"] == nil || r["compared"].(float64) == 0 || r["bit_identical"] != r["compared"] || r["compared"] != r["record"].(map[string]any)["cases"] {
		t.Errorf("%v", r)
	}
	const fault = "reduce-nan-blind-argmax"
	code, out, _ = sh("verify", "--backend", "cpu", "--against", file, "--fault", fault, "--quiet")
	if code != exitDifference || !strings.Contains(out, "FAILED reduce/") || !strings.Contains(out, "wrong: cpu") || !strings.Contains(out, "--against '"+file+"' --case reduce/") {
		t.Errorf("planted error: exit %d: %s", code, out)
	}
	// The command it prints repeats one case.
	_, name, _ := strings.Cut(out, "--case ")
	name, _, _ = strings.Cut(name, " ")
	if code, out, _ := sh("verify", "--backend", "cpu", "--against", file, "--case", name, "--fault", fault, "--quiet"); code != exitDifference || !strings.Contains(out, "1 case, 1 compared") {
		t.Errorf("repeated: exit %d: %s", code, out)
	}
	if code, out, _ := sh("verify", "--backend", "cpu", "--against", file, "--case", name, "--quiet"); code != exitDone {
		t.Errorf("without the error: exit %d: %s", code, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	variant := func(old, new string) string {
		path := filepath.Join(t.TempDir(), "record.json")
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(file), link); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		say  string
	}{
		"another profile":  {[]string{"--against", file, "--profile", "split"}, "give --profile fused"},
		"another seed":     {[]string{"--against", file, "--seed", "6"}, "the record has seed 5"},
		"another suite":    {[]string{"--against", file, "--suite", "full"}, "suite quick"},
		"no such file":     {[]string{"--against", file + "x"}, "no such file"},
		"cut short":        {[]string{"--against", variant(string(text[len(text)/2:]), "")}, "cut short"},
		"no record":        {[]string{"--against", variant("samebits verify record", "anything")}, "format"},
		"other contract":   {[]string{"--against", variant(`"contract": 1`, `"contract": 99`)}, "damaged or edited"},
		"bounded":          {[]string{"--against", variant(`"mode": "exact"`, `"mode": "bounded"`)}, "damaged or edited"},
		"unknown case":     {[]string{"--against", variant(`"case": "reduce/`, `"case": "sort/`)}, "damaged or edited"},
		"both":             {[]string{"--against", file, "--record", file}, "give one"},
		"no folder":        {[]string{"--record", filepath.Join(file, "x", "y")}, "--record " + filepath.Join(file, "x", "y") + ": no such folder"},
		"a folder":         {[]string{"--html", t.TempDir()}, "is a directory"},
		"artefacts full":   {[]string{"--artefacts", filepath.Dir(file)}, "the folder is not empty"},
		"artefacts a file": {[]string{"--artefacts", file}, "not a directory"},
		"under a file":     {[]string{"--artefacts", filepath.Join(file, "x")}, "not a directory"},
		"over the input":   {[]string{"--against", file, "--html", file}, "--against and --html both name"},
		"by another name":  {[]string{"--against", file, "--junit", filepath.Join(filepath.Dir(file), ".", "x", "..", filepath.Base(file))}, "--against and --junit both name"},
		"through a link":   {[]string{"--html", filepath.Join(filepath.Dir(file), "new"), "--junit", filepath.Join(link, "new")}, "--html and --junit both name"},
		"record and html":  {[]string{"--record", "x", "--html", "./x"}, "--record and --html both name"},
		"html, artefacts":  {[]string{"--html", "x", "--artefacts", "x"}, "--html and --artefacts both name"},
		"manifest":         {[]string{"--manifest", "x", "--artefacts", "x"}, "--manifest"},
		"html to -":        {[]string{"--html", "-"}, "--html takes a name"},
		"junit to -":       {[]string{"--junit", "-"}, "--junit takes a name"},
		"record to -":      {[]string{"--record", "-"}, "--record takes a name"},
		"artefacts to -":   {[]string{"--artefacts", "-"}, "--artefacts takes a name"},
		"wrong type":       {[]string{"--against", variant(`"count": `, `"count": -`)}, "damaged"},
		"a string":         {[]string{"--against", variant(`"seed": 5`, `"seed": "5"`)}, "field seed: want a whole number of at least 0, found a string"},
		"budget":           {[]string{"--max-skipped", "many"}, "--max-skipped"},
		"share":            {[]string{"--max-skipped", "101%"}, "--max-skipped"},
		"fold":             {[]string{"--fold", "16"}, "--fold"},
		"fold by nothing":  {[]string{"--fold", "0x4"}, "--fold"},
		"case not held":    {[]string{"--against", file, "--op", "copy"}, "no such case"},
		"another document": {[]string{"--against", "verify.go"}, "no record"},
	} {
		code, out, errOut := sh(append([]string{"verify", "--backend", "cpu", "--quiet"}, c.args...)...)
		if code != exitUsage || !strings.Contains(errOut, c.say) || out != "" || strings.Count(errOut, "\n") != 1 || strings.Contains(errOut, "invalid argument") {
			t.Errorf("%s: exit %d: %s%s", name, code, out, errOut)
		}
	}
}

// TestVerifyRecordsNoFailure: a run that fails, or whose planted error was not
// found, leaves no record.
func TestVerifyRecordsNoFailure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "record.json")
	for _, op := range []string{"matmul", "copy"} {
		code, _, errOut := sh("verify", "--backend", "cpu", "--op", op, "--fault", "matmul-k-tail-dropped", "--record", file, "--quiet")
		if code != exitDifference || !strings.Contains(errOut, "no record is written") {
			t.Errorf("%s: exit %d: %s", op, code, errOut)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s: a record is there", op)
		}
	}
}

// TestVerifyReportsOfAFailure: both files are written when the run fails, and
// the folder that the JSON names holds the data.
func TestVerifyReportsOfAFailure(t *testing.T) {
	dir := t.TempDir()
	junit, html, artefacts := filepath.Join(dir, "r.xml"), filepath.Join(dir, "r.html"), filepath.Join(dir, "data")
	code, out, errOut := sh("verify", "--backend", "cpu", "--op", "matmul", "--fault", "matmul-k-tail-dropped", "--json", "--quiet",
		"--junit", junit, "--html", html, "--artefacts", artefacts, "--fold", "8x8")
	if code != exitDifference {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	var r struct {
		Failed   int
		Ops      []struct{ Errors struct{ Over int64 } }
		Failures []struct {
			Artefacts, Shrunk string
			Repeat            string `json:"shrunk_repeat"`
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, f := range r.Failures {
		if f.Artefacts == "" {
			continue
		}
		if kept++; kept > keptForArtefacts {
			t.Fatalf("more than %d", keptForArtefacts)
		}
		for _, name := range []string{"README.txt", "tested_c.npy", "oracle_c.npy", "heatmap_c.png", "folded_c.png", "shrunk/tested_c.npy"} {
			if in, err := os.Stat(filepath.Join(f.Artefacts, name)); err != nil || in.Size() == 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
		// The smaller case fails when the command is given as it is printed.
		if code, _, errOut := sh(append(strings.Fields(f.Repeat)[1:], "--quiet")...); code != exitDifference {
			t.Errorf("%s: exit %d: %s", f.Repeat, code, errOut)
		}
	}
	if kept != keptForArtefacts || r.Ops[0].Errors.Over == 0 {
		t.Errorf("%d folders, %+v", kept, r.Ops)
	}
	text, err := os.ReadFile(junit)
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
	}
	if err != nil || xml.Unmarshal(text, &suites) != nil || suites.Failures <= r.Failed || suites.Tests < suites.Failures {
		t.Errorf("%+v, %v", suites, err) // the verdict is one more
	}
	page, err := os.ReadFile(html)
	if err != nil || strings.Count(string(page), "data:image/png;base64,") < 2*keptForArtefacts || !strings.Contains(string(page), "matmul-k-tail-dropped") {
		t.Errorf("%d bytes, %v", len(page), err)
	}
	// A run that passes writes them too, and no folder.
	if code, out, errOut := sh("verify", "--backend", "cpu", "--op", "copy", "--junit", junit, "--html", html, "--artefacts", filepath.Join(dir, "none"), "--quiet"); code != exitDone {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("a run that passes leaves artefacts")
	}
}

// TestVerifyKeepsItsVerdict: a file that cannot be written, on a full disk,
// takes away neither what was found nor the other files.
func TestVerifyKeepsItsVerdict(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		args []string
		code int
		say  []string
	}{
		{[]string{"--record", full}, exitUsage, []string{full}},
		{[]string{"--html", full}, exitUsage, []string{full}},
		{[]string{"--fault", "reduce-nan-blind-argmax", "--html", full}, exitDifference, []string{"failed", "besides: ", full}},
		{[]string{"--fault", "reduce-nan-blind-argmax", "--html", full, "--record", full + "x", "--json"}, exitDifference, []string{"failed", "no record is written", full}},
	} {
		junit := filepath.Join(t.TempDir(), "r.xml")
		for i, arg := range c.args {
			if arg == full+"x" {
				c.args[i] = filepath.Join(filepath.Dir(junit), "record.json")
			}
		}
		code, out, errOut := sh(append([]string{"verify", "--backend", "cpu", "--op", "reduce", "--quiet", "--junit", junit}, c.args...)...)
		if code != c.code || !strings.Contains(out, "reduce") || strings.Contains(out, "recorded in") || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%v: exit %d: %s%s", c.args, code, out, errOut)
		}
		for _, say := range c.say {
			if !strings.Contains(errOut, say) {
				t.Errorf("%v: no %q in %s", c.args, say, errOut)
			}
		}
		if in, err := os.Stat(junit); err != nil || in.Size() == 0 {
			t.Errorf("%v: the other report: %v", c.args, err)
		}
	}
}

// TestVerifySaysHowToReadIt: the words of the table, and what a record leaves
// out.
func TestVerifySaysHowToReadIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "record.json")
	for _, args := range [][]string{{"--record", file}, {"--against", file}} {
		code, out, errOut := sh(append([]string{"verify", "--backend", "cpu", "--quiet"}, append(args, "--op", "gather")...)...)
		if code != exitDone || !strings.Contains(out, "passed: the same bits") {
			t.Fatalf("exit %d: %s%s", code, out, errOut)
		}
		for _, say := range []string{"elements: ", "worst/bound: ", "alarms, 0: ", "boundary, "} {
			if !strings.Contains(out, say) {
				t.Errorf("no %q in %s", say, out)
			}
		}
		if strings.Contains(out, "relations and samplers are not part of it") != (args[0] == "--against") {
			t.Errorf("%v: %s", args, out)
		}
	}
	if _, out, _ := sh("verify", "--help"); !strings.Contains(out, "--manifest records a run") || !strings.Contains(out, "native") || !strings.Contains(out, "searches the cases of every suite") {
		t.Errorf("%s", out)
	}
}
