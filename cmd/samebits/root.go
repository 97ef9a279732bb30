package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"samebits/backend"
	_ "samebits/cpu"
	_ "samebits/gpu"
	"samebits/verify/manifest"
)

// Exit codes.
const (
	exitDone        = 0
	exitDifference  = 1   // a verification found a difference
	exitUsage       = 2   // usage or bad input
	exitUnavailable = 3   // the backend asked for is not usable
	exitInterrupted = 130 // Ctrl-C
)

// errDifference says that a verification found a difference.
var errDifference = errors.New("verification found a difference")

// errUsage marks a mistake on the command line.
var errUsage = errors.New("usage")

// usagef returns a usage error with a message of its own.
func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }
func (e *usageError) Unwrap() error { return errUsage }

// app is one run of the program.
type app struct {
	stdout, stderr io.Writer

	backend string
	profile string
	threads int
	seed    uint64
	json    bool
	quiet   bool

	manifest  string             // the file of --manifest
	rec       *manifest.Recorder // nil where nothing is recorded or replayed
	replaying bool
	ranOn     *string // the device that was opened last, and its profile
	ranUnder  *backend.Profile
}

// maxSeed is the largest seed that a JSON number carries exactly.
const maxSeed = 1<<53 - 1

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &checkedWriter{w: stdout}
	a := &app{stdout: out, stderr: stderr}
	root := a.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("standard output: %w", out.err)
	}
	if err == nil {
		return exitDone
	}
	code := exitCode(ctx, err)
	if code == exitInterrupted {
		fmt.Fprintln(stderr, "samebits: interrupted")
	} else {
		fmt.Fprintln(stderr, "samebits:", oneLine(err.Error()))
	}
	return code
}

// oneLine keeps a message from breaking into several lines, and leaves out the
// sentinel behind each, which tells a user nothing.
func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		for more := true; more; {
			line, more = strings.CutSuffix(line, ": "+backend.ErrArgument.Error())
		}
		lines[i] = line
	}
	return strings.Join(lines, "; ")
}

func exitCode(ctx context.Context, err error) int {
	switch {
	case errors.Is(err, errDifference), asDifference(err) != nil:
		return exitDifference
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted
	case errors.Is(err, backend.ErrUnavailable), errors.Is(err, backend.ErrNotSupported),
		errors.Is(err, backend.ErrContextLost), errors.Is(err, backend.ErrOutOfMemory), errors.Is(err, backend.ErrInternal):
		return exitUnavailable
	}
	return exitUsage
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "samebits COMMAND",
		Short: "GPU compute that gives the same bits as the CPU",
		Long: "samebits runs matrix, sampling and clustering work on a GPU through OpenGL compute\n" +
			"shaders or on the processor, with the same bits on both, and proves it.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(a.checkFlags(), a.checkManifest(cmd))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%v", err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	f := root.PersistentFlags()
	f.StringVar(&a.backend, "backend", "auto", "device: auto, cpu, gl or gl:N")
	f.StringVar(&a.profile, "profile", "fused", "arithmetic: fused (canonical), split or native")
	f.IntVar(&a.threads, "threads", 0, "CPU threads, 0 for all; never changes a result")
	f.Uint64Var(&a.seed, "seed", 1, "seed of the random streams, at most 2^53-1")
	f.BoolVar(&a.json, "json", false, "print one JSON object on stdout and nothing else")
	f.BoolVar(&a.quiet, "quiet", false, "no progress and no notices on stderr")
	root.AddCommand(a.devicesCommand(), a.verifyCommand(), a.clusterCommand(), a.mergeCommand(), a.demoCommand(), a.benchCommand(), a.replayCommand(), a.versionCommand(), a.probeCommand())
	return root
}

func (a *app) checkFlags() error {
	if a.seed > maxSeed {
		return usagef("--seed %d: want at most 2^53-1 = %d", a.seed, uint64(maxSeed))
	}
	if a.threads < 0 {
		return usagef("--threads %d: want 0 or more", a.threads)
	}
	if err := backend.CheckName(a.backend); err != nil {
		return err
	}
	return backend.ProfileRequest(a.profile).Check()
}

// config returns how devices are opened for this run.
func (a *app) config() backend.Config {
	cfg := backend.Config{
		Profile: backend.ProfileRequest(a.profile),
		Threads: a.threads,
		Logger:  a.logger(),
	}
	if self, err := os.Executable(); err == nil {
		cfg.ProbeCommand = []string{self, probeName}
	}
	return cfg
}

// logger writes notices to stderr, one line each.
func (a *app) logger() *slog.Logger {
	level := slog.LevelInfo
	if a.quiet {
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level,
		ReplaceAttr: func(_ []string, at slog.Attr) slog.Attr {
			if at.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return at
		}}))
}

// open opens the device asked for and says which one it is and why.
func (a *app) open(ctx context.Context) (*backend.Device, error) {
	dev, err := backend.Open(ctx, a.backend, a.config())
	if err != nil {
		return nil, err
	}
	in, p := dev.Info(), dev.Profile()
	a.ranOn, a.ranUnder = &in.Name, &p
	if !a.quiet && !a.json {
		fmt.Fprintf(a.stderr, "device %s (%s): %s; profile %v\n", in.Name, in.Renderer, in.Reason, p)
	}
	return dev, nil
}
