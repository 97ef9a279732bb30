package main

import (
	"fmt"
	"math"
	"time"

	"samebits/backend"
)

// freeOrder is the peer that computes products of few outputs with K split
// over as many partial sums as keep the multiply-adds busy (workers/freeorder.c).
const freeOrder = "freeorder"

// fewOutputs is a product whose outputs may be too few to keep the processor
// busy with one chain each, as the contract has it. OpenBLAS, whose order is
// free too, stands beside the kernel written for the purpose; where outputs
// fill eight vectors, what the latency of a multiply-add asks for, it is the
// only free order, because splitting K there has nothing to gain.
func fewOutputs(m, n, k int) work {
	w := product("matmul", backend.Float32, m, n, k)
	w.kind, w.threads, w.peers = "few", 1, []string{"openblas"}
	if n == 16 && m < 4 || (n == 1 || n == 4) && m%4 == 0 {
		w.peers = append(w.peers, freeOrder)
	}
	w.name = fmt.Sprintf("few-%dx%dx%d", m, n, k)
	w.request = "matmul"
	return w
}

// chainSteps is what one chain of the contract holds at most.
const chainSteps = 4096

// chainSeconds measures a chain of 4096 fused multiply-adds, each of which
// waits for the one before: no output of that depth is ready sooner under the
// contract, whatever the width of the vectors.
func chainSeconds() float64 {
	best := math.Inf(1)
	for range 200 {
		start := time.Now()
		acc := chainSink
		for range chainSteps {
			acc = math.FMA(acc, 0.5, 1)
		}
		chainSink = acc
		best = min(best, time.Since(start).Seconds())
	}
	return best
}

// chainSink keeps the compiler from dropping the chain.
var chainSink float64
