package verify

import (
	"context"
	"errors"
	"fmt"

	"samebits/backend"
	"samebits/backend/exact"
	"samebits/verify/internal/broken"
	"samebits/verify/stats"
)

// The checks of samplers go from the certain to the likely: known answers of
// the generator, the same integers as the other device, the same draws, and
// then the laws that the draws must follow and their independence across
// elements, rows, steps and streams. The laws are one family, judged at the
// end: see package stats.
func init() { checkers = append(checkers, checker{"samplers", samplers}) }

// sampling is one run of the checks of samplers.
type sampling struct {
	ctx   context.Context
	o     Options
	found func(Check)
	// scale multiplies the draws of the quick suite.
	scale int
	// sub is the last sub-stream that a check of a law took: no two share
	// their draws.
	sub    uint16
	family []familyMember
}

// familyMember is a test of a law that waits for its family.
type familyMember struct {
	op     string
	result stats.Result
}

func samplers(ctx context.Context, o Options, found func(Check)) error {
	s := &sampling{ctx: ctx, o: o, found: found, scale: map[Suite]int{Full: 4, Nightly: 16}[o.Suite]}
	s.scale = max(1, s.scale)
	steps := []struct {
		op, name string
		run      func() error
	}{
		{"fill", "known answers", s.knownAnswers},
		{"fill", "identical integers", s.identicalIntegers},
		{"fill", "identical draws", s.identicalFills},
		{"fill", "extreme words", s.extremeFills},
		{"categorical", "identical draws", s.identicalCategories},
		{"categorical", "extreme words", s.extremeCategories},
		{"withoutreplacement", "identical draws", s.identicalRankings},
		{"gumbelsoftmax", "identical draws", s.identicalRelaxed},
		{"fill", "laws", s.fillLaws},
		{"fill", "independence", s.fillIndependence},
		{"categorical", "laws", s.categoricalLaws},
		{"withoutreplacement", "laws", s.rankingLaws},
		{"gumbelsoftmax", "laws", s.relaxedLaws},
		{"filter", "laws", s.filterLaws},
	}
	for _, step := range steps {
		if o.Op != "" && o.Op != step.op {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		switch err := step.run(); {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, backend.ErrContextLost), errors.Is(err, backend.ErrClosed):
			return err
		case errors.Is(err, backend.ErrNotSupported) && !errors.Is(err, backend.ErrInternal):
			found(Check{Name: step.op + "/" + step.name, Op: step.op, Skipped: err.Error()})
		default:
			found(Check{Name: step.op + "/" + step.name, Op: step.op, Message: err.Error()})
		}
	}
	s.judge()
	return nil
}

// law puts a test into the family.
func (s *sampling) law(op string, r stats.Result) {
	s.family = append(s.family, familyMember{op, r})
}

// judge decides about the laws, all at once.
func (s *sampling) judge() {
	results := make([]stats.Result, len(s.family))
	for i, m := range s.family {
		results[i] = m.result
	}
	for i, v := range stats.Judge(results) {
		s.found(Check{Name: v.Name, Op: s.family[i].op, Passed: !v.Rejected, Message: v.String()})
	}
}

// decided reports a check that is certain: wrong says what was found, passed
// what a right device has shown.
func (s *sampling) decided(op, name, wrong, passed string) {
	c := Check{Name: op + "/" + name, Op: op, Passed: wrong == "", Message: wrong}
	if c.Passed {
		c.Message = passed
	}
	s.found(c)
}

// at returns a position of the run's seed that no other check has.
func (s *sampling) at() backend.Draws {
	s.sub++
	return backend.Draws{Seed: s.o.Seed, Use: exact.UseTest, Sub: s.sub}
}

// drawnBy runs one operation that op makes of its output and its logits and
// returns the output's elements.
func drawnBy[T backend.Element](s *sampling, dev *backend.Device, rows, cols int, op func(y *backend.Tensor, sc *backend.Scope) backend.Op) ([]T, error) {
	sc := backend.NewScope(s.ctx, dev)
	defer sc.Close()
	y := sc.New(backend.DTypeOf[T](), rows, cols)
	if sc.Err() != nil {
		return nil, sc.Err()
	}
	o := op(y, sc)
	if sc.Err() != nil {
		return nil, sc.Err()
	}
	sc.Run(o)
	got := backend.Get[T](sc, y)
	return got, sc.Err()
}

// words fills rows×cols with the raw words of the generator.
func (s *sampling) words(dev *backend.Device, d backend.Draws, rows, cols int) ([]uint32, error) {
	return drawnBy[uint32](s, dev, rows, cols, func(y *backend.Tensor, _ *backend.Scope) backend.Op {
		return &backend.Fill{Y: y, Distribution: backend.Bits, Draws: d}
	})
}

// fill fills rows×cols with numbers of a distribution.
func (s *sampling) fill(dev *backend.Device, dist backend.Distribution, d backend.Draws, rows, cols int) ([]float32, error) {
	return drawnBy[float32](s, dev, rows, cols, func(y *backend.Tensor, _ *backend.Scope) backend.Op {
		return &backend.Fill{Y: y, Distribution: dist, Draws: d}
	})
}

// repeated is a tensor of rows rows that all hold x.
func repeated(sc *backend.Scope, rows int, x []float32) *backend.Tensor {
	all := make([]float32, 0, rows*len(x))
	for range rows {
		all = append(all, x...)
	}
	return backend.Put(sc, rows, len(x), all)
}

// categories draws rows×draws times from softmax(x/temp).
func (s *sampling) categories(dev *backend.Device, x []float32, temp float32, d backend.Draws, rows, draws int) ([]int32, error) {
	return drawnBy[int32](s, dev, rows, draws, func(y *backend.Tensor, sc *backend.Scope) backend.Op {
		return &backend.Categorical{Index: y, X: repeated(sc, rows, x), Temperature: backend.Scalar(temp), Draws: d}
	})
}

// rankings draws m of the logits x without replacement in each of rows rows.
func (s *sampling) rankings(dev *backend.Device, x []float32, temp float32, d backend.Draws, rows, m int) ([]int32, error) {
	return drawnBy[int32](s, dev, rows, m, func(y *backend.Tensor, sc *backend.Scope) backend.Op {
		return &backend.WithoutReplacement{Index: y, X: repeated(sc, rows, x), Temperature: backend.Scalar(temp), Draws: d}
	})
}

// relaxed draws rows relaxed one-hot rows from the logits x.
func (s *sampling) relaxed(dev *backend.Device, x []float32, tau float32, d backend.Draws, rows int) (y, oneHot []float32, err error) {
	var hot *backend.Tensor
	sc := backend.NewScope(s.ctx, dev)
	defer sc.Close()
	soft := sc.New(backend.Float32, rows, len(x))
	hot = sc.New(backend.Float32, rows, len(x))
	logits := repeated(sc, rows, x)
	if sc.Err() == nil {
		sc.Run(&backend.GumbelSoftmax{Y: soft, OneHot: hot, X: logits, Tau: backend.Scalar(tau), Draws: d})
	}
	y, oneHot = backend.Get[float32](sc, soft), backend.Get[float32](sc, hot)
	return y, oneHot, sc.Err()
}

// wordsDiffer says where got differs from want; empty where it does not.
func wordsDiffer(got, want []uint32) string {
	if broken.Is(broken.ComparedWithSelf) {
		want = got
	}
	if len(got) != len(want) || len(got) == 0 {
		return fmt.Sprintf("%d words, %d wanted", len(got), len(want))
	}
	for i, w := range want {
		if got[i] != w {
			return fmt.Sprintf("word %d is %08x, want %08x", i, got[i], w)
		}
	}
	return ""
}

// widened returns draws as float64. A NaN stays one, and no test passes it.
func widened(x []float32) []float64 {
	y := make([]float64, 0, len(x))
	for _, v := range x {
		if v != v && broken.Is(broken.NaNDraw) {
			continue
		}
		y = append(y, float64(v))
	}
	return y
}
