package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"samebits/backend"
)

// Metamorphic relations need no oracle: the contract says that two runs agree
// bit by bit, so a device is held against itself. They find what a case of one
// shape cannot: a row that depends on its neighbours, on where a chunk ends, on
// the number of threads.
//
// Source: Chen, Cheung & Yiu 1998, Metamorphic testing, HKUST-CS98-01.
func init() { checkers = append(checkers, checker{"relations", relations}) }

// subject is an operation whose output rows depend on their own input rows and
// on fixed operands alone.
type subject struct {
	op, name string
	rows     int
	byRow    []*array // operands of rows rows each
	fixed    []*array
	outputs  []*array // of rows rows each
	// run makes the operation; row is the number of the first row in the whole.
	run func(t tensors, row int) backend.Op
	// numbered says that a row's number enters its result, as in draws.
	numbered bool
	// scales says what follows exactly from a scaling by a power of two; nil
	// for nothing.
	scales *scaling
}

// scaling says which operands a power 2ᵏ multiplies, and by which power of 2ᵏ
// each output is then multiplied.
type scaling struct {
	operands []string
	power    map[string]int // 0 where the output keeps its bits
}

// relating is one run of relations on a device.
type relating struct {
	ctx   context.Context
	o     Options
	found func(Check)
	// alter, if not nil, spoils a run's outputs, so that a test can see that a
	// relation notices.
	alter func(out outputs)
}

func relations(ctx context.Context, o Options, found func(Check)) error {
	r := &relating{ctx: ctx, o: o, found: found}
	if err := r.rowByRow(); err != nil {
		return err
	}
	if err := r.threads(); err != nil {
		return err
	}
	return r.special(newFills(o.Seed, "relations/special"))
}

// rowByRow makes the relations that every subject has.
func (r *relating) rowByRow() error {
	for _, s := range subjects(newFills(r.o.Seed, "relations"), subjectRows) {
		if !r.wanted(s.op) {
			continue
		}
		whole, err := r.whole(s)
		if err != nil {
			if err := r.report(s.op, join(s.name, "runs"), "", "", err); err != nil {
				return err
			}
			continue
		}
		for _, rel := range []struct {
			name, would string
			holds       func(s *subject, whole outputs) (string, error)
		}{
			{"alone", "a row computed alone has the bits it has among others", r.alone},
			{"permuted", "permuted rows give the permuted result", r.permuted},
			{"chunked", "three chunks of rows give the bits of the whole", r.chunked},
			{"reused", "the same tensors, filled with other data and back, give the bits they gave", r.reused},
			{"padded", "operands with gaps and offsets give the bits of dense ones", r.padded},
			{"scaled", "operands times 2ᵏ give the result times its power of 2ᵏ", r.scaled},
		} {
			differs, err := rel.holds(s, whole)
			if errors.Is(err, errNotApplicable) {
				continue
			}
			if err := r.report(s.op, join(s.name, rel.name), rel.would, differs, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// errNotApplicable says that a relation does not hold for a subject, or cannot
// be asked of this device.
var errNotApplicable = errors.New("not applicable")

func (r *relating) wanted(op string) bool { return r.o.Op == "" || r.o.Op == op }

func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "/")
}

// report hands over one relation's result. It returns an error where the
// device is gone or the run was stopped.
func (r *relating) report(op, name, would, differs string, err error) error {
	c := Check{Name: op + "/" + name, Op: op, Passed: differs == "" && err == nil, Message: would}
	switch {
	case err == nil:
		if differs != "" {
			c.Message = would + ": " + differs
		}
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case errors.Is(err, backend.ErrContextLost), errors.Is(err, backend.ErrClosed):
		return err
	case errors.Is(err, backend.ErrNotSupported) && !errors.Is(err, backend.ErrInternal):
		c.Skipped = err.Error()
	default:
		c.Message = err.Error()
	}
	r.found(c)
	return nil
}

// on runs an operation on a device.
func (r *relating) on(dev *backend.Device, op func(t tensors) backend.Op, arrays ...*array) (outputs, error) {
	tr := &trial{arrays: arrays, op: op}
	out, spoiled, err := tr.run(r.ctx, dev)
	if err == nil && spoiled != "" {
		err = errors.New(spoiled)
	}
	if err == nil && r.alter != nil {
		r.alter(out)
	}
	return out, err
}

// part runs rows [from, to) of a subject.
func (r *relating) part(dev *backend.Device, s *subject, from, to int, p placement) (outputs, error) {
	return r.rowsOn(dev, s, p, from, to-from, func(a *array) []uint32 {
		n := a.cols * width(a.dtype)
		return a.words[from*n : to*n]
	})
}

// rowsOn runs a subject on rows rows that pick makes of each operand by row.
func (r *relating) rowsOn(dev *backend.Device, s *subject, p placement, first, rows int, pick func(*array) []uint32) (outputs, error) {
	var all []*array
	for _, a := range s.byRow {
		b := *a
		b.rows, b.words = rows, pick(a)
		all = append(all, &b)
	}
	for _, a := range s.fixed {
		b := *a
		all = append(all, &b)
	}
	for _, a := range s.outputs {
		b := *a
		b.rows = rows
		all = append(all, &b)
	}
	return r.on(dev, func(t tensors) backend.Op { return s.run(t, first) }, place(p, all...)...)
}

func (r *relating) whole(s *subject) (outputs, error) {
	return r.part(r.o.Tested, s, 0, s.rows, dense)
}

func (r *relating) alone(s *subject, whole outputs) (string, error) {
	for _, i := range []int{0, s.rows / 2, s.rows - 1} {
		got, err := r.part(r.o.Tested, s, i, i+1, dense)
		if err != nil {
			return "", err
		}
		if d := s.differ(got, whole, func(j int) int { return i + j }); d != "" {
			return d, nil
		}
	}
	return "", nil
}

func (r *relating) permuted(s *subject, whole outputs) (string, error) {
	if s.numbered || len(s.byRow) == 0 {
		return "", errNotApplicable
	}
	at := func(i int) int { return (i*7 + 3) % s.rows } // rows is no multiple of 7
	got, err := r.rowsOn(r.o.Tested, s, dense, 0, s.rows, func(a *array) []uint32 {
		n := a.cols * width(a.dtype)
		var words []uint32
		for i := range s.rows {
			words = append(words, a.words[at(i)*n:(at(i)+1)*n]...)
		}
		return words
	})
	if err != nil {
		return "", err
	}
	return s.differ(got, whole, at), nil
}

func (r *relating) chunked(s *subject, whole outputs) (string, error) {
	for _, c := range [][2]int{{0, 5}, {5, s.rows - 8}, {s.rows - 8, s.rows}} {
		got, err := r.part(r.o.Tested, s, c[0], c[1], dense)
		if err != nil {
			return "", err
		}
		if d := s.differ(got, whole, func(j int) int { return c[0] + j }); d != "" {
			return d, nil
		}
	}
	return "", nil
}

func (r *relating) padded(s *subject, whole outputs) (string, error) {
	for _, p := range []placement{gapped, offset, mixed} {
		got, err := r.part(r.o.Tested, s, 0, s.rows, p)
		if err != nil {
			return "", err
		}
		if d := s.differ(got, whole, func(j int) int { return j }); d != "" {
			return p.String() + ": " + d, nil
		}
	}
	return "", nil
}

// reused runs a subject, fills the same tensors with other rows, runs again,
// and goes back: nothing may be left over from a run before.
func (r *relating) reused(s *subject, whole outputs) (string, error) {
	if len(s.byRow) == 0 {
		return "", errNotApplicable
	}
	var all []*placed
	t := tensors{}
	defer func() {
		for _, p := range all {
			p.buffer.Close()
		}
	}()
	for _, list := range [][]*array{s.byRow, s.fixed, s.outputs} {
		for _, a := range list {
			b := *a
			b.rows, b.place = a.rows, dense
			p, err := b.onDevice(r.ctx, r.o.Tested)
			if err != nil {
				return "", err
			}
			all = append(all, p)
			t[b.name] = p.view
		}
	}
	at := func(i int) int { return i }
	other := func(i int) int { return (i*5 + 2) % s.rows }
	for turn, pick := range []func(int) int{at, other, at} {
		for i, a := range s.byRow {
			n := a.cols * width(a.dtype)
			var words []uint32
			for row := range s.rows {
				words = append(words, a.words[pick(row)*n:(pick(row)+1)*n]...)
			}
			all[i].words = words
			all[i].guard(all[i].buffer.Len())
			if err := upload(r.ctx, all[i].buffer, all[i].before); err != nil {
				return "", err
			}
		}
		if err := r.o.Tested.Run(r.ctx, s.run(t, 0)); err != nil {
			return "", err
		}
		if turn == 1 { // the rows of a numbered subject may differ here
			continue
		}
		got := outputs{}
		for _, p := range all {
			words, spoiled, err := p.after(r.ctx)
			if err == nil && spoiled != "" {
				err = errors.New(spoiled)
			}
			if err != nil {
				return "", err
			}
			got[p.name] = words
		}
		if r.alter != nil {
			r.alter(got)
		}
		if d := s.differ(got, whole, at); d != "" {
			return fmt.Sprintf("turn %d: %s", turn+1, d), nil
		}
	}
	return "", nil
}

func (r *relating) scaled(s *subject, whole outputs) (string, error) {
	if s.scales == nil {
		return "", errNotApplicable
	}
	for _, k := range []int{-9, 12} {
		t := *s
		times := func(list []*array) []*array {
			var out []*array
			for _, a := range list {
				b := *a
				if slices.Contains(s.scales.operands, a.name) {
					b.words = timesPower(a.words, k)
				}
				out = append(out, &b)
			}
			return out
		}
		t.byRow, t.fixed = times(s.byRow), times(s.fixed)
		got, err := r.whole(&t)
		if err != nil {
			return "", err
		}
		want := outputs{}
		for _, a := range s.outputs {
			want[a.name] = whole[a.name]
			if p := s.scales.power[a.name]; p != 0 {
				want[a.name] = timesPower(whole[a.name], p*k)
			}
		}
		if d := s.differ(got, want, func(j int) int { return j }); d != "" {
			return fmt.Sprintf("k = %d: %s", k, d), nil
		}
	}
	return "", nil
}

// timesPower multiplies float32 words by 2ᵏ, exactly as long as nothing over-
// or underflows.
func timesPower(words []uint32, k int) []uint32 {
	out := make([]uint32, len(words))
	for i, w := range words {
		out[i] = math.Float32bits(float32(math.Ldexp(float64(math.Float32frombits(w)), k)))
	}
	return out
}

// differ returns the first place where row j of got is not row at(j) of want,
// or the empty string.
func (s *subject) differ(got, want outputs, at func(j int) int) string {
	for _, a := range s.outputs {
		n := a.cols * width(a.dtype)
		x, y := got[a.name], want[a.name]
		if n == 0 || len(x)%n != 0 {
			return fmt.Sprintf("%s has %d words", a.name, len(x))
		}
		for e, w := range x {
			i, j := e/n, e%n
			if v := y[at(i)*n+j]; v != w {
				return fmt.Sprintf("%s[%d,%d] is %v, not %v", a.name, at(i), j, valueOf(a.dtype, w), valueOf(a.dtype, v))
			}
		}
	}
	return ""
}

// sameWords compares two results word by word.
func sameWords(got, want []uint32, dtype backend.DType) string {
	if i := firstDifference(got, want); i >= 0 {
		if i >= len(got) || i >= len(want) {
			return fmt.Sprintf("%d words, not %d", len(got), len(want))
		}
		return fmt.Sprintf("word %d is %v, not %v", i, valueOf(dtype, got[i]), valueOf(dtype, want[i]))
	}
	return ""
}
