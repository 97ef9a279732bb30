package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samebits/backend"
	"samebits/verify"
)

// verifyFlags are the flags of samebits verify.
type verifyFlags struct {
	suite  string
	caseIn string
	op     string
	fault  string
}

func (a *app) verifyCommand() *cobra.Command {
	var fl verifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that a device computes the same bits as the processor, and the right ones",
		Long: "verify runs every operation on chosen shapes, strides and data on two devices and\n" +
			"compares them bit by bit with each other and, within derived bounds, with an oracle in\n" +
			"float64. A device is compared with the processor's kernels, the processor with the plain\n" +
			"statements of the contract. Exit code 1 says that a case failed or nothing was compared.",
		Example: "  samebits verify --backend gl\n" +
			"  samebits verify --suite full --backend cpu --profile split --json\n" +
			"  samebits verify --backend gl --op matmul\n" +
			"  samebits verify --backend gl --fault matmul-k-tail-dropped",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verify(cmd.Context(), fl) },
	}
	f := cmd.Flags()
	f.StringVar(&fl.suite, "suite", string(verify.Quick), "selection of cases: quick or full")
	f.StringVar(&fl.caseIn, "case", "", "run one case again, by its name, or all whose names begin so up to a '/'")
	f.StringVar(&fl.op, "op", "", "run the suite's cases of one operation")
	f.StringVar(&fl.fault, "fault", "", "plant this error into the device, to see that it is found; an unknown name lists them")
	return cmd
}

// verifyReport is the JSON object of samebits verify.
type verifyReport struct {
	envelope
	*verify.Report
}

func (a *app) verify(ctx context.Context, fl verifyFlags) error {
	start := time.Now()
	if err := verify.Suite(fl.suite).Check(); err != nil {
		return err
	}
	if fl.caseIn != "" && fl.op != "" {
		return usagef("--case and --op: give one of them")
	}
	tested, err := a.openTested(ctx, fl.fault)
	if err != nil {
		return err
	}
	defer tested.Close()
	against, err := a.openOther(ctx, tested, otherOf(tested))
	if err != nil {
		return err
	}
	defer against.Close()
	referee, err := a.openOther(ctx, tested, "reference")
	if err != nil {
		return err
	}
	defer referee.Close()
	var progress *bar
	rep, err := verify.Run(ctx, verify.Options{
		Tested: tested, Against: against, Referee: referee,
		Suite: verify.Suite(fl.suite), Only: fl.caseIn, Op: fl.op, Seed: a.seed, Fault: fl.fault,
		Repeat: func(name string) string { return a.repeatCommand(tested, name, fl.fault) },
		Progress: func(done, total int) {
			if progress == nil {
				progress = a.newBar(total, "verifying")
			}
			progress.set(done)
		},
	})
	if progress != nil {
		progress.close()
	}
	if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(verifyReport{a.envelope("verify", tested, start), rep}); err != nil {
			return err
		}
	} else {
		a.printVerify(rep, tested, time.Since(start))
	}
	if err := rep.Err(); err != nil {
		return fmt.Errorf("%w: %v", errDifference, err)
	}
	if fl.fault != "" {
		return fmt.Errorf("%w: the planted error %s was not found by these cases", errDifference, fl.fault)
	}
	return nil
}

// openTested opens the device under test, with an error planted into it if
// asked. The name auto is resolved first, so that a device which does not know
// the error is not passed for another.
func (a *app) openTested(ctx context.Context, fault string) (*backend.Device, error) {
	dev, err := a.open(ctx)
	if err != nil || fault == "" {
		return dev, err
	}
	name := dev.Info().Name
	if err := dev.Close(); err != nil {
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

// repeatCommand is the command line that runs one case again.
func (a *app) repeatCommand(tested *backend.Device, name, fault string) string {
	args := []string{"samebits verify --backend", tested.Info().Name, "--profile", a.profile, "--seed", strconv.FormatUint(a.seed, 10), "--case", name}
	if fault != "" {
		args = append(args, "--fault", fault)
	}
	return strings.Join(args, " ")
}

// shownFailures bounds what is printed to a terminal; --json has more.
const shownFailures = 10

func (a *app) printVerify(r *verify.Report, tested *backend.Device, took time.Duration) {
	w := a.stdout
	fmt.Fprintf(w, "%s (%s) against %s, profile %v, suite %s, seed %d\n\n", r.Tested, tested.Info().Renderer, r.Against, tested.Profile(), r.Suite, a.seed)
	var rows [][]string
	for _, op := range r.Ops {
		rows = append(rows, []string{op.Op, strconv.Itoa(op.Cases), strconv.Itoa(op.Compared), strconv.Itoa(op.BitIdentical),
			strconv.Itoa(op.WithinBound), strconv.Itoa(op.Failed), strconv.Itoa(op.Skipped), strconv.FormatInt(op.Elements, 10),
			fmt.Sprintf("%.3f", float64(op.WorstError)), fmt.Sprintf("%.2f", op.Seconds)})
	}
	table(w, []string{"operation", ">cases", ">compared", ">same bits", ">in bounds", ">failed", ">skipped", ">elements", ">worst/bound", ">seconds"}, rows)
	for i, f := range r.Failures {
		if i == shownFailures {
			fmt.Fprintf(w, "\n... and %d more failed cases; --json lists them\n", r.Failed-i)
			break
		}
		fmt.Fprintf(w, "\nFAILED %s (%s; wrong: %s)\n  %s\n  %s\n", f.Case, f.Kind, f.Side, f.Message, f.Repeat)
	}
	reasons := map[string]int{}
	for _, s := range r.Skipped {
		key := s.Op + ": " + s.Reason
		if reasons[key]++; reasons[key] == 1 {
			fmt.Fprintf(w, "\nskipped %s", key)
		}
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
