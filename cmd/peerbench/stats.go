package main

import (
	"math"
	"slices"
)

// spread is the median of a measurement's rounds with the quartiles, between
// which half of them lie whatever a few disturbed ones did, and the extremes.
type spread struct {
	Median float64 `json:"median"`
	Q1     float64 `json:"q1"`
	Q3     float64 `json:"q3"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf returns the spread of at least one sample; NaN where there is none.
func spreadOf(samples []float64) spread {
	n := len(samples)
	if n == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	s := slices.Sorted(slices.Values(samples))
	at := func(part float64) float64 { // between the two samples that are nearest
		low, rest := math.Modf(part * float64(n-1))
		i := int(low)
		return s[i] + rest*(s[min(i+1, n-1)]-s[i])
	}
	return spread{at(0.5), at(0.25), at(0.75), s[0], s[n-1]}
}

// ratios divides round by round: what disturbs a machine for longer than one
// sample disturbs both sides of a round and falls out. The slices are equally
// long.
func ratios(numerator, denominator []float64) []float64 {
	out := make([]float64, len(numerator))
	for i, v := range numerator {
		out[i] = v / denominator[i]
	}
	return out
}

// rates turns the seconds of runs into amounts a second.
func rates(amount float64, seconds []float64) []float64 {
	out := make([]float64, len(seconds))
	for i, s := range seconds {
		out[i] = amount / s
	}
	return out
}
