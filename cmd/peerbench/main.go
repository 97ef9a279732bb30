// Command peerbench does the same work with samebits and with what a user
// would pick instead (OpenBLAS, oneDNN, NumPy, PyTorch, FAISS, scikit-learn),
// each in a process of its own on the same data and the same number of
// threads, and prints the ratios of one interleaved run.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"samebits/backend"
	"samebits/backend/exact"
	"samebits/cpu"
)

// Exit codes, as samebits has them.
const (
	exitDone        = 0
	exitDifference  = 1   // a peer computes something else
	exitUsage       = 2   // usage or bad input
	exitUnavailable = 3   // our backend is not usable
	exitInterrupted = 130 // Ctrl-C
)

var errDifference = errors.New("a peer's result is not ours; its times are left out")

type usageError string

func (e usageError) Error() string { return string(e) }

func usagef(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// app is one run of the program.
type app struct {
	stdout, stderr io.Writer
	sizes          sizes
	argv           map[string][]string // how peers are started, for tests
	self           []string            // how this program is started, for tests
	args           []string            // of this run

	work      string
	threads   string
	python    string
	isa       string
	output    string
	rounds    int
	sample    float64
	timeout   time.Duration
	json      bool
	goalTable bool
	quiet     bool

	childCode int // of the process that did the run, where it was not this one
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{stdout: os.Stdout, stderr: os.Stderr, sizes: fullSizes}
	code := a.main(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// main executes one command line and returns its exit code.
func (a *app) main(ctx context.Context, args []string) int {
	cmd := a.command()
	cmd.SetArgs(args)
	a.args = args
	err := cmd.ExecuteContext(ctx)
	switch {
	case err == nil:
		return a.childCode
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		fmt.Fprintln(a.stderr, "peerbench: interrupted")
		return exitInterrupted
	}
	fmt.Fprintln(a.stderr, "peerbench:", strings.Join(strings.Fields(err.Error()), " "))
	switch {
	case errors.Is(err, errDifference):
		return exitDifference
	case errors.Is(err, backend.ErrUnavailable), errors.Is(err, backend.ErrNotSupported), errors.Is(err, backend.ErrOutOfMemory):
		return exitUnavailable
	}
	return exitUsage
}

func (a *app) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "peerbench",
		Short: "Side by side with what a user would pick instead",
		Long: "peerbench times the same work in samebits and in OpenBLAS, oneDNN, NumPy, PyTorch, FAISS\n" +
			"and scikit-learn (`make peers` installs them), on the same data and threads, alternately,\n" +
			"after checking once that results agree. Ratios are our speed over theirs: the median of\n" +
			"the rounds' ratios with the smallest and the largest. A peer that is missing is named.\n" +
			"Timings mean something on a machine that does nothing else.",
		Example:       "  peerbench --goal-table --isa avx2\n  peerbench --work matmul,softmax --threads 2 --rounds 15 -o markdown",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return a.run(cmd.Context()) },
	}
	cmd.SetOut(a.stdout)
	cmd.SetErr(a.stderr)
	cmd.CompletionOptions.DisableDefaultCmd = true
	f := cmd.Flags()
	f.StringVar(&a.work, "work", "all", "works, or kinds of work, separated by commas")
	f.StringVar(&a.threads, "threads", "1,2", "thread counts, separated by commas; both sides have the same")
	f.IntVar(&a.rounds, "rounds", 9, "rounds over all sides, 1 to 1000")
	f.Float64Var(&a.sample, "sample", 0.2, "seconds that a sample of one side lasts at least, above 0, at most 60")
	f.DurationVar(&a.timeout, "timeout", 5*time.Minute, "how long a peer may take for one answer")
	f.StringVar(&a.python, "python", "/usr/bin/python3", "the Python that has the peers")
	f.StringVar(&a.isa, "isa", isaNative, "what all sides may compute with: native, what the processor has, or avx2; the ceilings too")
	f.BoolVar(&a.goalTable, "goal-table", false, "also print each goal with what was measured")
	f.StringVarP(&a.output, "output", "o", "table", "table, or markdown")
	f.BoolVar(&a.json, "json", false, "print one JSON object on stdout and nothing else")
	f.BoolVar(&a.quiet, "quiet", false, "no progress on stderr")
	return cmd
}

// check returns the thread counts and the works asked for.
func (a *app) check() (threads []int, works []work, err error) {
	for _, field := range strings.Split(a.threads, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 1 || n > 1024 {
			return nil, nil, usagef("--threads %q: want numbers from 1 to 1024, separated by commas", a.threads)
		}
		threads = append(threads, n)
	}
	switch {
	case a.rounds < 1 || a.rounds > 1000:
		return nil, nil, usagef("--rounds %d: want 1 to 1000", a.rounds)
	case !(a.sample > 0 && a.sample <= 60):
		return nil, nil, usagef("--sample %v: want seconds above 0, at most 60", a.sample)
	case a.timeout <= 0:
		return nil, nil, usagef("--timeout %v: want a time above 0", a.timeout)
	case a.output != "table" && a.output != "markdown":
		return nil, nil, usagef("--output %q: want table or markdown", a.output)
	case a.json && a.output != "table":
		return nil, nil, usagef("--output %s and --json: want one of them", a.output)
	}
	if err := a.checkISA(); err != nil {
		return nil, nil, err
	}
	works, err = choose(a.sizes.works(), a.work)
	return threads, works, err
}

func (a *app) run(ctx context.Context) error {
	start := time.Now()
	threads, works, err := a.check()
	if err != nil {
		return err
	}
	if code, done, err := a.again(ctx); done {
		a.childCode = code
		return err
	}
	dir, err := os.MkdirTemp("", "peerbench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	launch := &launcher{dir: dir, python: a.python, isa: a.isa, timeout: a.timeout, argv: a.argv}
	load := startLoad()
	rep := report{Command: "peerbench", Backend: "cpu", Contract: exact.ContractVersion, Seed: seed, Cores: runtime.NumCPU(), OS: runtime.GOOS,
		Arch: runtime.GOARCH, Go: runtime.Version(), Date: start.Format(time.DateOnly), Rounds: a.rounds,
		ISA: a.isa, Instructions: cpu.Instructions(), ChainSeconds: chainSeconds(),
		Versions: map[string]string{}, Missing: map[string]string{}, Results: []result{}}
	for _, n := range threads {
		if err := a.onThreads(ctx, launch, n, works, &rep); err != nil {
			return err
		}
	}
	differs := false
	for _, r := range rep.Results {
		for _, p := range r.Peers {
			differs = differs || p.Disagrees
		}
	}
	rep.Goals = judge(goals(), rep.Results)
	rep.Disturbance = load.others()
	rep.Seconds = time.Since(start).Seconds()
	switch {
	case a.json:
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		err = enc.Encode(rep)
	case a.output == "markdown":
		rep.markdown(a.stdout, a.goalTable)
	default:
		rep.print(a.stdout, a.goalTable)
	}
	if err == nil && differs {
		err = errDifference
	}
	return err
}

// progress says on a terminal what is being measured; in a pipe it is silent.
func (a *app) progress(format string, args ...any) {
	if f, ok := a.stderr.(*os.File); ok && !a.quiet && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(f, format+"\n", args...)
	}
}

// onThreads measures all works on one thread count.
func (a *app) onThreads(ctx context.Context, launch *launcher, threads int, works []work, rep *report) error {
	s, err := newSession(ctx, launch, threads, a.rounds, a.sample)
	if err != nil {
		return err
	}
	defer s.close()
	info := s.dev.Info()
	rep.Processor, rep.Device, rep.Profile = info.Renderer, info.Name, s.dev.Profile()
	for i, w := range works {
		if w.threads != 0 && w.threads != threads {
			continue
		}
		a.progress("threads %d: %s, %d of %d", threads, w.name, i+1, len(works))
		m, err := s.measure(ctx, w)
		if err != nil {
			return err
		}
		rep.Results = append(rep.Results, m.result())
	}
	for peer, w := range s.pool.workers {
		if rep.Versions[peer] != "" {
			rep.Versions[peer] += "; "
		}
		rep.Versions[peer] += fmt.Sprintf("%s (%s)", w.version, w.kernel)
	}
	for peer, err := range s.pool.missing {
		rep.Missing[peer] = reason(err)
	}
	return nil
}
