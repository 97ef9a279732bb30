package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samebits/algos/dataset"
	"samebits/backend"
	"samebits/backend/exact"
)

// save and load keep a state in a file, as a program does.
func save(t *testing.T, path string) func(*State) error {
	return func(st *State) error { return dataset.WriteFile(path, st.Encode) }
}

func load(t *testing.T, path string) *State {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	st, err := DecodeState(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// A fit that is interrupted ten times, each time after some random number of
// chunks, and resumed from its checkpoint gives what an uninterrupted one does.
func TestInterruptedTenTimes(t *testing.T) {
	for name, data := range streamData() {
		for i, cfg := range streamConfigs {
			if cfg.K == 1 {
				continue // over before it can be interrupted
			}
			r := rand.New(rand.NewPCG(uint64(i), 11))
			dev := open(t, "cpu", backend.Config{})
			whole, err := Fit(ctx, dev, data, cfg)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "checkpoint")
			interrupted := 0
			for done := false; !done; {
				run, cancel := context.WithCancel(ctx)
				chunks := r.IntN(60)
				if interrupted == 10 {
					chunks = -1
				}
				c := StreamConfig{Config: cfg, ChunkRows: 20 + r.IntN(300), Resume: load(t, path), Checkpoint: save(t, path)}
				c.Passing = func(PassProgress) {
					if chunks--; chunks == 0 {
						cancel()
					}
				}
				got, err := FitSource(run, dev, dataset.Rows(data, nil), c)
				cancel()
				switch {
				case err == nil:
					sameResult(t, name+" "+string(cfg.Init), got, whole)
					done = interrupted == 10
					if !done { // it came through: begin again
						os.Remove(path)
					}
				case errors.Is(err, context.Canceled):
					interrupted++
				default:
					t.Fatal(err)
				}
			}
		}
	}
}

// Every checkpoint of a run leads to its result.
func TestEveryCheckpointResumes(t *testing.T) {
	data := streamData()["twins"]
	dev := open(t, "cpu", backend.Config{})
	cfg := StreamConfig{Config: Config{K: 30, Init: RandomRows, NInit: 2, Seed: 7, MaxIter: 1, Tol: -1}, ChunkRows: 100}
	var states [][]byte
	cfg.Checkpoint = func(st *State) error {
		var b bytes.Buffer
		err := st.Encode(&b)
		states = append(states, b.Bytes())
		return err
	}
	whole, err := FitSource(ctx, dev, dataset.Rows(data, nil), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Checkpoint = nil
	stages := map[Stage]bool{}
	for _, b := range states {
		if cfg.Resume, err = DecodeState(bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		stages[cfg.Resume.Stage] = true
		r, err := FitSource(ctx, dev, dataset.Rows(data, nil), cfg)
		if err != nil {
			t.Fatalf("%s: %v", cfg.Resume.Stage, err)
		}
		sameResult(t, string(cfg.Resume.Stage), r, whole)
	}
	for _, s := range []Stage{StageMeans, StageRows, StageStep, StageFar, StageExtent, StageValue, StageScore, StageAround, StageDone} {
		if !stages[s] {
			t.Errorf("no checkpoint before stage %s", s)
		}
	}
}

func TestForeignCheckpoints(t *testing.T) {
	data := streamData()["blobs"]
	dev := open(t, "cpu", backend.Config{})
	path := filepath.Join(t.TempDir(), "checkpoint")
	cfg := StreamConfig{Config: Config{K: 7, NInit: 2, Seed: 5, MaxIter: 4}}
	stop := errors.New("stop")
	cfg.Checkpoint = func(st *State) error {
		if st.Iteration == 2 {
			return errors.Join(save(t, path)(st), stop)
		}
		return nil
	}
	if _, err := FitSource(ctx, dev, dataset.Rows(data, nil), cfg); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	cfg.Checkpoint = nil
	refused := func(want string, dev *backend.Device, change func(*StreamConfig), rows *dataset.MatrixSource) {
		t.Helper()
		c := cfg
		c.Resume = load(t, path)
		change(&c)
		if _, err := FitSource(ctx, dev, rows, c); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	same := dataset.Rows(data, nil)
	refused("k is 7 there and 8 here", dev, func(c *StreamConfig) { c.K = 8 }, same)
	refused("seed is 5 there and 6 here", dev, func(c *StreamConfig) { c.Seed = 6 }, same)
	refused("init is", dev, func(c *StreamConfig) { c.Init = RandomRows }, same)
	refused("tol is", dev, func(c *StreamConfig) { c.Tol = 1e-3 }, same)
	refused("contract version", dev, func(c *StreamConfig) { c.Resume.Contract = exact.ContractVersion + 1 }, same)
	refused("profile", open(t, "cpu", backend.Config{Profile: backend.ProfileSplit}), func(*StreamConfig) {}, same)
	other := streamData()["blobs"]
	other.Data[77] = -other.Data[77]
	refused("the data has sha256", dev, func(*StreamConfig) {}, dataset.Rows(other, nil))
	other.Rows--
	refused("rows is 1003 there and 1002 here", dev, func(*StreamConfig) {}, dataset.Rows(other, nil))
}

// Wherever a checkpoint is damaged, it is refused.
func TestDamagedFiles(t *testing.T) {
	st, err := NewState(StreamConfig{Config: Config{K: 3}}, 100, 2, 1, exact.Fused)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := st.Encode(&file); err != nil {
		t.Fatal(err)
	}
	for i := range file.Len() {
		b := bytes.Clone(file.Bytes())
		b[i] ^= 4
		if _, err := DecodeState(bytes.NewReader(b)); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, err := DecodeState(bytes.NewReader(file.Bytes()[:i])); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := DecodePart(&file); !errors.Is(err, ErrDamaged) {
		t.Errorf("a state as a part: %v", err)
	}
}

// A disk that is full ends the fit with an error, and the checkpoint before it
// stays whole.
func TestFullDisk(t *testing.T) {
	data := streamData()["blobs"]
	dev := open(t, "cpu", backend.Config{})
	path := filepath.Join(t.TempDir(), "checkpoint")
	cfg := StreamConfig{Config: Config{K: 7, NInit: 2, Seed: 5}}
	whole, err := FitSource(ctx, dev, dataset.Rows(data, nil), cfg)
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	written := 0
	cfg.Checkpoint = func(st *State) error {
		return dataset.WriteFile(path, func(w io.Writer) error {
			if written++; written > 9 {
				w = &fullDisk{w, 100, full}
			}
			return st.Encode(w)
		})
	}
	if _, err := FitSource(ctx, dev, dataset.Rows(data, nil), cfg); !errors.Is(err, full) || !strings.Contains(err.Error(), "checkpoint: "+path) {
		t.Error(err)
	}
	cfg.Resume, cfg.Checkpoint = load(t, path), nil
	r, err := FitSource(ctx, dev, dataset.Rows(data, nil), cfg)
	if err != nil {
		t.Fatal(err)
	}
	sameResult(t, "after a full disk", r, whole)
}

// fullDisk takes so many bytes.
type fullDisk struct {
	w    io.Writer
	left int
	err  error
}

func (f *fullDisk) Write(p []byte) (int, error) {
	if len(p) <= f.left {
		f.left -= len(p)
		return f.w.Write(p)
	}
	n, _ := f.w.Write(p[:f.left])
	f.left = 0
	return n, f.err
}

// FuzzRunFiles feeds the readers what a digest would let through: any JSON. What
// they take can be merged and advanced without a panic.
func FuzzRunFiles(f *testing.F) {
	dev := open(f, "cpu", backend.Config{Threads: 1})
	data := streamData()["twins"]
	data.Rows = 40
	for _, cfg := range []Config{{K: 3, NInit: 2, MaxIter: 2}, {K: 4, Init: KMeansParallel, NInit: 1, MaxIter: 2}, {K: 20, Init: RandomRows, NInit: 1, MaxIter: 2}} {
		st, err := NewState(StreamConfig{Config: cfg}, data.Rows, data.Cols, 1, dev.Profile().Mac)
		if err != nil {
			f.Fatal(err)
		}
		for !st.Done() {
			p, err := st.Pass(ctx, dev, dataset.Rows(data, nil), 0, PassOptions{KeepLabels: true})
			if err != nil {
				f.Fatal(err)
			}
			var file bytes.Buffer
			if err := p.Encode(&file); err != nil {
				f.Fatal(err)
			}
			_, body, _ := strings.Cut(file.String(), "\n")
			f.Add(body)
			all, err := Merge([]*Part{p})
			if err != nil {
				f.Fatal(err)
			}
			if err := st.Advance(ctx, dev, all); err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		var p partFile
		if json.Unmarshal([]byte(body), &p) != nil {
			return
		}
		part, err := p.part()
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
			return
		}
		if part.State.K > 50 || part.State.N > 1000 || part.State.D > 50 {
			return // seeding by a device takes its time
		}
		st := part.State
		all, err := Merge([]*Part{part})
		if err != nil {
			return
		}
		if err := st.Advance(ctx, dev, all); err == nil && st.Done() {
			if _, err := st.Result(); err != nil {
				t.Error(err)
			}
		}
	})
}
