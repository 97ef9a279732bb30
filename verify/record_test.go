package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

func openNamed(t testing.TB, name string, cfg backend.Config) *backend.Device {
	t.Helper()
	dev, err := backend.Open(context.Background(), name, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

// recordOf is the record of one operation on a device, written and read again.
func recordOf(t *testing.T, tested, against *backend.Device, op string) *Record {
	t.Helper()
	o := Options{Tested: tested, Against: against, Op: op, Seed: 7, Digests: true}
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := NewRecord(o, r)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := rec.Encode(&text); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "record.json")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	back, err := ReadRecord(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.Cases, rec.Cases) || back.Seed != 7 || back.Contract != exact.ContractVersion || back.Profile != tested.Profile() {
		t.Fatalf("read %+v", back)
	}
	return back
}

// TestRecordsAgreeBothWays: what one backend records the other confirms, under
// both macs.
func TestRecordsAgreeBothWays(t *testing.T) {
	for _, p := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		cfg := backend.Config{Profile: p}
		fast, plain := openNamed(t, "cpu", cfg), openNamed(t, "reference", cfg)
		for _, op := range []string{"reduce", "categorical", "qmatmul"} {
			for _, pair := range [][2]*backend.Device{{fast, plain}, {plain, fast}} {
				rec := recordOf(t, pair[0], pair[1], op)
				r, err := Against(context.Background(), Options{Tested: pair[1], Referee: plain, Seed: 99}, rec)
				if err != nil || r.Err() != nil || r.Compared != len(rec.Cases) || r.BitIdentical != r.Compared || r.Elements == 0 || r.Record.Cases != len(rec.Cases) {
					t.Errorf("%s %s: %v, %+v", p, op, err, r)
				}
			}
		}
	}
}

// TestAgainstNamesTheWrongMachine: an error on this one is its own, a changed
// digest the record's.
func TestAgainstNamesTheWrongMachine(t *testing.T) {
	ctx := context.Background()
	plain := openNamed(t, "reference", backend.Config{})
	rec := recordOf(t, openNamed(t, "cpu", backend.Config{}), plain, "matmul")
	bad := openNamed(t, "cpu", backend.Config{Fault: "matmul-k-tail-dropped"})
	again := func(name string, _ uint64) string { return "again " + name }
	r, err := Against(ctx, Options{Tested: bad, Referee: plain, Repeat: again}, rec)
	if err != nil || r.Err() == nil || r.Failed == 0 || r.BitIdentical == r.Compared {
		t.Fatalf("planted error: %v, %v", err, r.Summary())
	}
	for _, f := range r.Failures {
		if f.Side != "cpu" || f.Repeat != "again "+f.Case || !rec.Holds(f.Case) || f.Tested.Bits == "" || f.Seed != 7 {
			t.Errorf("%+v", f)
		}
	}
	// The same without a referee: the oracle alone finds what passes the bound.
	r, err = Against(ctx, Options{Tested: bad}, rec)
	if err != nil || r.Failed == 0 || !slices.ContainsFunc(r.Failures, func(f Failure) bool { return f.Side == "cpu" && f.Kind == "bound" }) {
		t.Errorf("without a referee: %v, %v", err, r.Summary())
	}

	good := openNamed(t, "cpu", backend.Config{})
	changed := *rec
	changed.Cases = slices.Clone(rec.Cases)
	changed.Cases[3].Outputs = strings.Repeat("0123456789abcdef", 4)
	r, err = Against(ctx, Options{Tested: good, Referee: plain}, &changed)
	if err != nil || r.Failed != 1 || r.Failures[0].Case != rec.Cases[3].Case || r.Failures[0].Kind != "bits" || r.Failures[0].Side != r.Against {
		t.Errorf("another digest: %v, %+v", err, r.Failures)
	}
	// One case of it, by name.
	r, err = Against(ctx, Options{Tested: good, Referee: plain, Only: rec.Cases[3].Case}, &changed)
	if err != nil || r.Cases != 1 || r.Failed != 1 {
		t.Errorf("one case: %v, %s", err, r.Summary())
	}
}

func TestAgainstRefuses(t *testing.T) {
	dev := openNamed(t, "cpu", backend.Config{})
	rec := recordOf(t, dev, openNamed(t, "reference", backend.Config{}), "gather")
	bounded := backend.NewDevice(&copier{name: "rough", mode: backend.BoundedMode}, backend.Config{})
	for name, c := range map[string]struct {
		change func(*Record)
		o      Options
		say    string
	}{
		"contract":       {func(r *Record) { r.Contract++ }, Options{Tested: dev}, "contract"},
		"mac":            {func(r *Record) { r.Profile.Mac = exact.Split }, Options{Tested: dev}, "--profile split"},
		"bounded record": {func(r *Record) { r.Profile.Mode = backend.BoundedMode }, Options{Tested: dev}, "no bits"},
		"bounded device": {func(*Record) {}, Options{Tested: bounded}, "no bits"},
		"unknown case":   {func(r *Record) { r.Cases[1].Case = "sort/float32/3x4" }, Options{Tested: dev}, "sort/float32"},
		"other suite":    {func(r *Record) { r.Cases[1].Case = "gather/float32/1x99991x99989/dense/any" }, Options{Tested: dev}, "unknown to this program's suite quick of gather: gather/float32/1x99991x99989"},
		"other data":     {func(r *Record) { r.Cases[0].Inputs = r.Cases[0].Outputs }, Options{Tested: dev}, "another version of the cases: " + rec.Cases[0].Case},
		"swapped names":  {func(r *Record) { r.Cases[0].Case, r.Cases[1].Case = r.Cases[1].Case, r.Cases[0].Case }, Options{Tested: dev}, "the data of 2 of"},
		"a case cut":     {func(r *Record) { r.Cases = r.Cases[1:] }, Options{Tested: dev}, "the record lacks 1 of the " + plural(len(rec.Cases), "case") + " of this program's suite quick of gather: " + rec.Cases[0].Case},
		"all but one":    {func(r *Record) { r.Cases = r.Cases[:1] }, Options{Tested: dev, Only: rec.Cases[0].Case}, "more"},
		"another suite":  {func(r *Record) { r.Suite = Full }, Options{Tested: dev}, "suite full of gather"},
		"no such case":   {func(*Record) {}, Options{Tested: dev, Op: "matmul"}, "no such case"},
		"no device":      {func(*Record) {}, Options{}, "needed"},
	} {
		changed := *rec
		changed.Cases = slices.Clone(rec.Cases)
		c.change(&changed)
		if _, err := Against(context.Background(), c.o, &changed); !errors.Is(err, backend.ErrArgument) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Against(context.Background(), Options{Tested: dev}, nil); !errors.Is(err, backend.ErrArgument) {
		t.Errorf("no record: %v", err)
	}
}

// TestAgainstSkipsWhatTheRecordSkipped: a case that the record's machine did
// not support is named as skipped, and counts against the budget.
func TestAgainstSkipsWhatTheRecordSkipped(t *testing.T) {
	dev := openNamed(t, "cpu", backend.Config{})
	rec := recordOf(t, dev, openNamed(t, "reference", backend.Config{}), "gather")
	changed := *rec
	changed.Skipped, changed.Cases = []string{rec.Cases[0].Case}, slices.Clone(rec.Cases[1:])
	r, err := Against(context.Background(), Options{Tested: dev}, &changed)
	if err != nil || len(r.Skipped) != 1 || r.Skipped[0].Case != rec.Cases[0].Case || r.Compared != len(changed.Cases) || r.Passed || r.SkipsCounted != 1 {
		t.Fatalf("%v: %+v", err, r)
	}
	r, err = Against(context.Background(), Options{Tested: dev, MaxSkipped: Budget{Count: 1}}, &changed)
	if err != nil || !r.Passed || r.Verdict != "the same bits" {
		t.Errorf("%v: %s", err, r.Verdict)
	}
}

// TestRunsSayWhatTheyProve: the fields of a report agree with Err, and an error
// that no case shows is a failure.
func TestRunsSayWhatTheyProve(t *testing.T) {
	plain := openNamed(t, "reference", backend.Config{})
	for fault, passed := range map[string]bool{"": true, "matmul-k-tail-dropped": false} {
		r, err := Run(context.Background(), Options{Tested: openNamed(t, "cpu", backend.Config{Fault: fault}), Against: plain, Op: "gather", Seed: 1, Fault: fault})
		if err != nil || r.Failed != 0 || r.Passed != passed || r.Passed != (r.Err() == nil) || !passed && (r.Verdict != r.Err().Error() || !strings.Contains(r.Verdict, "was not found")) {
			t.Errorf("%q: %v, passed %t: %s", fault, err, r.Passed, r.Verdict)
		}
		var junit, html bytes.Buffer
		p := Page{Report: r, Environment: r.Environment}
		if err := errors.Join(p.EncodeJUnit(&junit), p.EncodeHTML(&html)); err != nil {
			t.Fatal(err)
		}
		if failed := strings.Contains(junit.String(), "<failure"); failed == passed || strings.Contains(html.String(), `class="verdict bad"`) == passed || strings.Contains(html.String(), "was not found") == passed {
			t.Errorf("%q: the pages say otherwise: %s", fault, junit.String())
		}
	}
}

func TestNewRecordRefuses(t *testing.T) {
	good := &Report{Cases: 1, Compared: 1, Elements: 1, WithinBound: 1, BitIdentical: 1, Mode: exactMode, Results: []Result{{Case: "copy/x"}}}
	o := Options{Tested: open(t, &copier{name: "a"})}
	if _, err := NewRecord(o, good); err == nil || !strings.Contains(err.Error(), "no digests") {
		t.Errorf("without digests: %v", err)
	}
	bad := *good
	bad.Failed = 1
	if _, err := NewRecord(o, &bad); err == nil {
		t.Error("a failed run is recorded")
	}
	planted := *good
	planted.Fault = "matmul-x"
	if _, err := NewRecord(o, &planted); err == nil {
		t.Error("a run with a planted error is recorded")
	}
}

// sound is a small record that can be read.
func sound(t testing.TB) []byte {
	digest := strings.Repeat("0123456789abcdef", 4)
	rec := Record{Format: RecordFormat, Version: RecordVersion, Contract: exact.ContractVersion, Suite: Quick, Seed: 1, Profile: backend.Canonical(),
		Environment: Environment{Tested: Machine{Name: "cpu", Kind: "cpu", Renderer: "µ"}}, Skipped: []string{},
		Cases: []Recorded{{Case: "copy/a", Elements: 3, Inputs: digest, Outputs: digest}, {Case: "copy/b", Inputs: digest, Outputs: digest}}}
	return sealed(t, rec)
}

// sealed is a record as it is read, whatever it holds.
func sealed(t testing.TB, rec Record) []byte {
	t.Helper()
	if err := rec.seal(); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestDecodeRecordRefuses(t *testing.T) {
	text := string(sound(t))
	if _, err := DecodeRecord(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	digest := strings.Repeat("0123456789abcdef", 4)
	for name, c := range map[string]struct{ text, say string }{
		"empty":           {"", "cut short"},
		"truncated":       {text[:len(text)/2], "cut short"},
		"no json":         {"PK\x03\x04", "byte 1"},
		"another":         {text + "{}", "byte"},
		"other format":    {strings.Replace(text, RecordFormat, "manifest", 1), "format"},
		"other version":   {strings.Replace(text, `"version":2`, `"version":3`, 1), "version 3"},
		"unknown field":   {strings.Replace(text, `"suite"`, `"suites"`, 1), "unknown field"},
		"wrong type":      {strings.Replace(text, `"seed":1`, `"seed":-1`, 1), "field seed: want a whole number of at least 0, found number -1"},
		"a string":        {strings.Replace(text, `"elements":3`, `"elements":"3"`, 1), "field cases.elements: want a whole number, found a string"},
		"an array":        {`[1]`, "the file: want an object, found an array"},
		"a number":        {strings.Replace(text, `"mac":"fused"`, `"mac":2`, 1), "want a string"},
		"cut cases":       {text[:strings.Index(text, `,{"case":"copy/b"`)] + text[strings.Index(text, `],"sum"`):], "cut or damaged"},
		"edited digest":   {strings.Replace(text, digest, strings.Repeat("0", 64), 1), "damaged or edited"},
		"edited seed":     {strings.Replace(text, `"seed":1`, `"seed":2`, 1), "damaged or edited"},
		"edited machine":  {strings.Replace(text, "µ", "another", 1), "damaged or edited"},
		"edited flush":    {strings.Replace(text, `"subnormals":"keep"`, `"subnormals":"flush"`, 1), "damaged or edited"},
		"edited contract": {strings.Replace(text, `"contract":1`, `"contract":2`, 1), "damaged or edited"},
		"swapped names":   {strings.NewReplacer("copy/a", "copy/b", "copy/b", "copy/a").Replace(text), "damaged or edited"},
		"skipped as well": {strings.Replace(text, `"skipped":[]`, `"skipped":["copy/a"]`, 1), "twice"},
		"no sum":          {text[:strings.Index(text, `,"sum"`)] + "}", "damaged or edited"},
		"large seed":      {strings.Replace(text, `"seed":1`, `"seed":9007199254740992`, 1), "seed"},
		"unknown suite":   {strings.Replace(text, `"suite":"quick"`, `"suite":"slow"`, 1), "suite"},
		"unknown mac":     {strings.Replace(text, `"mac":"fused"`, `"mac":"both"`, 1), "both"},
		"unknown mode":    {strings.Replace(text, `"mode":"exact"`, `"mode":"some"`, 1), "mode"},
		"unknown flush":   {strings.Replace(text, `"subnormals":"keep"`, `"subnormals":"some"`, 1), "subnormals"},
		"no cases":        {text[:strings.Index(text, `"cases":`)] + `"cases":[]}`, "no cases"},
		"twice":           {strings.Replace(text, "copy/b", "copy/a", 1), "twice"},
		"no name":         {strings.Replace(text, "copy/b", "", 1), "no name"},
		"long name":       {strings.Replace(text, "copy/b", strings.Repeat("x", 1025), 1), "at most"},
		"escape sequence": {strings.Replace(text, "copy/b", `\u001b[2J`, 1), "control"},
		"in a renderer":   {strings.Replace(text, "µ", `a\nb`, 1), "control"},
		"elements":        {strings.Replace(text, `"elements":3`, `"elements":-3`, 1), "elements"},
		"short digest":    {strings.Replace(text, digest, digest[1:], 1), "SHA-256"},
		"upper case":      {strings.Replace(text, digest, strings.ToUpper(digest), 1), "SHA-256"},
	} {
		_, err := DecodeRecord(strings.NewReader(c.text))
		if !errors.Is(err, backend.ErrArgument) || !strings.Contains(err.Error(), c.say) || strings.Contains(err.Error(), "Go ") || strings.Contains(err.Error(), "json") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := DecodeRecord(endless{}); !errors.Is(err, backend.ErrArgument) || !strings.Contains(err.Error(), "larger") {
		t.Errorf("an endless file: %v", err)
	}
	if _, err := ReadRecord(filepath.Join(t.TempDir(), "none")); !errors.Is(err, backend.ErrArgument) {
		t.Errorf("a missing file: %v", err)
	}
}

// endless gives spaces for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// FuzzDecodeRecord: whatever is read gives a record that stays the same when
// written and read again, or an error.
func FuzzDecodeRecord(f *testing.F) {
	text := sound(f)
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte(`{"format":"samebits verify record","version":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rec, err := DecodeRecord(bytes.NewReader(text))
		if err != nil {
			if !errors.Is(err, backend.ErrArgument) {
				t.Fatal(err)
			}
			return
		}
		var b bytes.Buffer
		if err := rec.Encode(&b); err != nil {
			t.Fatal(err)
		}
		back, err := DecodeRecord(&b)
		if err != nil || !slices.Equal(back.Cases, rec.Cases) {
			t.Fatalf("%v: %+v became %+v", err, rec, back)
		}
	})
}

// TestDigestsCoverWhatTheySay: another bit, shape or type is another digest,
// another NaN is not.
func TestDigestsCoverWhatTheySay(t *testing.T) {
	base := func() *trial {
		return &trial{arrays: []*array{{name: "Y", dtype: backend.Float32, batch: 1, rows: 2, cols: 1, role: output}}}
	}
	nan := base().outputDigest(outputs{"Y": {0x7fc00000, 0}})
	if got := base().outputDigest(outputs{"Y": {0xffc12345, 0}}); got != nan {
		t.Error("another NaN is another digest")
	}
	seen := map[string]bool{nan: true}
	other := base()
	other.arrays[0].rows, other.arrays[0].cols = 1, 2
	named := base()
	named.arrays[0].name = "Z"
	ints := base()
	ints.arrays[0].dtype = backend.Int32
	for i, d := range []string{base().outputDigest(outputs{"Y": {0x7fc00000, 0x80000000}}), other.outputDigest(outputs{"Y": {0x7fc00000, 0}}),
		named.outputDigest(outputs{"Z": {0x7fc00000, 0}}), ints.outputDigest(outputs{"Y": {0x7fc00000, 0}}), ints.outputDigest(outputs{"Y": {0x7fc00001, 0}})} {
		if seen[d] {
			t.Errorf("digest %d is not its own", i)
		}
		seen[d] = true
	}
}

func TestCheckOutput(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "record.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{dir, filepath.Join(dir, "none", "x"), filepath.Join(path, "x")} {
		if err := CheckOutput(bad); !errors.Is(err, backend.ErrArgument) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := CheckOutput(path); err != nil {
		t.Error(err)
	}
	if in, err := os.ReadDir(dir); err != nil || len(in) != 1 {
		t.Errorf("left behind: %v, %v", in, err)
	}
}

// TestCheckFolder: a folder is new or empty, and asking makes nothing.
func TestCheckFolder(t *testing.T) {
	dir := t.TempDir()
	file, full, link := filepath.Join(dir, "file"), filepath.Join(dir, "full"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.MkdirAll(filepath.Join(full, "sub"), 0o700), os.Symlink(filepath.Join(dir, "none"), link)); err != nil {
		t.Fatal(err)
	}
	for path, say := range map[string]string{file: "not a directory", filepath.Join(file, "x", "y"): "not a directory", full: "not empty", dir: "not empty",
		filepath.Join(link, "x"): "no such file"} {
		err := CheckFolder(path)
		if !errors.Is(err, backend.ErrArgument) || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{filepath.Join(full, "sub"), filepath.Join(dir, "a", "b")} {
		if err := CheckFolder(path); err != nil {
			t.Error(err)
		}
	}
	if in, err := os.ReadDir(dir); err != nil || len(in) != 3 {
		t.Errorf("left behind: %v, %v", in, err)
	}
}
