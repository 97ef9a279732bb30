package main

import (
	"context"

	"samebits/backend"
	"samebits/cpu"
)

// benchCeiling is what the processor can do at most.
type benchCeiling struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"` // compute, integer or memory
	Threads int    `json:"threads"`
	Unit    string `json:"unit"`
	Rate    spread `json:"rate"`
}

// roof holds the ceilings over a device that is the processor, measured once a
// round.
type roof struct {
	threads  int // of the device; 0 for a device that is not the processor
	ceilings []*cpu.Ceiling
	samples  [][]float64 // by ceiling, a round each
}

func newRoof(dev *backend.Device) *roof {
	r := &roof{threads: int(dev.Info().Limits["threads"])}
	if r.threads > 0 {
		r.ceilings = cpu.Ceilings(r.threads)
		r.samples = make([][]float64, len(r.ceilings))
	}
	return r
}

// measure takes one sample of every ceiling.
func (r *roof) measure(ctx context.Context) error {
	for i, c := range r.ceilings {
		rate, err := c.Measure(ctx)
		if err != nil {
			return err
		}
		r.samples[i] = append(r.samples[i], rate)
	}
	return nil
}

func (r *roof) table() []benchCeiling {
	var out []benchCeiling
	for i, c := range r.ceilings {
		out = append(out, benchCeiling{c.Name, string(c.Bound), c.Threads, c.Unit(), spreadOf(r.samples[i])})
	}
	return out
}

// best returns each round's highest rate under a bound on the device's threads.
func (r *roof) best(bound cpu.Bound) []float64 {
	var out []float64
	for i, c := range r.ceilings {
		if c.Bound != bound || c.Threads != r.threads {
			continue
		}
		if out == nil {
			out = make([]float64, len(r.samples[i]))
		}
		for j, rate := range r.samples[i] {
			out[j] = max(out[j], rate)
		}
	}
	return out
}

// share returns which ceiling bounds work of so many 10⁹ operations, of float32
// or of integers, and bytes, and what part of it runs of so many seconds, a
// round each, reach. ok is false where there are no ceilings.
func (r *roof) share(arithmetic cpu.Bound, operations, bytes float64, seconds []float64) (bound string, share spread, ok bool) {
	compute, memory := r.best(arithmetic), r.best(cpu.Memory)
	if len(compute) != len(seconds) || len(memory) != len(seconds) || len(seconds) == 0 {
		return "", spread{}, false
	}
	by, work, ceiling := arithmetic, operations, compute
	if bytes/spreadOf(memory).Median > operations/spreadOf(compute).Median {
		by, work, ceiling = cpu.Memory, bytes, memory
	}
	shares := make([]float64, len(seconds))
	for i, s := range seconds {
		shares[i] = work / ceiling[i] / s
	}
	return string(by), spreadOf(shares), true
}

// bytesMoved is the size of an operation's operands, each read or written once.
func bytesMoved(op backend.Op) float64 {
	total := 0.0
	for _, o := range backend.Operands(op) {
		if o.Tensor != nil {
			total += float64(o.Tensor.Len() * o.Tensor.DType().Size())
		}
	}
	return total
}
