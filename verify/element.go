package verify

import (
	"context"
	"math"

	"samebits/backend"
)

// Host data is held as words, the bit patterns of the elements: one a word, a
// complex number two (real, imaginary), an int8 sign-extended.

// canonicalNaN is the one NaN that arithmetic may store.
const canonicalNaN = 0x7fc00000

// width returns the words of one element.
func width(t backend.DType) int {
	if t == backend.Complex64 {
		return 2
	}
	return 1
}

// isFloat reports whether the words of t are float32 bit patterns.
func isFloat(t backend.DType) bool { return t == backend.Float32 || t == backend.Complex64 }

func floatWords(x []float32) []uint32 {
	w := make([]uint32, len(x))
	for i, v := range x {
		w[i] = math.Float32bits(v)
	}
	return w
}

func intWords[T int8 | int32 | uint32](x []T) []uint32 {
	w := make([]uint32, len(x))
	for i, v := range x {
		w[i] = uint32(v)
	}
	return w
}

func floats64(words []uint32) []float64 {
	x := make([]float64, len(words))
	for i, w := range words {
		x[i] = float64(math.Float32frombits(w))
	}
	return x
}

// upload writes words into t, row-major.
func upload(ctx context.Context, t *backend.Tensor, words []uint32) error {
	switch t.DType() {
	case backend.Float32:
		return put(ctx, t, words, math.Float32frombits)
	case backend.Int8:
		return put(ctx, t, words, func(w uint32) int8 { return int8(w) })
	case backend.Int32:
		return put(ctx, t, words, func(w uint32) int32 { return int32(w) })
	case backend.Uint32:
		return put(ctx, t, words, func(w uint32) uint32 { return w })
	}
	z := make([]complex64, len(words)/2)
	for i := range z {
		z[i] = complex(math.Float32frombits(words[2*i]), math.Float32frombits(words[2*i+1]))
	}
	return backend.Upload(ctx, t, z)
}

func put[T backend.Element](ctx context.Context, t *backend.Tensor, words []uint32, of func(uint32) T) error {
	x := make([]T, len(words))
	for i, w := range words {
		x[i] = of(w)
	}
	return backend.Upload(ctx, t, x)
}

// download reads t, row-major.
func download(ctx context.Context, t *backend.Tensor) ([]uint32, error) {
	switch t.DType() {
	case backend.Float32:
		x, err := backend.ToSlice[float32](ctx, t)
		return floatWords(x), err
	case backend.Int8:
		x, err := backend.ToSlice[int8](ctx, t)
		return intWords(x), err
	case backend.Int32:
		x, err := backend.ToSlice[int32](ctx, t)
		return intWords(x), err
	case backend.Uint32:
		return backend.ToSlice[uint32](ctx, t)
	}
	z, err := backend.ToSlice[complex64](ctx, t)
	words := make([]uint32, 0, 2*len(z))
	for _, v := range z {
		words = append(words, math.Float32bits(real(v)), math.Float32bits(imag(v)))
	}
	return words, err
}
