package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
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
func (a *app) verifyFaults(ctx context.Context, fl verifyFlags, given func(flag string) bool) error {
	start := time.Now()
	for _, flag := range []string{"suite", "case", "op", "fault", "record", "against", "artefacts", "fold", "max-skipped"} {
		if given(flag) {
			return usagef("--faults chooses its own cases: leave out --%s", flag)
		}
	}
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
	if err := a.writePages(fl, page); err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(faultsReport{a.envelope("verify", dev, start), rep}); err != nil {
			return err
		}
	} else {
		a.printFaults(rep, time.Since(start))
	}
	if err := rep.Err(); err != nil {
		return fmt.Errorf("%w: %v", errDifference, err)
	}
	return nil
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
	fmt.Fprintf(w, "\n%d of %d planted errors killed, %s survive; %s in %s of clean kernels (%d cases); %.3g s\n",
		r.Killed, r.Mutants, strconv.Itoa(len(r.Survivors)), count(r.FalseAlarms, "false alarm"), count(r.CleanRuns, "run"), r.CleanCases, took.Seconds())
}
