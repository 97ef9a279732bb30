package exact

// View is a row-major matrix inside a slice: element (i, j) stands at
// Data[i*Stride+j]. The plain statements of this package take their matrices
// as Views, so that a reader sees indices and not layouts.
type View[T any] struct {
	Data       []T
	Rows, Cols int
	Stride     int
}

// Dense returns data as a rows×cols View without gaps.
func Dense[T any](data []T, rows, cols int) View[T] {
	return View[T]{Data: data, Rows: rows, Cols: cols, Stride: cols}
}

// At returns element (i, j).
func (v View[T]) At(i, j int) T { return v.Data[i*v.Stride+j] }

// Set stores x as element (i, j).
func (v View[T]) Set(i, j int, x T) { v.Data[i*v.Stride+j] = x }

// Row returns row i, sharing memory with v.
func (v View[T]) Row(i int) []T {
	return v.Data[i*v.Stride : i*v.Stride+v.Cols : i*v.Stride+v.Cols]
}
