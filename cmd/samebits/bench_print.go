package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

func (a *app) printBench(r benchReport) {
	w := a.stdout
	fmt.Fprintf(w, "device %s (%s), profile %v\n", *r.Device, r.Renderer, *r.Profile)
	fmt.Fprintf(w, "on %s, %d threads, %s/%s, %s, %s; median of %d rounds\n\n", r.Machine.Processor, r.Machine.Threads,
		r.Machine.OS, r.Machine.Arch, r.Machine.Go, r.Date, r.Rounds)
	if len(r.Ceilings) > 0 {
		rows := make([][]string, 0, len(r.Ceilings))
		for _, c := range r.Ceilings {
			rows = append(rows, []string{c.Name, strconv.Itoa(c.Threads), short(c.Rate.Median), short(c.Rate.Min), short(c.Rate.Max), c.Unit})
		}
		table(w, []string{"ceiling", ">threads", ">median", ">slowest", ">fastest", "unit"}, rows)
		fmt.Fprintln(w)
	} else {
		fmt.Fprintf(w, "no ceilings: those that bench can measure are the processor's\n\n")
	}
	rows := make([][]string, 0, len(r.Results))
	g := func(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
	for _, b := range r.Results {
		rows = append(rows, []string{b.Op, b.Shape, short(b.Rate.Median), short(b.Rate.Min), short(b.Rate.Max), b.Unit,
			g(1000*b.Seconds.Median) + " ms"})
		if b.Share != nil {
			last := len(rows) - 1
			rows[last] = append(rows[last], fmt.Sprintf("%.0f %%", 100*b.Share.Median), *b.Bound)
		}
	}
	header := []string{"operation", "shape", ">median", ">slowest", ">fastest", "unit", ">one run"}
	if len(r.Ceilings) > 0 {
		header = append(header, ">share", "of")
	}
	table(w, header, rows)
	if len(r.Skipped) > 0 {
		var sizes []string
		for _, s := range r.Skipped {
			sizes = append(sizes, s.Op+" "+s.Shape)
		}
		fmt.Fprintf(w, "not measured for want of time (--budget gives more): %s\n", strings.Join(sizes, "; "))
	}
}

// short writes a rate with three digits and without an exponent.
func short(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

// printGobench prints one line a round in the format of Go's benchmarks
// (golang.org/design/14313-benchmark-format), which benchstat reads. Shape and
// device are keys of the name, so that benchstat can group by them.
func (a *app) printGobench(r benchReport, ready []*running) {
	w := a.stdout
	fmt.Fprintf(w, "goos: %s\ngoarch: %s\npkg: samebits\ncpu: %s\n", r.Machine.OS, r.Machine.Arch, r.Machine.Processor)
	for _, b := range ready {
		name := fmt.Sprintf("Benchmark%s/shape=%s/device=%s-%d", benchmarkName(b.name), benchmarkShape(b.size.shape), benchmarkShape(*r.Device), r.Machine.Threads)
		unit := strings.ReplaceAll(b.unit, " elements", "elem")
		for _, seconds := range b.samples {
			fmt.Fprintf(w, "%s\t%d\t%.1f ns/op\t%g %s\n", name, b.runs, 1e9*seconds, b.size.work/seconds, unit)
		}
	}
}

// benchmarkName is an operation's name in camel case: "matmul complex64"
// becomes MatmulComplex64.
func benchmarkName(s string) string {
	var b strings.Builder
	up := true
	for _, c := range s {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			up = true
		case up:
			b.WriteRune(unicode.ToUpper(c))
			up = false
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// benchmarkShape is a shape without spaces and without what a benchmark's name
// gives a meaning to: "1000×32, k = 64" becomes 1000x32_k64.
func benchmarkShape(s string) string {
	return strings.NewReplacer(" ", "", "×", "x", "·", ".", ",", "_", "=", "", "/", "_", "-", "_").Replace(s)
}
