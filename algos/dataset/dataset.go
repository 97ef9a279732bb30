// Package dataset turns files into float32 matrices and results into files.
//
// Read takes CSV, NumPy's .npy and Parquet, chosen by what the file holds and then by its name. Readers trust nothing: what a
// header promises is compared with what the file holds before memory is asked for, and a value that is not a finite
// number is refused with its place in the file. Every failure is an *Error and prints as one line.
//
// Open gives the rows of the same files some at a time, for data that does not fit into memory.
//
// The writers produce .npy files that appear whole or not at all. SHA256Float32 and SHA256Int32 are the digests by
// which results on two machines are compared.
package dataset

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/blas/blas32"
)

// Table is one data set: n rows of d float32 values, and the text of the column that was kept out of them.
type Table struct {
	Matrix    blas32.General // n×d, row-major, Stride = d
	Columns   []string       // the d column names, label column left out; nil when the file has none
	Label     []string       // the n cells of the label column as text; nil when no label was asked for
	LabelName string         // the label column's name, or its 1-based index as text where columns have no names
	Path      string         // as given to Read
	Format    string         // "csv", "npy" or "parquet"
	Bytes     int64          // length of the file
	SHA256    [32]byte       // of the file's bytes
}

// Options of Read. The zero value reads a file of finite numbers, whatever its size.
type Options struct {
	// Label names a column to keep out of the matrix: its header name, or its 1-based index ("5") in a file
	// without column names.
	Label string
	// Header says whether a CSV file's first line holds column names.
	Header Header
	// AllowNaN lets NaN and infinities through. In CSV a missing cell (empty, "?", "NA", "N/A", "null") then reads as
	// NaN, and so does a null of a Parquet file. A number too large for float32 is refused all the same.
	AllowNaN bool
	// MaxBytes is the longest input accepted; 0 sets no limit. A matrix takes 4 bytes a value, and up to twice that
	// while a CSV file, whose rows are not known beforehand, grows it; a label takes 16 bytes beside its text.
	MaxBytes int64
}

// Header is what is known of a CSV file's first line.
type Header int

const (
	// HeaderAuto takes the first line for column names when it holds a cell that is neither a number nor a sign for a
	// missing value, and the second line or Label does not speak against it. Numbers among the names, such as years,
	// must be whole and ascending; else the line is data, so that a typing error in the first row is reported and does
	// not turn the row into names.
	HeaderAuto Header = iota
	HeaderPresent
	HeaderAbsent
)

// Read reads the file at path into a table. The path "-" is standard input, which may hold CSV; so may any pipe.
//
// The content decides over the name: a file that begins with the .npy magic is read as .npy, and anything that is no
// known binary format as CSV. A one-dimensional array of n values becomes an n×1 matrix. Values are rounded once, to
// nearest even, from the decimal text or from the stored type.
//
// Errors are of type *Error. They wrap the cause where there is one, so errors.Is finds fs.ErrNotExist and the
// context's error. Memory grows with the data read, never with what a header promises. The context is looked at
// once per 64 KiB.
func Read(ctx context.Context, path string, opts Options) (*Table, error) {
	name := path
	if path == "-" {
		name = "standard input"
	}
	table, err := readPath(ctx, path, opts)
	if err != nil {
		return nil, inFile(name, err)
	}
	table.Path = path
	return table, nil
}

func readPath(ctx context.Context, path string, opts Options) (*Table, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if path == "-" {
		return parse(ctx, "", &interruptible{ctx: ctx, r: os.Stdin}, -1, opts)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &Error{Msg: "is a directory, not a file"}
	}
	// Opening a named pipe waits for its writer.
	f, err := await(ctx, func() (*os.File, error) { return os.Open(path) }, func(f *os.File) { f.Close() })
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return parse(ctx, path, &interruptible{ctx: ctx, r: f}, -1, opts)
	}
	return parse(ctx, path, f, info.Size(), opts)
}

// format is one kind of file. A new one is a row of the table below and a function.
type format struct {
	name       string
	magic      []string // first bytes, any of which settles it
	extensions []string // lower case; they decide only where no magic does
	read       func(ctx context.Context, in *input, opts Options) (*Table, error)
	open       func(ctx context.Context, f *os.File, size int64, opts Options) (Source, error)
}

// formats is in order of preference; text, which has no magic, comes last.
var formats = []format{
	{name: "npy", magic: []string{npyMagic}, extensions: []string{".npy"}, read: readNpy, open: openNpy},
	{name: "parquet", magic: []string{parquetMagic}, extensions: []string{".parquet"}, read: readParquet, open: openParquet},
	{name: "csv", extensions: []string{".csv", ".tsv", ".txt", ".data"}, read: readCSV, open: openCSV},
}

// foreign are formats that are recognised only to be named in the refusal.
var foreign = []struct{ magic, name string }{
	{"PARE", "an encrypted Parquet file"},
	{"PK\x03\x04", "a zip archive (.npz, .xlsx)"},
	{"\x1f\x8b", "gzip-compressed"},
	{"\x89HDF\r\n\x1a\n", "an HDF5 file"},
	{"\xff\xfe", "UTF-16 text: save it as UTF-8"},
	{"\xfe\xff", "UTF-16 text: save it as UTF-8"},
}

const bufferBytes = 64 << 10

// input is a file being read: buffered, counted and hashed on the way.
type input struct {
	*bufio.Reader
	size int64       // of the whole file, -1 when unknown
	at   io.ReaderAt // the same file from any place; nil for a pipe
}

// parse reads a table from r. The name serves only to tell the format; size is r's length in bytes, -1 when unknown.
func parse(ctx context.Context, name string, r io.Reader, size int64, opts Options) (*Table, error) {
	if opts.MaxBytes > 0 && size > opts.MaxBytes {
		return nil, errorf("is %d bytes long, and at most %d are allowed", size, opts.MaxBytes)
	}
	digest := sha256.New()
	counted := &countingReader{ctx: ctx, r: io.TeeReader(r, digest), max: opts.MaxBytes}
	in := &input{Reader: bufio.NewReaderSize(counted, bufferBytes), size: size}
	if size >= 0 {
		in.at, _ = r.(io.ReaderAt)
	}

	head, err := in.Peek(512)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if len(head) == 0 {
		return nil, errorf("the file is empty")
	}
	format, err := detect(head, name)
	if err != nil {
		return nil, err
	}
	table, err := format.read(ctx, in, opts)
	if err != nil {
		return nil, err
	}
	table.Format = format.name
	table.Bytes = counted.n
	digest.Sum(table.SHA256[:0])
	return table, nil
}

func detect(head []byte, name string) (*format, error) {
	for i := range formats {
		for _, magic := range formats[i].magic {
			if bytes.HasPrefix(head, []byte(magic)) {
				return &formats[i], nil
			}
		}
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return nil, errorf("is %s; CSV, .npy and Parquet can be read", f.name)
		}
	}
	extension := strings.ToLower(filepath.Ext(name))
	for i := range formats {
		for _, e := range formats[i].extensions {
			if e == extension && len(formats[i].magic) > 0 {
				return nil, errorf("is no %s file: it begins with %s", e, quote(head[:min(len(head), 8)]))
			}
		}
	}
	if i := bytes.IndexByte(head, 0); i >= 0 {
		return nil, errorf("is neither CSV nor .npy nor Parquet: byte %d is zero", i+1)
	}
	return &formats[len(formats)-1], nil
}

// countingReader counts what is read, and stops at a limit and when the context ends.
type countingReader struct {
	ctx    context.Context
	r      io.Reader
	n, max int64
	err    error // stays: the reader may be asked again after an end or a failure
}

func (c *countingReader) Read(p []byte) (int, error) {
	if c.err == nil {
		c.err = c.ctx.Err()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.max > 0 && c.n > c.max {
		err = errorf("is longer than the %d bytes allowed", c.max)
	}
	c.err = err
	return n, err
}

// interruptible reads from a pipe or a terminal and returns when the context ends, even while no data comes.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	// The buffer is the call's own: an abandoned read may still write to it.
	data, err := await(i.ctx, func() ([]byte, error) {
		buf := make([]byte, len(p))
		n, err := i.r.Read(buf)
		return buf[:n], err
	}, nil)
	return copy(p, data), err
}

// await runs f apart and returns its result, or the context's error as soon as that ends; drop, unless nil, then takes
// a result that comes late.
func await[T any](ctx context.Context, f func() (T, error), drop func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		if drop != nil {
			go func() {
				if r := <-done; r.err == nil {
					drop(r.value)
				}
			}()
		}
		var none T
		return none, ctx.Err()
	}
}

// labelIndex finds the column that label means among cols columns, given their names if they have any.
// The result is 0-based, and -1 for no label.
func labelIndex(label string, names []string, cols int) (int, error) {
	if label == "" {
		return -1, nil
	}
	found := -1
	if names == nil {
		index, err := strconv.Atoi(label)
		if err != nil || index < 1 || index > cols {
			return 0, errorf("label %s: the columns have no names, so a label is an index from 1 to %d", quote(label), cols)
		}
		found = index - 1
	} else {
		for j, name := range names {
			if name != label {
				continue
			}
			if found >= 0 {
				return 0, errorf("label %s names both column %d and column %d", quote(label), found+1, j+1)
			}
			found = j
		}
		if found < 0 {
			return 0, errorf("no column is named %s; there are %s", quote(label), listNames(names))
		}
	}
	if cols == 1 {
		return 0, errorf("no numeric column: the only column is the label %s", quote(label))
	}
	return found, nil
}

// inFile completes an error with the file's name and takes the file's name out of the cause.
func inFile(name string, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		e.Path = name
		return e
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &Error{Path: name, Err: err}
}
