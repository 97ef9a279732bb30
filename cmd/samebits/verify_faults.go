package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"samebits/backend"
	"samebits/verify"
)

// faultsReport is the JSON object of samebits verify --faults.
type faultsReport struct {
	envelope
	*verify.KillReport
}

// verifyFaults plants the errors of the processor and, where the device asked
// for is another one, of that, and prints the kill matrix.
func (a *app) verifyFaults(ctx context.Context, fl verifyFlags) error {
	start := time.Now()
	dev, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer dev.Close()
	cfg := a.config()
	cfg.Profile = backend.ProfileRequest(dev.Profile().Mac.String())
	o := verify.KillOptions{Drivers: []string{"cpu"}, Config: cfg, Seed: a.seed}
	leftOut := ""
	if in := dev.Info(); in.Kind == "cpu" {
		leftOut = "gl: the device is cpu; --backend gl plants the errors of the shaders too"
	} else {
		o.Drivers = append(o.Drivers, in.Kind)
		o.Devices = map[string]string{in.Kind: in.Name}
	}
	o.Config.Logger = nil // one device after the other is opened, and all would say the same
	var progress *bar
	o.Progress = func(done, total int) {
		if progress == nil {
			progress = a.newBar(total, "planting")
		}
		progress.set(done)
	}
	rep, err := verify.Kill(ctx, o)
	if progress != nil {
		progress.close()
	}
	if err != nil {
		return err
	}
	if leftOut != "" {
		rep.LeftOut = append(rep.LeftOut, leftOut)
	}
	page := verify.Page{Title: "samebits verify --faults", Environment: verify.Options{Tested: dev, Seed: a.seed}.Environment(), Seconds: time.Since(start).Seconds(), Kill: rep}
	var trouble []error
	if err := a.writePages(fl, page); err != nil {
		trouble = append(trouble, err)
	}
	if a.json {
		if err := a.printJSON(faultsReport{a.envelope("verify", dev, start), rep}); err != nil {
			trouble = append(trouble, err)
		}
	} else {
		a.printFaults(rep, time.Since(start))
	}
	return outcome(rep.Err(), trouble)
}

// listFaults is the value of --fault that shows the names.
const listFaults = "list"

// faultList is the JSON object of samebits verify --fault list.
type faultList struct {
	envelope
	Faults []backend.Fault `json:"faults"`
}

// listFaults prints the errors that can be planted into the device asked for.
func (a *app) listFaults(ctx context.Context, start time.Time) error {
	dev, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer dev.Close()
	list := backend.Faults(dev.Info().Kind)
	if a.json {
		return a.printJSON(faultList{a.envelope("verify", dev, start), list})
	}
	var rows [][]string
	for _, f := range list {
		rows = append(rows, []string{f.Name, strings.Join(f.Ops, ", "), f.About})
	}
	table(a.stdout, []string{"planted error", "operations", "what it does"}, rows)
	return nil
}

// checkFault refuses an error that a driver does not know, and names those that
// may be meant.
func checkFault(driver, fault string) error {
	var names []string
	for _, f := range backend.Faults(driver) {
		if f.Name == fault {
			return nil
		}
		names = append(names, f.Name)
	}
	hint := ""
	if like := nearest(fault, names); len(like) > 0 {
		hint = "did you mean " + strings.Join(like, " or ") + "? "
	}
	return usagef("--fault %.60q: the %s driver has no such planted error; %s--fault list shows all %d", fault, driver, hint, len(names))
}

func (a *app) printFaults(r *verify.KillReport, took time.Duration) {
	w := a.stdout
	var rows [][]string
	for _, m := range r.Matrix {
		row := []string{m.Target, m.Mutant}
		for _, check := range r.Checks {
			cell := ""
			switch {
			case slices.Contains(m.KilledBy, check):
				cell = "killed"
			case slices.Contains(m.Passed, check):
				cell = "-"
			}
			row = append(row, cell)
		}
		verdict := ""
		if len(m.KilledBy) == 0 {
			verdict = "SURVIVED: " + m.About
		}
		rows = append(rows, append(row, verdict))
	}
	table(w, append(append([]string{"target", "planted error"}, r.Checks...), ""), rows)
	fmt.Fprintf(w, "\nkilled: the check found it; -: the check was made and found nothing\n")
	for _, s := range r.LeftOut {
		fmt.Fprintf(w, "left out %s\n", s)
	}
	for i, s := range r.Alarms {
		if i == shownFailures {
			fmt.Fprintf(w, "... and %d more false alarms\n", len(r.Alarms)-i)
			break
		}
		fmt.Fprintf(w, "FALSE ALARM %s\n", s)
	}
	fmt.Fprintf(w, "\n%d of %s killed, %d survived; %s in %s of clean kernels (%s)\n%.3g s: %s\n",
		r.Killed, count(r.Mutants, "planted error"), len(r.Survivors), count(r.FalseAlarms, "false alarm"), count(r.CleanRuns, "run"),
		count(r.CleanCases, "case"), took.Seconds(), verdictLine(r.Passed, r.Verdict))
}
