package verify

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Check is the result of one check of a device beside the cases: a relation
// between runs that must hold bit by bit, or the law of a sampler.
type Check struct {
	// Kind is the family of checks, as relations or samplers; Name tells the
	// operation first and then what is checked.
	Kind string `json:"kind"`
	Name string `json:"name"`
	Op   string `json:"op"`
	// Passed says that the check was made and found nothing.
	Passed bool `json:"passed"`
	// Skipped is the reason why the check was not made, empty where it was.
	Skipped string `json:"skipped"`
	// Message says what was found, or what a passed check would have found.
	Message string  `json:"message"`
	Seconds float64 `json:"seconds"`
}

// checker makes the checks of one kind on Options.Tested. It honours
// Options.Op, Options.Seed and Options.Suite, calls found once a check, and
// returns an error only where no more checks can be made.
type checker struct {
	kind string
	run  func(ctx context.Context, o Options, found func(Check)) error
}

// checkers are the kinds of checks, in the order in which they run.
var checkers []checker

// check runs all kinds of checks.
func (r *Report) check(ctx context.Context, o Options) error {
	for _, c := range checkers {
		last := time.Now()
		found := func(k Check) {
			k.Kind = c.kind
			if k.Seconds == 0 {
				k.Seconds = time.Since(last).Seconds()
			}
			last = time.Now()
			r.Checks = append(r.Checks, k)
			if !k.Passed && k.Skipped == "" {
				r.ChecksFailed++
			}
		}
		if err := c.run(ctx, o, found); err != nil {
			return fmt.Errorf("%s: %w", c.kind, err)
		}
	}
	return nil
}

// CheckCount is the number of checks of one kind.
type CheckCount struct {
	Kind                    string
	Passed, Failed, Skipped int
}

// Total is the number of all of them.
func (c CheckCount) Total() int { return c.Passed + c.Failed + c.Skipped }

// CheckCounts counts the checks by kind, in the order in which they ran.
func (r *Report) CheckCounts() []CheckCount {
	var counts []CheckCount
	at := map[string]int{}
	for _, k := range r.Checks {
		i, ok := at[k.Kind]
		if !ok {
			i = len(counts)
			at[k.Kind] = i
			counts = append(counts, CheckCount{Kind: k.Kind})
		}
		switch {
		case k.Skipped != "":
			counts[i].Skipped++
		case k.Passed:
			counts[i].Passed++
		default:
			counts[i].Failed++
		}
	}
	return counts
}

// checkSummary says how many checks of each kind passed.
func (r *Report) checkSummary() string {
	var parts []string
	for _, c := range r.CheckCounts() {
		s := fmt.Sprintf("%d of %d %s hold", c.Passed, c.Total(), c.Kind)
		if c.Skipped > 0 {
			s += fmt.Sprintf(" (%d skipped)", c.Skipped)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}
