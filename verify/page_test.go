package verify

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"samebits/backend"
)

// nasty holds what XML and HTML must escape, and what XML cannot hold at all.
const nasty = "<script>alert('x')</script> & \"q\" \x00\x1b[2J\xff ]]> </testcase>"

// fullPage has something of everything, nasty wherever text comes from outside.
func fullPage() Page {
	r := &Report{Suite: Quick, Tested: "gl:0", Against: "cpu", Mode: exactMode, Cases: 4, Compared: 3, Elements: 12, BitIdentical: 2, WithinBound: 2, Failed: 2,
		WorstError: Number(math.NaN()), ChecksFailed: 1, SkipsCounted: 1, SkipBudget: 2,
		Ops: []OpCount{{Op: "copy", Cases: 4, Compared: 3, Elements: 12, BitIdentical: 2, WithinBound: 2, Failed: 2, Skipped: 1, WorstError: 3.5,
			Errors: Histogram{Exact: 1000, Over: 1, NaN: 2, Counts: [histogramBins]int64{3: 7}}}},
		Skipped: []Skip{{Case: "copy/c", Op: "copy", Reason: nasty}},
		Checks: []Check{{Kind: "relations", Name: "copy/twice", Op: "copy", Passed: true, Message: "would find " + nasty, Seconds: 0.5},
			{Kind: "relations", Name: "copy/once", Op: "copy", Message: nasty}, {Kind: "samplers", Name: "fill/skip", Op: "fill", Skipped: nasty}}}
	bits := Failure{Case: "copy/b", Op: "copy", Kind: "bits", Side: "gl:0", Message: nasty, Repeat: "samebits verify --case 'copy/b'"}
	broke := Failure{Case: "copy/d", Op: "copy", Kind: "error", Side: "gl:0 and cpu", Message: nasty}
	r.Failures = []Failure{bits, broke}
	r.Results = []Result{{Case: "copy/a", Op: "copy", Seconds: 0.25, Elements: 12}, {Case: "copy/b", Op: "copy", Seconds: 1e-7, Failure: &bits},
		{Case: "copy/c", Op: "copy", Skipped: nasty}, {Case: "copy/d", Op: "copy", Failure: &broke}}
	r.Artefacts = []*Artefact{{Failure: bits, ShaderHash: "abc", Maps: []Map{{Output: "Y", Batch: 1, Rows: 2, Cols: 2, heats: []heat{0, 1, 2, 3}}}}}
	k := &KillReport{Mutants: 2, Killed: 1, Survivors: []string{"cpu/b"}, FalseAlarms: 1, Alarms: []string{nasty}, CleanRuns: 20, CleanCases: 400, CleanSeconds: 2.5, Checks: []string{"bits", "bounds"},
		Matrix: []KillRow{{Mutant: "a", Target: "cpu", Seconds: 0.75, KilledBy: []string{"bits"}, Passed: []string{"bounds"}, Signs: map[string]string{"bits": nasty}}, {Mutant: "b", Target: "cpu", About: nasty}}}
	return Page{Title: "verify " + nasty, Seconds: 12.5, Report: r, Kill: k,
		Environment: Environment{Tested: Machine{Name: "gl:0", Renderer: nasty, Driver: "4.5", Profile: backend.Canonical()}, Against: &Machine{Name: "cpu"}, Date: "2026-11-23T10:00:00Z", Contract: 1}}
}

// TestJUnitIsWhatReadersExpect: well formed, counts that add up, no attribute
// or element besides those that Jenkins and GitLab read, and every case in it.
func TestJUnitIsWhatReadersExpect(t *testing.T) {
	var b bytes.Buffer
	if err := fullPage().EncodeJUnit(&b); err != nil {
		t.Fatal(err)
	}
	type message struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	var got struct {
		XMLName                 xml.Name `xml:"testsuites"`
		Tests, Failures, Errors int      `xml:",attr"`
		T                       int      `xml:"tests,attr"`
		F                       int      `xml:"failures,attr"`
		E                       int      `xml:"errors,attr"`
		Suites                  []struct {
			Name      string `xml:"name,attr"`
			Tests     int    `xml:"tests,attr"`
			Failures  int    `xml:"failures,attr"`
			Errors    int    `xml:"errors,attr"`
			Skipped   int    `xml:"skipped,attr"`
			Timestamp string `xml:"timestamp,attr"`
			Cases     []struct {
				Name    string   `xml:"name,attr"`
				Class   string   `xml:"classname,attr"`
				Time    float64  `xml:"time,attr"`
				Failure *message `xml:"failure"`
				Error   *message `xml:"error"`
				Skipped *message `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var names []string
	tests, failures, errs, skips := 0, 0, 0, 0
	for _, s := range got.Suites {
		n, f, e, k := 0, 0, 0, 0
		for _, c := range s.Cases {
			names = append(names, c.Class+":"+c.Name)
			n++
			switch {
			case c.Failure != nil:
				f++
				if c.Failure.Message == "" || c.Failure.Type == "" {
					t.Errorf("%s: %+v", c.Name, c.Failure)
				}
			case c.Error != nil:
				e++
			case c.Skipped != nil:
				k++
				if !strings.Contains(c.Skipped.Message, "<script>") || strings.ContainsRune(c.Skipped.Message, 0x1b) {
					t.Errorf("%s: skipped for %q", c.Name, c.Skipped.Message)
				}
			}
		}
		if n != s.Tests || f != s.Failures || e != s.Errors || k != s.Skipped || s.Timestamp != "2026-11-23T10:00:00" {
			t.Errorf("%s says %d, %d, %d, %d at %s, holds %d, %d, %d, %d", s.Name, s.Tests, s.Failures, s.Errors, s.Skipped, s.Timestamp, n, f, e, k)
		}
		tests, failures, errs, skips = tests+n, failures+f, errs+e, skips+k
	}
	if tests != 11 || got.T != tests || got.F != failures || got.E != errs || failures != 5 || errs != 1 || skips != 2 {
		t.Errorf("%d tests (%d), %d failures (%d), %d errors (%d), %d skips: %q", got.T, tests, got.F, failures, got.E, errs, skips, names)
	}
	allowed := map[string]string{"testsuites": "name tests failures errors time", "testsuite": "name tests failures errors skipped time timestamp",
		"properties": "", "property": "name value", "testcase": "name classname time", "skipped": "message", "failure": "message type", "error": "message type"}
	dec := xml.NewDecoder(bytes.NewReader(b.Bytes()))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attributes, known := allowed[start.Name.Local]
		for _, a := range start.Attr {
			known = known && strings.Contains(" "+attributes+" ", " "+a.Name.Local+" ")
		}
		if !known {
			t.Errorf("element %v", start)
		}
	}
	if strings.Contains(b.String(), "e-") && regexp.MustCompile(`time="[^"]*e`).MatchString(b.String()) {
		t.Error("a time is no plain decimal")
	}
}

// TestHTMLStandsAlone: nothing is fetched, nothing from outside is markup, and
// each part is there.
func TestHTMLStandsAlone(t *testing.T) {
	var b bytes.Buffer
	if err := fullPage().EncodeHTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, bad := range []string{"<script", "http:", "https:", "<link", "@import", "url(", "ZgotmplZ", "<no value>", "onerror", "<iframe"} {
		if strings.Contains(text, bad) {
			t.Errorf("it holds %q", bad)
		}
	}
	for _, m := range regexp.MustCompile(`(?i)\s(src|href|action)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[2], "data:image/png;base64,iVBOR") {
			t.Errorf("it refers to %.60q", m[0])
		}
	}
	for _, part := range []string{"&lt;script&gt;", "Environment", "Operations and backends", "Errors in bounds", "Planted errors", "Failures", "Checks", "Skipped",
		"copy/b", "samebits verify --case", "gl:0 wrong", "survived: cpu/b", "<rect class=\"over\"", "relations: 1 of 2 hold, 1 failed", "folded by 16×16", "Content-Security-Policy",
		"prefers-color-scheme: dark", "@media print", "1 false alarm in 400 clean cases of 20 seeds", "boundary (0)"} {
		if !strings.Contains(text, part) {
			t.Errorf("it lacks %q", part)
		}
	}
	// A page with nothing but the environment, and one of planted errors alone.
	full := fullPage()
	for _, p := range []Page{{Title: "empty", Environment: full.Environment}, {Title: "faults", Environment: Options{}.Environment(), Kill: full.Kill}} {
		b.Reset()
		if err := p.EncodeHTML(&b); err != nil || !strings.HasSuffix(b.String(), "</html>\n") || strings.Contains(b.String(), "Operations and backends") {
			t.Errorf("%s: %v: %s", p.Title, err, b.String())
		}
		b.Reset()
		if err := p.EncodeJUnit(&b); err != nil || strings.Contains(b.String(), `tests="0" failures="0" errors="0" skipped`) {
			t.Errorf("%s: %v: %s", p.Title, err, b.String())
		}
		if p.Kill != nil && (!strings.Contains(b.String(), `name="clean runs" classname="verify.faults" time="2.500000"`) || !strings.Contains(b.String(), `name="cpu/a" classname="verify.faults" time="0.750000"`)) {
			t.Errorf("no times: %s", b.String())
		}
	}
}
