package cluster

import (
	"errors"
	"math"
	"testing"

	"samebits/algos/dataset"
	"samebits/backend"
)

// TestElbowFindsTheBlobs: of blobs that lie far apart the silhouette finds
// the number, and the objective falls up to it and little beyond.
func TestElbowFindsTheBlobs(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := blobs(3, 400, 4, 5, 100)
	var seen []int
	points, best, err := Elbow(ctx, dev, data, Config{NInit: 20, Seed: 1}, ElbowConfig{From: 1, To: 8,
		Found: func(r *Result, s *SilhouetteResult) error {
			seen = append(seen, r.K)
			if len(r.Labels) != 400 || s.Rows != 400 {
				t.Errorf("k = %d: %d labels, silhouettes of %d rows", r.K, len(r.Labels), s.Rows)
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	if best.K != 5 || len(points) != 8 || len(seen) != 8 {
		t.Errorf("best k %d of %d points, %v seen", best.K, len(points), seen)
	}
	for i, p := range points {
		if p.K != i+1 || p.K != seen[i] || p.Objective != "wcss" || p.Value != p.WCSS || len(p.Sizes) != p.K {
			t.Errorf("point %d: %+v", i, p)
		}
		if i > 0 && !(p.WCSS < points[i-1].WCSS) {
			t.Errorf("wcss rises from %v to %v at k = %d", points[i-1].WCSS, p.WCSS, p.K)
		}
	}
	if !math.IsNaN(points[0].Silhouette) || points[4].Silhouette < 0.7 {
		t.Errorf("silhouettes %v and %v", points[0].Silhouette, points[4].Silhouette)
	}
	if drop := points[3].WCSS / points[4].WCSS; drop < 3*points[4].WCSS/points[5].WCSS {
		t.Errorf("no elbow at 5: wcss falls by %v there", drop)
	}
}

func TestElbowRefuses(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	data := general(3, 1, []float32{1, 2, 3})
	centers := general(2, 1, []float32{1, 3})
	for name, c := range map[string]struct {
		cfg   Config
		elbow ElbowConfig
	}{
		"zero":      {Config{}, ElbowConfig{From: 0, To: 2}},
		"backwards": {Config{}, ElbowConfig{From: 3, To: 2}},
		"past rows": {Config{}, ElbowConfig{From: 2, To: 4}},
		"centres":   {Config{Centers: &centers}, ElbowConfig{From: 2, To: 2}},
		"tol":       {Config{Tol: math.NaN()}, ElbowConfig{From: 2, To: 2}},
	} {
		if _, _, err := Elbow(ctx, dev, data, c.cfg, c.elbow); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stop := errors.New("stop")
	if _, _, err := Elbow(ctx, dev, data, Config{}, ElbowConfig{From: 1, To: 2, Found: func(*Result, *SilhouetteResult) error { return stop }}); err != stop {
		t.Errorf("Found's error: %v", err)
	}
	// One cluster alone has no silhouette, and is what there is.
	if _, best, err := Elbow(ctx, dev, data, Config{}, ElbowConfig{From: 1, To: 1}); err != nil || best.K != 1 {
		t.Errorf("k = 1 alone: %+v, %v", best, err)
	}
}

// TestElbowOfIris holds the table of a real data set to scikit-learn 1.2.1
// (KMeans with 50 starts, silhouette_score and the label scores).
func TestElbowOfIris(t *testing.T) {
	data, err := dataset.Read(ctx, sharedFile(t, "data", "iris_uci.csv"), dataset.Options{Label: "class"})
	if err != nil {
		t.Fatal(err)
	}
	want := [][4]float64{ // wcss, silhouette, ari, nmi
		{152.36870647733906, 0.6808136202713508, 0.5399218294207123, 0.6565191143081123},
		{78.940841426146, 0.552591944521368, 0.7302382722834697, 0.7581756800057785},
		{57.317873214285704, 0.49782569007545, 0.6498176853819967, 0.7219203867820961},
		{46.53558205128205, 0.48851755085386384, 0.6078964652364223, 0.6938628345588718},
	}
	_, best, err := Elbow(ctx, open(t, "cpu", backend.Config{}), data.Matrix, Config{NInit: 50, Tol: -1, Seed: 1}, ElbowConfig{From: 2, To: 5,
		Found: func(r *Result, s *SilhouetteResult) error {
			a, err := CompareLabels(data.Label, r.Labels)
			for i, got := range [4]float64{r.WCSS, s.Mean, a.ARI, a.NMI} {
				near(t, [4]string{"wcss", "silhouette", "ari", "nmi"}[i], got, want[r.K-2][i], 3e-6)
			}
			return err
		}})
	if err != nil || best.K != 2 {
		t.Errorf("best %v, %v", best, err)
	}
}
