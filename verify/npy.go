package verify

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"samebits/backend"
)

// writeNpy writes a tensor as an .npy file of its own type and of the shape
// (batch, rows, columns). Every bit is kept, NaN payloads too.
func writeNpy(w io.Writer, d Data) error {
	descr, size := "", 4
	switch d.DType {
	case backend.Float32:
		descr = "<f4"
	case backend.Complex64:
		descr = "<c8"
	case backend.Int8:
		descr, size = "|i1", 1
	case backend.Int32:
		descr = "<i4"
	case backend.Uint32:
		descr = "<u4"
	default:
		return fmt.Errorf("%s: no .npy type for %v: %w", d.Name, d.DType, backend.ErrArgument)
	}
	return encodeNpy(w, descr, []int{d.Batch, d.Rows, d.Cols}, len(d.Words), func(buf []byte, i int) []byte {
		if size == 1 {
			return append(buf, byte(d.Words[i]))
		}
		return binary.LittleEndian.AppendUint32(buf, d.Words[i])
	})
}

// writeNpyFloats writes an oracle's numbers for an output of the shape of d,
// float64; those of a complex output stand in pairs along a fourth axis.
func writeNpyFloats(w io.Writer, d Data, x []float64) error {
	shape := []int{d.Batch, d.Rows, d.Cols}
	if n := width(d.DType); n > 1 {
		shape = append(shape, n)
	}
	return encodeNpy(w, "<f8", shape, len(x), func(buf []byte, i int) []byte {
		return binary.LittleEndian.AppendUint64(buf, math.Float64bits(x[i]))
	})
}

// encodeNpy writes format version 1.0, the header padded so that the values
// begin at a multiple of 64 bytes.
func encodeNpy(w io.Writer, descr string, shape []int, n int, appendValue func(buf []byte, i int) []byte) error {
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), ", "), "[]"))
	const before = 10 // the magic, the version and the header's length
	padding := (64 - (before+len(dict)+1)%64) % 64
	b := bufio.NewWriter(w)
	b.WriteString("\x93NUMPY\x01\x00")
	b.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(dict)+padding+1)))
	b.WriteString(dict + strings.Repeat(" ", padding) + "\n")
	for i := range n {
		b.Write(appendValue(b.AvailableBuffer(), i))
	}
	return b.Flush()
}
