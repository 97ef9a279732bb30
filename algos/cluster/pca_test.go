package cluster

import (
	"context"
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/dataset"
)

// TestProjectKnownDirections stretches a cloud along two known directions.
func TestProjectKnownDirections(t *testing.T) {
	base := blobs(2, 900, 5, 1, 0)
	for _, d := range []int{5, 600} { // narrow: the covariance; wide: products of rows
		data := general(900, d, make([]float32, 900*d))
		for i := range data.Rows {
			row := base.Data[i*5:]
			u, v := 40*float64(row[0]-base.Data[0]), 10*float64(row[1]-base.Data[1])
			// Directions (3,4,0…)/5 and (4,−3,0…)/5.
			data.Data[i*d] = float32(1000 + (3*u+4*v)/5)
			data.Data[i*d+1] = float32((4*u - 3*v) / 5)
			data.Data[i*d+2] = row[2] - base.Data[2]
		}
		p, err := Project(ctx, data, ProjectionConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for c, want := range [2][2]float64{{0.6, 0.8}, {0.8, -0.6}} {
			if got := p.Components[c]; math.Abs(got[0]-want[0]) > 0.02 || math.Abs(got[1]-want[1]) > 0.02 {
				t.Errorf("d = %d: component %d is %v, want %v", d, c+1, got[:3], want)
			}
			if n := norm(p.Components[c]); math.Abs(n-1) > 1e-12 {
				t.Errorf("d = %d: component %d has length %v", d, c+1, n)
			}
		}
		if p.Explained[0] < 0.9 || p.Explained[1] < 0.03 || p.Explained[0]+p.Explained[1] > 1 {
			t.Errorf("d = %d: explained %v", d, p.Explained)
		}
		if p.Rows != nil || len(p.Points) != 900 || p.Points[7] != p.At(data.Data[7*d:8*d]) {
			t.Errorf("d = %d: %d points, row 7 at %v and %v", d, len(p.Points), p.Points[7], p.At(data.Data[7*d:8*d]))
		}
		if want := map[int]int{5: 900, 600: 512}[d]; p.MeasuredRows != want {
			t.Errorf("d = %d: measured %d rows, want %d", d, p.MeasuredRows, want)
		}
	}
}

func norm(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x * x
	}
	return math.Sqrt(s)
}

// TestProjectIris holds a real data set to scikit-learn 1.2.1 (PCA), up to
// the signs, which are chosen by another rule.
func TestProjectIris(t *testing.T) {
	data, err := dataset.Read(ctx, sharedFile(t, "data", "iris_uci.csv"), dataset.Options{Label: "class"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Project(ctx, data.Matrix, ProjectionConfig{})
	if err != nil {
		t.Fatal(err)
	}
	want := [2][4]float64{
		{0.36158967738144954, -0.08226888989221426, 0.856572105290528, 0.35884392624821554},
		{0.6565398832858319, 0.7297123713264965, -0.17576740342865438, -0.07470647013503323},
	}
	for c, share := range [2]float64{0.9246162071742684, 0.05301556785053502} {
		if math.Abs(p.Explained[c]-share) > 1e-6 {
			t.Errorf("component %d explains %v, want %v", c+1, p.Explained[c], share)
		}
		for j, v := range want[c] {
			if math.Abs(p.Components[c][j]-v) > 1e-6 {
				t.Errorf("component %d, column %d: %v, want %v", c+1, j+1, p.Components[c][j], v)
			}
		}
	}
}

func TestProjectDegenerate(t *testing.T) {
	for _, c := range []struct {
		name      string
		data      blas32.General
		explained [2]float64
	}{
		{"one row", general(1, 3, []float32{1, 2, 3}), [2]float64{}},
		{"equal rows", general(4, 2, []float32{5, 6, 5, 6, 5, 6, 5, 6}), [2]float64{}},
		{"one column", general(3, 1, []float32{1, 2, 4}), [2]float64{1, 0}},
		{"a line in wide data", general(2, 700, append(make([]float32, 1399), 8)), [2]float64{1, 0}},
	} {
		p, err := Project(ctx, c.data, ProjectionConfig{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, want := range c.explained {
			if math.Abs(p.Explained[i]-want) > 1e-12 {
				t.Errorf("%s: explained %v, want %v", c.name, p.Explained, c.explained)
			}
		}
		for _, point := range p.Points {
			if math.IsNaN(point[0]) || math.IsNaN(point[1]) || math.Abs(point[1]) > 1e-9 {
				t.Errorf("%s: point %v", c.name, point)
			}
		}
	}
	if _, err := Project(ctx, blas32.General{}, ProjectionConfig{}); !errors.Is(err, ErrInput) {
		t.Errorf("no data: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Project(ended, general(2, 1, []float32{1, 2}), ProjectionConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
}

func TestProjectSamples(t *testing.T) {
	data := blobs(3, 5000, 2, 3, 0)
	p, err := Project(ctx, data, ProjectionConfig{Rows: 700, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rows) != 700 || len(p.Points) != 700 || p.MeasuredRows != 5000 {
		t.Errorf("%d rows, %d points, %d measured", len(p.Rows), len(p.Points), p.MeasuredRows)
	}
	for i, row := range p.Rows {
		if want := p.At(data.Data[2*row : 2*row+2]); p.Points[i] != want {
			t.Fatalf("point %d is %v, row %d lies at %v", i, p.Points[i], row, want)
		}
	}
}
