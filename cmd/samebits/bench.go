package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samebits/backend"
	"samebits/cpu"
)

// benchFlags are the flags of samebits bench.
type benchFlags struct {
	op     string
	output string
	rounds int
	budget float64
}

func (a *app) benchCommand() *cobra.Command {
	var fl benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Each operation's rate on this device, and what part of the machine's ceiling that is",
		Long: "bench times operations on the device and prints the median of all rounds with the\n" +
			"fastest and slowest. The rounds go over the operations in turn, so that a machine that\n" +
			"slows down slows all of them. Each sample holds as many runs as its share of the time\n" +
			"budget allows; data is on the device before and stays there.\n\n" +
			"Each round also measures what this processor can do at most: multiply-adds and products of\n" +
			"int8 that stay in registers, and copies between buffers that no cache holds (some 0.3 s a\n" +
			"round, besides the budget). An operation's share is of the ceiling that bounds it: compute,\n" +
			"or integer for int8, where its\n" +
			"arithmetic (a multiply-add is two operations, any other step one) takes longer there\n" +
			"than moving each operand once, else memory. Data that a cache holds can pass the latter.",
		Example: "  samebits bench\n  samebits bench --op matmul --backend gl --budget 30\n" +
			"  samebits bench -o gobench > new.txt && benchstat old.txt new.txt",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.bench(cmd.Context(), fl) },
	}
	f := cmd.Flags()
	f.StringVar(&fl.op, "op", "", "time this operation alone: "+strings.Join(benchNames(), ", "))
	f.StringVarP(&fl.output, "output", "o", "table", "table, or gobench: Go benchmark lines, one a round, for benchstat")
	f.IntVar(&fl.rounds, "rounds", 7, "rounds over the operations, 1 to 1000")
	f.Float64Var(&fl.budget, "budget", 10, "seconds to measure for, at most 3600; sizes and repetitions follow from it")
	return cmd
}

func (fl benchFlags) check(json bool) error {
	switch {
	case fl.output != "table" && fl.output != "gobench":
		return usagef("--output %q: want table or gobench", fl.output)
	case json && fl.output != "table":
		return usagef("--output %s and --json: want one of them", fl.output)
	case fl.op != "" && !slices.Contains(benchNames(), fl.op):
		return usagef("--op %q: want one of %s", fl.op, strings.Join(benchNames(), ", "))
	case fl.rounds < 1 || fl.rounds > 1000:
		return usagef("--rounds %d: want 1 to 1000", fl.rounds)
	case !(fl.budget > 0 && fl.budget <= 3600):
		return usagef("--budget %v: want a number of seconds above 0, at most 3600", fl.budget)
	}
	return nil
}

// machine says where numbers were measured.
type machine struct {
	Processor string `json:"processor"`
	Threads   int    `json:"threads"` // of the CPU backend
	OS        string `json:"os"`
	Arch      string `json:"arch"`
	Go        string `json:"go"`
}

// thisMachine describes the machine as the CPU backend sees it.
func (a *app) thisMachine(ctx context.Context) (machine, error) {
	dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: a.threads})
	if err != nil {
		return machine{}, err
	}
	defer dev.Close()
	in := dev.Info()
	return machine{in.Renderer, int(in.Limits["threads"]), runtime.GOOS, runtime.GOARCH, runtime.Version()}, nil
}

// spread is the median of all rounds with the extremes.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(samples []float64) spread {
	s := slices.Sorted(slices.Values(samples))
	n := len(s)
	return spread{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}
}

// benchResult is one line of the table.
type benchResult struct {
	Op      string `json:"op"`
	Shape   string `json:"shape"`
	Unit    string `json:"unit"`
	Rate    spread `json:"rate"`
	Seconds spread `json:"seconds"` // of one run
	Runs    int    `json:"runs"`    // in each sample
	// Bound is "compute", "integer" or "memory", Share the part of that ceiling, round by
	// round; null for a device that is not the processor.
	Bound *string `json:"bound"`
	Share *spread `json:"share"`
}

// benchSkipped is a size that the budget has no time for.
type benchSkipped struct {
	Op     string `json:"op"`
	Shape  string `json:"shape"`
	Reason string `json:"reason"`
}

// benchReport is the JSON object of samebits bench.
type benchReport struct {
	envelope
	Machine  machine        `json:"machine"`
	Renderer string         `json:"renderer"`
	Date     string         `json:"date"`
	Rounds   int            `json:"rounds"`
	Budget   float64        `json:"budget_seconds"`
	Ceilings []benchCeiling `json:"ceilings"` // of the processor; none for another device
	Results  []benchResult  `json:"results"`
	Skipped  []benchSkipped `json:"skipped"`
}

func (a *app) bench(ctx context.Context, fl benchFlags) error {
	start := time.Now()
	if err := fl.check(a.json); err != nil {
		return err
	}
	host, err := a.thisMachine(ctx)
	if err != nil {
		return err
	}
	dev, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer dev.Close()
	rep := benchReport{Machine: host, Renderer: dev.Info().Renderer, Date: start.Format(time.DateOnly),
		Rounds: fl.rounds, Budget: fl.budget, Ceilings: []benchCeiling{}, Results: []benchResult{}, Skipped: []benchSkipped{}}
	ready, skipped, err := a.prepareBench(ctx, dev, fl)
	defer func() {
		for _, b := range ready {
			b.scope.Close()
		}
	}()
	if err != nil {
		return err
	}
	rep.Skipped = append(rep.Skipped, skipped...)
	roof := newRoof(dev)
	progress := a.newBar(fl.rounds*len(ready), "measuring")
	defer progress.close()
	for round := range fl.rounds {
		if err := roof.measure(ctx); err != nil {
			return err
		}
		for i, b := range ready {
			seconds, err := b.run(ctx, dev, b.runs)
			if err != nil {
				return err
			}
			b.samples = append(b.samples, seconds/float64(b.runs))
			progress.set(round*len(ready) + i + 1)
		}
	}
	progress.close()
	for _, b := range ready {
		rep.Results = append(rep.Results, b.result(roof))
	}
	rep.Ceilings = append(rep.Ceilings, roof.table()...)
	rep.envelope = a.envelope("bench", dev, start)
	if a.json {
		return a.printJSON(rep)
	}
	if fl.output == "gobench" {
		a.printGobench(rep, ready)
		return nil
	}
	a.printBench(rep)
	return nil
}

// running is one operation at one size, its tensors on the device.
type running struct {
	name    string
	size    benchSize
	unit    string
	scope   *backend.Scope
	op      backend.Op
	runs    int // in each sample
	samples []float64
}

// run returns the seconds that runs of the operation take together.
func (r *running) run(ctx context.Context, dev *backend.Device, runs int) (float64, error) {
	start := time.Now()
	for range runs {
		if err := dev.Run(ctx, r.op); err != nil {
			return 0, err
		}
	}
	err := dev.Sync(ctx)
	return time.Since(start).Seconds(), err
}

func (r *running) result(roof *roof) benchResult {
	seconds := spreadOf(r.samples)
	rate := func(s float64) float64 { return r.size.work / s }
	b := benchResult{Op: r.name, Shape: r.size.shape, Unit: r.unit, Runs: r.runs, Seconds: seconds,
		Rate: spread{rate(seconds.Median), rate(seconds.Max), rate(seconds.Min)}}
	arithmetic := cpu.Compute
	if r.unit == cpu.Integer.Unit() {
		arithmetic = cpu.Integer
	}
	if bound, share, ok := roof.share(arithmetic, r.size.flops, bytesMoved(r.op)/1e9, r.samples); ok {
		b.Bound, b.Share = &bound, &share
	}
	return b
}

// prepareBench warms every operation up, from its smallest size on, and stops
// where one run would take more than its share of a round.
func (a *app) prepareBench(ctx context.Context, dev *backend.Device, fl benchFlags) (ready []*running, skipped []benchSkipped, err error) {
	cases := benchCases(fl.op)
	lines := 0
	for _, c := range cases {
		lines += len(c.keep())
	}
	share := fl.budget / float64(fl.rounds*lines)
	progress := a.newBar(len(cases), "warming up")
	defer progress.close()
	for i, c := range cases {
		speed := 0.0 // work a second at the size before
		var last *running
		for j, size := range c.sizes {
			if speed > 0 && size.work/speed > share {
				skipped = append(skipped, benchSkipped{c.name, size.shape,
					fmt.Sprintf("one run takes about %.2g s, its share of a round is %.2g s; --budget gives more", size.work/speed, share)})
				continue
			}
			r, err := c.warm(ctx, dev, size)
			if r != nil {
				ready = append(ready, r)
			}
			if err != nil {
				return ready, skipped, fmt.Errorf("%s %s: %w", c.name, size.shape, err)
			}
			once := r.samples[0]
			r.samples = nil
			r.runs = int(min(max(share/once, 1), 1<<20))
			speed = size.work / once
			if last != nil && (!c.all || j == 1) {
				last.scope.Close()
				ready = slices.DeleteFunc(ready, func(o *running) bool { return o == last })
			}
			last = r
		}
		progress.set(i + 1)
	}
	return ready, skipped, nil
}
