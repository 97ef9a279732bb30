package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"samebits/backend"
)

// Suite names a selection of cases.
type Suite string

// The suites, each holding the one before it.
const (
	Quick   Suite = "quick"   // what tells most: under a minute on a software device
	Full    Suite = "full"    // chosen shapes with every combination of transpose, placement and fill
	Nightly Suite = "nightly" // the product of every shape class with every combination: minutes to an hour
)

// Check returns an error unless s names a suite; empty means quick.
func (s Suite) Check() error {
	switch s {
	case "", Quick, Full, Nightly:
		return nil
	}
	return fmt.Errorf("suite %q: want quick, full or nightly: %w", string(s), backend.ErrArgument)
}

// tier is the smallest suite that has a case.
type tier uint8

const (
	inQuick tier = iota
	inFull
	inNightly
)

func (s Suite) tier() tier {
	switch s {
	case Full:
		return inFull
	case Nightly:
		return inNightly
	}
	return inQuick
}

// Case is one run of one operation, reproducible from its name and a seed; see
// [Resolve] for what a name may say.
type Case struct {
	// Name tells the operation, element type, options, shape, placement and fill.
	Name string
	// Op is the operation's name, one of backend.OpNames.
	Op string

	tier tier
	dims shape
	keep map[string]kept // of inputs by name: the words that keep their value
	make func(d []int, f *fills) *trial
}

// trial makes the case concrete.
func (c Case) trial(seed uint64) *trial {
	data, _ := splitKeeps(c.Name) // what is kept decides nothing about the data
	f := newFills(seed, data)
	f.keep = c.keep
	return c.make(c.dims, f)
}

// shape is the one part of a case's name that gives its dimensions, as 17x8x6.
type shape []int

func (s shape) String() string { return dims(s...) }

// trial is a case made concrete: its data, its operation and the right answer.
type trial struct {
	arrays []*array
	op     func(t tensors) backend.Op
	// oracle judges each output by name.
	oracle map[string]oracle
	// verbatim says that bits pass through, NaN payloads included.
	verbatim bool
}

// tensors holds a trial's tensors on a device by name; a name it lacks is nil,
// as an operand that is left out.
type tensors map[string]*backend.Tensor

// written returns the arrays that the operation writes.
func (tr *trial) written() []*array {
	var out []*array
	for _, a := range tr.arrays {
		if a.role != input {
			out = append(out, a)
		}
	}
	return out
}

// run runs the trial on a device and returns its outputs, and what it did to
// memory that it must not write.
func (tr *trial) run(ctx context.Context, dev *backend.Device) (out outputs, spoiled string, err error) {
	var all []*placed
	t := tensors{}
	defer func() {
		for _, p := range all {
			err = errors.Join(err, p.buffer.Close())
		}
	}()
	for _, a := range tr.arrays {
		p, err := a.onDevice(ctx, dev)
		if err != nil {
			return nil, "", err
		}
		all = append(all, p)
		t[a.name] = p.view
	}
	if err := dev.Run(ctx, tr.op(t)); err != nil {
		return nil, "", err
	}
	out = outputs{}
	for _, p := range all {
		words, bad, err := p.after(ctx)
		if err != nil {
			return nil, "", err
		}
		if bad != "" && spoiled == "" {
			spoiled = bad
		}
		if p.role != input {
			out[p.name] = words
		}
	}
	return out, spoiled, nil
}

// Cases returns the cases of a suite, in a fixed order.
func Cases(s Suite) []Case {
	b := newBuilder()
	b.chosen()
	if s == Nightly {
		b.everything()
	}
	if s.tier() > inQuick {
		return b.cases
	}
	var quick []Case
	for _, c := range b.cases {
		if c.tier == inQuick {
			quick = append(quick, c)
		}
	}
	return quick
}

// Select returns the case that only names, as [Resolve] does, or all cases of
// the full suite whose names begin with it up to a '/'. The error wraps
// backend.ErrArgument where there is none.
func Select(only string) ([]Case, error) {
	c, err := Resolve(only)
	if err == nil {
		return []Case{c}, nil
	}
	var chosen []Case
	for _, c := range Cases(Full) {
		if strings.HasPrefix(c.Name, strings.TrimSuffix(only, "/")+"/") {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no case begins so, and %w", err)
	}
	return chosen, nil
}

// builder collects cases.
type builder struct {
	cases    []Case
	at       map[string]int // of each name in cases
	turn     int            // rotates placements and fills over the cases of the quick suite
	least    tier           // of the cases that are added
	oneShape bool           // of each list alone, for the patterns of names
}

func newBuilder() *builder { return &builder{at: map[string]int{}} }

// chosen adds the cases of the full suite.
func (b *builder) chosen() {
	b.products()
	b.integerProducts()
	b.softmaxes()
	b.filters()
	b.draws()
	b.fillsOf()
	b.nearest()
	b.distances()
	b.scatterSums()
	b.maps()
	b.reductions()
	b.rankings()
	b.movements()
	b.batches()
	b.deepProducts()
	b.requantisations()
	b.binadeMaps()
	b.longFilters()
	b.farApart()
	b.parallelWork()
	b.pastSixteenBits()
	b.longLoops()
	b.aroundEdges()
}

// add appends a case whose name is op and the parts, joined by '/'; one of the
// parts is its shape. A name that has been taken, as where a count was cut to
// the columns, is one case of the smaller suite.
func (b *builder) add(op string, full bool, parts []any, make func(d []int, f *fills) *trial) {
	c := Case{Op: op, make: make, tier: b.least}
	if full {
		c.tier = max(c.tier, inFull)
	}
	var name strings.Builder
	name.WriteString(op)
	for _, p := range parts {
		if d, ok := p.(shape); ok {
			c.dims = d
		}
		if s := fmt.Sprint(p); s != "" {
			name.WriteByte('/')
			name.WriteString(s)
		}
	}
	c.Name = name.String()
	if i, ok := b.at[c.Name]; ok {
		b.cases[i].tier = min(b.cases[i].tier, c.tier)
		return
	}
	b.at[c.Name] = len(b.cases)
	b.cases = append(b.cases, c)
}

// everyPlacement calls f for each placement; all but one of them, by turns, are
// for the full suite alone.
func (b *builder) everyPlacement(f func(p placement, full bool)) {
	b.turn++
	for p := dense; p <= mixed; p++ {
		f(p, int(p) != b.turn%4)
	}
}

// place gives the arrays of a trial their placement, each by its turn.
func place(p placement, arrays ...*array) []*array {
	var all []*array
	for _, a := range arrays {
		if a != nil {
			a.place = p.of(len(all))
			all = append(all, a)
		}
	}
	return all
}

func in(name string, batch, rows, cols int, x []float32) *array {
	return &array{name: name, dtype: backend.Float32, batch: batch, rows: rows, cols: cols, words: floatWords(x)}
}

func intIn(name string, rows, cols int, x []int32) *array {
	return &array{name: name, dtype: backend.Int32, batch: 1, rows: rows, cols: cols, words: intWords(x)}
}

func out(name string, dtype backend.DType, batch, rows, cols int) *array {
	return &array{name: name, dtype: dtype, batch: batch, rows: rows, cols: cols, role: output}
}

// inPlace makes x its own output.
func inPlace(x *array) *array {
	x.role = inout
	return x
}

func dims(n ...int) string { return strings.ReplaceAll(strings.Trim(fmt.Sprint(n), "[]"), " ", "x") }
