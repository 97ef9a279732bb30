package cpu

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"samebits/backend"
	"samebits/backend/exact"
)

// Every operation that Package backend describes has a kernel, with both paths.
func TestEveryOperationHasAKernel(t *testing.T) {
	for _, name := range backend.OpNames() {
		if k, ok := kernels[name]; !ok || k.fast == nil || k.reference == nil {
			t.Errorf("operation %q has no kernel", name)
		}
	}
	if len(kernels) != len(backend.OpNames()) {
		t.Errorf("%d kernels for %d operations", len(kernels), len(backend.OpNames()))
	}
}

// rig runs one operation on several devices and compares what they leave in
// every written tensor, gaps included.
type rig struct {
	t   *testing.T
	ctx context.Context
	dev *backend.Device
	out [][]byte // what the device left in the written tensors, with their gaps
	err error    // the first gap that was written
	fin []func()
}

// rigThreads returns the numbers of threads the fast path is run with.
func rigThreads() []int {
	if testing.Short() {
		return []int{1, 3}
	}
	return []int{1, 2, 3, 7}
}

// same runs what build describes on the reference and, with each number of
// threads, on the fast path, and reports bits that differ. build makes its
// tensors with in and out; it is called once a device and must give the same
// operation each time.
func same(t *testing.T, profile backend.ProfileRequest, what string, build func(r *rig) backend.Op) {
	t.Helper()
	want, err := runRig(t, "reference", backend.Config{Profile: profile}, build)
	if err != nil {
		t.Fatalf("%s on reference: %v", what, err)
	}
	for _, threads := range rigThreads() {
		got, err := runRig(t, "cpu", backend.Config{Profile: profile, Threads: threads}, build)
		if err != nil {
			t.Fatalf("%s on %d threads: %v", what, threads, err)
		}
		if d := differing(got, want); d != "" {
			t.Fatalf("%s on %d threads: %s", what, threads, d)
		}
	}
}

func runRig(t *testing.T, name string, cfg backend.Config, build func(r *rig) backend.Op) ([][]byte, error) {
	t.Helper()
	ctx := context.Background()
	dev, err := backend.Open(ctx, name, cfg)
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	r := &rig{t: t, ctx: ctx, dev: dev}
	op := build(r)
	if err := dev.Run(ctx, op); err != nil {
		return nil, err
	}
	for _, f := range r.fin {
		f()
	}
	return r.out, r.err
}

// differing names the first differing byte, or is empty.
func differing(got, want [][]byte) string {
	if len(got) == 0 || len(got) != len(want) {
		return fmt.Sprintf("%d outputs against %d", len(got), len(want))
	}
	for o := range got {
		for i := range got[o] {
			if got[o][i] != want[o][i] {
				w := i &^ 3
				return fmt.Sprintf("output %d, byte %d: % x, want % x", o, i, got[o][w:w+1], want[o][w:w+1])
			}
		}
	}
	return ""
}

// shape is a batch of matrices inside wider ones: gap columns more on each side.
type shape struct{ batch, rows, cols, gap int }

const sentinel = 0xa5

// in returns a tensor that holds data, surrounded by sentinels.
func in[T backend.Element](r *rig, s shape, data []T) *backend.Tensor {
	r.t.Helper()
	view, _ := place(r, s, data)
	return view
}

// out is in for a tensor that the operation writes: it is compared afterwards,
// and so are its gaps.
func out[T backend.Element](r *rig, s shape, data []T) *backend.Tensor {
	r.t.Helper()
	view, parent := place(r, s, data)
	r.fin = append(r.fin, func() {
		all, err := backend.ToSlice[T](r.ctx, parent)
		if err != nil {
			r.t.Fatal(err)
		}
		raw := bytesOf(all)
		r.out = append(r.out, raw)
		size := parent.DType().Size()
		for i, b := range raw {
			if j := i / size % parent.Cols(); (j < s.gap || j >= s.gap+s.cols) && b != sentinel && r.err == nil {
				r.err = fmt.Errorf("byte %d, in a gap, was written", i)
			}
		}
	})
	return view
}

func place[T backend.Element](r *rig, s shape, data []T) (view, parent *backend.Tensor) {
	r.t.Helper()
	parent, err := r.dev.NewBatch(backend.DTypeOf[T](), s.batch, s.rows, s.cols+2*s.gap)
	if err != nil {
		r.t.Fatal(err)
	}
	all := make([]T, parent.Len())
	raw := bytesOf(all)
	for i := range raw {
		raw[i] = sentinel
	}
	for i := range s.batch * s.rows {
		copy(all[i*parent.Cols()+s.gap:][:s.cols], data[i*s.cols:])
	}
	if err := backend.Upload(r.ctx, parent, all); err != nil {
		r.t.Fatal(err)
	}
	if view, err = parent.Slice(0, s.rows, s.gap, s.gap+s.cols); err != nil {
		r.t.Fatal(err)
	}
	return view, parent
}

func bytesOf[T backend.Element](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

func (s shape) len() int { return s.batch * s.rows * s.cols }

// numbers returns the same hard numbers for the same seed.
func numbers(seed uint64, n, kind int) []float32 {
	return hard(rand.New(rand.NewPCG(seed, uint64(n))), n, kind)
}

var profiles = []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit}

func TestMap(t *testing.T) {
	y := shape{2, 5, 9, 1}
	like := []shape{y, {1, 5, 9, 0}, {2, 1, 9, 2}, {2, 5, 1, 0}, {1, 1, 1, 0}, {1, 1, 9, 0}, {1, 5, 1, 3}}
	for _, profile := range profiles {
		for _, fn := range backend.Fns() {
			for v := range like {
				kind := v % hardKinds
				same(t, profile, fmt.Sprintf("%v, %v, stretched %d", profile, fn, v), func(r *rig) backend.Op {
					op := &backend.Map{Fn: fn, Y: out(r, y, numbers(9, y.len(), 0))}
					for a, arg := range []**backend.Tensor{&op.A, &op.B, &op.C}[:fn.Args()] {
						s := like[(v+a*3)%len(like)]
						*arg = in(r, s, numbers(uint64(a), s.len(), kind))
					}
					return op
				})
			}
			// without gaps, through the chunks of a row, and in place
			for _, n := range []int{mapChunk - 1, mapChunk + 1, 2*mapGrain + 3} {
				s := shape{1, 1, n, 0}
				same(t, profile, fmt.Sprintf("%v, %v of %d", profile, fn, n), func(r *rig) backend.Op {
					op := &backend.Map{Fn: fn, Y: out(r, s, numbers(1, n, 2))}
					op.A = op.Y
					if fn.Args() > 1 {
						op.B = in(r, s, numbers(2, n, 2))
					}
					if fn.Args() > 2 {
						op.C = op.Y
					}
					return op
				})
			}
		}
	}
}

var reductions = []backend.Reduction{backend.Sum, backend.Max, backend.Min, backend.ArgMax, backend.ArgMin, backend.MaxAbsFinite}

func TestReduce(t *testing.T) {
	shapes := []shape{{1, 1, 1, 0}, {2, 3, 63, 1}, {1, 2, 64, 0}, {1, 2, 65, 2}, {3, 255, 2, 1}, {1, 256, 5, 0}, {1, 257, 300, 0},
		{1, 513, 1, 1}, {1, 2, exact.SumBlock - 1, 0}, {2, 1, exact.SumBlock + 1, 1}, {1, 1, 5*exact.SumBlock + 77, 0},
		{1, 3, 0, 1}, {1, 0, 3, 1}, {2, 0, 3, 0}}
	for n, s := range shapes {
		for _, axis := range []backend.Axis{backend.AlongRow, backend.AlongColumn} {
			for _, red := range reductions {
				if s.len() == 0 && red != backend.Sum && red != backend.MaxAbsFinite {
					continue
				}
				for kind := range hardKinds {
					y := shape{s.batch, s.rows, 1, n % 2}
					if axis == backend.AlongColumn {
						y.rows, y.cols = 1, s.cols
					}
					if y.len() == 0 {
						continue
					}
					same(t, "", fmt.Sprintf("%v of %v, axis %d, kind %d", red, s, axis, kind), func(r *rig) backend.Op {
						op := &backend.Reduce{X: in(r, s, numbers(uint64(n), s.len(), kind)), Reduction: red, Axis: axis}
						if red == backend.ArgMax || red == backend.ArgMin {
							op.Y = out(r, y, make([]int32, y.len()))
						} else {
							op.Y = out(r, y, numbers(0, y.len(), 0))
						}
						return op
					})
				}
			}
		}
	}
}

func TestTopK(t *testing.T) {
	for _, s := range []shape{{1, 1, 1, 0}, {1, 3, 7, 1}, {1, 17, 64, 0}, {1, 5, 1000, 2}} {
		for _, m := range []int{1, 2, s.cols/2 + 1, s.cols} {
			for kind := range hardKinds {
				m = min(m, s.cols)
				y := shape{1, s.rows, m, 1}
				same(t, "", fmt.Sprintf("top %d of %v, kind %d", m, s, kind), func(r *rig) backend.Op {
					return &backend.TopK{Index: out(r, y, make([]int32, y.len())), X: in(r, s, numbers(uint64(m), s.len(), kind))}
				})
			}
		}
	}
}

func TestMoves(t *testing.T) {
	moves[int8](t)
	moves[float32](t)
	moves[int32](t)
	moves[uint32](t)
	moves[complex64](t)
}

// moves runs gather, transpose and copy on raw bits of one element type.
func moves[T backend.Element](t *testing.T) {
	random := func(s shape) []T {
		data := make([]T, s.len())
		src := rand.New(rand.NewPCG(uint64(s.rows), uint64(s.cols)))
		for i, raw := 0, bytesOf(data); i < len(raw); i++ {
			raw[i] = byte(src.Uint32())
		}
		return data
	}
	name := backend.DTypeOf[T]()
	for _, s := range []shape{{1, 1, 1, 0}, {2, 31, 33, 1}, {3, 32, 64, 0}, {1, 65, 1, 2}, {1, 1, 67, 0}, {1, 700, 211, 1}} {
		same(t, "", fmt.Sprintf("transpose %v %v", name, s), func(r *rig) backend.Op {
			y := shape{s.batch, s.cols, s.rows, 1}
			return &backend.Transpose{Y: out(r, y, make([]T, y.len())), X: in(r, s, random(s))}
		})
		same(t, "", fmt.Sprintf("copy %v %v", name, s), func(r *rig) backend.Op {
			y := shape{3, s.rows, s.cols, 1}
			x := shape{1, s.rows, s.cols, s.gap}
			return &backend.Copy{Y: out(r, y, make([]T, y.len())), X: in(r, x, random(x))}
		})
		same(t, "", fmt.Sprintf("gather %v %v", name, s), func(r *rig) backend.Op {
			x, y := shape{1, s.rows, s.cols, s.gap}, shape{1, 2*s.rows + 3, s.cols, 1}
			index := make([]int32, y.rows)
			for i := range index {
				index[i] = int32(i*7)%int32(s.rows+2) - 1
			}
			index[0], index[1] = math.MaxInt32, math.MinInt32
			return &backend.Gather{Y: out(r, y, random(y)), X: in(r, x, random(x)), Index: in(r, shape{1, y.rows, 1, 1}, index)}
		})
	}
}

// Each planted error of these kernels shows in the bits of an operation that
// it concerns, and the sound kernel does not.
func TestPlantedErrorsShow(t *testing.T) {
	product := func(k int, c float32) func(r *rig) backend.Op {
		return func(r *rig) backend.Op {
			a, b := shape{1, 7, k, 0}, shape{1, k, 5, 0}
			return &backend.MatMul{A: in(r, a, numbers(1, a.len(), 0)), B: in(r, b, numbers(2, b.len(), 0)),
				C: out(r, shape{1, 7, 5, 0}, filled(35, c))}
		}
	}
	argmax := func(r *rig) backend.Op {
		x := numbers(3, 40, 0)
		x[17] = float32(math.NaN())
		return &backend.Reduce{Y: out(r, shape{1, 1, 1, 0}, []int32{0}), X: in(r, shape{1, 1, 40, 0}, x), Reduction: backend.ArgMax}
	}
	for fault, build := range map[string]func(*rig) backend.Op{
		faultKTail: product(13, 0), faultReadsC: product(16, float32(math.NaN())),
		faultCutIgnored: product(2*exact.Cut, 0), faultNaNBlind: argmax,
	} {
		want, err := runRig(t, "reference", backend.Config{}, build)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"", fault} {
			got, err := runRig(t, "cpu", backend.Config{Fault: name}, build)
			if err != nil {
				t.Fatal(err)
			}
			if d := differing(got, want); (d != "") != (name != "") {
				t.Errorf("fault %q, planted %q: difference %q", fault, name, d)
			}
		}
	}
}

func filled(n int, v float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = v
	}
	return x
}
