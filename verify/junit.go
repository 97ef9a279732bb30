package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The elements of a JUnit report as Jenkins and GitLab read them. Package xml
// escapes them, and puts U+FFFD for characters that XML cannot hold.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     junitSeconds `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       junitSeconds    `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		Time      junitSeconds  `xml:"time,attr"`
		Skipped   *junitMessage `xml:"skipped"`
		Error     *junitMessage `xml:"error"`
		Failure   *junitMessage `xml:"failure"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
	junitSeconds float64
)

// MarshalText implements encoding.TextMarshaler: plain decimals, as XML's
// decimal type wants.
func (s junitSeconds) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%.6f", float64(s)), nil }

// EncodeJUnit writes the page as JUnit XML: a suite an operation with a
// test a case, one a kind of checks, one for the planted errors, and one for
// the verdict on the whole. A page of neither run nor matrix has no suite.
func (p Page) EncodeJUnit(w io.Writer) error {
	all := junitSuites{Name: p.Title, Time: junitSeconds(p.Seconds), Suites: p.junitSuites()}
	stamp := strings.TrimSuffix(p.Environment.Date, "Z")
	for i := range all.Suites {
		s := &all.Suites[i]
		s.Timestamp = stamp
		for _, c := range s.Cases {
			s.Tests++
			s.Time += c.Time
			switch {
			case c.Error != nil:
				s.Errors++
			case c.Failure != nil:
				s.Failures++
			case c.Skipped != nil:
				s.Skipped++
			}
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (p Page) junitSuites() []junitSuite {
	whole := junitSuite{Name: "verify.run", Properties: p.junitProperties()}
	var suites []junitSuite
	if p.Report == nil && p.Kill == nil {
		return nil
	}
	verdict := junitCase{Name: "verdict", ClassName: whole.Name}
	if err := p.Err(); err != nil {
		verdict.Failure = &junitMessage{Message: err.Error(), Type: "verdict"}
	}
	if r := p.Report; r != nil {
		if verdict.Failure != nil {
			verdict.Failure.Text = r.Summary()
		}
		suites = append(r.junitCases(), r.junitChecks()...)
	}
	whole.Cases = []junitCase{verdict}
	if k := p.Kill; k != nil {
		clean := junitCase{Name: "clean runs", ClassName: "verify.faults", Time: junitSeconds(k.CleanSeconds)}
		if k.FalseAlarms > 0 {
			clean.Failure = &junitMessage{Message: plural(k.FalseAlarms, "false alarm"), Type: "false alarm", Text: strings.Join(k.Alarms, "\n")}
		}
		s := junitSuite{Name: "verify.faults", Cases: []junitCase{clean}}
		for _, m := range k.Matrix {
			c := junitCase{Name: m.Target + "/" + m.Mutant, ClassName: "verify.faults", Time: junitSeconds(m.Seconds)}
			if len(m.KilledBy) == 0 {
				c.Failure = &junitMessage{Message: "survived: " + m.About, Type: "survivor"}
			}
			s.Cases = append(s.Cases, c)
		}
		suites = append(suites, s)
	}
	return append([]junitSuite{whole}, suites...)
}

func (p Page) junitProperties() []junitProperty {
	var list []junitProperty
	for _, row := range p.environmentRows() {
		list = append(list, junitProperty{row.Name, row.Value})
	}
	return list
}

// junitCases are the suites of the operations.
func (r *Report) junitCases() []junitSuite {
	var suites []junitSuite
	at := map[string]int{}
	for _, op := range r.Ops {
		at[op.Op] = len(suites)
		suites = append(suites, junitSuite{Name: "verify." + op.Op})
	}
	for _, res := range r.Results {
		s := &suites[at[res.Op]]
		c := junitCase{Name: res.Case, ClassName: s.Name, Time: junitSeconds(res.Seconds)}
		switch f := res.Failure; {
		case res.Skipped != "":
			c.Skipped = &junitMessage{Message: res.Skipped}
		case f != nil:
			m := &junitMessage{Message: f.Message, Type: f.Kind, Text: strings.TrimSpace("wrong: " + f.Side + "\n" + f.Repeat)}
			if f.Kind == "error" {
				c.Error = m
			} else {
				c.Failure = m
			}
		}
		s.Cases = append(s.Cases, c)
	}
	return suites
}

// junitChecks are the suites of the checks.
func (r *Report) junitChecks() []junitSuite {
	var suites []junitSuite
	at := map[string]int{}
	for _, k := range r.Checks {
		i, ok := at[k.Kind]
		if !ok {
			i = len(suites)
			at[k.Kind] = i
			suites = append(suites, junitSuite{Name: "verify." + k.Kind})
		}
		c := junitCase{Name: k.Name, ClassName: suites[i].Name, Time: junitSeconds(k.Seconds)}
		switch {
		case k.Skipped != "":
			c.Skipped = &junitMessage{Message: k.Skipped}
		case !k.Passed:
			c.Failure = &junitMessage{Message: k.Message, Type: k.Kind}
		}
		suites[i].Cases = append(suites[i].Cases, c)
	}
	return suites
}
