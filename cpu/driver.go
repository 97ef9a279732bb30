// Package cpu is the processor's driver. It registers two backends:
//
//   - "cpu": packed, tiled and threaded kernels, one file an operation;
//   - "reference": the plain statements of package backend/exact, one thread,
//     against which everything else is compared.
//
// Both follow the fused and the split profile and give the same bits, for any
// number of threads.
package cpu

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"samebits/backend"
	"samebits/backend/exact"
)

func init() {
	backend.Register("cpu", family{}, backend.Traits{})
	backend.Register("reference", family{reference: true}, backend.Traits{Hidden: true})
}

// family lists and opens the one device of a CPU backend.
type family struct{ reference bool }

func (f family) name() string {
	if f.reference {
		return "reference"
	}
	return "cpu"
}

func (f family) info(cfg backend.Config) backend.Info {
	profile := backend.Canonical()
	if cfg.Profile == backend.ProfileSplit {
		profile.Mac = exact.Split
	}
	threads := cfg.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if f.reference {
		threads = 1
	}
	return backend.Info{
		Name: f.name(), Kind: f.name(), Renderer: processorName(), Usable: true, Profile: &profile,
		Limits: map[string]int64{"threads": int64(threads)},
	}
}

// Devices implements backend.Backend.
func (f family) Devices(_ context.Context, cfg backend.Config) []backend.Info {
	return []backend.Info{f.info(cfg)}
}

// Open implements backend.Backend.
func (f family) Open(_ context.Context, index int, cfg backend.Config) (backend.Driver, error) {
	if index > 0 {
		return nil, fmt.Errorf("device %d of 1: %w", index, backend.ErrUnavailable)
	}
	if err := checkFault(cfg.Fault); err != nil {
		return nil, err
	}
	info := f.info(cfg)
	return &driver{info: info, mac: info.Profile.Mac, reference: f.reference,
		threads: int(info.Limits["threads"]), fault: cfg.Fault, buffers: map[*buffer]struct{}{}}, nil
}

// driver runs operations on host memory. Run finishes its operation before it
// returns.
type driver struct {
	info      backend.Info
	mac       exact.Mac
	reference bool
	threads   int
	fault     string // the planted error, empty but under verification

	mu      sync.Mutex // guards buffers
	buffers map[*buffer]struct{}
}

// kernel holds an operation's two implementations.
type kernel struct {
	fast      func(ctx context.Context, d *driver, op backend.Op) error
	reference func(d *driver, op backend.Op) error
}

// kernels maps an operation's name to its kernel; each kernel's file adds its own.
var kernels = map[string]kernel{}

// register adds the kernel of one operation type.
func register[T backend.Op](name string, fast func(context.Context, *driver, T) error, reference func(*driver, T) error) {
	kernels[name] = kernel{
		fast:      func(ctx context.Context, d *driver, op backend.Op) error { return fast(ctx, d, op.(T)) },
		reference: func(d *driver, op backend.Op) error { return reference(d, op.(T)) },
	}
}

// Info implements backend.Driver.
func (d *driver) Info() backend.Info { return d.info }

// Run implements backend.Driver.
func (d *driver) Run(ctx context.Context, op backend.Op) error {
	k, ok := kernels[op.Name()]
	if !ok {
		return backend.ErrNotSupported
	}
	var err error
	soundly(func() {
		if d.reference {
			err = k.reference(d, op)
		} else {
			err = k.fast(ctx, d, op)
		}
	})
	return err
}

// Sync implements backend.Driver; Run leaves nothing to wait for.
func (d *driver) Sync(context.Context) error { return nil }

// Write implements backend.Driver.
func (d *driver) Write(_ context.Context, b backend.Buffer, offset int64, src []byte) error {
	copy(b.(*buffer).bytes[offset:], src)
	return nil
}

// Read implements backend.Driver.
func (d *driver) Read(_ context.Context, b backend.Buffer, offset int64, dst []byte) error {
	copy(dst, b.(*buffer).bytes[offset:])
	return nil
}

// matrix returns matrix b of a tensor's batch; a batch of one serves every b.
func matrix[T backend.Element](t *backend.Tensor, b int) exact.View[T] {
	l := t.Layout()
	v := exact.View[T]{Rows: l.Rows, Cols: l.Cols, Stride: l.Stride}
	if t.Len() == 0 {
		v.Stride = 0 // so that Row(i) of no data is an empty row
		return v
	}
	if l.Batch == 1 {
		b = 0
	}
	bytes := t.Buffer().(*buffer).bytes
	all := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/t.DType().Size())
	start := l.Offset + b*l.BatchStride
	v.Data = all[start : start+(l.Rows-1)*l.Stride+l.Cols]
	return v
}

// optional returns the only matrix of a tensor that may be nil.
func optional[T backend.Element](t *backend.Tensor) (v exact.View[T], given bool) {
	if t == nil {
		return v, false
	}
	return matrix[T](t, 0), true
}
