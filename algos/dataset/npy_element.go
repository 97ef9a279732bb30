package dataset

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// element is a type that an .npy file may hold its values in.
type element struct {
	name string
	size int                    // in bytes
	f32  func(b []byte) float32 // rounded once, to nearest even
	text func(b []byte) string  // shortest text that gives the value back
}

// elementOf reads a type code such as "<f4": byte order, kind, size in bytes.
func elementOf(descr string) (*element, error) {
	refused := errorf("element type %s cannot be read; floats (f2 f4 f8), integers (i1 to u8) and bool (b1) can",
		quote(descr))
	if len(descr) != 3 {
		if len(descr) > 1 && strings.IndexByte("OSUVMm", descr[1]) >= 0 || descr == "O" {
			return nil, errorf("element type %s is not a number", quote(descr))
		}
		return nil, refused
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch descr[0] {
	case '<':
	case '>':
		order = binary.BigEndian
	case '|':
		if descr[2] != '1' {
			return nil, refused
		}
	default:
		return nil, refused
	}
	switch descr[1:] {
	case "f2":
		half := func(b []byte) float32 { return halfToFloat32(order.Uint16(b)) }
		return &element{"float16", 2, half, func(b []byte) string { return floatText(float64(half(b)), 32) }}, nil
	case "f4":
		f := func(b []byte) float32 { return math.Float32frombits(order.Uint32(b)) }
		if order == binary.LittleEndian {
			f = func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
		}
		return &element{"float32", 4, f, func(b []byte) string { return floatText(float64(f(b)), 32) }}, nil
	case "f8":
		f := func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }
		return &element{"float64", 8, func(b []byte) float32 { return float32(f(b)) },
			func(b []byte) string { return floatText(f(b), 64) }}, nil
	case "i1":
		return integer("int8", 1, func(b []byte) int8 { return int8(b[0]) }), nil
	case "i2":
		return integer("int16", 2, func(b []byte) int16 { return int16(order.Uint16(b)) }), nil
	case "i4":
		return integer("int32", 4, func(b []byte) int32 { return int32(order.Uint32(b)) }), nil
	case "i8":
		return integer("int64", 8, func(b []byte) int64 { return int64(order.Uint64(b)) }), nil
	case "u1":
		return integer("uint8", 1, func(b []byte) uint8 { return b[0] }), nil
	case "u2":
		return integer("uint16", 2, order.Uint16), nil
	case "u4":
		return integer("uint32", 4, order.Uint32), nil
	case "u8":
		return integer("uint64", 8, order.Uint64), nil
	case "b1":
		truth := func(b []byte) bool { return b[0] != 0 }
		return &element{"bool", 1, func(b []byte) float32 {
			if truth(b) {
				return 1
			}
			return 0
		}, func(b []byte) string {
			if truth(b) {
				return "True"
			}
			return "False"
		}}, nil
	}
	return nil, refused
}

func integer[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](name string, size int, value func([]byte) T) *element {
	return &element{name, size,
		func(b []byte) float32 { return float32(value(b)) },
		func(b []byte) string {
			if v := value(b); v < 0 {
				return strconv.FormatInt(int64(v), 10)
			} else {
				return strconv.FormatUint(uint64(v), 10)
			}
		}}
}

func floatText(v float64, bits int) string { return strconv.FormatFloat(v, 'g', -1, bits) }

// halfToFloat32 widens an IEEE-754 binary16, which is exact.
func halfToFloat32(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10)&31, uint32(h)&0x3ff
	switch exponent {
	case 0: // fraction · 2⁻²⁴
		v := float32(fraction) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
