package cpu

import (
	"fmt"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

func gumbelSoftmaxCase(soft, hard bool, tau backend.Factor) samplingCase {
	return samplingCase{fmt.Sprintf("gumbelsoftmax y=%t onehot=%t tau=%v", soft, hard, tau.Real(1)), false,
		func(dev *backend.Device, x *backend.Tensor) (backend.Op, []*backend.Tensor, error) {
			op := &backend.GumbelSoftmax{X: x, Tau: tau, Draws: samplingDraws}
			var outs []*backend.Tensor
			var err error
			if soft {
				if op.Y, err = newGapped(dev, backend.Float32, 1, x.Rows(), x.Cols()); err != nil {
					return nil, nil, err
				}
				outs = append(outs, op.Y)
			}
			if hard {
				op.OneHot, err = newGapped(dev, backend.Float32, 1, x.Rows(), x.Cols())
				outs = append(outs, op.OneHot)
			}
			return op, outs, err
		}}
}

func TestGumbelSoftmaxEqualsReference(t *testing.T) {
	compareEverywhere(t, gumbelSoftmaxCase(true, false, backend.Factor{}), gumbelSoftmaxCase(true, true, backend.Scalar(0.3)),
		gumbelSoftmaxCase(false, true, backend.Scalar(3)))
}

// TestGumbelSoftmaxMarginals: the one-hot rows follow softmax(x) at any tau
// (χ² of 5 degrees of freedom, 99.99 % point 25.7), the relaxed rows have
// their largest element where the one-hot has its 1, and they are the sharper
// the smaller tau is.
func TestGumbelSoftmaxMarginals(t *testing.T) {
	const rows, limit = 20000, 25.7
	logits := []float32{0, 1, -1, 2, 0.5, -2}
	y, oneHot := make([]float32, len(logits)), make([]float32, len(logits))
	sharpness := map[float32]float64{}
	for _, tau := range []float32{0.2, 5} {
		counts := make([]float64, len(logits))
		for i := range rows {
			at := exact.Position{Seed: 3, Use: exact.UseGumbelSoftmax, Row: uint32(i)}
			exact.Fused.GumbelSoftmaxRow(at, y, oneHot, logits, tau)
			top, _ := argMaxDrawn(t.Context(), y)
			sharpness[tau] += float64(y[top]) / rows
			for j, v := range oneHot {
				counts[j] += float64(v)
			}
			// Under a small tau several probabilities may round to 1.
			if oneHot[top] != 1 && y[top] < 1 {
				t.Fatalf("row %d: largest of y at %d, one-hot %v", i, top, oneHot)
			}
		}
		chi2 := 0.0
		for j, p := range softmax64(logits, 1) {
			d := counts[j] - rows*p
			chi2 += d * d / (rows * p)
		}
		if chi2 > limit {
			t.Errorf("tau %v: χ² %.1f, want at most %v", tau, chi2, limit)
		}
	}
	if sharpness[0.2] < 0.85 || sharpness[5] > 0.4 {
		t.Errorf("mean of the largest element %v: want near 1 at tau 0.2 and near 1/6 at tau 5", sharpness)
	}
}
