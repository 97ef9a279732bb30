package cpu

import (
	"testing"

	"samebits/backend"
)

func logSumExpCase(temperature backend.Factor) samplingCase {
	return samplingCase{"logsumexp", true, func(dev *backend.Device, x *backend.Tensor) (backend.Op, []*backend.Tensor, error) {
		y, err := newGapped(dev, backend.Float32, x.Batch(), x.Rows(), 1)
		return &backend.LogSumExp{Y: y, X: x, Temperature: temperature}, []*backend.Tensor{y}, err
	}}
}

func TestLogSumExpEqualsReference(t *testing.T) {
	compareEverywhere(t, logSumExpCase(backend.Factor{}), logSumExpCase(backend.Scalar(0.3)))
}

func BenchmarkLogSumExp(b *testing.B) { benchmarkSampling(b, logSumExpCase(backend.Factor{})) }
