// Package broken breaks the verifier's own comparators on purpose, so that a
// mutation test can prove that each of them is watched. Nothing is broken
// unless [Set] is called, and only packages below verify can call it.
package broken

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Mutant is one way to break the verifier.
type Mutant struct {
	Name string `json:"name"`
	// Where is the package, below verify, that asks for it, at one place.
	Where string `json:"where"`
	// About says in one line what goes wrong.
	About string `json:"about"`
}

// The mutants of the statistics, the gradient checkers and the samplers.
const (
	PValueInverted    = "stats-p-value-inverted"
	NaNPValue         = "stats-nan-swallowed"
	ArgumentsSwapped  = "stats-arguments-swapped"
	BandTimes1000     = "stats-band-x1000"
	HolmForgotten     = "stats-holm-forgotten"
	ToleranceX1000    = "gradcheck-tolerance-x1000"
	NaNDerivative     = "gradcheck-nan-swallowed"
	ImaginaryIgnored  = "gradcheck-imaginary-ignored"
	ErrorOfOneDraw    = "gradcheck-error-of-one-draw"
	BaselineForgotten = "score-baseline-forgotten"
	NaNDraw           = "samplers-nan-swallowed"
	ComparedWithSelf  = "samplers-compared-with-itself"
	RepeatsUnseen     = "samplers-repeats-unseen"
)

// The mutants of the comparators of outputs.
const (
	NaNOutput         = "judge-nan-swallowed"
	NaNErrorForgotten = "judge-nan-error-forgotten"
	BoundX1000        = "judge-bound-x1000"
	SidesSwapped      = "judge-sides-swapped"
	BitsAsFloats      = "judge-bits-as-floats"
	IndexAsFloat      = "judge-index-as-float"
	GapIgnored        = "judge-gap-ignored"
	TwinsIgnored      = "judge-twins-ignored"
	GuardsUnchecked   = "memory-guards-unchecked"
	InputsUnchecked   = "memory-inputs-unchecked"
	PoisonForgotten   = "memory-poison-forgotten"
	NothingPasses     = "report-nothing-passes"
	BarriersUnseen    = "source-barriers-unseen"
)

var mutants = []Mutant{
	{PValueInverted, "stats", "a test returns 1 − p for its p-value"},
	{NaNPValue, "stats", "a p-value that is NaN counts as 1"},
	{ArgumentsSwapped, "stats", "the G-test takes what is expected for what was observed"},
	{BandTimes1000, "stats", "the band around a distribution function is a thousand times too wide"},
	{HolmForgotten, "stats", "p-values of a family are not corrected for its size"},
	{ToleranceX1000, "gradcheck", "the error bound of a numerical derivative is a thousand times too wide"},
	{NaNDerivative, "gradcheck", "a derivative that is NaN agrees with everything"},
	{ImaginaryIgnored, "gradcheck", "complex arguments are moved along the real axis alone"},
	{ErrorOfOneDraw, "gradcheck", "the error of a mean is taken for that of a single draw"},
	{BaselineForgotten, "gradcheck", "a score-function estimator subtracts a baseline and does not add its expectation back"},
	{NaNDraw, "samplers", "a draw that is NaN is left out"},
	{ComparedWithSelf, "samplers", "draws are compared with themselves"},
	{RepeatsUnseen, "samplers", "words that two streams share are not looked for"},
	{NaNOutput, "verify", "an output that is NaN lies within every bound"},
	{NaNErrorForgotten, "verify", "an error that is NaN does not count as the largest"},
	{BoundX1000, "verify", "the oracle's bounds are a thousand times too wide"},
	{SidesSwapped, "verify", "the device under test and the other one are taken for each other"},
	{BitsAsFloats, "verify", "bits are compared as numbers, so that −0 is 0"},
	{IndexAsFloat, "verify", "an index within 0.5 % of the right one passes"},
	{GapIgnored, "verify", "a draw passes whatever the gap between the scores"},
	{TwinsIgnored, "verify", "of equals any may be picked"},
	{GuardsUnchecked, "verify", "guard words are not compared"},
	{InputsUnchecked, "verify", "inputs may be overwritten"},
	{PoisonForgotten, "verify", "outputs hold zeros before a run"},
	{NothingPasses, "verify", "a run that compares nothing passes"},
	{BarriersUnseen, "verify/internal/glsl", "no two accesses to shared memory ever meet"},
}

var (
	mu     sync.Mutex
	on     = map[string]int{}
	active atomic.Int32 // the number of mutants switched on: the common answer without a lock
)

// Mutants returns all mutants.
func Mutants() []Mutant { return slices.Clone(mutants) }

// Is reports whether a mutant is switched on.
func Is(name string) bool {
	if active.Load() == 0 {
		return false
	}
	mu.Lock()
	defer mu.Unlock()
	return on[name] > 0
}

// Set switches a mutant on, for the whole program, until restore is called.
// It panics for a name that [Mutants] does not list.
func Set(name string) (restore func()) {
	if !slices.ContainsFunc(mutants, func(m Mutant) bool { return m.Name == name }) {
		panic(fmt.Sprintf("broken: no mutant %q", name))
	}
	change := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		on[name] += by
		active.Add(int32(by))
	}
	change(1)
	return sync.OnceFunc(func() { change(-1) })
}
