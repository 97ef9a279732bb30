package verify

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"samebits/backend"
)

// Budget is how much of a run may be skipped: a number, or a share of all cases
// and checks. The zero value allows nothing.
type Budget struct {
	Count int
	Share float64 // in [0, 1]; the larger of the two counts
}

// ParseBudget reads "12" or "5%". The error wraps backend.ErrArgument.
func ParseBudget(s string) (Budget, error) {
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		if v, err := strconv.ParseFloat(percent, 64); err == nil && v >= 0 && v <= 100 {
			return Budget{Share: v / 100}, nil
		}
	} else if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return Budget{Count: int(n)}, nil
	}
	return Budget{}, fmt.Errorf("budget %q: want a number, as 12, or a share, as 5%%: %w", s, backend.ErrArgument)
}

// of returns how many of total may be skipped.
func (b Budget) of(total int) int {
	return max(b.Count, int(math.Floor(b.Share*float64(total))))
}
