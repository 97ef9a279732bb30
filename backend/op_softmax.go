package backend

import "fmt"

// Softmax is Y[i,j] = softmax(X[i,·]/T)[j], or its logarithm, row by row.
//
// m = max x; y = exp(x − m); s = row sum of y; p = y·(1/s); the logarithm is
// (x − m) − log s. The temperature enters as x·(1/T). A row of −Inf, or one
// that holds +Inf or NaN, gives NaN.
// X and Y are float32 of equal shape; Y may be X itself.
type Softmax struct {
	Y, X        *Tensor
	Log         bool
	Temperature Factor // default 1
}

// Name implements Op.
func (*Softmax) Name() string { return "softmax" }

func (o *Softmax) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true}, Operand{Name: "x", Tensor: o.X, InPlace: true})
}

func (o *Softmax) check() error {
	return first(floats("y", o.Y, "x", o.X), sameShape("y", o.Y, o.X),
		positive("temperature", o.Temperature.Real(1)))
}

// LogSumExp is Y[i] = m + log Σ_j exp(X[i,j]/T − m), m the row's maximum.
// X is float32 [b×n×c], Y float32 [b×n×1]. The temperature enters, and a row
// of −Inf or with +Inf gives NaN, as in [Softmax].
type LogSumExp struct {
	Y, X        *Tensor
	Temperature Factor // default 1
}

// Name implements Op.
func (*LogSumExp) Name() string { return "logsumexp" }

func (o *LogSumExp) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true}, Operand{Name: "x", Tensor: o.X})
}

func (o *LogSumExp) check() error {
	return first(floats("y", o.Y, "x", o.X), wantShape("y", o.Y, o.X.batch, o.X.rows, 1),
		nonEmptyRows(o.X), positive("temperature", o.Temperature.Real(1)))
}

// Categorical draws Index[i,d] from softmax(X[i,·]/T) by the Gumbel-max
// method: the argmax of mac(gumbel, x, 1/T), the lowest index on ties.
//
// X is float32 n×c of logits, Index int32 n×draws. Draw d of row i takes its
// Gumbel numbers at step Draws.Step+d, row Draws.Row+i, element j. A row whose
// scores mac(gumbel, x, 1/T) are all −Inf draws −1; one that holds a NaN score
// draws the lowest index of one, else one that holds +Inf the lowest of those.
type Categorical struct {
	Index, X    *Tensor
	Temperature Factor // default 1
	Draws       Draws
}

// Name implements Op.
func (*Categorical) Name() string { return "categorical" }

func (o *Categorical) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "index", Tensor: o.Index, Written: true}, Operand{Name: "x", Tensor: o.X})
}

func (o *Categorical) check() error {
	return first(indexable("columns", o.X.cols), wantDType("index", o.Index, Int32), wantDType("x", o.X, Float32),
		wantMatrix("x", o.X, o.X.rows, o.X.cols), wantMatrix("index", o.Index, o.X.rows, o.Index.cols),
		nonEmptyRows(o.X), positive("temperature", o.Temperature.Real(1)),
		o.Draws.check(o.X.rows, o.X.cols), stepsFit(o.Draws, o.Index.cols))
}

// FilterKind says which logits a Filter keeps.
type FilterKind uint8

const (
	// FilterTopK keeps the K largest, in the order (value descending, index ascending).
	FilterTopK FilterKind = iota
	// FilterTopP keeps the shortest prefix of (probability descending, index
	// ascending) whose probabilities reach P. Probabilities are
	// q = roundEven(softmax·2³⁰), summed as integers until they reach
	// roundEven(P·2³⁰); where they never do, all are kept. P = 0 keeps one.
	FilterTopP
	// FilterMinP keeps those whose probability is at least P times the
	// largest, the product rounded once.
	FilterMinP
)

func (k FilterKind) String() string {
	switch k {
	case FilterTopK:
		return "top-k"
	case FilterTopP:
		return "top-p"
	case FilterMinP:
		return "min-p"
	}
	return fmt.Sprintf("filter(%d)", uint8(k))
}

// Filter copies the logits it keeps and replaces the others by −Inf, row by
// row. Filters chain: each takes the softmax of its own input. A row that
// holds a NaN or only −Inf is copied, and under FilterTopP and FilterMinP so
// is one that holds +Inf. X and Y are float32 of equal shape.
type Filter struct {
	Y, X *Tensor
	Kind FilterKind
	K    int     // TopK: at least 1; more than the columns keeps all
	P    float32 // TopP, MinP: in [0, 1]; TopP always keeps at least one
}

// Name implements Op.
func (*Filter) Name() string { return "filter" }

func (o *Filter) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true}, Operand{Name: "x", Tensor: o.X, InPlace: true})
}

func (o *Filter) check() error {
	switch {
	case o.Kind > FilterMinP:
		return fmt.Errorf("%v: %w", o.Kind, ErrArgument)
	case o.Kind == FilterTopK && o.K < 1:
		return fmt.Errorf("top-k %d: want at least 1: %w", o.K, ErrArgument)
	case o.Kind != FilterTopK && !fraction(o.P):
		return fmt.Errorf("%v %v: want a number in [0, 1]: %w", o.Kind, o.P, ErrArgument)
	}
	return first(floats("y", o.Y, "x", o.X), sameShape("y", o.Y, o.X))
}

// GumbelSoftmax draws relaxed one-hot rows: t = X + gumbel,
// Y = softmax(t·(1/tau)), and OneHot has 1 at the argmax of t and 0 elsewhere,
// which is the forward value of the straight-through estimator. Where every t
// is −Inf, Y is NaN and OneHot all zeros.
//
// X, Y and OneHot are float32 n×c; at least one output is given. Element j of
// row i takes its Gumbel number at step Draws.Step. Source: Jang, Gu & Poole
// 2017, arXiv 1611.01144.
type GumbelSoftmax struct {
	Y, OneHot *Tensor // either may be nil
	X         *Tensor
	Tau       Factor // default 1
	Draws     Draws
}

// Name implements Op.
func (*GumbelSoftmax) Name() string { return "gumbelsoftmax" }

func (o *GumbelSoftmax) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true, Optional: true},
		Operand{Name: "onehot", Tensor: o.OneHot, Written: true, Optional: true}, Operand{Name: "x", Tensor: o.X})
}

func (o *GumbelSoftmax) check() error {
	if o.Y == nil && o.OneHot == nil {
		return fmt.Errorf("no output: %w", ErrShape)
	}
	if o.OneHot != nil {
		if err := indexable("columns", o.X.cols); err != nil {
			return err
		}
	}
	return first(wantDType("x", o.X, Float32), wantDType("y", o.Y, Float32), wantDType("onehot", o.OneHot, Float32),
		wantMatrix("x", o.X, o.X.rows, o.X.cols), sameShape("y", o.Y, o.X), sameShape("onehot", o.OneHot, o.X),
		positive("tau", o.Tau.Real(1)), o.Draws.check(o.X.rows, o.X.cols))
}

// WithoutReplacement draws m different indices a row by Gumbel top-k: the m
// largest of mac(gumbel, x, 1/T), largest first, the lower index first on
// ties. X is float32 n×c, Index int32 n×m with m ≤ c. Where fewer than m
// logits lie above −Inf the rest of the row is −1.
// Source: Kool, van Hoof & Welling 2019, arXiv 1903.06059.
type WithoutReplacement struct {
	Index, X    *Tensor
	Temperature Factor // default 1
	Draws       Draws
}

// Name implements Op.
func (*WithoutReplacement) Name() string { return "withoutreplacement" }

func (o *WithoutReplacement) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "index", Tensor: o.Index, Written: true}, Operand{Name: "x", Tensor: o.X})
}

func (o *WithoutReplacement) check() error {
	if o.Index.cols > o.X.cols {
		return fmt.Errorf("%d draws without replacement from %d: %w", o.Index.cols, o.X.cols, ErrShape)
	}
	return first(indexable("columns", o.X.cols), wantDType("index", o.Index, Int32), wantDType("x", o.X, Float32),
		wantMatrix("x", o.X, o.X.rows, o.X.cols), wantMatrix("index", o.Index, o.X.rows, o.Index.cols),
		positive("temperature", o.Temperature.Real(1)), o.Draws.check(o.X.rows, o.X.cols))
}

// Distribution names what a Fill draws.
type Distribution uint8

const (
	Constant    Distribution = iota // Loc
	Uniform                         // mac(Loc, Scale, v), v in [2⁻³³, 1)
	Normal                          // mac(Loc, Scale, z)
	Exponential                     // mac(Loc, Scale, −log1p(−v))
	Gumbel                          // mac(Loc, Scale, −log(−log1p(−v)))
	Bits                            // the raw words, uint32
)

func (d Distribution) String() string {
	names := [...]string{"constant", "uniform", "normal", "exponential", "gumbel", "bits"}
	if int(d) < len(names) {
		return names[d]
	}
	return fmt.Sprintf("distribution(%d)", uint8(d))
}

// Fill fills Y with numbers of one distribution. Element (i, j) draws at step
// Draws.Step, row Draws.Row+i, element j; see exact.Word. Y is one float32
// matrix, or uint32 for Bits. With Loc and Scale left out the variate is
// stored as it is.
type Fill struct {
	Y            *Tensor
	Distribution Distribution
	Loc          Factor // default 0
	Scale        Factor // default 1
	Draws        Draws
}

// Name implements Op.
func (*Fill) Name() string { return "fill" }

func (o *Fill) appendOperands(to []Operand) []Operand {
	return append(to, Operand{Name: "y", Tensor: o.Y, Written: true})
}

// Plain reports whether the variate is stored as drawn, without Loc and Scale.
func (o *Fill) Plain() bool { return !o.Loc.given && !o.Scale.given }

func (o *Fill) check() error {
	want := Float32
	switch {
	case o.Distribution > Bits:
		return fmt.Errorf("%v: %w", o.Distribution, ErrArgument)
	case o.Distribution == Bits:
		want = Uint32
		if !o.Plain() {
			return fmt.Errorf("bits take no location or scale: %w", ErrArgument)
		}
	}
	return first(wantDType("y", o.Y, want), wantMatrix("y", o.Y, o.Y.rows, o.Y.cols), o.Draws.check(o.Y.rows, o.Y.cols))
}

func floats(yName string, y *Tensor, xName string, x *Tensor) error {
	return first(wantDType(yName, y, Float32), wantDType(xName, x, Float32))
}

func sameShape(name string, t, like *Tensor) error {
	return wantShape(name, t, like.batch, like.rows, like.cols)
}

// nonEmptyRows refuses rows without elements where a result per row needs one.
func nonEmptyRows(x *Tensor) error {
	if x.cols == 0 && x.rows > 0 && x.batch > 0 {
		return fmt.Errorf("rows of %v have no element: %w", x, ErrShape)
	}
	return nil
}

func stepsFit(d Draws, n int) error {
	if int64(d.Step)+int64(n) > 1<<32 {
		return fmt.Errorf("steps %d+%d pass 2³² in the random stream: %w", d.Step, n, ErrArgument)
	}
	return nil
}
