package cluster

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"
)

// DefaultProjectedRows is how many rows a projection shows unless told otherwise.
const DefaultProjectedRows = 20_000

// ProjectionConfig says how to project. The zero value works.
type ProjectionConfig struct {
	// Rows is the most rows projected; 0 means DefaultProjectedRows. Of a larger
	// data set that many are drawn without replacement.
	Rows int
	// Seed chooses those rows, and the rows that the components come from.
	Seed uint64
}

// Projection shows a data set along its first two principal components.
type Projection struct {
	// Rows numbers the rows projected, ascending; nil stands for all rows.
	Rows []int
	// Points holds x and y of each row projected.
	Points [][2]float64
	// Explained is the share of the variance along each component; 0 where
	// the data has no variance.
	Explained [2]float64
	// Mean is what is subtracted from a row, Components what it is then
	// multiplied by: unit vectors, or zeros where there are fewer columns or
	// rows than components. The largest loading of each, the first of equals, is positive.
	Mean       []float64
	Components [2][]float64
	// MeasuredRows is the number of rows that mean and components come from.
	MeasuredRows int
}

// What bounds the work of finding components: a covariance matrix is formed of
// at most widestCovariance columns, data that is wider is measured through the
// products of at most as many rows, and never are more numbers taken in.
const (
	widestCovariance   = 512
	componentsElements = 1 << 22
)

// Project finds the first two principal components of data and projects its
// rows. All arithmetic is the host's, in float64 and in a fixed order, so the
// picture does not depend on the device that clustered the data.
//
// The components come from at most 2²²/d rows, of data wider than 512 columns
// from at most 512 of them: Projection.MeasuredRows says how many. Cost: m·d²/2
// multiplications for these m rows (m²·d/2 where d > 512), 2·d for each row shown.
func Project(ctx context.Context, data blas32.General, cfg ProjectionConfig) (*Projection, error) {
	n, d := data.Rows, data.Cols
	if n < 1 || d < 1 || data.Stride < d || len(data.Data) < (n-1)*data.Stride+d || cfg.Rows < 0 {
		return nil, fmt.Errorf("projection of %d rows of %d×%d data with stride %d: %w", cfg.Rows, n, d, data.Stride, ErrInput)
	}
	if cfg.Rows == 0 {
		cfg.Rows = DefaultProjectedRows
	}
	most := max(2, componentsElements/d)
	if d > widestCovariance {
		most = min(most, widestCovariance)
	}
	measured := rowsAt(data, subset(cfg.Seed, subsetComponents, n, most))
	p := &Projection{Rows: subset(cfg.Seed, subsetPicture, n, cfg.Rows), MeasuredRows: measured.Rows}
	centred := p.centre(measured)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.components(centred); err != nil {
		return nil, err
	}
	shown := n
	if p.Rows != nil {
		shown = len(p.Rows)
	}
	p.Points = make([][2]float64, shown)
	for i := range p.Points {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		row := i
		if p.Rows != nil {
			row = p.Rows[i]
		}
		p.Points[i] = p.At(data.Data[row*data.Stride : row*data.Stride+d])
	}
	return p, nil
}

// At projects one row of d numbers, such as a centre.
func (p *Projection) At(row []float32) (point [2]float64) {
	for c, axis := range p.Components {
		for j, v := range row {
			point[c] += float64((float64(v) - p.Mean[j]) * axis[j])
		}
	}
	return point
}

// centre sets the mean of the rows and returns them without it, a column of
// the data a row of the matrix.
func (p *Projection) centre(data blas32.General) *mat.Dense {
	n, d := data.Rows, data.Cols
	p.Mean = make([]float64, d)
	for i := range n {
		for j, v := range data.Data[i*data.Stride : i*data.Stride+d] {
			p.Mean[j] += float64(v)
		}
	}
	for j := range p.Mean {
		p.Mean[j] /= float64(n)
	}
	columns := mat.NewDense(d, n, nil)
	for j := range d {
		row := columns.RawRowView(j)
		for i := range row {
			row[i] = float64(data.Data[i*data.Stride+j]) - p.Mean[j]
		}
	}
	return columns
}

// components finds the two directions of largest variance: eigenvectors of
// the scatter matrix YᵀY, or, where that is large, Yᵀu with u those of YYᵀ.
func (p *Projection) components(columns *mat.Dense) error {
	d, n := columns.Dims()
	wide := d > widestCovariance
	var products mat.SymDense
	if wide {
		products.SymOuterK(1, columns.T())
	} else {
		products.SymOuterK(1, columns)
	}
	total := 0.0
	for i := range products.SymmetricDim() {
		total += products.At(i, i)
	}
	for c := range p.Components {
		p.Components[c] = make([]float64, d)
	}
	if total == 0 {
		return nil
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(&products, true) {
		return fmt.Errorf("the principal components of %d×%d data cannot be found: %w", n, d, ErrInput)
	}
	values := eigen.Values(nil) // ascending
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	for c := range min(len(p.Components), len(values)) {
		last := len(values) - 1 - c
		if wide && values[last] <= 1e-12*values[len(values)-1] {
			break // what rounding leaves of no variance gives no direction
		}
		p.Explained[c] = max(0, values[last]) / total
		axis := mat.NewVecDense(d, p.Components[c])
		if wide {
			axis.MulVec(columns, vectors.ColView(last))
			axis.ScaleVec(1/mat.Norm(axis, 2), axis)
		} else {
			axis.CopyVec(vectors.ColView(last))
		}
		largest := 0
		for j, v := range p.Components[c] {
			if math.Abs(v) > math.Abs(p.Components[c][largest]) {
				largest = j
			}
		}
		if p.Components[c][largest] < 0 {
			axis.ScaleVec(-1, axis)
		}
	}
	return nil
}
