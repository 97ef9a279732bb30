package backend

import "fmt"

// Metric is a distance between two rows.
type Metric uint8

const (
	SquaredEuclidean Metric = iota // Σ(x−c)², one chain of macs, cut as a product
	Euclidean                      // its correctly rounded square root
	Manhattan                      // Σ|x−c|, one chain, cut as a product
	Cosine                         // ½Σ(x̂−ĉ)² = 1−cos, rows scaled to length 1
)

func (m Metric) String() string {
	names := [...]string{"squared-euclidean", "euclidean", "manhattan", "cosine"}
	if int(m) < len(names) {
		return names[m]
	}
	return fmt.Sprintf("metric(%d)", uint8(m))
}

// Nearest finds for each row of X the m nearest rows of C, nearest first.
//
// X is float32 n×d, C float32 k×d, Index int32 n×m, Distance float32 n×m or
// nil, m ≤ k. No n×k matrix is formed for m = 1.
//
// Rows are ranked by score, the lower index first on ties; NaN scores come
// before all others, as in an argmin. Under SquaredEuclidean and Euclidean
// score[c] = h[c] − Σ xs·cs with xs = x − Shift, cs = c − Shift and
// h[c] = ½Σ cs·cs, products in the contract's order; Shift is float32 1×d, the
// data's exact column mean, or nil for no shift: without it, cancellation
// mislabels data that lies far from the origin. The Distance of a winner is
// recomputed from unshifted values. Under Manhattan the score is the
// distance. Under Cosine rows of X and C are first multiplied by the
// reciprocal of their norm (rows of norm 0 stay as they are), no Shift is
// allowed, and score and distance follow from the scaled rows.
//
// Cost: n·k·d macs.
type Nearest struct {
	Index, Distance *Tensor
	X, C            *Tensor
	Shift           *Tensor
	Metric          Metric
}

// Name implements Op.
func (*Nearest) Name() string { return "nearest" }

func (o *Nearest) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "index", Tensor: o.Index, Written: true},
		Operand{Name: "distance", Tensor: o.Distance, Written: true, Optional: true},
		Operand{Name: "x", Tensor: o.X}, Operand{Name: "c", Tensor: o.C}, Operand{Name: "shift", Tensor: o.Shift, Optional: true})
}

func (o *Nearest) check() error {
	if o.Index.cols > o.C.rows || o.Index.cols < 1 {
		return fmt.Errorf("%d nearest of %d rows: %w", o.Index.cols, o.C.rows, ErrShape)
	}
	if o.Shift != nil && o.Metric != SquaredEuclidean && o.Metric != Euclidean {
		return fmt.Errorf("shift under %v: %w", o.Metric, ErrArgument)
	}
	return first(indexable("rows of c", o.C.rows), rowsOf(o.X, o.C, o.Metric), wantDType("index", o.Index, Int32),
		wantDType("distance", o.Distance, Float32), wantDType("shift", o.Shift, Float32),
		wantMatrix("index", o.Index, o.X.rows, o.Index.cols), sameShape("distance", o.Distance, o.Index),
		wantMatrix("shift", o.Shift, 1, o.X.cols))
}

// Distances is D[i,j] = distance(X[i,·], C[j,·]), each computed directly, not
// through a product. X is float32 n×d, C float32 k×d, D float32 n×k.
//
// With Index, int32 n×m, D is n×m and holds the named pairs alone:
// D[i,p] = distance(X[i,·], C[Index[i,p],·]), NaN for an index outside C.
//
// Cost: n·k·d macs, or n·m·d.
type Distances struct {
	D, X, C *Tensor
	Index   *Tensor
	Metric  Metric
}

// Name implements Op.
func (*Distances) Name() string { return "distances" }

func (o *Distances) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "d", Tensor: o.D, Written: true}, Operand{Name: "x", Tensor: o.X}, Operand{Name: "c", Tensor: o.C},
		Operand{Name: "index", Tensor: o.Index, Optional: true})
}

func (o *Distances) check() error {
	m := o.C.rows
	if o.Index != nil {
		m = o.Index.cols
		if err := indexable("rows of c", o.C.rows); err != nil {
			return err
		}
	}
	return first(rowsOf(o.X, o.C, o.Metric), wantDType("d", o.D, Float32), wantMatrix("d", o.D, o.X.rows, m),
		wantDType("index", o.Index, Int32), wantMatrix("index", o.Index, o.X.rows, m))
}

// PairwiseSum is Y[i,g] = Σ_j distance(X[i,·], C[j,·]) over the j with
// Label[j] = g, in the order of a row reduction over j where rows of other
// groups add nothing. X is float32 n×d, C float32 k×d, Label int32 k×1, Y
// float32 n×groups. Without Label, Y is n×1 and sums over all rows. Labels
// outside 0..groups−1 are skipped. No n×k matrix is formed.
type PairwiseSum struct {
	Y, X, C *Tensor
	Label   *Tensor
	Metric  Metric
}

// Name implements Op.
func (*PairwiseSum) Name() string { return "pairwisesum" }

func (o *PairwiseSum) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true}, Operand{Name: "x", Tensor: o.X},
		Operand{Name: "c", Tensor: o.C}, Operand{Name: "label", Tensor: o.Label, Optional: true})
}

func (o *PairwiseSum) check() error {
	if o.Label == nil && o.Y.cols != 1 {
		return fmt.Errorf("y is %v without labels, want one column: %w", o.Y, ErrShape)
	}
	return first(indexable("groups", o.Y.cols), rowsOf(o.X, o.C, o.Metric), wantDType("y", o.Y, Float32), wantMatrix("y", o.Y, o.X.rows, o.Y.cols),
		wantDType("label", o.Label, Int32), wantMatrix("label", o.Label, o.C.rows, 1))
}

// ScatterSum adds the rows of X into the rows of exact integer sums that
// their labels name. The sums do not depend on any order; parts computed over
// any split of the rows merge by integer addition (exact.ScatterSums).
//
// X is float32 n×d, n ≤ 2³¹. Label is int32 n×1, or nil for label 0
// everywhere; rows with labels outside 0..k−1 are skipped. Weight is float32
// n×1 or nil; with it x becomes round(w·x). Exponent is int32 1×d: the scale
// e of each column, as exact.ScatterExponent gives it for the largest
// magnitude that occurs (after weighting); an element that passes it, or is
// not finite, makes its sum NaN. Sums is uint32 k×exact.ScatterWords(d),
// overwritten; exact.DecodeScatter reads it.
type ScatterSum struct {
	Sums, X  *Tensor
	Label    *Tensor
	Weight   *Tensor
	Exponent *Tensor
}

// Name implements Op.
func (*ScatterSum) Name() string { return "scattersum" }

func (o *ScatterSum) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "sums", Tensor: o.Sums, Written: true}, Operand{Name: "x", Tensor: o.X},
		Operand{Name: "label", Tensor: o.Label, Optional: true}, Operand{Name: "weight", Tensor: o.Weight, Optional: true},
		Operand{Name: "exponent", Tensor: o.Exponent})
}

func (o *ScatterSum) check() error {
	if int64(o.X.rows) > 1<<31 {
		return fmt.Errorf("%d rows pass 2³¹: %w", o.X.rows, ErrShape)
	}
	return first(indexable("labels", o.Sums.rows), wantDType("sums", o.Sums, Uint32), wantDType("x", o.X, Float32), wantDType("label", o.Label, Int32),
		wantDType("weight", o.Weight, Float32), wantDType("exponent", o.Exponent, Int32),
		wantMatrix("x", o.X, o.X.rows, o.X.cols), wantMatrix("label", o.Label, o.X.rows, 1),
		wantMatrix("weight", o.Weight, o.X.rows, 1), wantMatrix("exponent", o.Exponent, 1, o.X.cols),
		wantMatrix("sums", o.Sums, o.Sums.rows, scatterWords(o.X.cols)))
}

func rowsOf(x, c *Tensor, m Metric) error {
	if m > Cosine {
		return fmt.Errorf("%v: %w", m, ErrArgument)
	}
	return first(floats("x", x, "c", c), wantMatrix("x", x, x.rows, x.cols), wantMatrix("c", c, c.rows, x.cols))
}
