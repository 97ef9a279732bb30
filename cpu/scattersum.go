package cpu

import (
	"context"
	"math"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() { register("scattersum", scatterSumFast, scatterSumReference) }

var faultScatterLow = addFault("scatter-low-part-dropped")

// scatterScratch bounds the bytes of the threads' partial sums together.
const scatterScratch = 64 << 20

// cell is one column's sum under one label.
type cell struct {
	hi, lo int64
	flag   uint32 // 1 once an element could not be held
}

const cellBytes = 24

// scatter is one scattersum operation.
type scatter struct {
	x      exact.View[float32]
	label  exact.View[int32]
	weight exact.View[float32]
	labels bool // given
	weighs bool
	scale  []float64 // 2^e of each column
	k      int
	low    int64 // 0 under the planted error, else all ones
}

// partial holds sums of some of the rows, or of some of the labels.
type partial struct {
	cells []cell // K×D
	count []int64
}

// scatterSumFast gives each thread sums of its own and adds them up, which for
// integers any order may do. Where those sums are large, or larger than the
// data, the threads share one set instead: every thread reads all labels and
// adds the rows of those it owns.
func scatterSumFast(ctx context.Context, d *driver, o *backend.ScatterSum) error {
	s := newScatter(d, o)
	n, sums := s.x.Rows, matrix[uint32](o.Sums, 0)
	width := s.k * (s.x.Cols + 1)
	threads := max(1, min(d.threads, ceil(n, 1024)))
	if threads == 1 || (threads*width <= scatterScratch/cellBytes && threads*s.k <= n) {
		parts := make([]partial, threads)
		if err := d.parallel(ctx, threads, 1, func(t, _ int) {
			parts[t] = s.newPartial()
			s.rows(ctx, &parts[t], n*t/threads, n*(t+1)/threads, 1, 0)
		}); err != nil {
			return err
		}
		for _, p := range parts[1:] {
			parts[0].merge(&p)
		}
		parts[0].encode(sums, s.x.Cols)
		return nil
	}
	shared, owners := s.newPartial(), min(s.k, 2*threads)
	if err := d.parallel(ctx, owners, 1, func(owner, _ int) {
		s.rows(ctx, &shared, 0, n, owners, owner)
	}); err != nil {
		return err
	}
	shared.encode(sums, s.x.Cols)
	return nil
}

func newScatter(d *driver, o *backend.ScatterSum) *scatter {
	s := &scatter{x: rowsOf(o.X), k: o.Sums.Rows(), low: -1}
	s.label, s.labels = optional[int32](o.Label)
	s.weight, s.weighs = optional[float32](o.Weight)
	if d.fault == faultScatterLow {
		s.low = 0
	}
	s.scale = make([]float64, s.x.Cols)
	exponent := matrix[int32](o.Exponent, 0)
	for j := range s.scale {
		// Past ±400 no float32 changes its result.
		s.scale[j] = math.Ldexp(1, int(min(max(exponent.At(0, j), -400), 400)))
	}
	return s
}

func (s *scatter) newPartial() partial {
	return partial{cells: make([]cell, s.k*s.x.Cols), count: make([]int64, s.k)}
}

// rows adds rows from..to whose label leaves rest owner modulo owners.
func (s *scatter) rows(ctx context.Context, p *partial, from, to, owners, owner int) {
	const polled = 1 << 16 // rows between two looks at the context
	d := s.x.Cols
	for i := from; i < to; i++ {
		if i%polled == 0 && ctx.Err() != nil {
			return // and d.parallel returns the error
		}
		label := 0
		if s.labels {
			label = int(s.label.At(i, 0))
		}
		if label < 0 || label >= s.k || (owners > 1 && label%owners != owner) {
			continue
		}
		p.count[label]++
		cells := p.cells[label*d : (label+1)*d]
		if s.weighs {
			addWeighted(cells, s.x.Row(i), s.scale, s.weight.At(i, 0), s.low)
		} else {
			addRow(cells, s.x.Row(i), s.scale, s.low)
		}
	}
}

// whole added to |t| ≤ 2³⁰ rounds t to an integer, ties to even, and leaves it
// in the low bits of the sum: 1.5·2⁵², whose last place is 1.
const (
	whole     = 0x1.8p52
	wholeBits = 0x4338000000000000
)

// addRow adds one row to the cells of its label; see exact.ScatterSplit. Every
// product by a power of two is exact in float64, and so is t − hi, so that a
// fused multiply-add changes nothing here.
func addRow(cells []cell, row []float32, scale []float64, low int64) {
	scale = scale[:len(row)]
	cells = cells[:len(row)]
	for j, x := range row {
		t := float64(x) * scale[j]
		if !(math.Abs(t) <= 1<<30) {
			cells[j].flag = 1
			continue
		}
		h := t + whole
		l := (t-(h-whole))*(1<<30) + whole
		cells[j].hi += int64(math.Float64bits(h)) - wholeBits
		cells[j].lo += (int64(math.Float64bits(l)) - wholeBits) & low
	}
}

// addWeighted is addRow for round(w·x).
func addWeighted(cells []cell, row []float32, scale []float64, w float32, low int64) {
	for j, x := range row {
		weighted := [1]float32{w * x}
		addRow(cells[j:j+1], weighted[:], scale[j:j+1], low)
	}
}

func (p *partial) merge(o *partial) {
	for i, c := range o.cells {
		p.cells[i].hi += c.hi
		p.cells[i].lo += c.lo
		p.cells[i].flag |= c.flag
	}
	for l, n := range o.count {
		p.count[l] += n
	}
}

// encode writes the sums as exact.ScatterWords describes them.
func (p *partial) encode(sums exact.View[uint32], d int) {
	for l, n := range p.count {
		row := sums.Row(l)
		for j, c := range p.cells[l*d : (l+1)*d] {
			w := row[5*j:][:5]
			w[0], w[1], w[2], w[3], w[4] = uint32(c.hi), uint32(c.hi>>32), uint32(c.lo), uint32(c.lo>>32), c.flag
		}
		row[len(row)-1] = uint32(n)
	}
}

func scatterSumReference(d *driver, o *backend.ScatterSum) error {
	x := rowsOf(o.X)
	label, labels := optional[int32](o.Label)
	weight, weighs := optional[float32](o.Weight)
	exponent := matrix[int32](o.Exponent, 0)
	scales := make([]int32, x.Cols)
	for j := range scales {
		scales[j] = exponent.At(0, j)
	}
	s := exact.NewScatterSums(o.Sums.Rows(), scales)
	row := make([]float32, x.Cols)
	for i := range x.Rows {
		copy(row, x.Row(i))
		if weighs {
			for j := range row {
				row[j] *= weight.At(i, 0)
			}
		}
		l := int32(0)
		if labels {
			l = label.At(i, 0)
		}
		s.Add(l, row)
	}
	words := make([]uint32, s.K*exact.ScatterWords(s.D))
	s.Encode(words)
	sums := matrix[uint32](o.Sums, 0)
	for l := range s.K {
		copy(sums.Row(l), words[l*exact.ScatterWords(s.D):])
	}
	return nil
}
