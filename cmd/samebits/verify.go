package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samebits/algos/dataset"
	"samebits/backend"
	"samebits/verify"
)

// verifyFlags are the flags of samebits verify.
type verifyFlags struct {
	suite      string
	caseIn     string
	op         string
	fault      string
	record     string
	against    string
	junit      string
	html       string
	artefacts  string
	fold       string
	maxSkipped string
	faults     bool
}

func (a *app) verifyCommand() *cobra.Command {
	var fl verifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that a device computes the same bits as the processor, and the right ones",
		Long: "verify runs every operation on chosen shapes, strides and data on two devices and\n" +
			"compares them bit by bit with each other and, within derived bounds, with an oracle in\n" +
			"float64. A device is compared with the processor's kernels, the processor with the plain\n" +
			"statements of the contract. Relations between runs and the laws of the samplers are\n" +
			"checked besides, unless --case or --against chooses the cases.\n\n" +
			"With --record a machine leaves a digest of every case, with --against another one that\n" +
			"it never meets compares itself with them. A record is bound to the mac of its profile:\n" +
			"one made under --profile native to the mac that it found, fused or split, which\n" +
			"--against then wants.\n\n" +
			"Which flags go together: --case searches the cases of every suite, so it takes no\n" +
			"--suite and no --op. --against takes suite and seed from the file; --case and --op leave\n" +
			"some of its cases; it takes no --record. --fault goes with all of these, and fails unless\n" +
			"the error is found; no record is written then. --faults chooses its own cases: besides\n" +
			"--junit, --html and the common flags it takes none. --manifest records a run of the suite\n" +
			"itself and goes with neither --fault, --faults nor --against. No two files may be the\n" +
			"same, and the folder of --artefacts must be new or empty.\n\n" +
			"Exit code 1 says that something failed, that nothing was compared, or that too much was\n" +
			"skipped; it stays 1 where a report cannot be written besides.",
		Example: "  samebits verify --backend gl\n" +
			"  samebits verify --suite full --backend cpu --profile split --json\n" +
			"  samebits verify --backend gl --op matmul --html report.html --junit report.xml\n" +
			"  samebits verify --backend cpu --record cpu.json\n" +
			"  samebits verify --backend gl --against cpu.json\n" +
			"  samebits verify --backend gl --fault matmul-k-tail-dropped --artefacts failures\n" +
			"  samebits verify --backend gl --faults --html kill-matrix.html",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verify(cmd, fl) },
	}
	f := cmd.Flags()
	f.StringVar(&fl.suite, "suite", string(verify.Quick), "selection of cases: quick, full or nightly; not with --case")
	f.StringVar(&fl.caseIn, "case", "", "run one case again, by its name, or all whose names begin so up to a '/'; searches every suite")
	f.StringVar(&fl.op, "op", "", "run the suite's cases of one operation")
	f.StringVar(&fl.fault, "fault", "", "plant this error into the device, to see that it is found; list shows the names")
	f.BoolVar(&fl.faults, "faults", false, "plant every error there is, into the devices and into the verifier, and show which check finds which; chooses its own cases")
	f.StringVar(&fl.record, "record", "", "write a digest of every case to this file if the run passes; bound to the mac of the profile")
	f.StringVar(&fl.against, "against", "", "compare with the digests in this file, of another machine's --record; suite and seed are the file's, and relations and samplers are not part of it")
	f.StringVar(&fl.junit, "junit", "", "write the report to this file as JUnit XML")
	f.StringVar(&fl.html, "html", "", "write the report to this file as one HTML page that needs nothing else")
	f.StringVar(&fl.artefacts, "artefacts", "", "shrink the first failures and write their data, heat maps and commands into this folder, which must be new or empty")
	f.StringVar(&fl.fold, "fold", fmt.Sprintf("%dx%d", verify.FoldRows, verify.FoldCols), "rows x columns of the tile by which the heat maps in --artefacts are folded")
	f.StringVar(&fl.maxSkipped, "max-skipped", "0", "how many cases may be skipped of operations that the device supports: a number, or a share as 5%")
	return a.recordable(cmd, "record", "against", "junit", "html", "artefacts", "fold", "max-skipped", "fault", "faults")
}

// verifyReport is the JSON object of samebits verify.
type verifyReport struct {
	envelope
	*verify.Report
}

// How many failed cases keep their data: for a page's pictures, and for
// --artefacts, where each is shrunk, which takes up to a minute.
const (
	keptForPage      = 5
	keptForArtefacts = 3
)

func (a *app) verify(cmd *cobra.Command, fl verifyFlags) error {
	start, ctx := time.Now(), cmd.Context()
	// A replay gives every flag, those too that were not given.
	given := func(flag string) bool { return !a.replaying && cmd.Flags().Changed(flag) }
	if err := a.checkVerifyFlags(fl, given); err != nil {
		return err
	}
	if fl.faults {
		return a.verifyFaults(ctx, fl)
	}
	plan, err := a.planVerify(fl, given)
	if err != nil {
		return err
	}
	if fl.fault == listFaults {
		return a.listFaults(ctx, start)
	}
	tested, err := a.openTested(ctx, fl.fault)
	if err != nil {
		return err
	}
	defer tested.Close()
	o := verify.Options{
		Tested: tested, Suite: verify.Suite(fl.suite), Only: fl.caseIn, Op: fl.op, Seed: a.seed, Fault: fl.fault,
		Repeat:     func(name string, seed uint64) string { return a.repeatCommand(tested, name, seed, fl, plan.record) },
		MaxSkipped: plan.budget, Digests: fl.record != "" || a.rec != nil, Keep: plan.keep,
	}
	if plan.record == nil {
		if o.Against, err = a.openOther(ctx, tested, otherOf(tested)); err != nil {
			return err
		}
		defer o.Against.Close()
	}
	if o.Referee, err = a.openOther(ctx, tested, "reference"); err != nil {
		return err
	}
	defer o.Referee.Close()
	rep, err := a.runVerify(ctx, o, plan.record)
	if err != nil {
		return err
	}
	// From here on there is a verdict, and no trouble with a file hides it.
	verdict, recorded := rep.Err(), false
	var trouble []error
	note := func(err error) bool {
		if err != nil {
			trouble = append(trouble, err)
		}
		return err == nil
	}
	if fl.artefacts != "" {
		note(rep.ShrinkArtefacts(ctx, o))
		note(rep.WriteArtefacts(fl.artefacts, plan.fold[0], plan.fold[1]))
	}
	if verdict == nil || a.replaying {
		err := a.recordCases(cmd, rep, tested)
		if a.replaying && err != nil {
			return err
		}
		note(err)
	}
	switch {
	case fl.record != "" && verdict == nil:
		recorded = note(writeRecord(fl.record, o, rep))
	case fl.record != "":
		verdict = fmt.Errorf("%w; no record is written", verdict)
	}
	title := fmt.Sprintf("samebits verify: %s against %s", rep.Tested, rep.Against)
	note(a.writePages(fl, verify.Page{Title: title, Environment: rep.Environment, Seconds: time.Since(start).Seconds(), Report: rep}))
	if a.json {
		note(a.printJSON(verifyReport{a.envelope("verify", tested, start), rep}))
	} else {
		a.printVerify(rep, tested, time.Since(start))
		if n := writtenArtefacts(rep); n > 0 {
			fmt.Fprintf(a.stdout, "data of %s in %s\n", count(n, "failed case"), fl.artefacts)
		}
		if recorded {
			fmt.Fprintf(a.stdout, "recorded in %s\n", fl.record)
		}
	}
	return outcome(verdict, trouble)
}

// outcome is how a run ends: by what speaks against it, with what could not be
// written beside it, else by that.
func outcome(verdict error, trouble []error) error {
	if verdict == nil {
		return errors.Join(trouble...)
	}
	err := fmt.Errorf("%w: %w", errDifference, verdict)
	for _, t := range trouble {
		err = fmt.Errorf("%w; besides: %s", err, oneLine(t.Error()))
	}
	return err
}

// writtenArtefacts counts the failures whose data are in a folder.
func writtenArtefacts(rep *verify.Report) (n int) {
	for _, f := range rep.Failures {
		if f.Artefacts != "" {
			n++
		}
	}
	return n
}

// verifyPlan is what the flags of verify mean.
type verifyPlan struct {
	record *verify.Record // to compare with, nil for none
	budget verify.Budget
	fold   [2]int
	keep   int // failed cases with their data
}

// planVerify reads what the flags name. Suite and seed become those of a
// record.
func (a *app) planVerify(fl verifyFlags, given func(flag string) bool) (p verifyPlan, err error) {
	if err := verify.Suite(fl.suite).Check(); err != nil {
		return p, err
	}
	if p.budget, err = verify.ParseBudget(fl.maxSkipped); err != nil {
		return p, fmt.Errorf("--max-skipped: %w", err)
	}
	if p.fold, err = parseFold(fl.fold); err != nil {
		return p, err
	}
	if fl.html != "" {
		p.keep = keptForPage
	}
	if fl.artefacts != "" {
		p.keep = keptForArtefacts
	}
	if fl.against == "" {
		return p, nil
	}
	if p.record, err = verify.ReadRecord(fl.against); err != nil {
		return p, fmt.Errorf("--against %w", err)
	}
	switch {
	case given("seed") && a.seed != p.record.Seed:
		return p, usagef("--seed %d: the record has seed %d", a.seed, p.record.Seed)
	case given("suite") && verify.Suite(fl.suite) != p.record.Suite:
		return p, usagef("--suite %s: the record is of suite %s", fl.suite, p.record.Suite)
	}
	a.seed = p.record.Seed
	return p, nil
}

// parseFold reads a tile's size, as 16x16.
func parseFold(s string) (size [2]int, err error) {
	rows, cols, _ := strings.Cut(s, "x")
	for i, part := range []string{rows, cols} {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || n == 0 || n > maxFold {
			return size, usagef("--fold %q: want rows x columns of 1 to %d, as 16x16", s, maxFold)
		}
		size[i] = int(n)
	}
	return size, nil
}

// maxFold is the largest side of a tile that a picture shows.
const maxFold = 1024

// runVerify runs the cases, against a record if there is one, with a progress
// bar.
func (a *app) runVerify(ctx context.Context, o verify.Options, rec *verify.Record) (*verify.Report, error) {
	var progress *bar
	o.Progress = func(done, total int) {
		if progress == nil {
			progress = a.newBar(total, "verifying")
		}
		progress.set(done)
	}
	defer func() {
		if progress != nil {
			progress.close()
		}
	}()
	if rec != nil {
		return verify.Against(ctx, o, rec)
	}
	return verify.Run(ctx, o)
}

// recordCases adds the digest of every case to what is recorded or replayed.
func (a *app) recordCases(cmd *cobra.Command, rep *verify.Report, tested *backend.Device) error {
	if a.rec == nil {
		return nil
	}
	for _, c := range rep.Results {
		if c.Skipped != "" {
			continue
		}
		if err := a.rec.Step(c.Case, c.Outputs); err != nil {
			return err
		}
	}
	return a.finishManifest(cmd, nil, tested)
}

func writeRecord(path string, o verify.Options, rep *verify.Report) error {
	rec, err := verify.NewRecord(o, rep)
	if err != nil {
		return err
	}
	return dataset.WriteFile(path, rec.Encode)
}

// writePages writes the reports that were asked for; one that cannot be
// written does not keep the other from it.
func (a *app) writePages(fl verifyFlags, p verify.Page) error {
	var errs []error
	if fl.junit != "" {
		errs = append(errs, dataset.WriteFile(fl.junit, p.EncodeJUnit))
	}
	if fl.html != "" {
		errs = append(errs, dataset.WriteFile(fl.html, p.EncodeHTML))
	}
	return errors.Join(errs...)
}

// openTested opens the device under test, with an error planted into it if
// asked. The name auto is resolved first, so that a device which does not know
// the error is not passed for another.
func (a *app) openTested(ctx context.Context, fault string) (*backend.Device, error) {
	dev, err := a.open(ctx)
	if err != nil || fault == "" {
		return dev, err
	}
	name, kind := dev.Info().Name, dev.Info().Kind
	if err := dev.Close(); err != nil {
		return nil, err
	}
	if err := checkFault(kind, fault); err != nil {
		return nil, err
	}
	cfg := a.config()
	cfg.Fault = fault
	return backend.Open(ctx, name, cfg)
}

// otherOf names the backend that a device is compared with.
func otherOf(tested *backend.Device) string {
	if tested.Info().Kind == "cpu" {
		return "reference"
	}
	return "cpu"
}

// openOther opens a backend under the mac of the device under test.
func (a *app) openOther(ctx context.Context, tested *backend.Device, name string) (*backend.Device, error) {
	cfg := a.config()
	cfg.Profile = backend.ProfileRequest(tested.Profile().Mac.String())
	return backend.Open(ctx, name, cfg)
}

// repeatCommand is the command line that runs one case again: against the
// record, where there is one that holds it.
func (a *app) repeatCommand(tested *backend.Device, name string, seed uint64, fl verifyFlags, rec *verify.Record) string {
	args := []string{"samebits verify --backend", tested.Info().Name, "--profile", a.profile}
	if rec != nil && rec.Holds(name) {
		args = append(args, "--against", shellWord(fl.against))
	} else {
		args = append(args, "--seed", strconv.FormatUint(seed, 10))
	}
	args = append(args, "--case", shellWord(name))
	if fl.fault != "" {
		args = append(args, "--fault", fl.fault)
	}
	return strings.Join(args, " ")
}

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:,%@"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
