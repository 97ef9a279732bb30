package verify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// kept lists the words of an input that keep their value: ranges in ascending
// order that neither meet nor overlap.
type kept []span

// span is the words from..to, both included.
type span struct{ from, to int }

const keepMark = "keep="

// splitKeeps takes the endings keep=... from a name, without the mark.
func splitKeeps(name string) (plain string, keeps []string) {
	for {
		at := strings.LastIndexByte(name, '/')
		if at < 0 || !strings.HasPrefix(name[at+1:], keepMark) {
			slices.Reverse(keeps)
			return name, keeps
		}
		keeps = append(keeps, name[at+1+len(keepMark):])
		name = name[:at]
	}
}

// parseKept reads a list as 3,7-9 of words below n.
func parseKept(list string, n int) (kept, error) {
	k := kept{}
	if list == "" {
		return k, nil
	}
	next := 0
	for _, r := range strings.Split(list, ",") {
		from, to, isRange := strings.Cut(r, "-")
		if !isRange {
			to = from
		}
		a, errA := strconv.ParseUint(from, 10, 31)
		b, errB := strconv.ParseUint(to, 10, 31)
		if errA != nil || errB != nil || int(a) < next || b < a || int(b) >= n {
			return nil, fmt.Errorf("%q: want words 0 to %d in ascending order", r, n-1)
		}
		k = append(k, span{int(a), int(b)})
		next = int(b) + 1
	}
	return k, nil
}

// keptOf lists the words of an ascending list.
func keptOf(words []int) kept {
	k := kept{}
	for _, w := range words {
		if last := len(k) - 1; last >= 0 && k[last].to == w-1 {
			k[last].to = w
		} else {
			k = append(k, span{w, w})
		}
	}
	return k
}

func (k kept) String() string {
	var parts []string
	for _, r := range k {
		if r.from == r.to {
			parts = append(parts, strconv.Itoa(r.from))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", r.from, r.to))
		}
	}
	return strings.Join(parts, ",")
}
