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
	a.printLegend(r)
	a.printChecks(r)
	a.printFailures(r)
	for _, s := range r.SkipReasons() {
		fmt.Fprintf(w, "\nskipped %s: %s (%d)", s.Op, s.Reason, s.Count)
	}
	for _, op := range r.Uncompared {
		fmt.Fprintf(w, "\nno case of %s was compared", op)
	}
	fmt.Fprintf(w, "\n%s\n%.3g s: %s\n", r.Summary(), took.Seconds(), verdictLine(r.Passed, r.Verdict))
}

// verdictLine is a verdict as a terminal shows it.
func verdictLine(passed bool, verdict string) string {
	if passed {
		return "passed: " + verdict
	}
	return "FAILED: " + verdict
}

// printLegend says how the table of operations is to be read.
func (a *app) printLegend(r *verify.Report) {
	w := a.stdout
	fmt.Fprintf(w, "\nelements: words of outputs compared; worst/bound: the largest error in units of the bound derived for it, above 1 is wrong\n")
	fmt.Fprintf(w, "alarms, %d: elements within the bound but farther off than chance explains, worth a look and no failure\n", r.Alarms)
	fmt.Fprintf(w, "boundary, %d: choices, as of the nearest row, that the bounds leave open: the oracle takes either, the bits decide\n", r.Boundary)
	if r.Record != nil {
		fmt.Fprintf(w, "compared with a record: relations and samplers are not part of it\n")
	}
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
