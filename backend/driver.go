package backend

import (
	"context"
	"log/slog"
)

// Driver is what a backend implements. A Device calls it from one goroutine
// at a time, with arguments it has already checked: shapes fit, tensors are
// open and belong to this driver, options lie in their ranges, outputs do not
// overlap inputs except where the operation says so, and at least one output
// has an element.
type Driver interface {
	// Info describes the device and the profile its results follow.
	Info() Info
	// Alloc returns a buffer of at least size bytes, size > 0, with any content.
	Alloc(size int64) (Buffer, error)
	// Free gives a buffer back; operations already run may still read it.
	Free(Buffer)
	// Write copies src into buf from byte offset on; src may be reused on return.
	Write(ctx context.Context, buf Buffer, offset int64, src []byte) error
	// Read fills dst from byte offset on, after all operations run so far.
	// Errors of those that buf's content depends on surface here at the
	// latest; others at Sync or Close.
	Read(ctx context.Context, buf Buffer, offset int64, dst []byte) error
	// Run starts one operation. It may return before the operation has
	// finished. A driver that lacks it returns an error wrapping ErrNotSupported.
	Run(ctx context.Context, op Op) error
	// Sync waits for all operations run so far and returns their first error.
	Sync(ctx context.Context) error
	// Close frees everything the driver holds. It is called once.
	Close() error
}

// Borrower is implemented by drivers that work in host memory.
type Borrower interface {
	// Borrow returns a buffer that is host itself, at the alignment of its
	// elements. The driver reads it only, until Free or Close. Device calls
	// it as it calls a Driver.
	Borrow(host []byte) Buffer
}

// Buffer is a driver's own handle of a piece of device memory.
type Buffer any

// Info describes one device: usable or not, and why.
type Info struct {
	// Name is what Open takes: "cpu", "gl:0".
	Name string `json:"name"`
	// Kind is the backend: "cpu" or "gl".
	Kind string `json:"kind"`
	// Renderer is the processor or the driver's own name for the device.
	Renderer string `json:"renderer"`
	// Driver is the version string of the driver, empty for a processor.
	Driver string `json:"driver,omitempty"`
	// Software is true for a GPU that is emulated on the processor.
	Software bool `json:"software"`
	// Usable says whether Open would succeed.
	Usable bool `json:"usable"`
	// Auto is true for the device that "auto" takes.
	Auto bool `json:"auto"`
	// Reason says why the device is not usable, or why auto takes or passes it.
	Reason string `json:"reason"`
	// Profile is the arithmetic of the device; nil where it is not usable.
	Profile *Profile `json:"profile"`
	// Limits are the device's sizes in bytes or counts, by name.
	Limits map[string]int64 `json:"limits"`
}

// Config says how to open a device. The zero value opens the canonical
// profile on all processors.
type Config struct {
	// Profile is the arithmetic asked for; empty means fused.
	Profile ProfileRequest
	// Threads bounds the CPU backend's threads; 0 means GOMAXPROCS, which
	// bounds them as well. It never changes a result.
	Threads int
	// ProbeCommand, when set, is a command that prints the JSON of a
	// []Info for the backends that may crash or hang while they are looked
	// at; it is run in a child process before anything is opened in this
	// one. A program passes its own hidden subcommand. Empty means probing
	// in process.
	ProbeCommand []string
	// Logger takes what happens on the way; nil discards it.
	Logger *slog.Logger
	// Fault names an error that the driver plants into its own kernels, so
	// that a verifier can prove it would be found. Only verification sets it.
	Fault string
}

func (c Config) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return slog.New(slog.DiscardHandler)
}
