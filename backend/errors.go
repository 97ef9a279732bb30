package backend

import "errors"

// Sentinels for errors.Is. Every error a Device returns wraps one of these,
// or the context's error when the context ended first.
var (
	// ErrUnavailable says that a backend or device cannot be used here.
	ErrUnavailable = errors.New("backend not available")
	// ErrNotSupported says that a driver lacks an operation or a variant of it.
	ErrNotSupported = errors.New("not supported by this backend")
	// ErrOutOfMemory says that the device could not hold a tensor.
	ErrOutOfMemory = errors.New("out of device memory")
	// ErrContextLost says that the device was reset or removed; its tensors are gone.
	ErrContextLost = errors.New("device context lost")
	// ErrInternal says that a driver or its kernels failed where they should
	// work: a kernel does not compile, a valid call is refused.
	ErrInternal = errors.New("the driver or its kernels failed")
	// ErrShape says that shapes, strides, element types or overlaps do not fit together.
	ErrShape = errors.New("shape mismatch")
	// ErrArgument says that an option lies outside its range.
	ErrArgument = errors.New("invalid argument")
	// ErrClosed says that a device or tensor was used after Close.
	ErrClosed = errors.New("already closed")
)
