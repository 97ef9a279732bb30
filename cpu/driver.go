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
		threads: int(info.Limits["threads"]), fault: cfg.Fault}, nil
}

// driver runs operations on host memory. Run finishes its operation before it
// returns.
type driver struct {
	info      backend.Info
	mac       exact.Mac
	reference bool
	threads   int
	fault     string // the planted error, empty but under verification
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
	if d.reference {
		return k.reference(d, op)
	}
	return k.fast(ctx, d, op)
}

// Sync implements backend.Driver; Run leaves nothing to wait for.
func (d *driver) Sync(context.Context) error { return nil }

// Close implements backend.Driver.
func (d *driver) Close() error { return nil }

// buffer is host memory, aligned to a cache line.
type buffer struct{ bytes []byte }

const cacheLine = 64

// Alloc implements backend.Driver.
func (d *driver) Alloc(size int64) (buf backend.Buffer, err error) {
	// make panics on sizes past the address space; memory that the system
	// cannot give later ends the process, as everywhere in Go.
	defer func() {
		if recover() != nil {
			buf, err = nil, fmt.Errorf("%d bytes: %w", size, backend.ErrOutOfMemory)
		}
	}()
	raw := make([]byte, size+cacheLine)
	shift := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (cacheLine - 1)
	return &buffer{raw[shift : shift+int(size) : shift+int(size)]}, nil
}

// Free implements backend.Driver; the collector takes the memory.
func (d *driver) Free(b backend.Buffer) { b.(*buffer).bytes = nil }

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

// parallel cuts [0, n) into blocks of at least grain and runs work on them on
// all of the driver's threads. Which thread takes which block never shows in a
// result. It stops early, with the context's error, when ctx ends.
func (d *driver) parallel(ctx context.Context, n, grain int, work func(from, to int)) error {
	grain = max(1, grain)
	blocks := (n + grain - 1) / grain
	threads := min(d.threads, blocks)
	if threads <= 1 {
		for from := 0; from < n; from += grain {
			if err := ctx.Err(); err != nil {
				return err
			}
			work(from, min(from+grain, n))
		}
		return ctx.Err()
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		next int
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next >= blocks || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	for range threads {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				b, ok := take()
				if !ok {
					return
				}
				work(b*grain, min((b+1)*grain, n))
			}
		}()
	}
	wg.Wait()
	return ctx.Err()
}
