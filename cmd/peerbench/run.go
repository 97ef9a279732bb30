package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"samebits/backend"
	"samebits/cpu"
)

// background serves reads that no one waits for long.
var background = context.Background()

// settle is the pause before each sample: threads that a library or the other
// side leaves spinning, waiting for work, go to sleep in it (OpenBLAS after
// about 25 ms, OpenMP sooner).
const settle = 60 * time.Millisecond

// side is one way to do a work: ours or a peer's.
type side struct {
	name       string
	run        func(ctx context.Context, reps, warm int) (seconds float64, err error)
	reps, warm int
	seconds    []float64 // of one run, a round each
	failed     error     // its rounds are void
	difference float64   // from ours
	allowed    float64
}

// measurement is one work at one thread count, all sides.
type measurement struct {
	work    work
	threads int
	ours    *side
	peers   []*side
	ceiling []float64 // the rate of registers alone, a round each
}

// session runs works on one thread count.
type session struct {
	dev      *backend.Device
	pool     *pool
	threads  int
	rounds   int
	sample   float64        // seconds that a sample lasts at least
	ceilings []*cpu.Ceiling // of arithmetic
}

func newSession(ctx context.Context, l *launcher, threads, rounds int, sample float64) (*session, error) {
	dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: threads})
	if err != nil {
		return nil, err
	}
	s := &session{dev: dev, pool: l.newPool(threads), threads: threads, rounds: rounds, sample: sample}
	for _, c := range cpu.Ceilings(threads) {
		if c.Bound != cpu.Memory && c.Threads == threads {
			s.ceilings = append(s.ceilings, c)
		}
	}
	return s, nil
}

func (s *session) close() {
	s.pool.close()
	s.dev.Close()
}

// measure checks every peer's result against ours once, then times all sides
// in turn, rounds times. Its error is of our side or the context's; a peer's
// stays with the peer.
func (s *session) measure(ctx context.Context, w work) (*measurement, error) {
	scope := backend.NewScope(ctx, s.dev)
	defer scope.Close()
	in := w.operand(scope)
	if err := s.export(scope, in); err != nil {
		return nil, err
	}
	once, result := w.prepare(scope, in)
	m := &measurement{work: w, threads: s.threads, ours: &side{name: "samebits", run: timed(once)}}
	if err := m.ours.calibrate(ctx, s.sample); err != nil {
		return nil, fmt.Errorf("%s: %w", w.name, err)
	}
	ours, err := result()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.name, err)
	}
	for _, name := range w.peers {
		p := &side{name: name}
		if err := s.introduce(ctx, p, w, in, ours); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			p.failed = err
		}
		m.peers = append(m.peers, p)
	}
	return m, s.time(ctx, m)
}

// export writes the operands to the files that workers read.
func (s *session) export(scope *backend.Scope, in map[string]*backend.Tensor) error {
	for name, t := range in {
		var data any
		switch {
		case scope.Err() != nil:
			return scope.Err()
		case t.DType() == backend.Int8:
			data = backend.Get[int8](scope, t)
		case t.DType() == backend.Complex64:
			data = backend.Get[complex64](scope, t)
		default:
			data = backend.Get[float32](scope, t)
		}
		raw, err := binary.Append(nil, binary.LittleEndian, data)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.pool.dir, name), raw, 0o600); err != nil {
			return err
		}
	}
	return scope.Err()
}

// errDisagrees says that a peer computes something else.
type errDisagrees struct{ difference, allowed float64 }

func (e errDisagrees) Error() string {
	return fmt.Sprintf("its result differs from ours by %.3g, more than %.3g", e.difference, e.allowed)
}

// introduce loads a work into a peer and checks its result.
func (s *session) introduce(ctx context.Context, p *side, w work, in map[string]*backend.Tensor, ours any) error {
	peer, err := s.pool.get(ctx, p.name)
	if err != nil {
		return err
	}
	var numbers strings.Builder
	for _, v := range w.numbers {
		fmt.Fprintf(&numbers, " %v", v)
	}
	if _, err := peer.ask(ctx, "ok", "load %s%s", cmp.Or(w.request, w.kind), numbers.String()); err != nil {
		return err
	}
	p.run = peer.seconds
	if err := p.calibrate(ctx, s.sample); err != nil {
		return err
	}
	const file = "result"
	fields, err := peer.ask(ctx, "ok", "result %s", file)
	if err != nil {
		return err
	}
	path := filepath.Join(s.pool.dir, file)
	defer os.Remove(path)
	theirs, err := readValues(path, field(fields, 0))
	if err != nil {
		return err
	}
	p.difference, p.allowed, err = w.compare(in, ours, theirs)
	if err == nil && (!(p.difference <= p.allowed)) {
		err = errDisagrees{p.difference, p.allowed}
	}
	return err
}

// timed measures our side as the workers measure theirs.
func timed(once func(context.Context) error) func(context.Context, int, int) (float64, error) {
	return func(ctx context.Context, reps, warm int) (float64, error) {
		for range warm {
			if err := once(ctx); err != nil {
				return 0, err
			}
		}
		start := time.Now()
		for range reps {
			if err := once(ctx); err != nil {
				return 0, err
			}
		}
		return max(time.Since(start).Seconds(), 1e-9) / float64(reps), nil
	}
}

// calibrate warms a side up and finds how many runs fill a sample; short runs
// are preceded by a tenth as many untimed ones.
func (p *side) calibrate(ctx context.Context, sample float64) error {
	once, err := p.run(ctx, 1, 1)
	if err != nil {
		return err
	}
	p.reps = int(min(max(math.Ceil(sample/once), 1), 1e6))
	if p.reps > 1 {
		p.warm = (p.reps + 9) / 10
		if once, err = p.run(ctx, max(1, p.reps/10), 0); err != nil { // the first run may have been a slow one
			return err
		}
		p.reps = int(min(max(math.Ceil(sample/once), 1), 1e6))
	}
	return nil
}

// time takes one sample of every side in each round; who goes first changes
// from round to round.
func (s *session) time(ctx context.Context, m *measurement) error {
	sides := append([]*side{m.ours}, m.peers...)
	for round := range s.rounds {
		for i := range sides {
			p := sides[(round+i)%len(sides)]
			if p.failed != nil {
				continue
			}
			if err := pause(ctx, settle); err != nil {
				return err
			}
			seconds, err := p.run(ctx, p.reps, p.warm)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				if p == m.ours {
					return fmt.Errorf("%s: %w", m.work.name, err)
				}
				p.failed, p.seconds = err, nil
				continue
			}
			p.seconds = append(p.seconds, seconds)
		}
		if m.work.bound != "" {
			if err := pause(ctx, settle); err != nil {
				return err
			}
			best := 0.0
			for _, c := range s.ceilings {
				if c.Bound != m.work.bound {
					continue
				}
				rate, err := c.Measure(ctx)
				if err != nil {
					return err
				}
				best = max(best, rate)
			}
			m.ceiling = append(m.ceiling, best)
		}
	}
	return nil
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
