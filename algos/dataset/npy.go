package dataset

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/gonum/blas/blas32"
)

const (
	npyMagic     = "\x93NUMPY"
	maxNpyHeader = 1 << 20 // bytes; NumPy reads at most 10,000 unless told otherwise
)

var (
	nan32 = math.Float32frombits(canonicalNaN)
	inf32 = float32(math.Inf(1))
)

// canonicalNaN is the one NaN that is written and hashed.
const canonicalNaN = 0x7fc00000

// readNpy reads NumPy's array format, versions 1.0 to 3.0 (numpy.lib.format), with one or two axes, row- or column-major.
// The matrix is made once its size is known to be what the file holds; bytes left over are refused.
func readNpy(ctx context.Context, in *input, opts Options) (*Table, error) {
	if in.size < 0 {
		return nil, errorf(".npy is read from files only, not from a pipe: its size must be known beforehand")
	}
	h, headerBytes, err := readNpyHeader(in)
	if err != nil {
		return nil, err
	}
	e, err := elementOf(h.descr)
	if err != nil {
		return nil, err
	}
	rows, cols, err := npyShape(h, e, in.size-headerBytes)
	if err != nil {
		return nil, err
	}
	label, err := labelIndex(opts.Label, nil, cols)
	if err != nil {
		return nil, err
	}
	d := cols
	t := &Table{LabelName: opts.Label}
	if label >= 0 {
		d--
		t.Label = make([]string, rows)
	}
	t.Matrix = blas32.General{Rows: rows, Cols: d, Stride: d, Data: make([]float32, rows*d)}
	if err := fillNpy(in, e, t, h.fortran, cols, label, opts.AllowNaN); err != nil {
		return nil, err
	}
	if _, err := in.ReadByte(); err != io.EOF {
		if err == nil {
			err = errorf("the file grew while it was read")
		}
		return nil, err
	}
	return t, nil
}

// readNpyHeader reads up to the first value and returns the bytes that took.
func readNpyHeader(in *input) (npyHeader, int64, error) {
	fixed := make([]byte, 12)
	short := errorf("the file ends inside the .npy header")
	if _, err := io.ReadFull(in, fixed[:8]); err != nil {
		return npyHeader{}, 0, orUnexpected(err, short)
	}
	lengthBytes := 4
	switch major, minor := fixed[6], fixed[7]; {
	case minor != 0 || major < 1 || major > 3:
		return npyHeader{}, 0, errorf(".npy version %d.%d is unknown; 1.0, 2.0 and 3.0 can be read", major, minor)
	case major == 1:
		lengthBytes = 2
	}
	if _, err := io.ReadFull(in, fixed[8:8+lengthBytes]); err != nil {
		return npyHeader{}, 0, orUnexpected(err, short)
	}
	length := int64(binary.LittleEndian.Uint32(fixed[8:]))
	before := int64(8 + lengthBytes)
	if length > in.size-before {
		return npyHeader{}, 0, errorf("the .npy header says that it is %d bytes long, and %d follow", length, in.size-before)
	}
	if length > maxNpyHeader {
		return npyHeader{}, 0, errorf("the .npy header is %d bytes long, and at most %d are read", length, maxNpyHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(in, text); err != nil {
		return npyHeader{}, 0, orUnexpected(err, short)
	}
	h, err := parseNpyHeader(string(text))
	return h, before + length, err
}

// npyShape compares what the header promises with the bytes that hold it.
func npyShape(h npyHeader, e *element, held int64) (rows, cols int, err error) {
	shape := shapeText(h.shape)
	switch len(h.shape) {
	case 1, 2:
	case 0:
		return 0, 0, errorf("the array is a single value; one or two axes are needed")
	default:
		return 0, 0, errorf("the array has %d axes, shape %s; one or two are needed", len(h.shape), cut(shape))
	}
	promised, fits := product(append([]int64{int64(e.size)}, h.shape...)...)
	switch {
	case !fits:
		return 0, 0, errorf("the header promises shape %s of %s, more than 2⁶³ bytes, and %d follow", shape, e.name, held)
	case promised > held:
		return 0, 0, errorf("the header promises shape %s of %s, %d bytes, and %d follow", shape, e.name, promised, held)
	case promised < held:
		return 0, 0, errorf("%d extra bytes after the array of shape %s of %s", held-promised, shape, e.name)
	case promised == 0:
		return 0, 0, errorf("the array is empty, shape %s", shape)
	}
	n, m := h.shape[0], int64(1)
	if len(h.shape) == 2 {
		m = h.shape[1]
	}
	if values := promised / int64(e.size); values > math.MaxInt/4 {
		return 0, 0, errorf("shape %s is more than this machine can address", shape)
	}
	return int(n), int(m), nil
}

// fillNpy reads the values into the table's matrix, and the label column's into its labels.
func fillNpy(in *input, e *element, t *Table, fortran bool, cols, label int, allowNaN bool) error {
	m := t.Matrix
	total := m.Rows * cols
	buf := make([]byte, min(bufferBytes, total*e.size))
	row, col := 0, 0
	for done := 0; done < total; {
		chunk := buf[:min(len(buf)/e.size, total-done)*e.size]
		if _, err := io.ReadFull(in, chunk); err != nil {
			return orUnexpected(err, errorf("the file shrank while it was read"))
		}
		done += len(chunk) / e.size
		for ; len(chunk) > 0; chunk = chunk[e.size:] {
			if col == label {
				t.Label[row] = e.text(chunk[:e.size])
			} else {
				v := e.f32(chunk)
				if v-v != 0 {
					if err := notFinite(e.text(chunk[:e.size]), allowNaN); err != nil {
						err.Row, err.Column = row+1, col+1
						return err
					}
				}
				at := col
				if label >= 0 && col > label {
					at--
				}
				m.Data[row*m.Stride+at] = v
			}
			if fortran {
				if row++; row == m.Rows {
					row, col = 0, col+1
				}
			} else if col++; col == cols {
				row, col = row+1, 0
			}
		}
	}
	return nil
}

// notFinite judges a value that is no finite float32 by its text in the stored type.
func notFinite(text string, allowNaN bool) *Error {
	if v, _ := strconv.ParseFloat(text, 64); v-v == 0 {
		return errorf("%s overflows float32", text)
	}
	if allowNaN {
		return nil
	}
	return errorf("the value is %s", text)
}

// orUnexpected replaces a premature end by what it means, and leaves other errors alone.
func orUnexpected(err error, meaning *Error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return meaning
	}
	return err
}
