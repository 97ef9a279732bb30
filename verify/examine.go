package verify

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"samebits/backend"
)

// examination is one case run on both devices and judged.
type examination struct {
	trial           *trial
	tested, against side
	seconds         float64 // on both devices
	skipped         string  // the reason why nothing was compared, empty where it was
	comparison
}

// examine runs and judges a case. An error says that no further case can run.
func (o Options) examine(ctx context.Context, c Case, seed uint64) (*examination, error) {
	x := &examination{trial: c.trial(seed)}
	on := func(dev *backend.Device, name string) side {
		s := side{name: name}
		s.out, s.spoiled, s.err = x.trial.run(ctx, dev)
		return s
	}
	names := o.sideNames()
	start := time.Now()
	x.tested, x.against = on(o.Tested, names[0]), on(o.Against, names[1])
	unstable := ""
	for range o.repeatsOf(c) {
		if unstable = x.tested.changed(on(o.Tested, names[0])); unstable != "" || ctx.Err() != nil {
			break
		}
	}
	x.seconds = time.Since(start).Seconds()
	// A driver that breaks is a failed case, whatever else is said.
	internal := errors.Is(x.tested.err, backend.ErrInternal) || errors.Is(x.against.err, backend.ErrInternal)
	for _, s := range []side{x.tested, x.against} {
		switch {
		case s.err == nil:
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case lost(s.err):
			return nil, s.err
		case errors.Is(s.err, backend.ErrNotSupported) && !internal:
			x.skipped = s.err.Error()
			return x, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var referee func() (side, error)
	switch {
	case o.Against.Info().Kind == plainStatements:
		referee = func() (side, error) { return x.against, nil }
	case o.Referee != nil:
		referee = func() (side, error) {
			s := on(o.Referee, "referee")
			return s, s.err
		}
	}
	x.comparison = compare(c, x.trial, x.tested, x.against, o.mode() == exactMode, referee)
	if unstable != "" && x.failure == nil {
		x.failure = &Failure{Case: c.Name, Op: c.Op, Kind: "unstable", Side: x.tested.name, Message: unstable}
	}
	if f := x.failure; f != nil {
		f.Seed = seed
		if o.Repeat != nil {
			f.Repeat = o.Repeat(c.Name, seed)
		}
	}
	return x, nil
}

// mode is bounded where a device promises no bits.
func (o Options) mode() string {
	for _, d := range []*backend.Device{o.Tested, o.Against} {
		if d.Profile().Mode == backend.BoundedMode {
			return boundedMode
		}
	}
	return exactMode
}

// sideNames are the names of both devices, which differ.
func (o Options) sideNames() [2]string {
	names := [2]string{o.Tested.Info().Name, o.Against.Info().Name}
	if names[0] == names[1] {
		names[1] += " (second)"
	}
	return names
}

// Where nothing is said, one case in sampled runs again; fewer in the quick
// suite.
const (
	sampled       = 8
	sampledQuick  = 24
	sampleRepeats = 3
)

// repeatsOf returns how often the device under test runs a case again.
func (o Options) repeatsOf(c Case) int {
	switch {
	case o.Repeats > 0:
		return o.Repeats
	case o.Repeats < 0:
		return 0
	}
	one := uint32(sampled)
	if o.Suite.tier() == inQuick {
		one = sampledQuick
	}
	h := fnv.New32a()
	h.Write([]byte(c.Name))
	if h.Sum32()%one == 0 {
		return sampleRepeats
	}
	return 0
}

// changed says what another run of the same device gave otherwise, empty for
// nothing.
func (s side) changed(again side) string {
	switch {
	case (s.err == nil) != (again.err == nil):
		return fmt.Sprintf("%s: a run says %v, another %v", s.name, s.err, again.err)
	case again.spoiled != s.spoiled:
		return fmt.Sprintf("%s: a run spoils %q, another %q", s.name, s.spoiled, again.spoiled)
	}
	for _, name := range slices.Sorted(maps.Keys(s.out)) {
		words := s.out[name]
		if i := firstDifference(words, again.out[name]); i >= 0 {
			other := "nothing"
			if i < len(again.out[name]) {
				other = fmt.Sprintf("%08x", again.out[name][i])
			}
			return fmt.Sprintf("word %d of %s: %s has %08x in one run and %s in another", i, name, s.name, words[i], other)
		}
	}
	return ""
}

// lost says that a device is gone.
func lost(err error) bool {
	return errors.Is(err, backend.ErrContextLost) || errors.Is(err, backend.ErrClosed)
}
