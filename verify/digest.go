package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// A digest of a case is the SHA-256 of its arrays in order, each a line
// "name type batch×rows×columns" and the words of its elements row by row,
// little-endian: those of a complex number its real and imaginary part, an int8
// sign-extended, and every NaN as 0x7fc00000.

// inputDigest covers all that the operation is given.
func (tr *trial) inputDigest() string {
	return digestOf(tr.arrays, func(a *array) []uint32 { return a.words })
}

// outputDigest covers all that it writes.
func (tr *trial) outputDigest(out outputs) string {
	return digestOf(tr.written(), func(a *array) []uint32 { return out[a.name] })
}

func digestOf(arrays []*array, words func(*array) []uint32) string {
	h := sha256.New()
	var buf []byte
	for _, a := range arrays {
		w := words(a)
		if w == nil && a.role == output && a.elements() > 0 {
			continue // it holds nothing before the run
		}
		fmt.Fprintf(h, "%s %v %dx%dx%d\n", a.name, a.dtype, a.batch, a.rows, a.cols)
		buf = buf[:0]
		for _, v := range w {
			if isFloat(a.dtype) && isNaNWord(v) {
				v = canonicalNaN
			}
			buf = binary.LittleEndian.AppendUint32(buf, v)
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}
