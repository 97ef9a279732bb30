package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// header says where and how it was measured, a fact a line.
func (r *report) header() (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	add("%s, %d cores, %s/%s, %s, %s", r.Processor, r.Cores, r.OS, r.Arch, r.Go, r.Date)
	if r.ISA == isaNative {
		add("instruction set: what the processor has; ours %s", r.Instructions)
	} else {
		add("instruction set: all sides and the ceilings held to %s", r.ISA)
	}
	add("samebits: device %s, profile %v; median of %d interleaved rounds (slowest–fastest)", r.Device, r.Profile, r.Rounds)
	if d := r.Disturbance; d != nil {
		add("meanwhile other programs took %.1f %% of the processors' time, the host %.1f %%", 100*d.Others, 100*d.Host)
	}
	add("a chain of %d fused multiply-adds, each waiting for the one before, takes %.2f µs: what an output of that depth waits for under the contract",
		chainSteps, 1e6*r.ChainSeconds)
	for _, peer := range slices.Concat(peerNames, others(r.Versions)) {
		if v := r.Versions[peer]; v != "" {
			add("%s: %s", peer, v)
		}
	}
	for _, peer := range slices.Concat(peerNames, others(r.Missing)) {
		if v := r.Missing[peer]; v != "" {
			add("%s: NOT MEASURED: %s", peer, v)
		}
	}
	return lines
}

// print writes tables for a terminal.
func (r *report) print(w io.Writer, goalTable bool) {
	fmt.Fprintln(w, strings.Join(r.header(), "\n"))
	fmt.Fprintln(w)
	var rows [][]string
	for _, m := range r.Results {
		share := ""
		if m.Share != nil {
			share = fmt.Sprintf("%.0f %% of %s", 100*m.Share.Median, digits(m.Ceiling.Median))
		}
		first := []string{m.Work, strconv.Itoa(m.Threads), withSpread(&m.Rate), m.Unit, share}
		for _, p := range m.Peers {
			row := append(slices.Clone(first), p.Peer, "", "", "")
			if p.Failed == "" {
				row = append(slices.Clone(first), p.Peer, withSpread(p.Rate), withSpread(p.Ratio), fmt.Sprintf("%.1e", *p.Difference))
			} else {
				row[6] = p.Failed
			}
			rows = append(rows, row)
			first = []string{"", "", "", "", ""}
		}
	}
	table(w, []string{"work", ">threads", "samebits", "unit", "of the ceiling", "peer", "its rate", "samebits ÷ peer", ">difference"}, rows)
	fmt.Fprintln(w, "difference: largest of an element; nearest: part of the rows; draw: standard deviations of the mean"+
		"\nlog-probability; qmatmul: the root mean square in steps of the output")
	if !goalTable {
		return
	}
	fmt.Fprintln(w)
	rows = nil
	for _, g := range r.Goals {
		rows = append(rows, g.cells(g.Work))
	}
	table(w, goalHeader(), rows)
}

func goalHeader() []string {
	return []string{"work", ">threads", "samebits", "peer", "ratio", "quartiles", "slowest–fastest", "goal", "verdict"}
}

// cells is a goal's line of the table, under a name of the work.
func (v *verdict) cells(name string) []string {
	c := []string{name, strconv.Itoa(v.Threads), "–", "–", "–", "–", "–", v.goal.String(), v.Verdict}
	if v.Ratio == nil {
		return c
	}
	c[2], c[3] = digits(v.Rate.Median)+" "+v.Unit, ceiling
	if v.Peer != "" {
		c[3] = v.Peer + " " + digits(v.PeerRate.Median)
	}
	c[4] = digits(v.Ratio.Median)
	c[5], c[6] = digits(v.Ratio.Q1)+"–"+digits(v.Ratio.Q3), digits(v.Ratio.Min)+"–"+digits(v.Ratio.Max)
	return c
}

// markdown writes the measured works, or the goals, as a table for a README,
// after a list of where and how it was measured.
func (r *report) markdown(w io.Writer, goalTable bool) {
	for _, line := range r.header() {
		fmt.Fprintln(w, "-", line)
	}
	header, rows := []string{"work", ">threads", "samebits", "of the ceiling", "peer", "samebits ÷ peer", "quartiles", "slowest–fastest"}, [][]string{}
	for _, m := range r.Results {
		for _, p := range m.Peers {
			row := []string{m.Title, strconv.Itoa(m.Threads), digits(m.Rate.Median) + " " + m.Unit, "", p.Peer, p.Failed, "", ""}
			if m.Share != nil {
				row[3] = fmt.Sprintf("%.0f %%", 100*m.Share.Median)
			}
			if p.Failed == "" {
				row[4] += " " + digits(p.Rate.Median)
				row[5] = digits(p.Ratio.Median)
				row[6], row[7] = digits(p.Ratio.Q1)+"–"+digits(p.Ratio.Q3), digits(p.Ratio.Min)+"–"+digits(p.Ratio.Max)
			}
			rows = append(rows, row)
		}
	}
	if goalTable {
		header, rows = goalHeader(), nil
		for _, g := range r.Goals {
			rows = append(rows, g.cells(g.Title))
		}
	}
	line := func(cells []string) { fmt.Fprintln(w, "| "+strings.Join(cells, " | ")+" |") }
	rule := make([]string, len(header))
	for i, h := range header {
		name, right := strings.CutPrefix(h, ">")
		header[i], rule[i] = name, "---"
		if right {
			rule[i] = "---:"
		}
	}
	fmt.Fprintln(w)
	line(header)
	line(rule)
	for _, row := range rows {
		for i := range row {
			row[i] = strings.ReplaceAll(row[i], "|", "\\|")
		}
		line(row)
	}
}

// others returns the names that peerNames lacks.
func others(m map[string]string) []string {
	var out []string
	for name := range m {
		if !slices.Contains(peerNames, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func withSpread(s *spread) string {
	return fmt.Sprintf("%s (%s–%s)", digits(s.Median), digits(s.Min), digits(s.Max))
}

// digits writes a number with three digits and without an exponent.
func digits(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 0.1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

// table prints rows in columns that line up; a header that starts with '>'
// aligns its column to the right.
func table(w io.Writer, header []string, rows [][]string) {
	width := make([]int, len(header))
	right := make([]bool, len(header))
	for j, h := range header {
		header[j], right[j] = strings.CutPrefix(h, ">")
	}
	all := append([][]string{header}, rows...)
	for _, r := range all {
		for j, c := range r {
			width[j] = max(width[j], utf8.RuneCountInString(c))
		}
	}
	for _, r := range all {
		var b strings.Builder
		for j, c := range r {
			pad := strings.Repeat(" ", width[j]-utf8.RuneCountInString(c))
			if right[j] {
				c, pad = pad+c, ""
			}
			b.WriteString(c + pad + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
