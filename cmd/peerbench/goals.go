package main

import "fmt"

// goal is one line of the goal table: a work on a number of threads must be at
// least so many times as fast as a peer, or reach that share of the ceiling.
type goal struct {
	work    string
	threads int
	against string // a peer, or "ceiling"
	least   float64
}

// freeOrder is the product against a kernel that sums in whatever order is
// fastest. No package exports such a kernel, since no result may come from it.
const freeOrder = "matmul-1024 in the contract's order"

// goals lists what the project set out to reach on a 2-core AVX2 machine.
func goals() []goal {
	var all []goal
	for _, n := range []int{512, 1024, 2048} {
		name := fmt.Sprintf("matmul-%d", n)
		all = append(all, goal{name, 1, "openblas", 1}, goal{name, 1, "ceiling", 0.9}, goal{name, 2, "openblas", 0.97})
	}
	for _, n := range []int{64, 128, 256} {
		name := fmt.Sprintf("matmul-%d", n)
		all = append(all, goal{name, 1, "openblas", 0.95}, goal{name, 2, "openblas", 0.95})
	}
	return append(all,
		goal{"cmatmul-1024", 2, "torch", 0.97},
		goal{"nearest", 2, "faiss", 3.3}, goal{"nearest", 2, "sklearn", 5}, goal{"nearest", 2, "ceiling", 0.85},
		goal{"lloyd", 2, "faiss", 3}, goal{"lloyd", 2, "sklearn", 3},
		goal{"draw", 2, "torch", 12},
		goal{"softmax", 2, "torch", 1.4},
		goal{"qmatmul-2048", 2, "torch", 1}, goal{"qmatmul-2048", 2, "onednn", 1},
		goal{freeOrder, 2, "free order", 0.9},
	)
}

// verdict is a goal with what was measured for it.
type verdict struct {
	Work    string  `json:"work"`
	Threads int     `json:"threads"`
	Against string  `json:"against"`
	Goal    float64 `json:"goal"`
	Ratio   *spread `json:"ratio"`   // null where it was not measured
	Verdict string  `json:"verdict"` // met, missed, or not measured and why
}

// judge compares the median of the rounds' ratios with each goal.
func judge(all []goal, results []result) []verdict {
	out := make([]verdict, 0, len(all))
	for _, g := range all {
		v := verdict{Work: g.work, Threads: g.threads, Against: g.against, Goal: g.least, Verdict: "not measured: not asked for"}
		if g.work == freeOrder {
			v.Verdict = "not measured here: a benchmark of package cpu's tests is the place for it"
		}
		for _, r := range results {
			if r.Work != g.work || r.Threads != g.threads {
				continue
			}
			if g.against == "ceiling" {
				v.Ratio = r.Share
			}
			for _, p := range r.Peers {
				if p.Peer == g.against {
					v.Ratio = p.Ratio
					v.Verdict = "not measured: " + p.Failed
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
