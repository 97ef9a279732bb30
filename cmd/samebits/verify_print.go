package main

import (
	"fmt"
	"strconv"
	"time"

	"samebits/backend"
	"samebits/verify"
)

// What is printed to a terminal at most; --json has more.
const (
	shownFailures = 10
	shownChecks   = 10
)

// printVerify prints a run: a line an operation, failures, checks, skips and
// the verdict.
func (a *app) printVerify(r *verify.Report, tested *backend.Device, took time.Duration) {
	w := a.stdout
	fmt.Fprintf(w, "%s (%s) against %s, profile %v, suite %s, seed %d\n", r.Tested, tested.Info().Renderer, r.Against, tested.Profile(), r.Suite, a.seed)
	if s := r.Record; s != nil {
		fmt.Fprintf(w, "record of %s, %s, by samebits %s\n", count(s.Cases, "case"), s.Date, s.Program)
	}
	fmt.Fprintln(w)
	var rows [][]string
	for _, op := range r.Ops {
		rows = append(rows, []string{op.Op, strconv.Itoa(op.Cases), strconv.Itoa(op.Compared), strconv.Itoa(op.BitIdentical),
			strconv.Itoa(op.WithinBound), strconv.Itoa(op.Failed), strconv.Itoa(op.Skipped), strconv.FormatInt(op.Elements, 10),
			fmt.Sprintf("%.3f", float64(op.WorstError)), fmt.Sprintf("%.2f", op.Seconds)})
	}
	table(w, []string{"operation", ">cases", ">compared", ">same bits", ">in bounds", ">failed", ">skipped", ">elements", ">worst/bound", ">seconds"}, rows)
	a.printChecks(r)
	a.printFailures(r)
	for _, s := range r.SkipReasons() {
		fmt.Fprintf(w, "\nskipped %s: %s (%d)", s.Op, s.Reason, s.Count)
	}
	for _, op := range r.Uncompared {
		fmt.Fprintf(w, "\nno case of %s was compared", op)
	}
	verdict := "the same bits"
	switch err := r.Err(); {
	case err != nil:
		verdict = "DIFFERENT: " + err.Error()
	case r.Mode == string(backend.BoundedMode):
		verdict = "within the bounds"
	}
	fmt.Fprintf(w, "\n%s\n%.3g s: %s\n", r.Summary(), took.Seconds(), verdict)
}

func (a *app) printFailures(r *verify.Report) {
	for i, f := range r.Failures {
		if i == shownFailures {
			fmt.Fprintf(a.stdout, "\n... and %d more failed cases; --json lists them\n", r.Failed-i)
			break
		}
		fmt.Fprintf(a.stdout, "\nFAILED %s (%s; wrong: %s)\n  %s\n  %s\n", f.Case, f.Kind, f.Side, f.Message, f.Repeat)
		if f.ShrunkRepeat != "" {
			fmt.Fprintf(a.stdout, "  smallest that fails: %s\n", f.ShrunkRepeat)
		}
		if f.Artefacts != "" {
			fmt.Fprintf(a.stdout, "  data in %s\n", f.Artefacts)
		}
	}
}

// printChecks prints a line a kind of checks, and those that failed.
func (a *app) printChecks(r *verify.Report) {
	if len(r.Checks) == 0 {
		return
	}
	var rows [][]string
	for _, c := range r.CheckCounts() {
		rows = append(rows, []string{c.Kind, strconv.Itoa(c.Total()), strconv.Itoa(c.Passed), strconv.Itoa(c.Failed), strconv.Itoa(c.Skipped)})
	}
	fmt.Fprintln(a.stdout)
	table(a.stdout, []string{"checks", ">made", ">hold", ">failed", ">skipped"}, rows)
	shown := 0
	for _, c := range r.Checks {
		if c.Passed || c.Skipped != "" {
			continue
		}
		if shown++; shown > shownChecks {
			fmt.Fprintf(a.stdout, "\n... and %d more failed checks; --json lists them\n", r.ChecksFailed-shownChecks)
			break
		}
		fmt.Fprintf(a.stdout, "\nFAILED %s %s\n  %s\n", c.Kind, c.Name, c.Message)
	}
}
