package cluster

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"samebits/backend/exact"
)

// ErrDamaged says that a file holds no state or part as it was written.
var ErrDamaged = errors.New("damaged")

// Files of a run are one line that says what they are and the SHA-256 of the
// rest, and then a JSON object.
const (
	stateKind   = "samebits cluster state 1"
	partKind    = "samebits cluster part 1"
	maxFileSize = 1 << 31
)

// encodeFile writes v under a kind of file.
func encodeFile(w io.Writer, kind string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if _, err := fmt.Fprintf(w, "%s %x\n", kind, sum); err != nil {
		return err
	}
	_, err = w.Write(append(body, '\n'))
	return err
}

// decodeFile reads what encodeFile wrote.
func decodeFile(r io.Reader, kind string, v any) error {
	text, err := io.ReadAll(io.LimitReader(r, maxFileSize))
	if err != nil {
		return err
	}
	head, body, found := bytes.Cut(text, []byte("\n"))
	name, digest, _ := strings.Cut(string(head[:min(len(head), 200)]), kind+" ")
	switch {
	case found && name == "" && len(digest) == 2*sha256.Size:
	case bytes.HasPrefix(head, []byte("samebits cluster ")):
		return fmt.Errorf("the file is a %q, not a %q: %w", strings.TrimSpace(string(head[:min(len(head), len(kind))])), kind, ErrDamaged)
	default:
		return fmt.Errorf("the file does not begin with %q: %w", kind, ErrDamaged)
	}
	body, found = bytes.CutSuffix(body, []byte("\n"))
	if !found {
		return fmt.Errorf("the file is cut short: %w", ErrDamaged)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
		return fmt.Errorf("the file's content does not have the digest in its first line: %w", ErrDamaged)
	}
	return decodeJSON(body, v)
}

func decodeJSON(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%v: %w", err, ErrDamaged)
	}
	return nil
}

// Encode writes the state to a file: a checkpoint.
func (st *State) Encode(w io.Writer) error { return encodeFile(w, stateKind, st) }

// DecodeState reads a state. Errors wrap ErrDamaged, or ErrForeign for a state
// of another contract version.
func DecodeState(r io.Reader) (*State, error) {
	st := new(State)
	if err := decodeFile(r, stateKind, st); err != nil {
		return nil, err
	}
	return st, st.check()
}

// Digest identifies the state: the SHA-256 of what Encode writes as JSON.
func (st *State) Digest() (string, error) {
	body, err := json.Marshal(st)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// Continues says whether the state is of a run with this configuration over
// data of this size. The error wraps ErrForeign and names what differs.
func (st *State) Continues(cfg StreamConfig, n, d, shards int) error {
	want, err := NewState(cfg, n, d, shards, exact.Fused)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what      string
		has, want any
	}{
		{"rows", st.N, want.N}, {"columns", st.D, want.D}, {"shards", st.Shards, want.Shards}, {"k", st.K, want.K},
		{"init", st.Init, want.Init}, {"sampled rows", st.Sample, want.Sample}, {"n-init", st.NInit, want.NInit},
		{"max-iter", st.MaxIter, want.MaxIter}, {"tol", st.Tol, want.Tol}, {"seed", st.Seed, want.Seed},
	} {
		if c.has != c.want {
			return fmt.Errorf("%s is %v there and %v here: %w", c.what, c.has, c.want, ErrForeign)
		}
	}
	if !sameBits(st.Given, want.Given) {
		return fmt.Errorf("the given centres differ: %w", ErrForeign)
	}
	return nil
}

func sameBits(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// The largest sizes that a state is believed to have.
const maxCells = 1 << 28

// check refuses a state that no run passes through.
func (st *State) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrDamaged)
	}
	if st.Contract != exact.ContractVersion {
		return fmt.Errorf("contract version %d, this program follows %d: %w", st.Contract, exact.ContractVersion, ErrForeign)
	}
	n, d, k := st.N, st.D, st.K
	switch {
	case st.Mac != exact.Fused.String() && st.Mac != exact.Split.String():
		return bad("profile %q", st.Mac)
	case n < 1 || n > maxRows || d < 1 || d > maxCells || k < 1 || k > n || k > maxCells/d:
		return bad("%d×%d data, k = %d", n, d, k)
	case st.Shards < 1 || st.Shards > n || st.Shards > maxShards:
		return bad("%d shards", st.Shards)
	case st.NInit < 1 || st.Start < 0 || st.Start >= st.NInit || st.MaxIter < 1 || st.Iteration < 0 || st.Iteration > st.MaxIter:
		return bad("start %d of %d, iteration %d of %d", st.Start+1, st.NInit, st.Iteration, st.MaxIter)
	case st.Sample < 0 || st.Sample > n || st.Sample > 0 && st.Sample < k:
		return bad("%d sampled rows", st.Sample)
	case st.Given != nil && len(st.Given) != k*d || (st.Init == GivenCenters) != (st.Given != nil):
		return bad("given centres of %d numbers", len(st.Given))
	}
	switch st.Init {
	case KMeansPlusPlus, KMeansParallel, RandomRows, GivenCenters:
	default:
		return bad("init %q", st.Init)
	}
	rank, known := map[Stage]int{StageScan: 0, StageMeans: 1, StageSpread: 2, StageRows: 3, StageCost: 4, StageOversample: 4, StageWeigh: 4,
		StageDraw: 4, StagePotential: 4, StageStep: 5, StageFar: 5, StageExtent: 5, StageValue: 6, StageScore: 6, StageAround: 7, StageDone: 7}[st.Stage]
	if !known {
		return bad("stage %q", st.Stage)
	}
	groups := 0
	for _, g := range st.Groups {
		if g < 1 || g > maxCells {
			return bad("%d seeds in a group", g)
		}
		groups += g
	}
	trials := len(st.Trials) / d
	switch {
	case rank > 0 && (len(st.Digests) != st.Shards || len(st.Scales) != d || len(st.Reach) != d):
		return bad("digests, scales or maxima are missing")
	case rank > 1 && len(st.Shift) != d:
		return bad("the column means are missing")
	case rank == 4 && (len(st.Groups) == 0 || len(st.Seeds) != groups*d || len(st.Trials)%d != 0):
		return bad("%d numbers of seeds in %d groups", len(st.Seeds), len(st.Groups))
	case st.Stage == StagePotential && (trials < 1 || trials > 64 || len(st.Exponents) != 0 && len(st.Exponents) != trials):
		return bad("%d candidates under %d scales", trials, len(st.Exponents))
	case (st.Stage == StageSpread || st.Stage == StageCost) && len(st.Exponents) > 1:
		return bad("%d scales of one sum", len(st.Exponents))
	case st.Stage == StageOversample && !(st.Cost > 0):
		return bad("a cost of %v", st.Cost)
	case rank >= 5 && len(st.Centers) != k*d:
		return bad("%d numbers of centres", len(st.Centers))
	case rank >= 6 && len(st.Means) != k*d:
		return bad("%d numbers of means", len(st.Means))
	case rank > 6 && (st.Best == nil || st.Squares == nil):
		return bad("the best start is missing")
	case st.Stage == StageScore && st.Best == nil:
		return bad("the best start is missing")
	}
	if b := st.Best; b != nil && (len(b.Centers) != k*d || len(b.Means) != k*d || b.Start < 0 || b.Start >= st.NInit) {
		return bad("the best start is not of this run")
	}
	for _, s := range []struct {
		sums *sums
		d    int
		must bool
	}{{st.Pending, d, st.Stage == StageFar}, {st.Squares, 1, rank > 6}, {st.Around, 1, false}} {
		if s.sums != nil || s.must {
			if err := s.sums.check(k, s.d); err != nil {
				return bad("%v", err)
			}
		}
	}
	return nil
}

// maxShards bounds the shards of a run.
const maxShards = 1 << 20
