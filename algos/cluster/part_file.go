package cluster

import (
	"fmt"
	"io"
	"slices"
)

// partFile is a Part in a file.
type partFile struct {
	State  *State   `json:"state"`
	Shard  int      `json:"shard"`
	Digest string   `json:"digest"`
	Max    floats   `json:"max,omitempty"`
	Sums   []*sums  `json:"sums,omitempty"`
	Picks  []*picks `json:"picks,omitempty"`
	Labels int32s   `json:"labels,omitempty"`
}

// Encode writes the part to a file.
func (p *Part) Encode(w io.Writer) error {
	f := partFile{State: p.State, Shard: p.Shard, Digest: p.Digest, Max: p.Max, Picks: p.Picks, Labels: p.Labels}
	for _, s := range p.Sums {
		f.Sums = append(f.Sums, newSums(s))
	}
	return encodeFile(w, partKind, f)
}

// DecodePart reads a part, and the state it was computed under. Errors wrap
// ErrDamaged, or ErrForeign for a part of another contract version.
func DecodePart(r io.Reader) (*Part, error) {
	var f partFile
	if err := decodeFile(r, partKind, &f); err != nil {
		return nil, err
	}
	return f.part()
}

func (f *partFile) part() (*Part, error) {
	if f.State == nil {
		return nil, fmt.Errorf("the part has no state: %w", ErrDamaged)
	}
	if err := f.State.check(); err != nil {
		return nil, err
	}
	if f.Shard < 0 || f.Shard >= f.State.Shards {
		return nil, fmt.Errorf("shard %d of %d: %w", f.Shard+1, f.State.Shards, ErrDamaged)
	}
	p, err := newPart(f.State, f.Shard)
	if err != nil {
		return nil, err
	}
	p.Digest, p.Max, p.Picks, p.Labels = f.Digest, f.Max, f.Picks, f.Labels
	shapes, err := p.shapes()
	if err != nil {
		return nil, err
	}
	if len(f.Sums) != len(shapes) {
		return nil, fmt.Errorf("%d sums, stage %s has %d: %w", len(f.Sums), p.State.Stage, len(shapes), ErrDamaged)
	}
	for i, s := range f.Sums {
		if err := s.check(shapes[i].k, shapes[i].d); err != nil {
			return nil, fmt.Errorf("%v: %w", err, ErrDamaged)
		}
		p.Sums = append(p.Sums, s.scatter())
	}
	return p, p.checkShape()
}

type shape struct{ k, d int }

// shapes are those of the sums of the part's stage.
func (p *Part) shapes() ([]shape, error) {
	st := p.State
	switch st.Stage {
	case StageMeans:
		return []shape{{1, st.D}}, nil
	case StageSpread, StageCost:
		if st.Exponents == nil {
			return nil, nil
		}
		return []shape{{1, 1}}, nil
	case StagePotential:
		if st.Exponents == nil {
			return nil, nil
		}
		return []shape{{1, len(st.Exponents)}}, nil
	case StageWeigh:
		return []shape{{len(st.Seeds) / st.D, 0}}, nil
	case StageStep, StageExtent:
		return []shape{{st.K, st.D}}, nil
	case StageValue:
		return []shape{{1, 1}}, nil
	case StageScore, StageAround:
		return []shape{{st.K, 1}, {1, 1}}, nil
	case StageDone:
		return nil, fmt.Errorf("a run that is done has no parts: %w", ErrDamaged)
	}
	return nil, nil
}

// checkShape says whether the part holds what its stage gives.
func (p *Part) checkShape() error {
	st := p.State
	bad := func(format string, args ...any) error {
		return fmt.Errorf("stage %s: %s: %w", st.Stage, fmt.Sprintf(format, args...), ErrDamaged)
	}
	shapes, err := p.shapes()
	if err != nil {
		return err
	}
	if len(p.Sums) != len(shapes) {
		return bad("%d sums", len(p.Sums))
	}
	for i, s := range p.Sums {
		if s == nil || s.K != shapes[i].k || s.D != shapes[i].d {
			return bad("sums of another shape")
		}
	}
	maxima, lists, keep := 0, 0, 1
	switch st.Stage {
	case StageScan:
		maxima = st.D
	case StageSpread, StageCost, StageExtent:
		maxima = 1
	case StagePotential:
		maxima = len(st.Trials) / st.D
	case StageScore:
		if !slices.Equal(st.Means, st.Centers) {
			maxima = 1
		}
	case StageRows:
		lists, keep = 1, st.rowsDrawn()
	case StageOversample:
		lists, keep = 1, 0
	case StageDraw:
		lists = 2 + floorLog(st.K)
	case StageFar:
		lists, keep = 1, min(st.N, st.K+st.Pending.empty())
	}
	if len(p.Max) != maxima || len(p.Picks) != lists {
		return bad("%d maxima, %d lists of rows", len(p.Max), len(p.Picks))
	}
	for _, v := range p.Max {
		if !(v >= 0) || v-v != 0 {
			return bad("a largest magnitude of %v", v)
		}
	}
	for _, q := range p.Picks {
		if err := q.check(st, keep); err != nil {
			return bad("%v", err)
		}
		if p.Shard < 0 && keep > 0 && len(q.Row) != keep {
			return bad("%d rows drawn, want %d", len(q.Row), keep)
		}
	}
	for _, l := range p.Labels {
		if l < 0 || int(l) >= st.K {
			return bad("label %d of %d", l, st.K)
		}
	}
	return nil
}

func (q *picks) check(st *State, keep int) error {
	n := len(q.Row)
	if q == nil || q.Keep != keep || len(q.Key) != n || len(q.Values) != n*st.D || keep > 0 && n > keep {
		return fmt.Errorf("%d rows in a list of %d", n, keep)
	}
	if st.Stage == StageFar && len(q.Label) != n {
		return fmt.Errorf("%d labels of %d rows", len(q.Label), n)
	}
	for i, r := range q.Row {
		if r < 0 || r >= int64(st.N) || q.Key[i] != q.Key[i] {
			return fmt.Errorf("row %d of %d", r+1, st.N)
		}
	}
	for _, l := range q.Label {
		if l < 0 || l >= int64(st.K) {
			return fmt.Errorf("label %d of %d", l, st.K)
		}
	}
	for _, v := range q.Values {
		if v-v != 0 {
			return fmt.Errorf("a value that is not finite")
		}
	}
	return nil
}
