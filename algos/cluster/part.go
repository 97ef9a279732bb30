package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/backend/exact"
)

// ErrForeign says that a part, a checkpoint or data belong to another run.
var ErrForeign = errors.New("does not belong to this run")

// Part is what one shard's pass over its rows gives. Parts merge by integer
// addition, by the larger of two numbers and by the smaller of two keys, so
// that the whole does not depend on how the rows were split. [Part.Encode]
// writes it, [DecodePart] reads it back.
type Part struct {
	State  *State // that the pass was for
	Shard  int    // from 0; −1 for all of them
	Digest string // SHA-256 of the shard's values, where they were hashed
	Max    []float32
	Sums   []*exact.ScatterSums
	Picks  []*picks
	Labels []int32

	run     string   // digest of the state
	digests []string // of all shards, in the part of all of them
}

func newPart(st *State, shard int) (*Part, error) {
	run, err := st.Digest()
	return &Part{State: st, Shard: shard, run: run}, err
}

// picks are the rows with the smallest keys, the lower row first on ties.
type picks struct {
	Keep   int    `json:"keep"` // 0 for all
	Key    floats `json:"key"`
	Row    int64s `json:"row"`    // number in the data set
	Values floats `json:"values"` // of the rows
	Label  int64s `json:"label,omitempty"`
}

// picks returns list number i, which keeps so many rows.
func (p *Part) picks(i, keep int) *picks {
	for len(p.Picks) <= i {
		p.Picks = append(p.Picks, &picks{Keep: keep})
	}
	return p.Picks[i]
}

// offer adds the rows of a chunk that are among the smallest.
func (p *picks) offer(keys []float32, labels []int32, first int, rows blas32.General) {
	d := rows.Cols
	taken := &picks{Keep: p.Keep}
	full := p.Keep > 0 && len(p.Key) == p.Keep
	for i, key := range keys {
		if full && !(key < p.Key[p.Keep-1]) { // a later row loses a tie
			continue
		}
		taken.Key, taken.Row = append(taken.Key, key), append(taken.Row, int64(first+i))
		if labels != nil {
			taken.Label = append(taken.Label, int64(labels[i]))
		}
	}
	taken.shrink(0)
	for _, row := range taken.Row {
		i := int(row) - first
		taken.Values = append(taken.Values, rows.Data[i*rows.Stride:i*rows.Stride+d]...)
	}
	p.merge(taken, d)
}

// shrink sorts by key and row, and drops what is not kept. d is the number of
// values of a row.
func (p *picks) shrink(d int) {
	order := make([]int, len(p.Key))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := cmp.Compare(p.Key[a], p.Key[b]); c != 0 {
			return c
		}
		return cmp.Compare(p.Row[a], p.Row[b])
	})
	if p.Keep > 0 && len(order) > p.Keep {
		order = order[:p.Keep]
	}
	old := *p
	p.Key, p.Row, p.Values, p.Label = nil, nil, nil, nil
	for _, i := range order {
		p.Key, p.Row = append(p.Key, old.Key[i]), append(p.Row, old.Row[i])
		p.Values = append(p.Values, old.Values[i*d:(i+1)*d]...)
		if old.Label != nil {
			p.Label = append(p.Label, old.Label[i])
		}
	}
}

// merge takes the rows of another list of as many.
func (p *picks) merge(o *picks, d int) {
	if len(o.Key) == 0 {
		return
	}
	p.Key, p.Row = append(p.Key, o.Key...), append(p.Row, o.Row...)
	p.Values, p.Label = append(p.Values, o.Values...), append(p.Label, o.Label...)
	p.shrink(d)
}

// addSums adds exact sums to sum number at.
func (p *Part) addSums(at int, s *exact.ScatterSums) error {
	for len(p.Sums) <= at {
		p.Sums = append(p.Sums, nil)
	}
	if p.Sums[at] == nil {
		p.Sums[at] = s
		return nil
	}
	return p.Sums[at].Merge(s)
}

// Merge joins the parts of one pass, in any order, into the part of all shards
// that State.Advance takes. Errors wrap ErrForeign, and name the shard, for
// parts of different runs or passes, a shard that is there twice, and one that
// is missing. The parts are used up.
func Merge(parts []*Part) (*Part, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("no parts to merge: %w", ErrForeign)
	}
	first := parts[0]
	byShard := make([]*Part, first.State.Shards)
	for _, p := range parts {
		switch {
		case p.run != first.run:
			return nil, fmt.Errorf("the part of shard %d is of another run or another pass than that of shard %d: %w", p.Shard+1, first.Shard+1, ErrForeign)
		case p.Shard < 0 || p.Shard >= len(byShard):
			return nil, fmt.Errorf("shard %d of %d: %w", p.Shard+1, len(byShard), ErrForeign)
		case byShard[p.Shard] != nil:
			return nil, fmt.Errorf("shard %d is there twice: %w", p.Shard+1, ErrForeign)
		}
		byShard[p.Shard] = p
	}
	st := first.State
	for i, p := range byShard {
		if p == nil {
			return nil, fmt.Errorf("shard %d of %d is missing: %w", i+1, len(byShard), ErrForeign)
		}
		if st.Digests != nil && p.Digest != "" && p.Digest != st.Digests[i] {
			return nil, fmt.Errorf("shard %d is of other data than in the first pass: %w", i+1, ErrForeign)
		}
	}
	all := &Part{State: st, Shard: -1, run: first.run}
	for i, p := range byShard {
		all.digests = append(all.digests, p.Digest)
		for len(all.Max) < len(p.Max) {
			all.Max = append(all.Max, 0)
		}
		for j, v := range p.Max {
			all.Max[j] = max(all.Max[j], v)
		}
		for j, s := range p.Sums {
			if err := all.addSums(j, s); err != nil {
				return nil, fmt.Errorf("shard %d: %w", i+1, err)
			}
		}
		for j, q := range p.Picks {
			all.picks(j, q.Keep).merge(q, st.D)
		}
		all.Labels = append(all.Labels, p.Labels...)
	}
	return all, nil
}
