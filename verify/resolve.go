package verify

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"samebits/backend"
)

// Resolve returns the case of a name: one that a suite lists, or such a one
// with other dimensions, or with one or more endings /keep=INPUT:WORDS, which
// leave the words of an input that they list (as 3,7-9, counted from 0 in
// row-major order, complex numbers as two) and give all others the simplest
// value of their kind. A name and a seed are all that a case depends on.
// A count in a name, as m=64, is cut to the dimensions. The error wraps
// backend.ErrArgument for a name that no case has, or dimensions that make none
// or want too much memory.
func Resolve(name string) (Case, error) {
	c, err := resolve(name)
	if err != nil {
		return Case{}, fmt.Errorf("case %q: %w: %w", name, err, backend.ErrArgument)
	}
	return c, nil
}

func resolve(name string) (Case, error) {
	plain, keeps := splitKeeps(name)
	pattern, d, err := splitShape(plain)
	if err != nil {
		return Case{}, err
	}
	c, ok := patterns()[pattern]
	switch {
	case !ok:
		return Case{}, fmt.Errorf("there is none of that name")
	case len(d) != len(c.dims):
		return Case{}, fmt.Errorf("it has %d dimensions, want %d as in %v", len(d), len(c.dims), c.dims)
	}
	if err := possible(c.Op, plain, d); err != nil {
		return Case{}, err
	}
	c.dims, c.Name = d, name
	if len(keeps) == 0 {
		return c, nil
	}
	c.keep = map[string]kept{}
	inputs := map[string]int{}
	for _, a := range c.trial(0).arrays {
		if a.role != output {
			inputs[a.name] = len(a.words)
		}
	}
	for _, k := range keeps {
		input, list, _ := strings.Cut(k, ":")
		n, ok := inputs[input]
		if !ok {
			return Case{}, fmt.Errorf("keep=%s: it has no input %q", k, input)
		}
		if _, ok := c.keep[input]; ok {
			return Case{}, fmt.Errorf("keep=%s: input %q was named before", k, input)
		}
		if c.keep[input], err = parseKept(list, n); err != nil {
			return Case{}, fmt.Errorf("keep=%s: %w", k, err)
		}
	}
	return c, nil
}

// patterns are the names of all cases with a star for the shape, each with a
// case that has it.
var patterns = sync.OnceValue(func() map[string]Case {
	b := newBuilder()
	b.chosen()
	b.oneShape = true
	b.everything()
	all := make(map[string]Case, len(b.cases)/4)
	for _, c := range b.cases {
		p := strings.Replace(c.Name+"/", "/"+c.dims.String()+"/", "/*/", 1)
		if _, ok := all[p]; !ok {
			all[p] = c
		}
	}
	return all
})

// splitShape takes the shape from a name and leaves a star and a slash at the
// end.
func splitShape(name string) (pattern string, d shape, err error) {
	parts := strings.Split(name, "/")
	at := slices.IndexFunc(parts, isShape)
	if at < 0 {
		return "", nil, fmt.Errorf("it has no part that gives a shape, as 17x8x6")
	}
	for _, n := range strings.Split(parts[at], "x") {
		v, err := strconv.ParseInt(n, 10, 32)
		if err != nil || strconv.FormatInt(v, 10) != n {
			return "", nil, fmt.Errorf("dimension %.20q: want a whole number below 2^31", n)
		}
		d = append(d, int(v))
	}
	parts[at] = "*"
	return strings.Join(parts, "/") + "/", d, nil
}

// isShape says that a part of a name is numbers joined by x.
func isShape(part string) bool {
	return strings.Contains(part, "x") && strings.Trim(part, "0123456789x") == "" && part[0] != 'x'
}

// Limits of a shape: of the elements of a matrix, and of the multiply-adds of
// an operation that takes every pair of rows.
const (
	mostElements = 1 << 24
	mostMacs     = 1 << 31
)

// possible says whether a case of the operation can have these dimensions.
func possible(op, name string, d shape) error {
	total := 1.0
	for i, v := range d {
		total *= math.Max(float64(v), 1)
		for _, w := range d[:i] {
			if float64(v)*float64(w) > mostElements {
				return fmt.Errorf("%d·%d elements, most are %d", v, w, mostElements)
			}
		}
	}
	most := mostElements
	switch op {
	case "matmul", "qmatmul", "nearest", "distances", "pairwisesum", "scattersum":
		most = mostMacs
	}
	if total > float64(most) {
		return fmt.Errorf("%.3g elements or multiply-adds, most are %d", total, most)
	}
	least := make([]int, len(d))
	switch op {
	case "nearest":
		least[2] = 1
	case "topk", "withoutreplacement", "categorical", "gumbelsoftmax", "filter":
		least[1] = 1
	case "logsumexp":
		least[2] = 1
	case "gather":
		if d[0] != 1 {
			return fmt.Errorf("a batch of %d, want 1", d[0])
		}
	case "transpose", "copy", "softmax":
		least[0] = 1
	case "map", "reduce":
		least[0] = 1
		if op == "reduce" && !strings.HasPrefix(name, "reduce/sum/") && !strings.HasPrefix(name, "reduce/maxabsfinite/") {
			least[2] = 1
			if strings.Contains(name, "/columns/") {
				least[1], least[2] = 1, 0
			}
		}
	}
	for i, v := range d {
		if v < least[i] {
			return fmt.Errorf("dimension %d is %d, want at least %d", i+1, v, least[i])
		}
	}
	return nil
}
