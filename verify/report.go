package verify

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"samebits/verify/internal/broken"
)

// Report is the result of a run.
type Report struct {
	Passed       bool      `json:"passed"`  // Err is nil
	Verdict      string    `json:"verdict"` // what was shown, or Err's message
	Suite        Suite     `json:"suite"`
	Tested       string    `json:"tested"`        // the device under test
	Against      string    `json:"against"`       // the device it is compared with
	Mode         string    `json:"mode"`          // exact or bounded
	Fault        string    `json:"fault"`         // the error planted into the device under test
	Cases        int       `json:"cases"`         // compared and skipped
	Compared     int       `json:"compared"`      // cases that ran on both devices
	Elements     int64     `json:"elements"`      // output words compared
	BitIdentical int       `json:"bit_identical"` // cases whose outputs have the same bits
	WithinBound  int       `json:"within_bound"`  // cases with both sides within the oracle's bounds
	Failed       int       `json:"failed"`        // cases
	Boundary     int64     `json:"boundary"`      // choices that the bounds leave open
	Alarms       int64     `json:"alarms"`        // elements within the bounds, but farther off than chance explains
	WorstError   Number    `json:"worst_error"`   // the largest error, in bounds
	Ops          []OpCount `json:"ops"`
	Skipped      []Skip    `json:"skipped"`
	Uncompared   []string  `json:"uncompared"`  // operations of which no element was compared
	Unsupported  []string  `json:"unsupported"` // those of Uncompared that a device says it does not support; Skipped has its words
	Failures     []Failure `json:"failures"`
	Checks       []Check   `json:"checks"`        // relations and samplers
	ChecksFailed int       `json:"checks_failed"` // of Checks
	// SkipBudget is how many skips the run may have besides those of Unsupported
	// operations, SkipsCounted how many it has: cases and checks.
	SkipBudget   int         `json:"skip_budget"`
	SkipsCounted int         `json:"skips_counted"`
	Record       *Source     `json:"record"` // what the run was compared with in place of a device, nil for none
	Environment  Environment `json:"environment"`

	// Results has every case in the order in which it ran.
	Results []Result `json:"-"`
	// Artefacts has the data of the first failed cases, as many as Options.Keep.
	Artefacts []*Artefact `json:"-"`
}

// Result is what became of one case.
type Result struct {
	Case    string
	Op      string
	Seconds float64
	// Elements is the number of output words compared.
	Elements int
	Skipped  string   // the reason, empty where the case was compared
	Failure  *Failure // nil where it passed or was skipped
	// Inputs and Outputs are the digests that a Record holds, where Options.Digests
	// asked for them.
	Inputs, Outputs string
}

// OpCount is a Report's part of one operation.
type OpCount struct {
	Op           string  `json:"op"`
	Cases        int     `json:"cases"`
	Compared     int     `json:"compared"`
	Elements     int64   `json:"elements"`
	BitIdentical int     `json:"bit_identical"`
	WithinBound  int     `json:"within_bound"`
	Failed       int     `json:"failed"`
	Skipped      int     `json:"skipped"`
	Boundary     int64   `json:"boundary"`
	Alarms       int64   `json:"alarms"`
	WorstError   Number  `json:"worst_error"`
	Seconds      float64 `json:"seconds"` // on both devices, the oracle not counted
	// Errors are those of the device under test.
	Errors Histogram `json:"errors"`
}

// Skip is a case that was not compared.
type Skip struct {
	Case   string `json:"case"`
	Op     string `json:"op"`
	Reason string `json:"reason"`
}

// Failure is a case that shows an error.
type Failure struct {
	Case string `json:"case"`
	Op   string `json:"op"`
	Seed uint64 `json:"seed"`
	// Kind is bits (the sides differ, both within the bound), bound (a side
	// lies outside it), memory (a guard word or an input was overwritten),
	// unstable (two runs of one device differ) or error (a device refused or
	// failed).
	Kind string `json:"kind"`
	// Side names the device that is wrong.
	Side    string `json:"side"`
	Message string `json:"message"`
	Output  string `json:"output"`
	// FirstDifference is the first word in which the two outputs differ, −1
	// for none; complex numbers have two words.
	FirstDifference int `json:"first_difference"`
	// Element is the element shown, in row-major order, at Batch, Row, Column.
	Element int    `json:"element"`
	Batch   int    `json:"batch"`
	Row     int    `json:"row"`
	Column  int    `json:"column"`
	Tested  Value  `json:"tested"`
	Against Value  `json:"against"`
	Oracle  Oracle `json:"oracle"`
	// Repeat is the command that runs this case again.
	Repeat string `json:"repeat"`
	// Shrunk is the smallest case found that still fails, where one was sought;
	// ShrunkRepeat is the command that runs it, Artefacts the folder of its data.
	Shrunk       string `json:"shrunk"`
	ShrunkRepeat string `json:"shrunk_repeat"`
	Artefacts    string `json:"artefacts"`
}

// Value is one word of an output.
type Value struct {
	Bits   string `json:"bits"` // hexadecimal
	Number Number `json:"number"`
}

func (v Value) String() string { return fmt.Sprintf("%v (%s)", float64(v.Number), v.Bits) }

// Oracle is the right value and how far from it a right result may lie.
type Oracle struct {
	Value Number `json:"value"`
	Bound Number `json:"bound"`
}

// Number is a float64 that is null in JSON where it is not finite.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if !finite(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// Err returns nil if the run proves what it is for, else what speaks against
// it: a failed case or check, nothing compared, an operation of which nothing
// was compared although no device says that it lacks it, an aggregate that is
// no number, more skips than the budget allows, or a planted error that was not
// found.
func (r *Report) Err() error {
	switch {
	case r.Failed > 0:
		return fmt.Errorf("%d of %s failed", r.Failed, plural(r.Compared, "case"))
	case r.ChecksFailed > 0:
		return fmt.Errorf("%d of %s failed", r.ChecksFailed, plural(len(r.Checks), "check"))
	case (r.Compared == 0 || r.Elements == 0) && !broken.Is(broken.NothingPasses):
		return fmt.Errorf("nothing was compared: %s, all skipped or empty", plural(r.Cases, "case"))
	case len(r.Uncompared) > len(r.Unsupported):
		return fmt.Errorf("no element was compared of %s", strings.Join(without(r.Uncompared, r.Unsupported), ", "))
	case math.IsNaN(float64(r.WorstError)):
		return fmt.Errorf("the largest error is not a number")
	case r.WithinBound != r.Compared:
		return fmt.Errorf("%d of %s within the bounds", r.WithinBound, plural(r.Compared, "case"))
	case r.Mode == exactMode && r.BitIdentical != r.Compared:
		return fmt.Errorf("%d of %s with the same bits", r.BitIdentical, plural(r.Compared, "case"))
	case r.SkipsCounted > r.SkipBudget:
		return fmt.Errorf("%d skipped of operations that the devices support, %d allowed", r.SkipsCounted, r.SkipBudget)
	case r.Fault != "":
		return fmt.Errorf("the planted error %s was not found by these cases", r.Fault)
	}
	return nil
}

// Summary returns the run in one line.
func (r *Report) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s against %s: %s, %d compared, %d bit-identical, %d within bounds, %d failed, %d skipped",
		r.Tested, r.Against, plural(r.Cases, "case"), r.Compared, r.BitIdentical, r.WithinBound, r.Failed, len(r.Skipped))
	if len(r.Checks) > 0 {
		fmt.Fprintf(&b, "; %s", r.checkSummary())
	}
	if len(r.Unsupported) > 0 {
		fmt.Fprintf(&b, "; not supported, so not compared: %s", strings.Join(r.Unsupported, ", "))
	}
	if rest := without(r.Uncompared, r.Unsupported); len(rest) > 0 {
		fmt.Fprintf(&b, "; not compared: %s", strings.Join(rest, ", "))
	}
	if r.Fault != "" {
		fmt.Fprintf(&b, "; planted error %s", r.Fault)
	}
	return b.String()
}

// without returns the names that are not among others.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(others, name) })
}

// newReport is the report of a run before its first case.
func newReport(o Options, tested, against string, cases int) *Report {
	r := &Report{Suite: o.Suite, Tested: tested, Against: against, Mode: o.mode(), Fault: o.Fault, Cases: cases, Ops: []OpCount{},
		Skipped: []Skip{}, Failures: []Failure{}, Uncompared: []string{}, Unsupported: []string{}, Checks: []Check{}, Environment: o.Environment()}
	if r.Suite == "" {
		r.Suite = Quick
	}
	return r
}

// count adds one case.
func (r *Report) count(o Options, op *OpCount, c Case, x *examination) {
	op.Cases++
	op.Seconds += x.seconds
	res := Result{Case: c.Name, Op: c.Op, Seconds: x.seconds, Elements: x.elements, Skipped: x.skipped, Failure: x.failure}
	if x.skipped != "" {
		op.Skipped++
		r.Skipped = append(r.Skipped, Skip{Case: c.Name, Op: c.Op, Reason: x.skipped})
		r.Results = append(r.Results, res)
		return
	}
	if o.Digests && x.tested.err == nil {
		res.Inputs, res.Outputs = x.trial.inputDigest(), x.trial.outputDigest(x.tested.out)
	}
	r.Results = append(r.Results, res)
	r.Compared++
	op.Compared++
	r.Elements += int64(x.elements)
	op.Elements += int64(x.elements)
	r.Boundary += int64(x.boundary)
	op.Boundary += int64(x.boundary)
	r.Alarms += int64(x.alarms)
	op.Alarms += int64(x.alarms)
	r.WorstError = Number(worse(float64(r.WorstError), x.worst))
	op.WorstError = Number(worse(float64(op.WorstError), x.worst))
	op.Errors.merge(x.errors)
	if x.bitIdentical {
		r.BitIdentical++
		op.BitIdentical++
	}
	if x.withinBound {
		r.WithinBound++
		op.WithinBound++
	}
	if x.failure == nil {
		return
	}
	r.Failed++
	op.Failed++
	if len(r.Failures) < o.maxFailures() {
		r.Failures = append(r.Failures, *x.failure)
		r.keep(o, c, x)
	}
}

// keep keeps the data of a failed case: of the first, and of those with the
// largest outputs, in which a pattern shows best.
func (r *Report) keep(o Options, c Case, x *examination) {
	if len(r.Artefacts) >= o.Keep {
		least := -1
		for i := 1; i < len(r.Artefacts); i++ {
			if n := r.Artefacts[i].elements; n < x.elements && (least < 0 || n < r.Artefacts[least].elements) {
				least = i
			}
		}
		if least < 0 {
			return
		}
		r.Artefacts = slices.Delete(r.Artefacts, least, least+1)
	}
	r.Artefacts = append(r.Artefacts, newArtefact(o, c, x))
}

func (o Options) maxFailures() int {
	if o.MaxFailures == 0 {
		return 100
	}
	return o.MaxFailures
}

// finish says what was not compared, counts the skips and gives the verdict.
func (r *Report) finish(o Options) {
	for _, op := range r.Ops {
		if op.Elements == 0 { // cases of empty tensors run everywhere and prove nothing
			r.Uncompared = append(r.Uncompared, op.Op)
			if op.Skipped > 0 && op.Failed == 0 {
				r.Unsupported = append(r.Unsupported, op.Op)
			}
		}
	}
	// What was left out of operations of which something was compared.
	compared := func(op string) bool {
		return slices.ContainsFunc(r.Ops, func(c OpCount) bool { return c.Op == op && !slices.Contains(r.Unsupported, op) })
	}
	for _, s := range r.Skipped {
		if compared(s.Op) {
			r.SkipsCounted++
		}
	}
	for _, c := range r.Checks {
		if c.Skipped != "" && compared(c.Op) {
			r.SkipsCounted++
		}
	}
	r.SkipBudget = o.MaxSkipped.of(r.Cases + len(r.Checks))
	switch err := r.Err(); {
	case err != nil:
		r.Verdict = err.Error()
	case r.Mode == exactMode:
		r.Passed, r.Verdict = true, "the same bits"
	default:
		r.Passed, r.Verdict = true, "within the bounds"
	}
}
