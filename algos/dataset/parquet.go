package dataset

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"
	layout "github.com/parquet-go/parquet-go/format"
	"gonum.org/v1/gonum/blas/blas32"
)

const parquetMagic = "PAR1"

// readParquet reads a whole Parquet file: flat columns of numbers and truth values.
func readParquet(ctx context.Context, in *input, opts Options) (*Table, error) {
	if in.size < 0 || in.at == nil {
		return nil, errorf("Parquet is read from files only, not from a pipe: its end comes first")
	}
	// The sequential reading is for the digest of the bytes; the columns are found by their place.
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, err
	}
	s, err := newParquet(in.at, nil, in.size, opts)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	t := &Table{LabelName: opts.Label, Columns: s.names}
	chunk := blas32.General{Rows: min(s.rows, 4096), Cols: len(s.columns), Stride: len(s.columns)}
	chunk.Data = make([]float32, chunk.Rows*chunk.Cols)
	var data []float32
	for {
		at := s.at
		n, err := s.Next(ctx, chunk)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		data = append(data, chunk.Data[:n*chunk.Cols]...)
		if s.label != nil {
			if t.Label, err = s.labels(ctx, t.Label, at, n); err != nil {
				return nil, err
			}
		}
	}
	t.Matrix = blas32.General{Rows: s.rows, Cols: chunk.Cols, Stride: chunk.Cols, Data: data}
	return t, nil
}

func openParquet(_ context.Context, f *os.File, size int64, opts Options) (Source, error) {
	return newParquet(f, f, size, opts)
}

// parquetSource reads the columns of a Parquet file side by side.
type parquetSource struct {
	file    *parquet.File
	closer  io.Closer
	rows    int
	starts  []int // number of the first row of each row group, and of the end
	columns []*parquetColumn
	names   []string
	label   *parquetColumn // beside the columns
	at      int
}

// newParquet opens a file of size bytes; closer may be nil.
func newParquet(r io.ReaderAt, closer io.Closer, size int64, opts Options) (s *parquetSource, err error) {
	defer recoverParquet(&err)
	if err := checkParquetFooter(r, size); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, damaged(err)
	}
	s = &parquetSource{file: file, closer: closer}
	if err := s.plan(opts); err != nil {
		return nil, err
	}
	return s, checkParquetPages(r, file)
}

// plan finds the columns and the rows.
func (s *parquetSource) plan(opts Options) error {
	leaves := s.file.Root().Columns()
	all := make([]string, len(leaves))
	for j, c := range leaves {
		all[j] = c.Name()
	}
	if len(leaves) == 0 || len(leaves) > maxColumns {
		return errorf("the file has %d columns", len(leaves))
	}
	label, err := labelIndex(opts.Label, all, len(leaves))
	if err != nil {
		return err
	}
	for j, leaf := range leaves {
		c := &parquetColumn{index: leaf.Index(), number: j + 1, name: all[j], allowNaN: opts.AllowNaN}
		switch {
		case !leaf.Leaf() || leaf.Repeated():
			err = errorf("the column is nested or a list; one value a row is needed")
		case j == label:
			s.label = c
			continue
		default:
			err = c.takeType(leaf.Type())
		}
		if err != nil {
			return c.place(err, 0)
		}
		s.columns, s.names = append(s.columns, c), append(s.names, all[j])
	}
	s.starts = []int{0}
	for _, g := range s.file.RowGroups() {
		n := g.NumRows()
		if n < 0 || n > math.MaxInt/4/int64(len(leaves)) || s.rows > math.MaxInt/4/len(leaves)-int(n) {
			return errorf("a row group promises %d rows", n)
		}
		s.rows += int(n)
		s.starts = append(s.starts, s.rows)
		for _, chunk := range g.ColumnChunks() {
			if chunk.NumValues() != n {
				return errorf("column %d has %d values in a row group of %d rows", chunk.Column()+1, chunk.NumValues(), n)
			}
		}
	}
	if s.rows == 0 {
		return errorf("the file has no rows")
	}
	if int64(s.rows) != s.file.NumRows() {
		return errorf("the file promises %d rows, and its row groups %d", s.file.NumRows(), s.rows)
	}
	return nil
}

func (s *parquetSource) Rows() int         { return s.rows }
func (s *parquetSource) Cols() int         { return len(s.columns) }
func (s *parquetSource) Columns() []string { return s.names }

// Close closes the pages and the file.
func (s *parquetSource) Close() error {
	for _, c := range s.columns {
		c.close()
	}
	if s.closer != nil {
		return s.closer.Close()
	}
	return nil
}

func (s *parquetSource) Seek(_ context.Context, row int) error {
	if err := checkSeek(s, row); err != nil {
		return err
	}
	for _, c := range s.columns {
		c.close()
	}
	s.at = row
	return nil
}

func (s *parquetSource) Next(ctx context.Context, dst blas32.General) (n int, err error) {
	defer recoverParquet(&err)
	if err := checkChunk(s, dst); err != nil {
		return 0, err
	}
	if s.at == s.rows {
		return 0, io.EOF
	}
	for n < dst.Rows && s.at < s.rows {
		group := s.group(s.at)
		m := min(dst.Rows-n, s.starts[group+1]-s.at)
		for j, c := range s.columns {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			to := func(i int, v float32) { dst.Data[(n+i)*dst.Stride+j] = v }
			if err := c.read(s.file.RowGroups()[group], s.at-s.starts[group], m, s.at, to); err != nil {
				return 0, err
			}
		}
		n, s.at = n+m, s.at+m
		if s.at == s.starts[group+1] {
			for _, c := range s.columns {
				c.close()
			}
		}
	}
	return n, nil
}

// group returns the row group that holds a row.
func (s *parquetSource) group(row int) int {
	g := 0
	for s.starts[g+1] <= row {
		g++
	}
	return g
}

// labels appends the text of the label column of n rows.
func (s *parquetSource) labels(ctx context.Context, to []string, row, n int) (_ []string, err error) {
	defer recoverParquet(&err)
	defer s.label.close()
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		group := s.group(row)
		m := min(n, s.starts[group+1]-row)
		s.label.text = func(_ int, v parquet.Value) { to = append(to, strings.Clone(v.String())) }
		if err := s.label.read(s.file.RowGroups()[group], row-s.starts[group], m, row, nil); err != nil {
			return nil, err
		}
		s.label.close()
		row, n = row+m, n-m
	}
	return to, nil
}

// checkParquetFooter compares the length of the footer with the file's before it is read.
func checkParquetFooter(r io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return errorf("the Parquet file ends inside its footer")
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil && err != io.EOF {
		return err
	}
	if string(tail[4:]) != parquetMagic {
		return errorf("the Parquet file is truncated: its last bytes are %s", quote(tail[4:]))
	}
	if n := int64(binary.LittleEndian.Uint32(tail[:])); n > size-12 {
		return errorf("the Parquet footer says that it is %d bytes long, in a file of %d", n, size)
	}
	return nil
}

// damaged is what the decoder says of a file.
func damaged(err error) error {
	var e *Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Msg: "the Parquet file is damaged", Err: errors.New(cutMessage(err.Error()))}
}

// cutMessage keeps what a decoder repeats of a file to a bearable length.
func cutMessage(s string) string {
	const longest = 200
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}

// recoverParquet turns a panic of the decoder over a damaged file into an error.
func recoverParquet(err *error) {
	if r := recover(); r != nil {
		*err = damaged(fmt.Errorf("%v", r))
	}
}

// The largest page that is decoded. Writers make pages of about 1 MiB and 20,000 rows.
const (
	maxPageBytes  = 256 << 20
	maxPageValues = 1 << 24
)

// checkParquetPages walks the page headers of every column, so that no page is given memory that the file does not hold.
func checkParquetPages(r io.ReaderAt, file *parquet.File) error {
	for g, group := range file.Metadata().RowGroups {
		for j := range group.Columns {
			m := &group.Columns[j].MetaData
			first := m.DataPageOffset
			if d := m.DictionaryPageOffset; d > 0 && d < first {
				first = d
			}
			if first < 4 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > file.Size()-first {
				return errorf("row group %d, column %d: %d bytes from byte %d, in a file of %d", g+1, j+1, m.TotalCompressedSize, first, file.Size())
			}
			if err := checkColumnPages(io.NewSectionReader(r, first, m.TotalCompressedSize), m); err != nil {
				return damaged(fmt.Errorf("row group %d, column %d: %w", g+1, j+1, err))
			}
		}
	}
	return nil
}

func checkColumnPages(r *io.SectionReader, m *layout.ColumnMetaData) error {
	var values int64
	for at := int64(0); at < r.Size() && values < m.NumValues; {
		h, length, err := readPageHeader(io.NewSectionReader(r, at, r.Size()-at))
		if err != nil {
			return err
		}
		held := int64(h.CompressedPageSize)
		n := int64(0)
		switch h.Type {
		case layout.DataPage:
			n = int64(h.DataPageHeader.V.NumValues)
			values += n
		case layout.DataPageV2:
			n = int64(h.DataPageHeaderV2.V.NumValues)
			values += n
		case layout.DictionaryPage:
			n = int64(h.DictionaryPageHeader.V.NumValues)
		}
		switch {
		case held < 0 || at+length+held > r.Size():
			return fmt.Errorf("a page of %d bytes, and %d follow", held, r.Size()-at-length)
		case h.UncompressedPageSize < 0 || h.UncompressedPageSize > maxPageBytes:
			return fmt.Errorf("a page of %d bytes; at most %d are read", h.UncompressedPageSize, maxPageBytes)
		case n < 0 || n > maxPageValues || values > m.NumValues:
			return fmt.Errorf("a page of %d values in a column of %d; at most %d are read", n, m.NumValues, maxPageValues)
		}
		at += length + held
	}
	if values != m.NumValues {
		return fmt.Errorf("%d values, and %d are promised", values, m.NumValues)
	}
	return nil
}
