package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"samebits/backend"
)

// report is the JSON object of peerbench.
type report struct {
	Command   string            `json:"command"`
	Backend   string            `json:"backend"`
	Device    string            `json:"device"`
	Profile   backend.Profile   `json:"profile"`
	Contract  int               `json:"contract"`
	Seed      uint64            `json:"seed"`
	Seconds   float64           `json:"seconds"`
	Processor string            `json:"processor"`
	Cores     int               `json:"cores"`
	OS        string            `json:"os"`
	Arch      string            `json:"arch"`
	Go        string            `json:"go"`
	Date      string            `json:"date"`
	Rounds    int               `json:"rounds"`
	Versions  map[string]string `json:"versions"` // by peer, with the kernel it picked
	Missing   map[string]string `json:"missing"`  // by peer, why
	Results   []result          `json:"results"`
	Goals     []verdict         `json:"goals"`
}

// result is one work at one thread count.
type result struct {
	Work    string       `json:"work"`
	Threads int          `json:"threads"`
	Unit    string       `json:"unit"`
	Rate    spread       `json:"rate"`
	Ceiling *spread      `json:"ceiling"` // of multiply-adds in registers; null where they do not bound the work
	Share   *spread      `json:"share"`   // of that ceiling
	Peers   []peerResult `json:"peers"`
}

// peerResult is one peer at a work; without a rate where it failed.
type peerResult struct {
	Peer       string   `json:"peer"`
	Rate       *spread  `json:"rate"`
	Ratio      *spread  `json:"ratio"` // our speed over theirs, round by round
	Difference *float64 `json:"difference"`
	Failed     string   `json:"failed"`
	Disagrees  bool     `json:"disagrees"` // it computes something else
}

func (m *measurement) result() result {
	oursRates := rates(m.work.amount, m.ours.seconds)
	r := result{Work: m.work.name, Threads: m.threads, Unit: m.work.unit, Rate: spreadOf(oursRates), Peers: []peerResult{}}
	if m.work.compute {
		ceiling, share := spreadOf(m.ceiling), spreadOf(ratios(oursRates, m.ceiling))
		r.Ceiling, r.Share = &ceiling, &share
	}
	for _, p := range m.peers {
		pr := peerResult{Peer: p.name}
		if p.failed != nil {
			_, pr.Disagrees = p.failed.(errDisagrees)
			pr.Failed = reason(p.failed)
		} else {
			rate, ratio := spreadOf(rates(m.work.amount, p.seconds)), spreadOf(ratios(p.seconds, m.ours.seconds))
			pr.Rate, pr.Ratio, pr.Difference = &rate, &ratio, &p.difference
		}
		r.Peers = append(r.Peers, pr)
	}
	return r
}

func (r *report) print(w io.Writer, goalTable bool) {
	fmt.Fprintf(w, "%s, %d cores, %s/%s, %s, %s\n", r.Processor, r.Cores, r.OS, r.Arch, r.Go, r.Date)
	fmt.Fprintf(w, "samebits: device %s, profile %v; median of %d interleaved rounds (slowest to fastest)\n", r.Device, r.Profile, r.Rounds)
	for _, peer := range slices.Concat(peerNames, others(r.Versions)) {
		if v := r.Versions[peer]; v != "" {
			fmt.Fprintf(w, "%s: %s\n", peer, v)
		}
	}
	for _, peer := range slices.Concat(peerNames, others(r.Missing)) {
		if v := r.Missing[peer]; v != "" {
			fmt.Fprintf(w, "%s: NOT MEASURED: %s\n", peer, v)
		}
	}
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
		"\nlog-probability; qmatmul: steps of the output, the root mean square where the peer's output is real")
	if !goalTable {
		return
	}
	fmt.Fprintln(w)
	rows = nil
	for _, g := range r.Goals {
		measured := "–"
		if g.Ratio != nil {
			measured = withSpread(g.Ratio)
		}
		rows = append(rows, []string{g.Work, strconv.Itoa(g.Threads), "≥ " + digits(g.Goal) + " × " + g.Against, measured, g.Verdict})
	}
	table(w, []string{"work", ">threads", "goal", "measured", "verdict"}, rows)
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
