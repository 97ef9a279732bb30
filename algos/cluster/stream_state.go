package cluster

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend/exact"
)

// State is Lloyd's k-means between two passes over the data: everything that
// decides what comes next, and nothing else. A state and the data give the same
// bits on every device, in any number of shards, after any interruption.
// [State.Encode] writes it, [DecodeState] reads it back.
//
// A run is the passes of its state, one after the other: Pass computes a
// [Part], Advance takes the whole of it. [FitSource] does both until Done.
type State struct {
	Contract int    `json:"contract"` // version of the arithmetic contract
	Mac      string `json:"mac"`      // of the profile

	N       int      `json:"n"`
	D       int      `json:"d"`
	Shards  int      `json:"shards"`
	Digests []string `json:"digests"` // SHA-256 of each shard's values, once the first pass is over

	K       int     `json:"k"`
	Init    Init    `json:"init"`
	Sample  int     `json:"sample,omitempty"` // rows that k-means++ looks at; 0 for all
	NInit   int     `json:"n_init"`
	MaxIter int     `json:"max_iter"`
	Tol     float64 `json:"tol"`
	Seed    uint64  `json:"seed"`
	Given   floats  `json:"given,omitempty"` // first centres, K×D

	Stage     Stage   `json:"stage"`
	Reach     floats  `json:"reach,omitempty"` // largest magnitude of each column
	Scales    []int32 `json:"scales,omitempty"`
	Shift     floats  `json:"shift,omitempty"`
	Spread    float64 `json:"spread,omitempty"` // Σ |x − mean|²
	Exponents []int32 `json:"exponents,omitempty"`

	Start     int     `json:"start"` // from 0
	Seeds     floats  `json:"seeds,omitempty"`
	Groups    []int   `json:"groups,omitempty"` // the seeds of each step, in rows
	Trials    floats  `json:"trials,omitempty"` // candidates of a k-means++ step
	Round     int     `json:"round,omitempty"`  // of k-means||
	Cost      float64 `json:"cost,omitempty"`
	Iteration int     `json:"iteration"`
	Centers   floats  `json:"centers,omitempty"`
	Converged bool    `json:"converged"`
	Current   bool    `json:"current"`           // the last labels follow from Centers
	Pending   *sums   `json:"pending,omitempty"` // sums of a step that left clusters empty
	Means     floats  `json:"means,omitempty"`   // of the clusters of the final centres
	Farthest  float32 `json:"farthest,omitempty"`
	Best      *best   `json:"best,omitempty"`

	Evaluations int64   `json:"evaluations"`
	Squares     *sums   `json:"squares,omitempty"` // squared distances by label
	Around      *sums   `json:"around,omitempty"`  // the same around the means
	SED         float64 `json:"sed,omitempty"`
	SEDToMeans  float64 `json:"sed_to_means,omitempty"`
	// LabelsSHA256 is the digest of all labels, where the parts held them.
	LabelsSHA256 string `json:"labels_sha256,omitempty"`
}

// best is the best start so far.
type best struct {
	Start      int     `json:"start"`
	Iterations int     `json:"iterations"`
	Converged  bool    `json:"converged"`
	WCSS       float64 `json:"wcss"`
	Centers    floats  `json:"centers"`
	Means      floats  `json:"means"`
	Farthest   float32 `json:"farthest"`
}

// Stage is what the next pass over the data computes.
type Stage string

// The stages of a run, in their order.
const (
	StageScan       Stage = "scan"       // size, digest and largest magnitude of each column
	StageMeans      Stage = "means"      // sums of the columns
	StageSpread     Stage = "spread"     // squared distances to the mean
	StageRows       Stage = "rows"       // rows drawn with equal weights
	StageCost       Stage = "cost"       // k-means||: squared distances to the seeds
	StageOversample Stage = "oversample" // k-means||: rows drawn by them
	StageWeigh      Stage = "weigh"      // k-means||: rows nearest to each seed
	StageDraw       Stage = "draw"       // k-means++: candidates of a step
	StagePotential  Stage = "potential"  // k-means++: what each would leave
	StageStep       Stage = "step"       // sums of the clusters
	StageFar        Stage = "far"        // rows for clusters that have none
	StageExtent     Stage = "extent"     // the final clusters' sums and farthest row
	StageValue      Stage = "value"      // their sum of squares
	StageScore      Stage = "score"      // labels and scores of the best start
	StageAround     Stage = "around"     // its scores around the means
	StageDone       Stage = "done"
)

// NewState returns the state before the first pass over n rows of d columns in
// so many shards. cfg is as for FitSource; mac is the profile's.
func NewState(cfg StreamConfig, n, d, shards int, mac exact.Mac) (*State, error) {
	cfg, err := cfg.completeStream(n, d)
	if err != nil {
		return nil, err
	}
	if shards < 1 || shards > n {
		return nil, fmt.Errorf("%d shards of %d rows: %w", shards, n, ErrInput)
	}
	st := &State{Contract: exact.ContractVersion, Mac: mac.String(), N: n, D: d, Shards: shards,
		K: cfg.K, Init: cfg.Init, Sample: cfg.SeedRows, NInit: cfg.NInit, MaxIter: cfg.MaxIter, Tol: cfg.Tol, Seed: cfg.Seed,
		Stage: StageScan}
	if g := cfg.Centers; g != nil {
		for i := range g.Rows {
			st.Given = append(st.Given, g.Data[i*g.Stride:i*g.Stride+g.Cols]...)
		}
	}
	return st, nil
}

// ShardRows returns the rows [from, to) of shard i of n, from 0.
func ShardRows(rows, i, n int) (from, to int) {
	part := func(i int) int { return int(int64(rows) * int64(i) / int64(n)) }
	return part(i), part(i + 1)
}

// Done says that no pass is left.
func (st *State) Done() bool { return st.Stage == StageDone }

// config is the configuration of the run, as far as the host needs it.
func (st *State) config() Config {
	return Config{K: st.K, Objective: WCSS, Metric: SquaredEuclidean, Method: Lloyd, Init: st.Init, NInit: st.NInit,
		MaxIter: st.MaxIter, Tol: st.Tol, Seed: st.Seed}
}

// Result returns the outcome of a run that is done, without labels.
func (st *State) Result() (*Result, error) {
	if !st.Done() {
		return nil, fmt.Errorf("the run is not done: its next pass is %s", st.Stage)
	}
	b := st.Best
	squares := st.Squares.scatter()
	around := squares
	if st.Around != nil {
		around = st.Around.scatter()
	}
	r := &Result{N: st.N, D: st.D, K: st.K,
		Centers:   blas32.General{Rows: st.K, Cols: st.D, Stride: st.D, Data: slices.Clone(b.Centers)},
		Objective: string(WCSS), Method: Lloyd, Metric: SquaredEuclidean, Evaluations: st.Evaluations,
		Iterations: b.Iterations, Converged: b.Converged, NInit: st.NInit, Best: b.Start}
	r.WCSS = squares.Total64(0)
	r.Value, r.MSE = r.WCSS, r.WCSS/float64(st.N)
	r.SED, r.SEDToMeans = st.SED, st.SEDToMeans
	r.Sizes = squares.Count
	mass := make([]float64, st.K)
	for c, n := range squares.Count {
		mass[c] = float64(n)
	}
	r.pairwise(around, mass)
	return r, nil
}

// floats, and sums below, are JSON strings of little-endian words in base64:
// exact, and short.
type floats []float32

// MarshalJSON implements json.Marshaler.
func (f floats) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 4*len(f))
	for _, v := range f {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(b))
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *floats) UnmarshalJSON(text []byte) error {
	b, err := words(text, 4)
	if err != nil {
		return err
	}
	*f = make(floats, len(b)/4)
	for i := range *f {
		(*f)[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return nil
}

type int64s []int64

// MarshalJSON implements json.Marshaler.
func (v int64s) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(x))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(b))
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *int64s) UnmarshalJSON(text []byte) error {
	b, err := words(text, 8)
	if err != nil {
		return err
	}
	*v = make(int64s, len(b)/8)
	for i := range *v {
		(*v)[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return nil
}

type int32s []int32

// MarshalJSON implements json.Marshaler.
func (v int32s) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(b))
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *int32s) UnmarshalJSON(text []byte) error {
	b, err := words(text, 4)
	if err != nil {
		return err
	}
	*v = make(int32s, len(b)/4)
	for i := range *v {
		(*v)[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return nil
}

func words(text []byte, size int) ([]byte, error) {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err == nil && len(b)%size != 0 {
		err = fmt.Errorf("%d bytes are no whole numbers of %d", len(b), size)
	}
	return b, err
}

// sums are exact.ScatterSums in a file.
type sums struct {
	Exponent []int32 `json:"exponent"`
	Hi       int64s  `json:"hi"`
	Lo       int64s  `json:"lo"`
	Count    int64s  `json:"count"`
	Unheld   []int   `json:"unheld,omitempty"` // cells that hold what is not finite
}

func newSums(s *exact.ScatterSums) *sums {
	out := &sums{Exponent: s.Exponent, Hi: s.Hi, Lo: s.Lo, Count: s.Count}
	for i, bad := range s.NotFinite {
		if bad {
			out.Unheld = append(out.Unheld, i)
		}
	}
	return out
}

func (s *sums) scatter() *exact.ScatterSums {
	out := exact.NewScatterSums(len(s.Count), s.Exponent)
	copy(out.Hi, s.Hi)
	copy(out.Lo, s.Lo)
	copy(out.Count, s.Count)
	for _, i := range s.Unheld {
		out.NotFinite[i] = true
	}
	return out
}

// check says whether the sums are of k labels and d columns.
func (s *sums) check(k, d int) error {
	if s == nil || len(s.Count) != k || len(s.Exponent) != d || len(s.Hi) != k*d || len(s.Lo) != k*d {
		return fmt.Errorf("sums are not of %d×%d", k, d)
	}
	for _, i := range s.Unheld {
		if i < 0 || i >= k*d {
			return fmt.Errorf("cell %d of %d×%d sums", i, k, d)
		}
	}
	for _, n := range s.Count {
		if n < 0 {
			return fmt.Errorf("a count of %d rows", n)
		}
	}
	return nil
}
