package exact

import (
	"math"
	"testing"
)

func TestSoftmaxSpecials(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	big := float32(math.MaxFloat32)
	for _, c := range []struct {
		x              []float32
		temperature    float32
		softmax, log   []float32
		logSumExpIsNaN bool
		logSumExp      float32
	}{
		{x: []float32{3}, temperature: 1, softmax: []float32{1}, log: []float32{0}, logSumExp: 3},
		{x: []float32{0, negZero}, temperature: 1, softmax: []float32{0.5, 0.5}, log: []float32{-math.Ln2, -math.Ln2}, logSumExp: math.Ln2},
		{x: []float32{7, 7, 7, 7}, temperature: 3, softmax: []float32{0.25, 0.25, 0.25, 0.25},
			log: []float32{-2 * math.Ln2, -2 * math.Ln2, -2 * math.Ln2, -2 * math.Ln2}, logSumExp: 7.0/3 + 2*math.Ln2},
		{x: []float32{negInf, 5, negInf}, temperature: 0.5, softmax: []float32{0, 1, 0}, log: []float32{negInf, 0, negInf}, logSumExp: 10},
		{x: []float32{big, -big}, temperature: 1, softmax: []float32{1, 0}, log: []float32{0, negInf}, logSumExp: big},
		{x: []float32{negInf, negInf}, temperature: 1, softmax: []float32{nan, nan}, log: []float32{nan, nan}, logSumExpIsNaN: true},
		{x: []float32{1, posInf}, temperature: 1, softmax: []float32{nan, nan}, log: []float32{nan, nan}, logSumExpIsNaN: true},
		{x: []float32{1, math.Float32frombits(0xffc00001), 2}, temperature: 1,
			softmax: []float32{nan, nan, nan}, log: []float32{nan, nan, nan}, logSumExpIsNaN: true},
	} {
		for _, m := range []Mac{Fused, Split} {
			y := append([]float32(nil), c.x...)
			m.SoftmaxRow(y, y, c.temperature)
			nearRow(t, "softmax", c.x, y, c.softmax)
			y = append(y[:0], c.x...)
			m.LogSoftmaxRow(y, y, c.temperature)
			nearRow(t, "log-softmax", c.x, y, c.log)
			want := c.logSumExp
			if c.logSumExpIsNaN {
				want = nan
			}
			nearRow(t, "log-sum-exp", c.x, []float32{m.LogSumExpRow(c.x, c.temperature)}, []float32{want})
		}
	}
}

// nearRow wants NaN canonical, infinities and zeros exact, the rest within 2 ulp.
func nearRow(t *testing.T, name string, x, got, want []float32) {
	t.Helper()
	for j := range want {
		g, w := float64(got[j]), float64(want[j])
		switch {
		case w != w:
			if math.Float32bits(got[j]) != nanBits {
				t.Errorf("%s of %v: element %d is %x, want the canonical NaN", name, x, j, math.Float32bits(got[j]))
			}
		case math.IsInf(w, 0) || w == 0:
			if g != w {
				t.Errorf("%s of %v: element %d is %v, want %v", name, x, j, g, w)
			}
		case !(math.Abs(g-w) <= math.Abs(w)*0x1p-22):
			t.Errorf("%s of %v: element %d is %v, want %v", name, x, j, g, w)
		}
	}
}

// TestSoftmaxError compares rows with float64. With u = 2⁻²⁴, d = z − m and p
// in float64, to first order the subtraction and the exponential (2 ulp) put
// (|d| + 4)·u on each term; the sum takes their mean and u for each of its
// n/64 + 6 additions; reciprocal and product add 2u. In the log forms these
// relative errors of the sum become absolute ones, and the logarithm (2 ulp)
// and the last subtractions add their own.
func TestSoftmaxError(t *testing.T) {
	const u = 0x1p-24
	var worstP, worstLog, worstLSE float64
	for _, m := range []Mac{Fused, Split} {
		for row := range uint32(24) {
			n := []int{1, 3, 64, 700, 5000, 33000}[row%6]
			width := []float32{0.1, 1, 8, 25}[row/6]
			x := make([]float32, n)
			for j := range x {
				x[j] = 100 + width*m.NormalAt(Position{Seed: 9, Row: row}, uint64(j))
			}
			top := float64(scaledMax(x, 1))
			var sum, meanErr float64
			for _, v := range x {
				d := float64(v) - top
				sum += math.Exp(d)
				meanErr += math.Exp(d) * (4 - d) * u
			}
			sumErr := meanErr/sum + float64(n/64+6)*u
			y, logY := make([]float32, n), make([]float32, n)
			m.SoftmaxRow(y, x, 1)
			m.LogSoftmaxRow(logY, x, 1)
			logSum := math.Log(sum)
			for j, v := range x {
				d := float64(v) - top
				if p := math.Exp(d) / sum; p > 0x1p-120 {
					worstP = max(worstP, math.Abs(float64(y[j])/p-1)/((4-d+2)*u+sumErr))
				}
				bound := -d*u + sumErr + 4*logSum*u + math.Abs(d-logSum)*u + u
				worstLog = max(worstLog, math.Abs(float64(logY[j])-(d-logSum))/bound)
			}
			lse := top + logSum
			bound := sumErr + 4*logSum*u + math.Abs(lse)*u + u
			worstLSE = max(worstLSE, math.Abs(float64(m.LogSumExpRow(x, 1))-lse)/bound)
		}
	}
	t.Logf("worst error as part of the bound: softmax %.2f, log-softmax %.2f, log-sum-exp %.2f", worstP, worstLog, worstLSE)
	if !(worstP <= 1 && worstLog <= 1 && worstLSE <= 1) {
		t.Error("an error passes its bound")
	}
	if worstP == 0 || worstLog == 0 || worstLSE == 0 {
		t.Error("nothing was compared")
	}
}

func TestTemperatureScalesLogits(t *testing.T) {
	x := []float32{1, -2, 0.5, 4}
	scaled := make([]float32, len(x))
	for j, v := range x {
		scaled[j] = v * 4
	}
	got, want := make([]float32, len(x)), make([]float32, len(x))
	Fused.SoftmaxRow(got, x, 0.25)
	Fused.SoftmaxRow(want, scaled, 1)
	for j := range want {
		if got[j] != want[j] {
			t.Errorf("element %d at temperature ¼ is %v, want %v", j, got[j], want[j])
		}
	}
	if Fused.LogSumExpRow(x, 0.25) != Fused.LogSumExpRow(scaled, 1) {
		t.Error("log-sum-exp ignores the temperature")
	}
}
