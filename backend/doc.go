// Package backend is the contract between those who use a compute device and
// those who implement one.
//
// A [Device] is what users call. It checks shapes, strides, lifetimes and
// arguments once, so that every backend gives the same error for the same
// mistake, and hands sound work to a [Driver], which holds only arithmetic and
// device care. Drivers register themselves (see [Register]) and are opened by
// name, as in database/sql:
//
//	import _ "samebits/cpu" // "cpu" and "reference"
//	import _ "samebits/gpu" // "gl", "gl:0", "gl:1", ...
//
//	dev, err := backend.Open(ctx, "auto", backend.Config{})
//
// Work is described by operations ([Op]): plain structs that name their
// tensors and options, such as [MatMul], [Categorical] or [Nearest], run in
// call order by [Device.Run]. The bits of every result are fixed by the
// arithmetic contract that package backend/exact states; they do not depend
// on the driver, the number of threads, or how work is cut.
package backend
