package verify

import (
	"fmt"
	"math"
	"slices"

	"samebits/backend"
	"samebits/backend/exact"
	"samebits/verify/internal/broken"
	"samebits/verify/stats"
)

// knownAnswers checks the generator: the published answer that a fill can
// reach, and counters and keys whose words are all high, against the second
// generator of this package, which must itself give all published answers.
func (s *sampling) knownAnswers() error {
	const ones = 0xffffffff
	for _, k := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(k.counter, k.key); got != k.want {
			return fmt.Errorf("the verifier's own generator gives %08x, want %08x: %w", got, k.want, backend.ErrInternal)
		}
	}
	got, err := s.words(s.o.Tested, backend.Draws{}, 1, 4)
	if err != nil {
		return err
	}
	s.decided("fill", "known answers/counter and key zero", wordsDiffer(got, []uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}),
		"6627e8d5 e169c58d bc57ac4c 9b00dbd8")
	var wrong string
	places := highPlaces()
	for _, d := range places {
		const rows, cols = 2, 259
		got, err := s.words(s.o.Tested, d, rows, cols)
		if err != nil {
			return err
		}
		if diff := wordsDiffer(got, wordsOf(d, rows, cols)); diff != "" && wrong == "" {
			wrong = fmt.Sprintf("seed %#x, use %#x, sub %#x, step %#x, row %#x: %s", d.Seed, uint16(d.Use), d.Sub, d.Step, d.Row, diff)
		}
	}
	s.decided("fill", "known answers/high words", wrong, fmt.Sprintf("%d positions with high words in the counter and the key", len(places)))
	return nil
}

// highPlaces are positions in which one coordinate after the other is high, and
// all.
func highPlaces() []backend.Draws {
	return []backend.Draws{
		{Seed: math.MaxUint32}, {Seed: 1 << 32}, {Seed: 1 << 63}, {Seed: math.MaxUint64},
		{Use: 0xffff}, {Use: 0x8000}, {Sub: 0xffff}, {Sub: 0x8000},
		{Step: math.MaxUint32}, {Step: 1 << 31}, {Step: 1 << 24}, {Step: 1<<16 + 1},
		{Row: math.MaxUint32 - 1}, {Row: 1 << 31}, {Row: 1<<24 + 1}, {Row: 1<<16 - 1},
		{Seed: math.MaxUint64, Use: 0xffff, Sub: 0xffff, Step: math.MaxUint32, Row: math.MaxUint32 - 1},
		{Seed: 0x299f31d0_a4093822, Use: 0x0370, Sub: 0x7344, Step: 0x13198a2e, Row: 0x85a308d3},
	}
}

// wordsOf are the words of a fill by the second generator.
func wordsOf(d backend.Draws, rows, cols int) []uint32 {
	w := make([]uint32, 0, rows*cols)
	for i := range rows {
		for j := 0; j < cols; j += 4 {
			block := philox([4]uint32{uint32(j >> 2), d.Row + uint32(i), d.Step, uint32(d.Use)<<16 | uint32(d.Sub)},
				[2]uint32{uint32(d.Seed), uint32(d.Seed >> 32)})
			w = append(w, block[:min(4, cols-j)]...)
		}
	}
	return w
}

// identicalIntegers compares the raw words of both devices with each other, and
// with the second generator. They are integers: no mode of arithmetic excuses a
// difference.
func (s *sampling) identicalIntegers() error {
	var wrong string
	n := 0
	for i, shape := range [][2]int{{1, 1}, {3, 5}, {65, 130}, {257, 66}, {2, 4099}} {
		d := s.at()
		d.Step, d.Row, d.Use = uint32(i)<<20, uint32(i)*77777, exact.Use(i)
		got, err := s.words(s.o.Tested, d, shape[0], shape[1])
		if err != nil {
			return err
		}
		against, err := s.words(s.o.Against, d, shape[0], shape[1])
		if err != nil {
			return err
		}
		n += len(got)
		for other, want := range map[string][]uint32{"the other device": against, "the second generator": wordsOf(d, shape[0], shape[1])} {
			if diff := wordsDiffer(got, want); diff != "" && wrong == "" {
				wrong = fmt.Sprintf("%d×%d against %s: %s", shape[0], shape[1], other, diff)
			}
		}
	}
	s.decided("fill", "identical integers", wrong, fmt.Sprintf("%d words", n))
	return nil
}

// identical compares draws of both devices bit by bit, under their exact mode.
func (s *sampling) identical(op string, draw func(dev *backend.Device, turn int) ([]uint32, error), turns int) error {
	const name = "identical draws"
	for _, dev := range []*backend.Device{s.o.Tested, s.o.Against} {
		if dev.Profile().Mode == backend.BoundedMode {
			s.found(Check{Name: op + "/" + name, Op: op, Skipped: "bounded mode: draws need not agree bit by bit"})
			return nil
		}
	}
	var wrong string
	n := 0
	for turn := range turns {
		got, err := draw(s.o.Tested, turn)
		if err != nil {
			return err
		}
		want, err := draw(s.o.Against, turn)
		if err != nil {
			return err
		}
		n += len(got)
		if diff := wordsDiffer(got, want); diff != "" && wrong == "" {
			wrong = fmt.Sprintf("run %d of %d: %s", turn+1, turns, diff)
		}
	}
	s.decided(op, name, wrong, fmt.Sprintf("%d draws", n))
	return nil
}

func (s *sampling) identicalFills() error {
	d := s.at()
	return s.identical("fill", func(dev *backend.Device, turn int) ([]uint32, error) {
		x, err := s.fill(dev, backend.Uniform+backend.Distribution(turn), d, 129, 514)
		return floatWords(x), err
	}, 4)
}

// unevenLogits are c logits with ties, one far up and one that is masked.
func unevenLogits(c int) []float32 {
	x := make([]float32, c)
	for j := range x {
		x[j] = float32(j%7)/2 - float32(j%3)
	}
	x[c/2] = 5
	x[c/3] = float32(math.Inf(-1))
	return x
}

func (s *sampling) identicalCategories() error {
	d := s.at()
	return s.identical("categorical", func(dev *backend.Device, turn int) ([]uint32, error) {
		x, err := s.categories(dev, unevenLogits(7+66*turn), []float32{1, 0.3, 2}[turn], d, 65, 9)
		return intWords(x), err
	}, 3)
}

func (s *sampling) identicalRankings() error {
	d := s.at()
	return s.identical("withoutreplacement", func(dev *backend.Device, turn int) ([]uint32, error) {
		x, err := s.rankings(dev, unevenLogits(7+66*turn), []float32{1, 0.3, 2}[turn], d, 65, 5)
		return intWords(x), err
	}, 3)
}

func (s *sampling) identicalRelaxed() error {
	d := s.at()
	return s.identical("gumbelsoftmax", func(dev *backend.Device, turn int) ([]uint32, error) {
		y, oneHot, err := s.relaxed(dev, unevenLogits(7+66*turn), []float32{1, 0.3, 2}[turn], d, 65)
		return slices.Concat(floatWords(y), floatWords(oneHot)), err
	}, 3)
}

// extremes are rows of the stream of seed 0, use 0, sub-stream 0, step 0 whose
// first block holds a word at an edge of the uniform's formula. They were found
// by drawing all 2³² rows; a row is checked against its word before it is used.
var extremes = []struct {
	row  uint32
	lane int
	word uint32
}{
	{1477427040, 0, 0}, {920591648, 2, 0}, {1845697957, 1, 1}, {3146517951, 0, 1}, {2934714522, 1, 2},
	{211463771, 1, 0x8000}, {1969902254, 0, 0xffff}, {862365505, 2, 0x10000},
	{2811678410, 2, 0x7ffffffe}, {4100348426, 0, 0x7fffffff}, {1919620082, 2, 0x80000000}, {2889000968, 0, 0x80000001},
	{1011148528, 0, 0xffff0000}, {136035637, 0, 0xffffff7f}, {1448838423, 0, 0xffffff80},
	{4027693427, 2, 0xfffffffd}, {1318863918, 0, 0xfffffffe}, {105672652, 2, 0xffffffff}, {2882844414, 1, 0xffffffff},
}

// extremeFills draws where the words are extreme: no uniform is 0 or 1, and
// what follows from it is finite and within its bound.
func (s *sampling) extremeFills() error {
	var wrong string
	say := func(format string, args ...any) {
		if wrong == "" {
			wrong = fmt.Sprintf(format, args...)
		}
	}
	for _, x := range extremes {
		d := backend.Draws{Row: x.row}
		if w := wordOf(d, 0, 0, x.lane); w != x.word {
			return fmt.Errorf("row %d has word %08x, not %08x: %w", x.row, w, x.word, backend.ErrInternal)
		}
		for dist := backend.Uniform; dist <= backend.Gumbel; dist++ {
			got, err := s.fill(s.o.Tested, dist, d, 1, 4)
			if err != nil {
				return err
			}
			for j, v := range got {
				word := wordOf(d, 0, 0, j)
				var want ball
				switch dist {
				case backend.Uniform:
					want = known(uniformOf(word))
					if !(v > 0 && v < 1) {
						say("word %08x gives the uniform %v", word, v)
					}
				case backend.Normal:
					a, b := normalOf(wordOf(d, 0, 0, j&^1), wordOf(d, 0, 0, j|1))
					want = []ball{a, b}[j&1]
				case backend.Exponential:
					want = exponentialOf(word)
				case backend.Gumbel:
					want = gumbelOf(word)
				}
				if !finite(float64(v)) || want.judge(math.Float32bits(v)).verdict == Wrong {
					say("word %08x gives the %v number %v, want %v", word, dist, v, want.v)
				}
			}
		}
	}
	s.decided("fill", "extreme words", wrong, fmt.Sprintf("%d words at the edges give uniforms inside (0, 1) and finite variates", len(extremes)))
	return nil
}

// extremeCategories draws where one word is extreme and another logit is 60
// higher, further than Gumbel numbers reach: the other one must win.
func (s *sampling) extremeCategories() error {
	var wrong string
	for _, e := range extremes {
		x := make([]float32, 4)
		far := (e.lane + 1) % 4
		x[far] = 60
		got, err := s.categories(s.o.Tested, x, 1, backend.Draws{Row: e.row}, 1, 1)
		if err != nil {
			return err
		}
		if got[0] != int32(far) && wrong == "" {
			wrong = fmt.Sprintf("word %08x in lane %d: index %d is drawn, want %d", e.word, e.lane, got[0], far)
		}
	}
	s.decided("categorical", "extreme words", wrong, fmt.Sprintf("%d words at the edges never win against a logit 60 higher", len(extremes)))
	return nil
}

// fillIndependence looks at words of neighbouring coordinates: pairs must fill
// a square evenly, fours of interleaved streams a hypercube, and no sequence of
// words may stand at two places.
func (s *sampling) fillIndependence() error {
	rows, cols := 128, 1024*s.scale
	base := s.at()
	s.sub++ // the neighbour in sub-streams
	draw := func(change func(d *backend.Draws)) ([]uint32, error) {
		d := base
		change(&d)
		return s.words(s.o.Tested, d, rows, cols)
	}
	all := map[string][]uint32{}
	for name, change := range map[string]func(d *backend.Draws){
		"base":              func(*backend.Draws) {},
		"steps":             func(d *backend.Draws) { d.Step++ },
		"sub-streams":       func(d *backend.Draws) { d.Sub++ },
		"uses":              func(d *backend.Draws) { d.Use++ },
		"seeds":             func(d *backend.Draws) { d.Seed ^= 1 },
		"high seeds":        func(d *backend.Draws) { d.Seed ^= 1 << 32 },
		"distant rows":      func(d *backend.Draws) { d.Row += 1 << 20 },
		"steps and streams": func(d *backend.Draws) { d.Step++; d.Sub++ },
	} {
		w, err := draw(change)
		if err != nil {
			return err
		}
		all[name] = w
	}
	w := all["base"]
	for _, axis := range []struct {
		name string
		at   func(i int) (a, b int) // of each quarter, half or whole matrix
	}{
		{"lanes 0-1", func(i int) (int, int) { return i &^ 1, i | 1 }},
		{"lanes 0-2", func(i int) (int, int) { return i &^ 2, i | 2 }},
		{"lanes 0-3", func(i int) (int, int) { return i &^ 3, i&^3 + 3 }},
		{"blocks", func(i int) (int, int) { return i &^ 4, i | 4 }},
		{"rows", func(i int) (int, int) { return i/cols&^1*cols + i%cols, (i/cols|1)*cols + i%cols }},
		{"distant rows of a fill", func(i int) (int, int) { return i/cols&^64*cols + i%cols, (i/cols|64)*cols + i%cols }},
	} {
		var a, b []uint32
		for i := range w {
			if p, q := axis.at(i); p == i {
				a, b = append(a, w[p]), append(b, w[q])
			}
		}
		s.pairs("fill/independence of "+axis.name, a, b)
	}
	for _, name := range []string{"steps", "sub-streams", "uses", "seeds", "high seeds", "distant rows"} {
		s.pairs("fill/independence of "+name, w, all[name])
	}
	interleaved := [][]uint32{w, all["steps"], all["sub-streams"], all["steps and streams"]}
	s.law("fill", stats.GTest("fill/independence of interleaved steps and sub-streams",
		stats.Cross([]int{4, 4, 4, 4}, bitsOf(interleaved[0], 30, 3), bitsOf(interleaved[1], 30, 3), bitsOf(interleaved[2], 30, 3), bitsOf(interleaved[3], 30, 3)),
		stats.Uniform(256)))
	var places [][]uint32
	n := 0
	for _, name := range []string{"base", "steps", "sub-streams", "uses", "seeds", "high seeds", "distant rows", "steps and streams"} {
		for i := range 128 {
			places = append(places, all[name][i*cols:i*cols+1024])
			n += 1024
		}
	}
	s.decided("fill", "no words twice", repeats(places), fmt.Sprintf("no two words in a row stand at two places among %d words of %d rows in 8 streams; by chance with probability %.1g",
		n, len(places), float64(n)*float64(n)/0x1p65))
	return nil
}

// pairs tests two columns of words for independence: their high four bits,
// and their low four.
func (s *sampling) pairs(name string, a, b []uint32) {
	for _, end := range []struct {
		name  string
		shift int
	}{{"high bits", 28}, {"low bits", 0}} {
		s.law("fill", stats.GTest(name+", "+end.name, stats.Cross([]int{16, 16}, bitsOf(a, end.shift, 15), bitsOf(b, end.shift, 15)), stats.Uniform(256)))
	}
}

// bitsOf returns bits of each word as a coordinate.
func bitsOf(words []uint32, shift int, mask uint32) []int {
	x := make([]int, len(words))
	for i, w := range words {
		x[i] = int(w >> shift & mask)
	}
	return x
}

// repeats says where two words in a row stand at two places; empty where none
// do. Streams that overlap, by whatever distance, repeat each other's words.
func repeats(rows [][]uint32) string {
	type pair struct {
		words    uint64
		row, col int32
	}
	var all []pair
	for r, row := range rows {
		for c := 1; c < len(row); c++ {
			all = append(all, pair{uint64(row[c-1])<<32 | uint64(row[c]), int32(r), int32(c - 1)})
		}
	}
	if broken.Is(broken.RepeatsUnseen) {
		return ""
	}
	slices.SortFunc(all, func(a, b pair) int {
		switch {
		case a.words < b.words:
			return -1
		case a.words > b.words:
			return 1
		}
		return 0
	})
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; a.words == b.words {
			return fmt.Sprintf("words %08x %08x stand in rows %d and %d, at %d and %d", uint32(a.words>>32), uint32(a.words), a.row, b.row, a.col, b.col)
		}
	}
	return ""
}
