package main

import (
	"fmt"
	"strconv"
)

// goal is one line of the goal table: a work on a number of threads must be at
// least so many times as fast as a peer, or reach that share of the ceiling.
type goal struct {
	work    string
	threads int
	against string // a peer, "ceiling", or "fastest": the peer that is, whatever its order
	least   float64
}

const (
	ceiling = "ceiling"
	fastest = "fastest"
)

// goals lists what the project set out to reach on a 2-core AVX2 machine.
func goals() []goal {
	var all []goal
	for _, n := range []int{512, 1024, 2048} {
		name := fmt.Sprintf("matmul-%d", n)
		all = append(all, goal{name, 1, "openblas", 1}, goal{name, 1, ceiling, 0.9}, goal{name, 2, "openblas", 0.97})
	}
	for _, n := range []int{64, 128, 256} {
		name := fmt.Sprintf("matmul-%d", n)
		all = append(all, goal{name, 1, "openblas", 0.95}, goal{name, 2, "openblas", 0.95})
	}
	all = append(all,
		goal{"cmatmul-1024", 2, "torch", 0.97},
		goal{"nearest", 2, "faiss", 3.3}, goal{"nearest", 2, "sklearn", 5}, goal{"nearest", 2, ceiling, 0.85},
		goal{"lloyd", 2, "faiss", 3}, goal{"lloyd", 2, "sklearn", 3},
		goal{"draw", 2, "torch", 12},
		goal{"softmax", 2, "torch", 1.4},
		goal{"qmatmul-2048", 2, "torch", 1}, goal{"qmatmul-2048", 2, "onednn", 1},
	)
	for _, s := range fullSizes.few {
		all = append(all, goal{fewOutputs(s[0], s[1], s[2]).name, 1, fastest, 0.9})
	}
	return append(all, goal{"matmul-512", 1, fastest, 0.9}, goal{"matmul-1024", 1, fastest, 0.9})
}

// String is the goal as it is written in a table.
func (g goal) String() string {
	if g.against == ceiling {
		return fmt.Sprintf("≥ %.0f %% of the ceiling", 100*g.least)
	}
	return fmt.Sprintf("≥ %s× %s", strconv.FormatFloat(g.least, 'f', -1, 64), g.against)
}

// verdict is a goal with what was measured for it.
type verdict struct {
	Work     string  `json:"work"`
	Title    string  `json:"title"`
	Threads  int     `json:"threads"`
	Against  string  `json:"against"`
	Goal     float64 `json:"goal"`
	Unit     string  `json:"unit"`
	Rate     *spread `json:"rate"` // ours; null where it was not measured, as the next three
	Peer     string  `json:"peer"` // that the ratio is over; empty for the ceiling
	PeerRate *spread `json:"peer_rate"`
	Ratio    *spread `json:"ratio"`   // over the peer's rate or the ceiling
	Verdict  string  `json:"verdict"` // met, missed, or not measured and why

	goal goal
}

// judge compares the median of the rounds' ratios with each goal.
func judge(all []goal, results []result) []verdict {
	out := make([]verdict, 0, len(all))
	for _, g := range all {
		v := verdict{Work: g.work, Title: g.work, Threads: g.threads, Against: g.against, Goal: g.least, Verdict: "not measured: not asked for", goal: g}
		for _, r := range results {
			if r.Work != g.work || r.Threads != g.threads {
				continue
			}
			v.Title, v.Rate, v.Unit = r.Title, &r.Rate, r.Unit
			if g.against == ceiling {
				v.Ratio = r.Share
			}
			for _, p := range r.Peers {
				switch {
				case g.against != p.Peer && g.against != fastest:
				case p.Ratio == nil:
					if v.Ratio == nil {
						v.Verdict = "not measured: " + p.Failed
					}
				case v.Ratio == nil || p.Ratio.Median < v.Ratio.Median:
					v.Ratio, v.Peer, v.PeerRate = p.Ratio, p.Peer, p.Rate
				}
			}
		}
		if v.Ratio != nil {
			v.Verdict = "missed"
			if v.Ratio.Median >= g.least {
				v.Verdict = "met"
			}
		}
		out = append(out, v)
	}
	return out
}
