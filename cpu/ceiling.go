package cpu

import (
	"context"
	"sync"
	"time"
	"unsafe"
)

// Ceiling is a rate that no kernel on this machine passes: the arithmetic
// alone, or the memory alone. Rates are measured, never looked up, because a
// shared or throttled machine does not reach what its data sheet says.
type Ceiling struct {
	// Name says what runs: "fma avx2", "fma avx512", "fma scalar", "int8 avx2",
	// "int8 avxvnni", "int8 avx512vnni", "int8 scalar", "copy", "copy
	// non-temporal".
	Name string
	// Bound is what the ceiling bounds.
	Bound Bound
	// Threads that run it at once.
	Threads int

	work    func(thread int) // one piece of one thread's work
	amount  float64          // operations or bytes of a piece, in 10⁹
	prepare func()
}

// Bound is a kind of ceiling, with its unit.
type Bound string

// The bounds of an operation. A multiply-add counts two, a copied byte two.
const (
	Compute Bound = "compute" // float32 arithmetic, in GFLOP/s
	Integer Bound = "integer" // int8 products summed in int32, in Gop/s
	Memory  Bound = "memory"  // in GB/s of bytes read plus bytes written
)

// Unit is "GFLOP/s", "Gop/s" or "GB/s".
func (b Bound) Unit() string {
	return map[Bound]string{Compute: "GFLOP/s", Integer: "Gop/s", Memory: "GB/s"}[b]
}

// ceilingTime is how long one measurement lasts at least; threads start within
// a small part of it.
const ceilingTime = 10 * time.Millisecond

// ceilingSamples is how many of them the best is taken of.
const ceilingSamples = 4

// copyBytes is what all threads together copy in one go: more than the caches
// of common machines hold, source and destination together.
const copyBytes = 128 << 20

// Ceilings lists what can be measured here: fused multiply-adds and products of
// int8 that stay in registers, for each instruction set that kernels may use
// (Instructions), and copies between
// buffers that no cache holds, with stores through the cache and, where there
// are any, past it; each on one thread and, for threads > 1, on that many.
// The copies share 256 MiB, taken at the first measurement of one and freed
// with the list.
func Ceilings(threads int) []*Ceiling {
	var list []*Ceiling
	buffers := &copyBuffers{size: copyBytes}
	counts := []int{1}
	if threads > 1 {
		counts = append(counts, threads)
	}
	for _, k := range append(multiplyAddKernels(), integerKernels()...) {
		for _, n := range counts {
			list = append(list, &Ceiling{Name: k.name, Bound: k.bound, Threads: n, amount: ceilingSteps * k.operations / 1e9,
				work: func(int) { k.run(ceilingSteps) }})
		}
	}
	for _, k := range copyKernels() {
		for _, n := range counts {
			list = append(list, &Ceiling{Name: k.name, Bound: Memory, Threads: n, amount: 2 * float64(buffers.part(n)) / 1e9,
				prepare: buffers.take, work: func(thread int) {
					size := buffers.part(n)
					k.run(buffers.dst[thread*size:(thread+1)*size], buffers.src[thread*size:(thread+1)*size])
				}})
		}
	}
	return list
}

// ceilingSteps is the number of steps of one call of a multiply-add kernel,
// well under the time in which Go wants to interrupt a thread.
const ceilingSteps = 1 << 14

// multiplyAdds runs steps of independent multiply-adds, of so many operations
// each.
type multiplyAdds struct {
	name       string
	bound      Bound
	operations float64
	run        func(steps int)
}

// copier copies src to dst, equally long, both aligned to a cache line and a
// multiple of copyUnit bytes.
type copier struct {
	name string
	run  func(dst, src []byte)
}

const copyUnit = 256

// Unit is the bound's.
func (c *Ceiling) Unit() string { return c.Bound.Unit() }

// Measure runs the ceiling's work some times for about 10 ms, longer for
// memory, and returns all threads' best rate together: for a moment two
// threads can share one processor beside an idle one, which is no ceiling. The
// error is the context's.
func (c *Ceiling) Measure(ctx context.Context) (rate float64, err error) {
	if c.prepare != nil {
		c.prepare()
	}
	for rounds := 1; ; rounds *= 2 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		seconds := c.time(rounds)
		if seconds < ceilingTime.Seconds() {
			continue
		}
		for again := 1; again < ceilingSamples && ctx.Err() == nil; again++ {
			seconds = min(seconds, c.time(rounds))
		}
		return float64(rounds*c.Threads) * c.amount / seconds, ctx.Err()
	}
}

// time returns the seconds in which every thread does rounds pieces of work.
func (c *Ceiling) time(rounds int) float64 {
	start := time.Now()
	var others sync.WaitGroup
	for thread := 1; thread < c.Threads; thread++ {
		others.Go(func() {
			for range rounds {
				c.work(thread)
			}
		})
	}
	for range rounds {
		c.work(0)
	}
	others.Wait()
	return max(time.Since(start).Seconds(), 1e-9)
}

// copyBuffers are the two ends of a copy, written once so that the system has
// given their memory.
type copyBuffers struct {
	size     int
	once     sync.Once
	src, dst []byte
}

func (b *copyBuffers) take() {
	b.once.Do(func() {
		b.src, b.dst = alignedBytes(b.size), alignedBytes(b.size)
		for i := range b.src {
			b.src[i] = byte(i)
			b.dst[i] = byte(i)
		}
	})
}

// part is the share of one of n threads.
func (b *copyBuffers) part(n int) int { return b.size / n / copyUnit * copyUnit }

func alignedBytes(size int) []byte {
	raw := make([]byte, size+cacheLine)
	shift := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (cacheLine - 1)
	return raw[shift : shift+size]
}
