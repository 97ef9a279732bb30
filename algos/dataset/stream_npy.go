package dataset

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"unsafe"

	"gonum.org/v1/gonum/blas/blas32"
)

// npySource reads an .npy file by position.
type npySource struct {
	file     *os.File
	element  *element
	plain    bool // <f4, row-major, no label: the file's bytes are the chunk's
	fortran  bool
	first    int64 // byte of the first value
	rows     int
	cols     int // of the file, the label column included
	label    int
	allowNaN bool
	at       int
	finite   int // rows from the first that are known to be finite
	buffer   []byte
}

// readBytes is read in one call, between two looks at the context.
const readBytes = 1 << 20

func openNpy(_ context.Context, f *os.File, size int64, opts Options) (Source, error) {
	h, first, err := readNpyHeader(&input{Reader: bufio.NewReader(io.NewSectionReader(f, 0, size)), size: size})
	if err != nil {
		return nil, err
	}
	e, err := elementOf(h.descr)
	if err != nil {
		return nil, err
	}
	rows, cols, err := npyShape(h, e, size-first)
	if err != nil {
		return nil, err
	}
	label, err := labelIndex(opts.Label, nil, cols)
	if err != nil {
		return nil, err
	}
	s := &npySource{file: f, element: e, first: first, rows: rows, cols: cols, label: label, allowNaN: opts.AllowNaN,
		fortran: h.fortran && cols > 1}
	s.plain = h.descr == "<f4" && !s.fortran && label < 0 && littleEndian()
	return s, nil
}

func littleEndian() bool {
	one := uint32(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}

func (s *npySource) Rows() int         { return s.rows }
func (s *npySource) Columns() []string { return nil }
func (s *npySource) Close() error      { return s.file.Close() }

func (s *npySource) Cols() int {
	if s.label >= 0 {
		return s.cols - 1
	}
	return s.cols
}

func (s *npySource) Seek(_ context.Context, row int) error {
	if err := checkSeek(s, row); err != nil {
		return err
	}
	s.at = row
	return nil
}

func (s *npySource) Next(ctx context.Context, dst blas32.General) (int, error) {
	if err := errors.Join(ctx.Err(), checkChunk(s, dst)); err != nil {
		return 0, err
	}
	n := min(dst.Rows, s.rows-s.at)
	if n == 0 {
		return 0, io.EOF
	}
	var err error
	switch {
	case s.plain && dst.Stride == dst.Cols:
		err = s.readPlain(ctx, dst.Data[:n*dst.Cols])
	case s.fortran:
		for col := 0; col < s.cols && err == nil; col++ {
			if col != s.label {
				err = s.decode(ctx, int64(col)*int64(s.rows)+int64(s.at), n, func(i int) (int, int) { return i, col }, dst)
			}
		}
	default:
		err = s.decode(ctx, int64(s.at)*int64(s.cols), n*s.cols, func(i int) (int, int) { return i / s.cols, i % s.cols }, dst)
	}
	if err != nil {
		return 0, err
	}
	s.at += n
	return n, nil
}

// View shows rows of a plain file that an earlier pass has found to be finite.
// A file that shrinks while rows are shown ends the program, as one that is
// mapped does.
func (s *npySource) View(row, n int) (rows blas32.General, release func(), ok bool, err error) {
	if !s.plain || row < 0 || n < 1 || row+n > s.rows || row+n > s.finite && !s.allowNaN {
		return rows, nil, false, nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return rows, nil, false, err
	}
	first, bytes := s.first+4*int64(row)*int64(s.cols), 4*n*s.cols
	if info.Size() < first+int64(bytes) {
		return rows, nil, false, errorf("the file shrank while it was read")
	}
	view, release, err := mapFile(s.file, first, bytes)
	if err != nil || uintptr(unsafe.Pointer(unsafe.SliceData(view)))%4 != 0 {
		if err == nil {
			release()
		}
		return rows, nil, false, nil // Next can do it
	}
	data := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(view))), n*s.cols)
	return blas32.General{Rows: n, Cols: s.cols, Stride: s.cols, Data: data}, release, true, nil
}

// read reads whole values from the one numbered first.
func (s *npySource) read(ctx context.Context, to []byte, first int64) error {
	offset := s.first + first*int64(s.element.size)
	for len(to) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := s.file.ReadAt(to[:min(len(to), readBytes)], offset)
		if n == 0 && err != nil {
			return orUnexpected(err, errorf("the file shrank while it was read"))
		}
		to, offset = to[n:], offset+int64(n)
	}
	return nil
}

// readPlain reads float32 values to where they belong and only looks for those that are not finite.
func (s *npySource) readPlain(ctx context.Context, to []float32) error {
	view := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(to))), 4*len(to))
	if err := s.read(ctx, view, int64(s.at)*int64(s.cols)); err != nil {
		return err
	}
	if s.allowNaN {
		return nil
	}
	end := s.at + len(to)/s.cols
	if end <= s.finite {
		return nil // seen in an earlier pass
	}
	if allFinite(to) {
		if s.at <= s.finite {
			s.finite = end
		}
		return nil
	}
	for i, v := range to {
		if v-v != 0 {
			err := notFinite(floatText(float64(v), 32), false)
			err.Row, err.Column = s.at+i/s.cols+1, i%s.cols+1
			return err
		}
	}
	return nil
}

// allFinite reports whether no value is NaN or infinite. An exponent of ones plus one carries into the sign's place,
// and no other does.
func allFinite(values []float32) bool {
	var a, b, c, d uint32
	for ; len(values) >= 4; values = values[4:] {
		a |= math.Float32bits(values[0])&0x7fffffff + 0x00800000
		b |= math.Float32bits(values[1])&0x7fffffff + 0x00800000
		c |= math.Float32bits(values[2])&0x7fffffff + 0x00800000
		d |= math.Float32bits(values[3])&0x7fffffff + 0x00800000
	}
	for _, v := range values {
		a |= math.Float32bits(v)&0x7fffffff + 0x00800000
	}
	return (a|b|c|d)>>31 == 0
}

// decode reads n values from the one numbered first; place gives the row of the chunk and the column of the file.
func (s *npySource) decode(ctx context.Context, first int64, n int, place func(i int) (row, col int), dst blas32.General) error {
	e := s.element
	if s.buffer == nil {
		s.buffer = make([]byte, bufferBytes)
	}
	for done := 0; done < n; {
		m := min(len(s.buffer)/e.size, n-done)
		if err := s.read(ctx, s.buffer[:m*e.size], first+int64(done)); err != nil {
			return err
		}
		for i := range m {
			row, col := place(done + i)
			if col == s.label {
				continue
			}
			b := s.buffer[i*e.size : (i+1)*e.size]
			v := e.f32(b)
			if v-v != 0 {
				if err := notFinite(e.text(b), s.allowNaN); err != nil {
					err.Row, err.Column = s.at+row+1, col+1
					return err
				}
			}
			if s.label >= 0 && col > s.label {
				col--
			}
			dst.Data[row*dst.Stride+col] = v
		}
		done += m
	}
	return nil
}
