package backend

import "fmt"

// DType is the type of a tensor's elements.
type DType uint8

// The element types a device stores. All are little-endian on the device.
const (
	Float32   DType = iota + 1 // IEEE-754 binary32
	Complex64                  // two float32: real, imaginary
	Int8
	Int32
	Uint32
)

// Element lists the Go types that match a DType.
type Element interface {
	float32 | complex64 | int8 | int32 | uint32
}

// Size returns the bytes of one element.
func (d DType) Size() int {
	switch d {
	case Int8:
		return 1
	case Complex64:
		return 8
	case Float32, Int32, Uint32:
		return 4
	}
	return 0
}

func (d DType) String() string {
	switch d {
	case Float32:
		return "float32"
	case Complex64:
		return "complex64"
	case Int8:
		return "int8"
	case Int32:
		return "int32"
	case Uint32:
		return "uint32"
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// DTypeOf returns the DType whose elements are T.
func DTypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case float32:
		return Float32
	case complex64:
		return Complex64
	case int8:
		return Int8
	case int32:
		return Int32
	}
	return Uint32
}
