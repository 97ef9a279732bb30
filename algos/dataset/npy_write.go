package dataset

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteNpyFloat32 writes a rows×cols row-major matrix to path as an .npy file of type <f4. Every NaN is written as
// 0x7fc00000. The file appears whole or not at all; see writeAtomically. Errors are of type *Error.
func WriteNpyFloat32(path string, rows, cols int, data []float32) error {
	if err := checkShape(rows, cols, len(data)); err != nil {
		return inFile(path, err)
	}
	return WriteFile(path, func(w io.Writer) error { return EncodeNpyFloat32(w, rows, cols, data) })
}

// WriteNpyInt32 writes a vector to path as a one-dimensional .npy file of type <i4, in the manner of WriteNpyFloat32.
func WriteNpyInt32(path string, data []int32) error {
	return WriteFile(path, func(w io.Writer) error { return EncodeNpyInt32(w, data) })
}

// EncodeNpyFloat32 writes to w the bytes that WriteNpyFloat32 puts into a file. They depend on the shape and the values
// alone, and equal NumPy's own.
func EncodeNpyFloat32(w io.Writer, rows, cols int, data []float32) error {
	if err := checkShape(rows, cols, len(data)); err != nil {
		return err
	}
	if err := encodeNpyHeader(w, "<f4", []int64{int64(rows), int64(cols)}); err != nil {
		return err
	}
	return encodeFloat32(w, data)
}

// EncodeNpyInt32 writes to w the bytes that WriteNpyInt32 puts into a file.
func EncodeNpyInt32(w io.Writer, data []int32) error {
	if err := encodeNpyHeader(w, "<i4", []int64{int64(len(data))}); err != nil {
		return err
	}
	return encodeInt32(w, data)
}

func checkShape(rows, cols, values int) *Error {
	if rows < 0 || cols < 0 {
		return errorf("shape (%d, %d) has a negative size", rows, cols)
	}
	if n, fits := product(int64(rows), int64(cols)); !fits || n != int64(values) {
		return errorf("shape (%d, %d) does not fit %d values", rows, cols, values)
	}
	return nil
}

// encodeNpyHeader writes version 1.0, padded with spaces so that the values begin at a multiple of 64 bytes.
func encodeNpyHeader(w io.Writer, descr string, shape []int64) error {
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shapeText(shape))
	before := len(npyMagic) + 2 + 2
	padding := (64 - (before+len(dict)+1)%64) % 64
	length := len(dict) + padding + 1
	header := append([]byte(npyMagic), 1, 0)
	header = binary.LittleEndian.AppendUint16(header, uint16(length))
	header = append(header, dict+strings.Repeat(" ", padding)+"\n"...)
	_, err := w.Write(header)
	return err
}

// encodeFloat32 writes little-endian values, every NaN as canonicalNaN.
func encodeFloat32(w io.Writer, data []float32) error {
	return encodeWords(w, len(data), func(i int) uint32 {
		if v := data[i]; v == v {
			return math.Float32bits(v)
		}
		return canonicalNaN
	})
}

func encodeInt32(w io.Writer, data []int32) error {
	return encodeWords(w, len(data), func(i int) uint32 { return uint32(data[i]) })
}

func encodeWords(w io.Writer, n int, word func(i int) uint32) error {
	b := bufio.NewWriterSize(w, min(bufferBytes, 4*n))
	for i := range n {
		if _, err := b.Write(binary.LittleEndian.AppendUint32(b.AvailableBuffer(), word(i))); err != nil {
			return err
		}
	}
	return b.Flush()
}

// WriteNpyInt32Stream is WriteNpyInt32 for n values that write produces as
// little-endian bytes, 4·n of them.
func WriteNpyInt32Stream(path string, n int, write func(io.Writer) error) error {
	return WriteFile(path, func(w io.Writer) error {
		if err := encodeNpyHeader(w, "<i4", []int64{int64(n)}); err != nil {
			return err
		}
		exact := &exactWriter{w: w, left: 4 * int64(n)}
		if err := write(exact); err != nil {
			return err
		}
		if exact.left != 0 {
			return errorf("%d bytes of %d were not written", exact.left, 4*int64(n))
		}
		return nil
	})
}

// exactWriter takes so many bytes and no more.
type exactWriter struct {
	w    io.Writer
	left int64
}

func (e *exactWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > e.left {
		return 0, errorf("%d bytes more than the header promises", int64(len(p))-e.left)
	}
	e.left -= int64(len(p))
	return e.w.Write(p)
}
