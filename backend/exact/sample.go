package exact

// Position is a place in the random stream: all coordinates of a Word but the
// element. Rows of a matrix follow each other in Row, draws and iterations in
// Step.
type Position struct {
	Seed      uint64
	Use       Use
	Sub       uint16
	Step, Row uint32
}

// Word returns the random word of an element; see [Word].
func (p Position) Word(element uint64) uint32 {
	return Word(p.Seed, p.Use, p.Sub, p.Step, p.Row, element)
}

// UniformAt returns the uniform number of an element, in [2⁻³³, 1).
func UniformAt(at Position, element uint64) float32 { return Uniform(at.Word(element)) }

// ExponentialAt returns the exponential number of an element, mean 1.
func (m Mac) ExponentialAt(at Position, element uint64) float32 {
	return m.Exponential(at.Word(element))
}

// GumbelAt returns the standard Gumbel number of an element.
func (m Mac) GumbelAt(at Position, element uint64) float32 { return m.Gumbel(at.Word(element)) }

// NormalAt returns the standard normal number of an element. Elements 2k and
// 2k+1 come from one pair of words.
func (m Mac) NormalAt(at Position, element uint64) float32 {
	return m.Normal(Block(at.Seed, at.Use, at.Sub, at.Step, at.Row, uint32(element>>2)), element)
}

// gumbelScore is the perturbed logit mac(gumbel, x, 1/T) whose argmax is a
// draw from softmax(x/T) (Gumbel-max; Maddison, Tarlow and Minka 2014, arXiv
// 1411.0030). A score of −Inf cannot be drawn.
func (m Mac) gumbelScore(at Position, element int, x, scale float32) float32 {
	return m.Mac(m.GumbelAt(at, uint64(element)), x, scale)
}

// CategoricalDraw draws an index from softmax(x/temperature): the lowest index
// of the largest score mac(gumbel, x, 1/temperature).
//
// NaN scores win, the lowest index first; then scores of +Inf, likewise, so a
// logit of +Inf is drawn for certain. If every score is −Inf the draw is −1;
// that is so for a row of −Inf, and where x·(1/temperature) overflows to −Inf
// throughout.
func (m Mac) CategoricalDraw(at Position, x []float32, temperature float32) int32 {
	scale := Recip(temperature)
	score := make([]float32, len(x))
	for j, v := range x {
		score[j] = m.gumbelScore(at, j, v, scale)
	}
	return argMaxDrawn(score)
}

// WithoutReplacementRow draws len(index) ≤ len(x) different indices, one after
// the other, by Gumbel top-k: the largest scores of CategoricalDraw, largest
// first, the lower index first on ties, NaN before all. Once no score above
// −Inf is left, the rest is −1.
func (m Mac) WithoutReplacementRow(at Position, index []int32, x []float32, temperature float32) {
	scale := Recip(temperature)
	score := make([]float32, len(x))
	for j, v := range x {
		score[j] = m.gumbelScore(at, j, v, scale)
	}
	TopK(index, score)
	for i, j := range index {
		if score[j] == negInf {
			index[i] = -1
		}
	}
}

// GumbelSoftmaxRow draws a relaxed one-hot row: t = x + gumbel, y =
// softmax(t·(1/tau)), and oneHot is 1 at the argmax of t and +0 elsewhere. Either
// output may be nil; neither may share memory with x. If every t is −Inf
// nothing is drawn: y is NaN and oneHot all zeros, as a draw of −1 is.
func (m Mac) GumbelSoftmaxRow(at Position, y, oneHot, x []float32, tau float32) {
	t := make([]float32, len(x))
	for j, v := range x {
		t[j] = v + m.GumbelAt(at, uint64(j))
	}
	if y != nil {
		m.SoftmaxRow(y, t, tau)
	}
	if oneHot != nil {
		clear(oneHot)
		if j := argMaxDrawn(t); j >= 0 {
			oneHot[j] = 1
		}
	}
}

// argMaxDrawn returns the argmax of scores, −1 where all are −Inf or there are
// none.
func argMaxDrawn(score []float32) int32 {
	j := ArgMax(len(score), func(i int) float32 { return score[i] })
	if j < 0 || score[j] == negInf {
		return -1
	}
	return int32(j)
}
