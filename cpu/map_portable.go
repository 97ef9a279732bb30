//go:build !amd64

package cpu

import (
	"samebits/backend"
	"samebits/backend/exact"
)

// simdRow returns nil: this processor has no kernels.
func simdRow(exact.Mac, backend.Fn) func(y, a, b, c *float32, steps int) { return nil }

// elementaryRow returns nil, too.
func elementaryRow(exact.Mac, backend.Fn) func(y, a, scratch []float32) { return nil }
