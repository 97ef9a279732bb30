package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"samebits/backend"
)

// Data is one tensor of a case on the host, row-major.
type Data struct {
	Name              string
	DType             backend.DType
	Batch, Rows, Cols int
	// Words are the bit patterns: one an element, two of a complex number
	// (real, imaginary), int8 sign-extended.
	Words []uint32
}

// Expected is what the oracle says of one output, a number a word of Data: the
// right value, and how far from it a right result may lie.
type Expected struct {
	Name          string
	Value, Bounds []float64
}

// Shrunk is a failing case made small, with all its data.
type Shrunk struct {
	// Case and Seed repeat it: [Resolve] knows the name.
	Case string
	Seed uint64
	// Steps are the changes that made it smaller, Runs the cases that were
	// tried.
	Steps, Runs int
	Failure     Failure
	Inputs      []Data
	Tested      []Data // the outputs of the device under test; empty where it gave none
	Against     []Data // those of the other device
	Expected    []Expected
}

// Limits of a search.
const (
	mostShrinkRuns = 400
	mostShrinkTime = time.Minute
	otherSeeds     = 4
)

// Shrink makes a failing case smaller for as long as it fails in the same kind
// (or, where bits differ, out of the bounds too) and on the same side: first its options and dimensions, then the words of its
// inputs (by delta debugging; Zeller and Hildebrandt, Simplifying and Isolating
// Failure-Inducing Input, 2002), then its seed. Of o it takes the devices, the
// mode they make and Repeats. It tries at most 400 cases and stops searching
// after a minute. Errors wrap backend.ErrArgument where the name is no case's
// or the case passes, are the context's, or say that a device is gone.
func Shrink(ctx context.Context, o Options, name string, seed uint64) (*Shrunk, error) {
	c, err := Resolve(name)
	if err != nil {
		return nil, err
	}
	if o.Suite.tier() > inQuick && o.Repeats == 0 {
		o.Repeats = sampleRepeats // whether it is repeated must not depend on the name
	}
	x, err := o.examine(ctx, c, seed)
	if err != nil {
		return nil, err
	}
	if x.failure == nil {
		return nil, fmt.Errorf("case %q passes with seed %d: %w", name, seed, backend.ErrArgument)
	}
	s := &shrinker{o: o, best: c, seed: seed, found: x, runs: 1, until: time.Now().Add(mostShrinkTime)}
	for again := true; again && s.err == nil; {
		again = s.options(ctx)
		again = s.dims(ctx) || again
	}
	for _, a := range slices.Clone(s.found.trial.arrays) {
		if a.role != output {
			s.words(ctx, a)
		}
	}
	for try := uint64(0); try < min(s.seed, otherSeeds); try++ {
		s.try(ctx, s.best.Name, try)
	}
	if s.err != nil {
		return nil, s.err
	}
	return s.result(), nil
}

// shrinker is a search: the smallest failing case so far.
type shrinker struct {
	o     Options
	best  Case
	seed  uint64
	found *examination
	steps int
	runs  int
	until time.Time
	err   error // ends the search
}

// try takes a case if it fails as the one before it does.
func (s *shrinker) try(ctx context.Context, name string, seed uint64) bool {
	if s.err != nil || s.runs >= mostShrinkRuns || time.Now().After(s.until) {
		return false
	}
	c, err := Resolve(name)
	if err != nil {
		return false
	}
	s.runs++
	x, err := s.o.examine(ctx, c, seed)
	if err != nil {
		s.err = err
		return false
	}
	if f, old := x.failure, s.found.failure; f == nil || f.Side != old.Side || (f.Kind != old.Kind && (f.Kind != "bound" || old.Kind != "bits")) {
		return false
	}
	s.best, s.seed, s.found = c, seed, x
	s.steps++
	return true
}

// tryData is try; where a name of other dimensions, and so of other data, does
// not fail, more seeds may.
func (s *shrinker) tryData(ctx context.Context, name string, more bool) bool {
	if s.try(ctx, name, s.seed) {
		return true
	}
	for seed := uint64(0); more && seed < otherSeeds; seed++ {
		if seed != s.seed && s.try(ctx, name, seed) {
			return true
		}
	}
	return false
}

// simplest are parts of names that make a case easier to read: no gaps, no
// transpose, integers.
var simplest = []string{dense.String(), "nn", string(wide + "-" + signs), string(digits), string(wide)}

// options leaves out parts of the name, and makes tensors dense and untransposed.
func (s *shrinker) options(ctx context.Context) (changed bool) {
	plain, _ := splitKeeps(s.best.Name)
	for at := 1; at < strings.Count(plain, "/")+1; at++ {
		parts := strings.Split(plain, "/")
		candidates := [][]string{slices.Delete(slices.Clone(parts), at, at+1)}
		for _, simpler := range simplest {
			if parts[at] == simpler {
				candidates = candidates[:1]
				break
			}
			c := slices.Clone(parts)
			c[at] = simpler
			candidates = append(candidates, c)
		}
		for _, c := range candidates {
			if s.try(ctx, strings.Join(c, "/"), s.seed) {
				changed = true
				plain, _ = splitKeeps(s.best.Name)
				break
			}
		}
	}
	return changed
}

// dims makes each dimension smaller by steps of half its size, a quarter, and
// so on down to 1.
func (s *shrinker) dims(ctx context.Context) (changed bool) {
	for i := range s.best.dims {
		for step := s.best.dims[i]; step > 0; {
			d := slices.Clone(s.best.dims)
			d[i] -= step
			if d[i] >= 0 && s.tryData(ctx, s.named(d), step == 1) {
				changed = true
				step = min(step, d[i])
				continue
			}
			step /= 2
		}
	}
	return changed
}

// named is the best case's name with other dimensions.
func (s *shrinker) named(d shape) string {
	parts := strings.Split(s.best.Name, "/")
	for i, p := range parts {
		if isShape(p) {
			parts[i] = d.String()
			break
		}
	}
	return strings.Join(parts, "/")
}

// words gives as many words of an input as it can the simplest value: all,
// then halves, quarters and so on of what is left.
func (s *shrinker) words(ctx context.Context, a *array) {
	if len(a.words) == 0 {
		return
	}
	base := s.best.Name
	try := func(words []int) bool {
		return s.try(ctx, base+"/"+keepMark+a.name+":"+keptOf(words).String(), s.seed)
	}
	if try(nil) {
		return
	}
	left := make([]int, len(a.words))
	for i := range left {
		left[i] = i
	}
	for chunk := (len(left) + 1) / 2; chunk > 0; chunk /= 2 {
		for from := 0; from < len(left); {
			rest := slices.Delete(slices.Clone(left), from, min(from+chunk, len(left)))
			if try(rest) {
				left = rest
			} else {
				from += chunk
			}
		}
	}
}

// result collects the data of the smallest case.
func (s *shrinker) result() *Shrunk {
	r := &Shrunk{Case: s.best.Name, Seed: s.seed, Steps: s.steps, Runs: s.runs, Failure: *s.found.failure}
	for _, a := range s.found.trial.arrays {
		if a.role != output {
			r.Inputs = append(r.Inputs, a.data(a.words))
		}
	}
	for _, a := range s.found.trial.written() {
		for _, side := range []struct {
			of *side
			to *[]Data
		}{{&s.found.tested, &r.Tested}, {&s.found.against, &r.Against}} {
			if words, ok := side.of.out[a.name]; ok {
				*side.to = append(*side.to, a.data(words))
			}
		}
		o, out := s.found.trial.oracle[a.name], s.found.tested.out
		if out == nil {
			out = s.found.against.out
		}
		if o == nil || out == nil {
			continue
		}
		e := Expected{Name: a.name}
		for i := range out[a.name] {
			op := o(out, i)
			e.Value, e.Bounds = append(e.Value, op.want), append(e.Bounds, op.bound)
		}
		r.Expected = append(r.Expected, e)
	}
	return r
}

func (a *array) data(words []uint32) Data {
	return Data{Name: a.name, DType: a.dtype, Batch: a.batch, Rows: a.rows, Cols: a.cols, Words: slices.Clone(words)}
}
