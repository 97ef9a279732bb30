package verify

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Report is the result of a run.
type Report struct {
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
	WorstError   Number    `json:"worst_error"`   // the largest error, in bounds
	Ops          []OpCount `json:"ops"`
	Skipped      []Skip    `json:"skipped"`
	Uncompared   []string  `json:"uncompared"`  // operations of which no element was compared
	Unsupported  []string  `json:"unsupported"` // those of Uncompared that a device says it does not support; Skipped has its words
	Failures     []Failure `json:"failures"`
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
	WorstError   Number  `json:"worst_error"`
	Seconds      float64 `json:"seconds"` // on both devices, the oracle not counted
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
	// lies outside it), memory (a guard word or an input was overwritten) or
	// error (a device refused or failed).
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
// it: a failed case, nothing compared, an operation of which nothing was
// compared although no device says that it lacks it, or an aggregate that is
// no number.
func (r *Report) Err() error {
	switch {
	case r.Failed > 0:
		return fmt.Errorf("%d of %d cases failed", r.Failed, r.Compared)
	case r.Compared == 0 || r.Elements == 0:
		return fmt.Errorf("nothing was compared: %d cases, all skipped or empty", r.Cases)
	case len(r.Uncompared) > len(r.Unsupported):
		return fmt.Errorf("no element was compared of %s", strings.Join(without(r.Uncompared, r.Unsupported), ", "))
	case math.IsNaN(float64(r.WorstError)):
		return fmt.Errorf("the largest error is not a number")
	case r.WithinBound != r.Compared:
		return fmt.Errorf("%d of %d cases lie within the bounds", r.WithinBound, r.Compared)
	case r.Mode == exactMode && r.BitIdentical != r.Compared:
		return fmt.Errorf("%d of %d cases have the same bits", r.BitIdentical, r.Compared)
	}
	return nil
}

// Summary returns the run in one line.
func (r *Report) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s against %s: %d cases, %d compared, %d bit-identical, %d within bounds, %d failed, %d skipped",
		r.Tested, r.Against, r.Cases, r.Compared, r.BitIdentical, r.WithinBound, r.Failed, len(r.Skipped))
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

// count adds one case's comparison.
func (r *Report) count(op *OpCount, c comparison) {
	r.Compared++
	op.Compared++
	r.Elements += int64(c.elements)
	op.Elements += int64(c.elements)
	r.Boundary += int64(c.boundary)
	op.Boundary += int64(c.boundary)
	r.WorstError = Number(worse(float64(r.WorstError), c.worst))
	op.WorstError = Number(worse(float64(op.WorstError), c.worst))
	if c.bitIdentical {
		r.BitIdentical++
		op.BitIdentical++
	}
	if c.withinBound {
		r.WithinBound++
		op.WithinBound++
	}
	if c.failure != nil {
		r.Failed++
		op.Failed++
		r.Failures = append(r.Failures, *c.failure)
	}
}
