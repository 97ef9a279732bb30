package dataset

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"gonum.org/v1/gonum/blas/blas32"
)

// Source gives the rows of a data set in order, some at a time. It is for one goroutine at a time.
type Source interface {
	// Rows and Cols are the data's size, Rows ≥ 1 and Cols ≥ 1.
	Rows() int
	Cols() int
	// Columns are the names of the columns, nil where they have none.
	Columns() []string
	// Next reads the next rows into dst, which has Cols columns and at least one row, and returns how many: fewer
	// than dst.Rows only where the data ends, and io.EOF alone once it has. What is no finite float32 is an error
	// that names its place.
	Next(ctx context.Context, dst blas32.General) (int, error)
	// Seek makes row the next one to be read, 0 ≤ row ≤ Rows.
	Seek(ctx context.Context, row int) error
	Close() error
}

// Viewer is a Source that can show rows where they stand, at no copy's cost.
type Viewer interface {
	Source
	// View returns rows [row, row+n), which hold until release is called, or ok
	// false where Next has to read them. It leaves the place of Next alone.
	View(row, n int) (rows blas32.General, release func(), ok bool, err error)
}

// Open opens a file that Read reads as a source. It must be a regular file, and must not change while it is open. The
// rows of a CSV file are counted by reading it once; of the others the header tells.
//
// A label column is left out of the rows. Memory is 64 KiB, whatever the file's size, and for Parquet one page a
// column. MaxBytes bounds the file as in Read.
func Open(ctx context.Context, path string, opts Options) (Source, error) {
	s, err := openPath(ctx, path, opts)
	if err != nil {
		return nil, inFile(path, err)
	}
	return &named{Source: s, path: path}, nil
}

func openPath(ctx context.Context, path string, opts Options) (_ Source, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errorf("is a directory, not a file")
	case !info.Mode().IsRegular():
		return nil, errorf("is no regular file: rows are read more than once")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if opts.MaxBytes > 0 && info.Size() > opts.MaxBytes {
		return nil, errorf("is %d bytes long, and at most %d are allowed", info.Size(), opts.MaxBytes)
	}
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if n == 0 {
		return nil, errorf("the file is empty")
	}
	format, err := detect(head[:n], path)
	if err != nil {
		return nil, err
	}
	return format.open(ctx, f, info.Size(), opts)
}

// named puts the file's name into a source's errors.
type named struct {
	Source
	path string
}

func (s *named) Next(ctx context.Context, dst blas32.General) (int, error) {
	n, err := s.Source.Next(ctx, dst)
	if err != nil && err != io.EOF {
		return n, inFile(s.path, err)
	}
	return n, err
}

func (s *named) View(row, n int) (rows blas32.General, release func(), ok bool, err error) {
	if v, can := s.Source.(Viewer); can {
		if rows, release, ok, err = v.View(row, n); err != nil {
			err = inFile(s.path, err)
		}
	}
	return rows, release, ok, err
}

func (s *named) Seek(ctx context.Context, row int) error {
	if err := s.Source.Seek(ctx, row); err != nil {
		return inFile(s.path, err)
	}
	return nil
}

// checkChunk refuses what Next cannot fill.
func checkChunk(s Source, dst blas32.General) error {
	if dst.Rows < 1 || dst.Cols != s.Cols() || dst.Stride < dst.Cols || len(dst.Data) < (dst.Rows-1)*dst.Stride+dst.Cols {
		return errorf("a chunk of %d×%d with stride %d for %d columns", dst.Rows, dst.Cols, dst.Stride, s.Cols())
	}
	return nil
}

func checkSeek(s Source, row int) error {
	if row < 0 || row > s.Rows() {
		return errorf("row %d of %d", row+1, s.Rows())
	}
	return nil
}

// Rows is a source of the rows of a matrix in memory, which must not change meanwhile. Values are passed on as they are.
func Rows(m blas32.General, columns []string) *MatrixSource {
	return &MatrixSource{matrix: m, columns: columns}
}

// MatrixSource is a matrix as a Source.
type MatrixSource struct {
	matrix  blas32.General
	columns []string
	row     int
}

// View implements Viewer.
func (s *MatrixSource) View(row, n int) (rows blas32.General, release func(), ok bool, err error) {
	m := s.matrix
	if row < 0 || n < 1 || row+n > m.Rows {
		return rows, nil, false, errorf("rows %d to %d of %d", row+1, row+n, m.Rows)
	}
	return blas32.General{Rows: n, Cols: m.Cols, Stride: m.Stride, Data: m.Data[row*m.Stride : (row+n-1)*m.Stride+m.Cols]}, func() {}, true, nil
}

// Rows returns the number of rows.
func (s *MatrixSource) Rows() int { return s.matrix.Rows }

// Cols returns the number of columns.
func (s *MatrixSource) Cols() int { return s.matrix.Cols }

// Columns returns the names of the columns.
func (s *MatrixSource) Columns() []string { return s.columns }

// Close does nothing.
func (s *MatrixSource) Close() error { return nil }

// Seek implements Source.
func (s *MatrixSource) Seek(_ context.Context, row int) error {
	if err := checkSeek(s, row); err != nil {
		return err
	}
	s.row = row
	return nil
}

// Next implements Source.
func (s *MatrixSource) Next(ctx context.Context, dst blas32.General) (int, error) {
	if err := errors.Join(ctx.Err(), checkChunk(s, dst)); err != nil {
		return 0, err
	}
	n := min(dst.Rows, s.matrix.Rows-s.row)
	if n == 0 {
		return 0, io.EOF
	}
	for i := range n {
		copy(dst.Data[i*dst.Stride:i*dst.Stride+dst.Cols], s.matrix.Data[(s.row+i)*s.matrix.Stride:][:s.matrix.Cols])
	}
	s.row += n
	return n, nil
}

// csvSource reads a CSV file again from its beginning whenever it is asked for an earlier row.
type csvSource struct {
	file    *os.File
	size    int64
	opts    Options
	rows    int
	columns []string
	cols    int
	records *csvRows
	at      int // number of the next row
}

func openCSV(ctx context.Context, f *os.File, size int64, opts Options) (Source, error) {
	s := &csvSource{file: f, size: size, opts: opts}
	if err := s.rewind(ctx); err != nil {
		return nil, err
	}
	p := s.records.table
	s.columns, s.cols = p.table(opts.Label).Columns, p.cols
	if p.label >= 0 {
		s.cols--
	}
	for {
		row, line, err := s.records.next()
		if err != nil {
			return nil, err
		}
		if row == nil {
			break
		}
		if len(row) != p.cols {
			return nil, p.add(row, line)
		}
		s.rows++
	}
	return s, s.rewind(ctx)
}

func (s *csvSource) rewind(ctx context.Context) error {
	text := &countingReader{ctx: ctx, r: io.NewSectionReader(s.file, 0, s.size)}
	records, err := newCSVRows(&input{Reader: bufio.NewReaderSize(text, bufferBytes), size: s.size}, s.opts)
	s.records, s.at = records, 0
	return err
}

func (s *csvSource) Rows() int         { return s.rows }
func (s *csvSource) Cols() int         { return s.cols }
func (s *csvSource) Columns() []string { return s.columns }
func (s *csvSource) Close() error      { return s.file.Close() }

// Seek reads the records before row and looks at none of their numbers.
func (s *csvSource) Seek(ctx context.Context, row int) error {
	if err := checkSeek(s, row); err != nil {
		return err
	}
	// The reader keeps the context it was made with, so that each pass begins with its own.
	if err := s.rewind(ctx); err != nil {
		return err
	}
	for ; s.at < row; s.at++ {
		cells, _, err := s.records.next()
		if err != nil {
			return err
		}
		if cells == nil {
			return errorf("the file shrank while it was read")
		}
	}
	return nil
}

func (s *csvSource) Next(ctx context.Context, dst blas32.General) (int, error) {
	if err := errors.Join(ctx.Err(), checkChunk(s, dst)); err != nil {
		return 0, err
	}
	p := s.records.table
	n := 0
	for ; n < dst.Rows && s.at < s.rows; n++ {
		row, line, err := s.records.next()
		if err != nil {
			return 0, err
		}
		if row == nil {
			return 0, errorf("the file shrank while it was read")
		}
		p.data, p.labels = dst.Data[n*dst.Stride:n*dst.Stride], p.labels[:0]
		if err := p.add(row, line); err != nil {
			return 0, err
		}
		s.at++
	}
	p.data = nil
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
