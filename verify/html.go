package verify

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
)

//go:embed report.html.tmpl
var reportText string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"plural": plural,
	"number": func(v any) string { return fmt.Sprintf("%.3g", v) },
	"date":   func(s string) string { return strings.TrimSuffix(strings.Replace(s, "T", " ", 1), "Z") + " UTC" },
}).Parse(reportText))

// EncodeHTML writes the page as one HTML file that needs nothing else: no scripts,
// fonts, styles or pictures from elsewhere. Everything that it shows is
// escaped.
func (p Page) EncodeHTML(w io.Writer) error {
	v := htmlView{Page: p, Rows: p.environmentRows(), Verdict: "passed", Passed: true}
	if err := p.Err(); err != nil {
		v.Verdict, v.Passed = err.Error(), false
	}
	if r := p.Report; r != nil {
		v.Ops, v.Histograms, v.Skips = r.htmlOps(), r.htmlHistograms(), r.SkipReasons()
		var err error
		if v.Failures, err = r.htmlFailures(); err != nil {
			return err
		}
	}
	if k := p.Kill; k != nil {
		v.Mutants = k.htmlMutants()
	}
	return reportTemplate.Execute(w, v)
}

// htmlView is what the template sees.
type htmlView struct {
	Page
	Rows       []environmentRow
	Verdict    string
	Passed     bool
	Ops        []htmlOp
	Histograms []htmlHistogram
	Failures   []htmlFailure
	Skips      []SkipReason
	Mutants    []htmlMutant
}

type environmentRow struct{ Name, Value string }

// environmentRows is the environment, what is known of it.
func (p Page) environmentRows() []environmentRow {
	e := p.Environment
	rows := []environmentRow{}
	add := func(name, value string) {
		if strings.TrimSpace(value) != "" {
			rows = append(rows, environmentRow{name, value})
		}
	}
	machine := func(what string, m Machine) {
		if m.Name == "" {
			return
		}
		add(what, m.Name)
		add(what+" renderer", m.Renderer)
		add(what+" driver", m.Driver)
		add(what+" profile", m.Profile.String()+", "+string(m.Profile.Mode))
	}
	machine("tested", e.Tested)
	if e.Against != nil {
		machine("against", *e.Against)
	}
	if r := p.Report; r != nil {
		if s := r.Record; s != nil {
			machine("record's device", s.Device)
			add("record made", s.Date+" by "+s.Program)
		}
		add("suite", string(r.Suite))
		add("mode", r.Mode)
		add("planted error", r.Fault)
	}
	add("contract", fmt.Sprint(e.Contract))
	add("seed", fmt.Sprint(e.Seed))
	add("processor", e.Processor)
	add("processors used", fmt.Sprint(e.Processors))
	add("platform", e.Platform)
	add("go", e.Go)
	add("program", strings.TrimSpace(e.Program+" "+e.Revision))
	add("date", e.Date)
	return rows
}

// htmlOp is one row of the matrix of operations and backends.
type htmlOp struct {
	OpCount
	TestedWrong, AgainstWrong int // failed cases that name the side
}

func (r *Report) htmlOps() []htmlOp {
	var rows []htmlOp
	for _, op := range r.Ops {
		row := htmlOp{OpCount: op}
		for _, res := range r.Results {
			if f := res.Failure; f != nil && res.Op == op.Op {
				both := f.Side == r.Tested+" and "+r.Against
				if both || f.Side == r.Tested {
					row.TestedWrong++
				}
				if both || f.Side == r.Against {
					row.AgainstWrong++
				}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// htmlHistogram is a histogram drawn as SVG: bars from left to right, the
// last three right, outside the bound and without a number.
type htmlHistogram struct {
	Op    string
	Worst float64
	Total int64
	Bars  []htmlBar
}

type htmlBar struct {
	X, Y, Height float64 // in the units of the picture, 60 high
	Kind         string  // exact, in, over or nan
	Title        string
}

// Size of a histogram's bars: their height is logarithmic, so that one word
// among millions shows.
const (
	barHeight = 60.0
	barStep   = 12.0
)

func (r *Report) htmlHistograms() []htmlHistogram {
	var all []htmlHistogram
	for _, op := range r.Ops {
		h := op.Errors
		total := h.Total()
		if total == 0 {
			continue
		}
		g := htmlHistogram{Op: op.Op, Worst: float64(op.WorstError), Total: total}
		add := func(n int64, kind, title string) {
			height := 0.0
			if n > 0 {
				height = barHeight * max(0.05, math.Log2(1+float64(n))/math.Log2(1+float64(total)))
			}
			g.Bars = append(g.Bars, htmlBar{X: barStep * float64(len(g.Bars)), Y: barHeight - height, Height: height, Kind: kind, Title: fmt.Sprintf("%s: %d of %d", title, n, total)})
		}
		add(h.Exact, "exact", "no error")
		for i, n := range h.Counts {
			add(n, "in", fmt.Sprintf("up to 2^%d bounds", lowestBin+i))
		}
		add(h.Over, "over", "outside the bound")
		add(h.NaN, "nan", "no number")
		all = append(all, g)
	}
	return all
}

// htmlFailure is a failure with its pictures, where its data were kept.
type htmlFailure struct {
	Failure
	ShaderHash string
	Pictures   []htmlPicture
}

type htmlPicture struct {
	Title string
	// URL is safe: it is the base64 of a PNG that this program has drawn.
	URL template.URL
}

func (r *Report) htmlFailures() ([]htmlFailure, error) {
	kept := map[string]*Artefact{}
	for _, a := range r.Artefacts {
		kept[a.Failure.Case] = a
	}
	var all []htmlFailure
	for _, f := range r.Failures {
		h := htmlFailure{Failure: f}
		if a := kept[f.Case]; a != nil {
			h.ShaderHash = a.ShaderHash
			for _, m := range a.Maps {
				whole, err := m.PNG()
				if err != nil {
					return nil, err
				}
				folded, err := m.Folded(FoldRows, FoldCols)
				if err != nil {
					return nil, err
				}
				h.Pictures = append(h.Pictures, picture("errors of "+m.Output, whole),
					picture(fmt.Sprintf("%s folded by %d×%d", m.Output, FoldRows, FoldCols), folded))
			}
		}
		all = append(all, h)
	}
	return all, nil
}

func picture(title string, png []byte) htmlPicture {
	return htmlPicture{Title: title, URL: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))}
}

// htmlMutant is a row of the kill matrix.
type htmlMutant struct {
	KillRow
	Cells []htmlCell
}

// htmlCell is what a check made of a planted error: killed, missed or nothing.
type htmlCell struct{ Kind, Sign string }

func (k *KillReport) htmlMutants() []htmlMutant {
	var rows []htmlMutant
	for _, m := range k.Matrix {
		row := htmlMutant{KillRow: m}
		for _, check := range k.Checks {
			c := htmlCell{Sign: m.Signs[check]}
			switch {
			case slices.Contains(m.KilledBy, check):
				c.Kind = "killed"
			case slices.Contains(m.Passed, check):
				c.Kind = "missed"
			}
			row.Cells = append(row.Cells, c)
		}
		rows = append(rows, row)
	}
	return rows
}

// SkipReason is a reason for which cases or checks were left out.
type SkipReason struct {
	Op, Reason string
	Count      int
}

// SkipReasons counts the skips, in the order in which their reasons came.
func (r *Report) SkipReasons() []SkipReason {
	var all []SkipReason
	at := map[[2]string]int{}
	add := func(op, reason string) {
		key := [2]string{op, reason}
		i, ok := at[key]
		if !ok {
			i = len(all)
			at[key] = i
			all = append(all, SkipReason{Op: op, Reason: reason})
		}
		all[i].Count++
	}
	for _, s := range r.Skipped {
		add(s.Op, s.Reason)
	}
	for _, c := range r.Checks {
		if c.Skipped != "" {
			add(c.Name, c.Skipped)
		}
	}
	return all
}
