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
	threads := processors()
	if cfg.Threads > 0 {
		threads = min(threads, cfg.Threads)
	}
	if f.reference {
		threads = 1
	}
	info := backend.Info{
		Name: f.name(), Kind: f.name(), Renderer: processorName(), Usable: true, Profile: &profile,
		Limits: map[string]int64{"threads": int64(threads)},
	}
	if errCap != nil {
		info.Usable, info.Reason = false, errCap.Error()
	}
	return info
}

// processors is the number of threads that can run at a time; more would only
// wait for each other.
var processors = func() int { return runtime.GOMAXPROCS(0) }

// Devices implements backend.Backend.
func (f family) Devices(_ context.Context, cfg backend.Config) []backend.Info {
	return []backend.Info{f.info(cfg)}
}

// Open implements backend.Backend.
func (f family) Open(_ context.Context, index int, cfg backend.Config) (backend.Driver, error) {
	if index > 0 {
		return nil, fmt.Errorf("device %d of 1: %w", index, backend.ErrUnavailable)
	}
	if errCap != nil {
		return nil, errCap
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

	last     kernel // of the latest operation: those of a kind follow each other
	lastName string

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

// Run implements backend.Driver. A panic of a kernel is an error that wraps
// ErrInternal.
func (d *driver) Run(ctx context.Context, op backend.Op) (err error) {
	if name := op.Name(); name != d.lastName {
		k, ok := kernels[name]
		if !ok {
			return backend.ErrNotSupported
		}
		d.last, d.lastName = k, name
	}
	was := settle()
	defer func() {
		unsettle(was)
		if p := recover(); p != nil {
			err = caught(p)
		}
	}()
	return d.compute(ctx, op)
}

// compute runs an operation of the latest kind.
func (d *driver) compute(ctx context.Context, op backend.Op) error {
	if d.reference {
		return d.last.reference(d, op)
	}
	if d.fault != "" {
		return d.plant(op, func(op backend.Op) error { return d.last.fast(ctx, d, op) })
	}
	return d.last.fast(ctx, d, op)
}

// Sync implements backend.Driver; Run leaves nothing to wait for.
func (d *driver) Sync(context.Context) error { return nil }

// Write implements backend.Driver.
func (d *driver) Write(ctx context.Context, b backend.Buffer, offset int64, src []byte) error {
	return move(ctx, b.(*buffer).bytes[offset:], src)
}

// Read implements backend.Driver.
func (d *driver) Read(ctx context.Context, b backend.Buffer, offset int64, dst []byte) error {
	return move(ctx, dst, b.(*buffer).bytes[offset:])
}

// move copies piece by piece, looking at ctx in between; a copy in one go
// would keep a garbage collection waiting, too.
func move(ctx context.Context, dst, src []byte) error {
	const piece = 4 << 20
	for len(dst) > piece && len(src) > piece {
		copy(dst[:piece], src)
		dst, src = dst[piece:], src[piece:]
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	copy(dst, src)
	return nil
}

// matrix returns matrix b of a tensor's batch; a batch of one serves every b.
func matrix[T backend.Element](t *backend.Tensor, b int) (v exact.View[T]) {
	setMatrix(&v, t, b)
	return v
}

// setMatrix is *v = matrix(t, b) for those to whom the copy's time matters.
func setMatrix[T backend.Element](v *exact.View[T], t *backend.Tensor, b int) {
	v.Rows, v.Cols, v.Stride = t.Rows(), t.Cols(), t.Stride()
	if v.Rows == 0 || v.Cols == 0 || t.Batch() == 0 {
		v.Stride, v.Data = 0, nil // so that Row(i) of no data is an empty row
		return
	}
	bytes := t.Buffer().(*buffer).bytes
	all := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/int(unsafe.Sizeof(*new(T))))
	start := t.Start(b)
	v.Data = all[start : start+(v.Rows-1)*v.Stride+v.Cols]
}

// optional returns the only matrix of a tensor that may be nil.
func optional[T backend.Element](t *backend.Tensor) (v exact.View[T], given bool) {
	if t == nil {
		return v, false
	}
	return matrix[T](t, 0), true
}
