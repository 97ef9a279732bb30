package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/dataset"
	"samebits/backend"
)

// streamData are data sets with the cases that Lloyd's steps know: blobs, rows
// that repeat so that clusters run empty, and a column far from the origin.
func streamData() map[string]blas32.General {
	r := rand.New(rand.NewPCG(3, 4))
	blobs := make([]float32, 1003*5)
	for i := range blobs {
		blobs[i] = float32(r.NormFloat64()) + float32(i/5%7*4)
		if i%5 == 4 {
			blobs[i] += 1e4
		}
	}
	twins := make([]float32, 600*3)
	for i := range 600 {
		for j := range 3 {
			twins[i*3+j] = float32(r.IntN(3)) * 0.7
		}
		if i > 590 {
			twins[i*3] = float32(i)
		}
	}
	return map[string]blas32.General{"blobs": general(1003, 5, blobs), "twins": general(600, 3, twins)}
}

// sameResult compares everything that a fit returns, bit for bit.
func sameResult(t *testing.T, name string, got, want *Result) {
	t.Helper()
	if !slices.Equal(got.Labels, want.Labels) {
		t.Fatalf("%s: labels differ", name)
	}
	if !slices.Equal(got.Centers.Data, want.Centers.Data) {
		t.Fatalf("%s: centres differ", name)
	}
	show := func(r *Result) string {
		c := *r
		c.Labels, c.Centers = nil, blas32.General{}
		return fmt.Sprintf("%+v", c)
	}
	if show(got) != show(want) {
		t.Fatalf("%s:\ngot  %s\nwant %s", name, show(got), show(want))
	}
}

var streamConfigs = []Config{
	{K: 7, Init: KMeansPlusPlus, NInit: 3, Seed: 5},
	{K: 9, Init: KMeansParallel, NInit: 2, Seed: 6},
	{K: 30, Init: RandomRows, NInit: 2, Seed: 7, Tol: -1},
	{K: 1, NInit: 1},
	{K: 40, Init: RandomRows, NInit: 1, Seed: 8, MaxIter: 3},
}

func TestFitSourceIsFit(t *testing.T) {
	for name, data := range streamData() {
		path := filepath.Join(t.TempDir(), name+".npy")
		if err := dataset.WriteNpyFloat32(path, data.Rows, data.Cols, data.Data); err != nil {
			t.Fatal(err)
		}
		for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
			for i, cfg := range streamConfigs {
				dev := open(t, "cpu", backend.Config{Profile: profile, Threads: 1 + i%2})
				var want, got []float32
				cfg.Observe = func(s Step) error { want = append(want, s.Centers...); return nil }
				whole, err := Fit(ctx, dev, data, cfg)
				if err != nil {
					t.Fatal(err)
				}
				for _, rows := range []int{17, 100, 0} {
					got = nil
					cfg.Observe = func(s Step) error { got = append(got, s.Centers...); return nil }
					src, err := dataset.Open(ctx, path, dataset.Options{})
					if err != nil {
						t.Fatal(err)
					}
					r, err := FitSource(ctx, dev, src, StreamConfig{Config: cfg, ChunkRows: rows})
					if err != nil {
						t.Fatal(err)
					}
					src.Close()
					sameResult(t, fmt.Sprintf("%s %v k=%d %s, chunks of %d", name, profile, cfg.K, cfg.Init, rows), r, whole)
					if !slices.Equal(got, want) {
						t.Fatalf("%s: the steps observed differ", name)
					}
				}
				r, err := FitSource(ctx, dev, dataset.Rows(data, nil), StreamConfig{Config: cfg, ChunkRows: 64})
				if err != nil {
					t.Fatal(err)
				}
				sameResult(t, name+" from memory", r, whole)
			}
		}
	}
}

// shardedRun is a whole run in shards, each part and state through a file.
func shardedRun(t *testing.T, dev *backend.Device, data blas32.General, cfg StreamConfig, shards int) *Result {
	t.Helper()
	st, err := NewState(cfg, data.Rows, data.Cols, shards, dev.Profile().Mac)
	if err != nil {
		t.Fatal(err)
	}
	var labels []int32
	for !st.Done() {
		parts := make([]*Part, shards)
		for i := range parts {
			p, err := st.Pass(ctx, dev, dataset.Rows(data, nil), i, PassOptions{ChunkRows: 50, KeepLabels: true, Digest: true})
			if err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			if err := p.Encode(&file); err != nil {
				t.Fatal(err)
			}
			if parts[shards-1-i], err = DecodePart(&file); err != nil {
				t.Fatalf("%s: %v", st.Stage, err)
			}
		}
		all, err := Merge(parts)
		if err != nil {
			t.Fatal(err)
		}
		if st.Stage == StageScore {
			labels = all.Labels
		}
		if err := st.Advance(ctx, dev, all); err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := st.Encode(&file); err != nil {
			t.Fatal(err)
		}
		if st, err = DecodeState(&file); err != nil {
			t.Fatal(err)
		}
	}
	r, err := st.Result()
	if err != nil {
		t.Fatal(err)
	}
	r.Labels = labels
	return r
}

func TestShardsAreTheWhole(t *testing.T) {
	for name, data := range streamData() {
		for _, cfg := range streamConfigs {
			dev := open(t, "cpu", backend.Config{})
			whole, err := Fit(ctx, dev, data, cfg)
			if err != nil {
				t.Fatal(err)
			}
			for _, shards := range []int{1, 7} {
				r := shardedRun(t, dev, data, StreamConfig{Config: cfg}, shards)
				sameResult(t, fmt.Sprintf("%s %s in %d shards", name, cfg.Init, shards), r, whole)
			}
		}
	}
}

// A sample of all rows seeds as all rows do up to their order; a smaller one
// gives the same centres for any chunk and shard.
func TestSeedRows(t *testing.T) {
	data := streamData()["blobs"]
	dev := open(t, "cpu", backend.Config{})
	cfg := StreamConfig{Config: Config{K: 7, NInit: 2, Seed: 3}, SeedRows: 100, ChunkRows: 33}
	one, err := FitSource(ctx, dev, dataset.Rows(data, nil), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ChunkRows = 500
	two, err := FitSource(ctx, dev, dataset.Rows(data, nil), cfg)
	if err != nil {
		t.Fatal(err)
	}
	sameResult(t, "chunks", two, one)
	sameResult(t, "shards", shardedRun(t, dev, data, cfg, 7), one)
	for _, bad := range []StreamConfig{
		{Config: Config{K: 7}, SeedRows: 6}, {Config: Config{K: 7, Init: RandomRows}, SeedRows: 60}, {Config: Config{K: 7}, ChunkRows: -1},
		{Config: Config{K: 7, Objective: SED}}, {Config: Config{K: 7, Weights: make([]float32, 1003)}}, {Config: Config{K: 2000}},
	} {
		if _, err := FitSource(ctx, dev, dataset.Rows(data, nil), bad); !errors.Is(err, ErrInput) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// A source that fails, shrinks or holds what is not finite ends the fit.
func TestFitSourceRefusesData(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	dir := t.TempDir()
	cases := map[string]string{
		"nan.csv":   "a,b\n1,2\n3,nan\n5,6\n",
		"text.csv":  "a,b\n1,2\n3,x\n5,6\n",
		"huge.csv":  "a,b\n1,3e38\n3,1\n5,6\n",
		"small.csv": "a,b\n1e-30,1e-31\n2e-30,1e-30\n0,0\n",
	}
	for name, text := range cases {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		src, err := dataset.Open(ctx, path, dataset.Options{})
		if err == nil {
			_, err = FitSource(ctx, dev, src, StreamConfig{Config: Config{K: 2}})
			src.Close()
		}
		if err == nil {
			t.Errorf("%s was clustered", name)
		}
	}
	nan := general(3, 1, []float32{1, float32(nan()), 2})
	if _, err := FitSource(ctx, dev, dataset.Rows(nan, nil), StreamConfig{Config: Config{K: 2}}); !errors.Is(err, ErrInput) {
		t.Error(err)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := FitSource(stopped, dev, dataset.Rows(streamData()["blobs"], nil), StreamConfig{Config: Config{K: 2}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func nan() float64 { var zero float64; return zero / zero }
