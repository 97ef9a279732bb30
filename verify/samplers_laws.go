package verify

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"samebits/backend"
	"samebits/verify/stats"
)

// continuous is the law of a fill: its distribution function and what that
// leaves above, each accurate where it is small.
type continuous struct {
	dist       backend.Distribution
	cdf, above func(x float64) float64
}

var fillLawsOf = []continuous{
	{backend.Uniform, func(x float64) float64 { return min(max(x, 0), 1) }, func(x float64) float64 { return min(max(1-x, 0), 1) }},
	{backend.Normal, distuv.UnitNormal.CDF, func(x float64) float64 { return distuv.UnitNormal.CDF(-x) }},
	{backend.Exponential, func(x float64) float64 { return -math.Expm1(-max(x, 0)) }, func(x float64) float64 { return math.Exp(-max(x, 0)) }},
	{backend.Gumbel, func(x float64) float64 { return math.Exp(-math.Exp(-x)) }, func(x float64) float64 { return -math.Expm1(-math.Exp(-x)) }},
}

// fillLaws tests each distribution of a fill three ways: its distribution
// function as a whole, 256 cells of equal probability, and both tails in powers
// of two. Normal numbers must also be independent in the pairs that share their
// words.
func (s *sampling) fillLaws() error {
	rows, cols := 256, 1024*s.scale
	for _, l := range fillLawsOf {
		x, err := s.fill(s.o.Tested, l.dist, s.at(), rows, cols)
		if err != nil {
			return err
		}
		s.continuous("fill", fmt.Sprintf("fill/%v", l.dist), widened(x), l)
		if l.dist == backend.Normal {
			cells := cellsOf(widened(x), l.cdf, 16)
			a, b := make([]int, 0, len(cells)/2), make([]int, 0, len(cells)/2)
			for i := 1; i < len(cells); i += 2 {
				a, b = append(a, cells[i-1]), append(b, cells[i])
			}
			s.law("fill", stats.GTest("fill/normal: independence of a pair", stats.Cross([]int{16, 16}, a, b), stats.Uniform(256)))
		}
	}
	return nil
}

// continuous tests x against a law in three ways.
func (s *sampling) continuous(op, name string, x []float64, l continuous) {
	s.law(op, stats.Band(name+": distribution function", x, l.cdf))
	s.law(op, stats.GTest(name+": equal cells", stats.Cross([]int{256}, cellsOf(x, l.cdf, 256)), stats.Uniform(256)))
	s.law(op, tails(name+": tails", x, l))
}

// cellsOf returns the cells of k equal probabilities in which x lies; −1 for NaN.
func cellsOf(x []float64, cdf func(float64) float64, k int) []int {
	cells := make([]int, len(x))
	for i, v := range x {
		switch u := cdf(v); {
		case math.IsNaN(v) || math.IsNaN(u):
			cells[i] = -1
		default:
			cells[i] = min(k-1, int(u*float64(k)))
		}
	}
	return cells
}

// tails tests the cells in which the probability below, or above, x lies
// between 2⁻ᵏ⁻¹ and 2⁻ᵏ.
func tails(name string, x []float64, l continuous) stats.Result {
	const depth = 24
	cells := make([]int, len(x))
	for i, v := range x {
		below, above := l.cdf(v), l.above(v)
		if math.IsNaN(v) || math.IsNaN(below) || math.IsNaN(above) {
			cells[i] = -1
			continue
		}
		_, exp := math.Frexp(min(below, above)) // in [2^(exp−1), 2^exp)
		cells[i] = min(depth-1, max(0, -exp-1))
		if below == 0 || above == 0 {
			cells[i] = depth - 1
		}
		if above < below {
			cells[i] += depth
		}
	}
	p := make([]float64, 2*depth)
	for k := range depth {
		p[k] = math.Ldexp(1, -k-2)
		if k == depth-1 {
			p[k] *= 2
		}
		p[depth+k] = p[k]
	}
	return stats.GTest(name, stats.Cross([]int{2 * depth}, cells), p)
}

// probabilities are softmax(x/temp) in float64.
func probabilities(x []float32, temp float64) []float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, float64(v)/temp)
	}
	p := make([]float64, len(x))
	var sum float64
	for j, v := range x {
		p[j] = math.Exp(float64(v)/temp - top)
		sum += p[j]
	}
	for j := range p {
		p[j] /= sum
	}
	return p
}

// coordinates are draws as the coordinate of a table.
func coordinates(index []int32) []int {
	x := make([]int, len(index))
	for i, v := range index {
		x[i] = int(v)
	}
	return x
}

// someLogits have a masked class, two equal ones, and probabilities from 0.005
// to 0.5 at temperature 1.
var someLogits = []float32{0, 1, -1, 2, float32(math.Inf(-1)), 0.5, -2, 1}

// categoricalLaws tests the classes drawn at several temperatures, and the
// independence of the draws of a row and of neighbouring rows.
func (s *sampling) categoricalLaws() error {
	const op = "categorical"
	rows, draws := 1024*s.scale, 64
	for _, temp := range []float32{0.25, 1, 3} {
		got, err := s.categories(s.o.Tested, someLogits, temp, s.at(), rows, draws)
		if err != nil {
			return err
		}
		p := probabilities(someLogits, float64(temp))
		s.classes(op, "categorical/", fmt.Sprintf(" at temperature %v", temp), coordinates(got), p, draws)
	}
	wide := make([]float32, 300)
	for j := range wide {
		wide[j] = float32(j%5) / 2
	}
	got, err := s.categories(s.o.Tested, wide, 1, s.at(), 256*s.scale, 64)
	if err != nil {
		return err
	}
	s.law(op, stats.GTest("categorical/classes of 300", stats.Cross([]int{300}, coordinates(got)), probabilities(wide, 1)))
	return nil
}

// classes tests rows of draws: the classes, and pairs of them within a row,
// where it has more than one, and across rows.
func (s *sampling) classes(op, prefix, suffix string, drawn []int, p []float64, draws int) {
	k := len(p)
	s.law(op, stats.GTest(prefix+"classes"+suffix, stats.Cross([]int{k}, drawn), p))
	var a, b []int
	if draws > 1 {
		for i := 1; i < len(drawn); i += 2 {
			a, b = append(a, drawn[i-1]), append(b, drawn[i])
		}
		s.law(op, stats.GTest(prefix+"independence of draws"+suffix, stats.Cross([]int{k, k}, a, b), stats.Product(p, p)))
	}
	a, b = nil, nil
	for i := range drawn {
		if i/draws%2 == 0 && i+draws < len(drawn) {
			a, b = append(a, drawn[i]), append(b, drawn[i+draws])
		}
	}
	s.law(op, stats.GTest(prefix+"independence of rows"+suffix, stats.Cross([]int{k, k}, a, b), stats.Product(p, p)))
}

// rankingLaws tests draws without replacement against the enumerated
// probabilities of every order and of every set drawn (the law of Plackett and
// Luce), and the independence of rows.
func (s *sampling) rankingLaws() error {
	const op, m = "withoutreplacement", 3
	x := []float32{0, 1, -1, 0.5, -0.5}
	c := len(x)
	for _, temp := range []float32{1, 2} {
		got, err := s.rankings(s.o.Tested, x, temp, s.at(), 32768*s.scale, m)
		if err != nil {
			return err
		}
		p := probabilities(x, float64(temp))
		order := make([]float64, c*c*c)
		set := make([]float64, 1<<c)
		for i := range c {
			for j := range c {
				for k := range c {
					if i == j || j == k || i == k {
						continue
					}
					v := p[i] * p[j] / (1 - p[i]) * p[k] / (1 - p[i] - p[j])
					order[(i*c+j)*c+k] = v
					set[1<<i|1<<j|1<<k] += v
				}
			}
		}
		columns := make([][]int, m)
		sets := make([]int, len(got)/m)
		for i, v := range got {
			columns[i%m] = append(columns[i%m], int(v))
			if v >= 0 {
				sets[i/m] |= 1 << v
			}
		}
		suffix := fmt.Sprintf(" at temperature %v", temp)
		s.law(op, stats.GTest("withoutreplacement/orders"+suffix, stats.Cross([]int{c, c, c}, columns...), order))
		s.law(op, stats.GTest("withoutreplacement/sets"+suffix, stats.Cross([]int{1 << c}, sets), set))
		s.classes(op, "withoutreplacement/first: ", suffix, columns[0], p, 1)
	}
	return nil
}

// relaxedLaws tests relaxed one-hot rows: they lie in the simplex and are
// largest where the one-hot row has its 1; that place is drawn from softmax(x),
// whatever tau is; and of two classes the first has the exact law of the binary
// Concrete distribution.
// Source: Maddison, Mnih & Teh 2017, arXiv 1611.00712, section 3.1 and B.
func (s *sampling) relaxedLaws() error {
	const op = "gumbelsoftmax"
	rows := 32768 * s.scale
	for _, tau := range []float32{0.7, 2} {
		y, oneHot, err := s.relaxed(s.o.Tested, someLogits, tau, s.at(), rows)
		if err != nil {
			return err
		}
		suffix := fmt.Sprintf(" at tau %v", tau)
		drawn, wrong := oneHotPlaces(y, oneHot, len(someLogits))
		s.decided(op, "simplex"+suffix, wrong, fmt.Sprintf("%d rows in the simplex, largest at their one-hot class", rows))
		s.classes(op, "gumbelsoftmax/", suffix, drawn, probabilities(someLogits, 1), 1)
	}
	pair := []float32{0.3, -0.4}
	for _, tau := range []float32{0.5, 2} {
		y, _, err := s.relaxed(s.o.Tested, pair, tau, s.at(), rows)
		if err != nil {
			return err
		}
		first := make([]float32, 0, rows)
		for i := 0; i < len(y); i += 2 {
			first = append(first, y[i])
		}
		gap, t := float64(pair[0])-float64(pair[1]), float64(tau)
		s.law(op, stats.Band(fmt.Sprintf("gumbelsoftmax/binary Concrete law at tau %v", tau), widened(first), func(v float64) float64 {
			if math.IsNaN(v) {
				return v
			}
			v = min(max(v, 0), 1)
			return 1 / (1 + math.Exp(gap-t*math.Log(v/(1-v))))
		}))
	}
	return nil
}

// oneHotPlaces returns the place of the 1 of each one-hot row, −1 for a row that is
// none, and what is wrong with the first row that is none or whose relaxed row
// is not in the simplex or not largest there.
func oneHotPlaces(y, oneHot []float32, c int) (drawn []int, wrong string) {
	say := func(i int, format string, args ...any) {
		if wrong == "" {
			wrong = fmt.Sprintf("row %d: ", i) + fmt.Sprintf(format, args...)
		}
	}
	// Each element has the roundings of an exponential, of the row's sum, of
	// its reciprocal and of a product; the order of elements survives those of
	// the exponential alone.
	slack := gamma(2*rowDepth(c) + 8)
	for i := range len(oneHot) / c {
		soft, hot := y[i*c:(i+1)*c], oneHot[i*c:(i+1)*c]
		at, sum, top := -1, 0.0, 0.0
		for j, v := range hot {
			switch {
			case v == 1 && at < 0:
				at = j
			case v != 0:
				say(i, "%v is no one-hot row", hot)
			}
			if !(soft[j] >= 0 && soft[j] <= 1) {
				say(i, "element %d is %v", j, soft[j])
			}
			sum += float64(soft[j])
			top = max(top, float64(soft[j]))
		}
		switch {
		case at < 0:
			say(i, "%v is no one-hot row", hot)
		case !(math.Abs(sum-1) <= slack):
			say(i, "the sum is %v", sum)
		case !(float64(soft[at]) >= top*(1-slack)):
			say(i, "class %d is drawn, the largest element is elsewhere in %v", at, soft)
		}
		drawn = append(drawn, at)
	}
	return drawn, wrong
}

// filterLaws tests draws from filtered logits: what is filtered out is never
// drawn, and the rest keeps its proportions.
func (s *sampling) filterLaws() error {
	const op = "filter"
	rows, draws := 512*s.scale, 64
	for _, f := range []struct {
		filter backend.Filter
		kept   []int // of someLogits
	}{
		{backend.Filter{Kind: backend.FilterTopK, K: 3}, []int{1, 3, 7}},
		{backend.Filter{Kind: backend.FilterTopP, P: 0.85}, []int{1, 3, 5, 7}},
		{backend.Filter{Kind: backend.FilterMinP, P: 0.2}, []int{1, 3, 5, 7}},
	} {
		d := s.at()
		got, err := drawnBy[int32](s, s.o.Tested, rows, draws, func(y *backend.Tensor, sc *backend.Scope) backend.Op {
			x, kept := repeated(sc, rows, someLogits), sc.New(backend.Float32, rows, len(someLogits))
			filter := f.filter
			filter.X, filter.Y = x, kept
			if sc.Err() == nil {
				sc.Run(&filter)
			}
			return &backend.Categorical{Index: y, X: kept, Draws: d}
		})
		if err != nil {
			return err
		}
		x := make([]float32, len(someLogits))
		for j := range x {
			x[j] = float32(math.Inf(-1))
		}
		for _, j := range f.kept {
			x[j] = someLogits[j]
		}
		s.law(op, stats.GTest(fmt.Sprintf("filter/classes drawn after %v", f.filter.Kind), stats.Cross([]int{len(x)}, coordinates(got)), probabilities(x, 1)))
	}
	return nil
}
