package main

import "samebits/backend"

// report is the JSON object of peerbench.
type report struct {
	Command      string            `json:"command"`
	Backend      string            `json:"backend"`
	Device       string            `json:"device"`
	Profile      backend.Profile   `json:"profile"`
	Contract     int               `json:"contract"`
	Seed         uint64            `json:"seed"`
	Seconds      float64           `json:"seconds"`
	Processor    string            `json:"processor"`
	Cores        int               `json:"cores"`
	OS           string            `json:"os"`
	Arch         string            `json:"arch"`
	Go           string            `json:"go"`
	Date         string            `json:"date"`
	Rounds       int               `json:"rounds"`
	ISA          string            `json:"isa"`           // that all sides were held to
	Instructions string            `json:"instructions"`  // of our kernels
	ChainSeconds float64           `json:"chain_seconds"` // of 4096 fused multiply-adds in one chain
	Disturbance  *disturbance      `json:"disturbance"`   // null where the system does not tell
	Versions     map[string]string `json:"versions"`      // by peer, with the kernel it picked
	Missing      map[string]string `json:"missing"`       // by peer, why
	Results      []result          `json:"results"`
	Goals        []verdict         `json:"goals"`
}

// result is one work at one thread count.
type result struct {
	Work    string       `json:"work"`
	Title   string       `json:"title"`
	Threads int          `json:"threads"`
	Unit    string       `json:"unit"`
	Rate    spread       `json:"rate"`
	Ceiling *spread      `json:"ceiling"` // of arithmetic in registers; null where they do not bound the work
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
	r := result{Work: m.work.name, Title: m.work.title, Threads: m.threads, Unit: m.work.unit, Rate: spreadOf(oursRates), Peers: []peerResult{}}
	if m.work.bound != "" {
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
