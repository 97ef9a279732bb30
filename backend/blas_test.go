package backend_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/blas/testblas"

	"samebits/backend"
	"samebits/backend/exact"
)

func open(t testing.TB, name string, cfg backend.Config) *backend.Device {
	t.Helper()
	dev, err := backend.Open(context.Background(), name, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

// dgemmer runs gonum's cases for Dgemm, whose numbers are small enough to be
// exact in float32, on a Sgemm.
type dgemmer struct{ blas.Float32 }

func (d dgemmer) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int,
	beta float64, c []float64, ldc int) {
	narrow := func(x []float64) []float32 {
		y := make([]float32, len(x))
		for i, v := range x {
			y[i] = float32(v)
		}
		return y
	}
	c32 := narrow(c)
	d.Sgemm(tA, tB, m, n, k, float32(alpha), narrow(a), lda, narrow(b), ldb, float32(beta), c32, ldc)
	for i, v := range c32 {
		c[i] = float64(v)
	}
}

func TestBLASPassesGonumCases(t *testing.T) {
	for _, name := range []string{"cpu", "reference"} {
		testblas.TestDgemm(t, dgemmer{backend.BLAS(open(t, name, backend.Config{}))})
	}
	testblas.TestDgemm(t, dgemmer{backend.BLAS(nil)}) // the plain statement
}

// Sgemm panics, or returns, exactly as gonum's does.
func TestBLASPanicsAsGonum(t *testing.T) {
	own, theirs := backend.BLAS(open(t, "cpu", backend.Config{})), blas.Float32(gonum.Implementation{})
	call := func(b blas.Float32, tA, tB blas.Transpose, m, n, k, la, lda, lb, ldb, lc, ldc int) (p any) {
		defer func() { p = recover() }()
		b.Sgemm(tA, tB, m, n, k, 1, make([]float32, la), lda, make([]float32, lb), ldb, 1, make([]float32, lc), ldc)
		return nil
	}
	panics := map[string]int{}
	transposes := []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans, 'x', 0}
	r := rand.New(rand.NewPCG(1, 2))
	for range 30000 {
		tA, tB := transposes[r.IntN(len(transposes))], transposes[r.IntN(len(transposes))]
		if r.IntN(4) > 0 {
			tA, tB = transposes[r.IntN(3)], transposes[r.IntN(3)]
		}
		dim := func() int { return r.IntN(7) - r.IntN(2)*r.IntN(2) }
		m, n, k, lda, ldb, ldc := dim(), dim(), dim(), 1+r.IntN(9), 1+r.IntN(9), 1+r.IntN(9)
		la, lb, lc := r.IntN(60), r.IntN(60), r.IntN(60)
		want := call(theirs, tA, tB, m, n, k, la, lda, lb, ldb, lc, ldc)
		got := call(own, tA, tB, m, n, k, la, lda, lb, ldb, lc, ldc)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%c%c m=%d n=%d k=%d lda=%d/%d ldb=%d/%d ldc=%d/%d: %v, want %v", tA, tB, m, n, k, lda, la, ldb, lb, ldc, lc, got, want)
		}
		panics[fmt.Sprint(got)]++
	}
	if len(panics) != 11 { // ten messages and none
		t.Errorf("seen: %v", panics)
	}
}

// random returns a matrix of normal numbers with gap numbers after each row.
func random(seed uint64, rows, cols, gap int) blas32.General {
	r := rand.New(rand.NewPCG(seed, 9))
	g := blas32.General{Rows: rows, Cols: cols, Stride: max(1, cols+gap), Data: make([]float32, rows*max(1, cols+gap))}
	for i := range g.Data {
		g.Data[i] = float32(r.NormFloat64())
	}
	return g
}

func clone(g blas32.General) blas32.General {
	g.Data = append([]float32(nil), g.Data...)
	return g
}

// product is C by a MatMul on dev, what Sgemm has to give bit by bit; between
// the rows it is C.
func product(t *testing.T, dev *backend.Device, tA, tB blas.Transpose, alpha float32, a, b blas32.General, beta float32,
	c blas32.General) blas32.General {
	t.Helper()
	c = clone(c)
	s := backend.NewScope(context.Background(), dev)
	defer s.Close()
	put := func(g blas32.General) *backend.Tensor {
		x, err := backend.FromGeneral(context.Background(), dev, g)
		s.Fail(err)
		return x
	}
	x, z, y := put(a), put(b), put(c)
	defer func() { x.Close(); z.Close(); y.Close() }()
	s.Run(&backend.MatMul{C: y, A: x, B: z, TransA: tA != blas.NoTrans, TransB: tB != blas.NoTrans,
		Alpha: backend.Scalar(alpha), Beta: backend.Scalar(beta)})
	data := backend.Get[float32](s, y)
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	for i := range c.Rows {
		copy(c.Data[i*c.Stride:i*c.Stride+c.Cols], data[i*c.Cols:])
	}
	return c
}

func sameBits(a, b []float32) bool {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

// sweep calls test with many shapes, strides, transpositions and factors.
func sweep(test func(what string, tA, tB blas.Transpose, alpha float32, a, b blas32.General, beta float32, c blas32.General)) {
	for n, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {17, 33, 9}, {64, 64, 64}, {1, 70, 65}, {70, 1, 5}, {5, 4, 0}, {40, 41, 150}} {
		for v := range 8 {
			tA, tB := []blas.Transpose{blas.NoTrans, blas.Trans}[v&1], []blas.Transpose{blas.NoTrans, blas.ConjTrans}[v>>1&1]
			alpha, beta := []float32{1, -.7, 0}[(n+v)%3], []float32{0, 1, .3}[(n+v/2)%3]
			m, cols, k, gap := s[0], s[1], s[2], v>>2*3
			a, b := random(1, m, k, gap), random(2, k, cols, gap)
			if tA != blas.NoTrans {
				a = random(1, k, m, gap)
			}
			if tB != blas.NoTrans {
				b = random(2, cols, k, gap)
			}
			test(fmt.Sprintf("%v, variant %d", s, v), tA, tB, alpha, a, b, beta, random(3, m, cols, gap))
		}
	}
}

func gemm(b blas.Float32, tA, tB blas.Transpose, alpha float32, x, y blas32.General, beta float32, c blas32.General) {
	k := x.Cols
	if tA != blas.NoTrans {
		k = x.Rows
	}
	b.Sgemm(tA, tB, c.Rows, c.Cols, k, alpha, x.Data, x.Stride, y.Data, y.Stride, beta, c.Data, c.Stride)
}

func TestBLASGivesTheBitsOfMatMul(t *testing.T) {
	for _, profile := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit} {
		dev := open(t, "cpu", backend.Config{Profile: profile})
		own := backend.BLAS(dev)
		sweep(func(what string, tA, tB blas.Transpose, alpha float32, a, b blas32.General, beta float32, c blas32.General) {
			want := product(t, dev, tA, tB, alpha, a, b, beta, c)
			gemm(own, tA, tB, alpha, a, b, beta, c)
			if !sameBits(c.Data, want.Data) {
				t.Errorf("%v, %s: differs from MatMul", profile, what)
			}
		})
	}
}

// broken is a driver that fails at one of its calls and from there on, in ways
// a real one may: a Read that fails has already overwritten a part of its target.
type broken struct {
	at      string
	profile backend.Profile
}

var errBroken = errors.New("broken")

func (d *broken) fail(at string) error {
	if d.at == at {
		return errBroken
	}
	return nil
}
func (d *broken) Info() backend.Info                       { return backend.Info{Name: "broken", Profile: &d.profile} }
func (d *broken) Alloc(size int64) (backend.Buffer, error) { return size, d.fail("alloc") }
func (d *broken) Free(backend.Buffer)                      {}
func (d *broken) Run(context.Context, backend.Op) error {
	if d.at == "read" {
		return nil
	}
	return errBroken
}
func (d *broken) Sync(context.Context) error { return nil }
func (d *broken) Close() error               { return nil }
func (d *broken) Write(context.Context, backend.Buffer, int64, []byte) error {
	return d.fail("write")
}
func (d *broken) Read(_ context.Context, _ backend.Buffer, _ int64, dst []byte) error {
	for i := range dst[:len(dst)/2] {
		dst[i] = 0xee
	}
	return d.fail("read")
}

// A device that fails anywhere in a Sgemm leaves the same bits behind, whether
// a spare device or the plain statement finishes the product.
func TestBLASFinishesWhatADeviceFails(t *testing.T) {
	for _, mac := range []exact.Mac{exact.Fused, exact.Split} {
		profile := backend.Canonical()
		profile.Mac = mac
		cfg := backend.Config{Profile: backend.ProfileRequest(mac.String())}
		cpu := open(t, "cpu", cfg)
		closed := open(t, "cpu", cfg)
		closed.Close()
		devices := map[string]*backend.Device{"closed": closed}
		for _, at := range []string{"alloc", "write", "run", "read"} {
			devices[at] = backend.NewDevice(&broken{at: at, profile: profile}, backend.Config{})
		}
		for name, dev := range devices {
			for spare, own := range map[string]blas.Float32{"none": backend.BLAS(dev), "cpu": backend.BLAS(dev, cpu),
				"closed, cpu": backend.BLAS(dev, closed, cpu)} {
				sweep(func(what string, tA, tB blas.Transpose, alpha float32, a, b blas32.General, beta float32, c blas32.General) {
					want := product(t, cpu, tA, tB, alpha, a, b, beta, c)
					gemm(own, tA, tB, alpha, a, b, beta, c)
					if !sameBits(c.Data, want.Data) {
						t.Errorf("%v, device fails at %s, spare %s, %s: differs from MatMul", mac, name, spare, what)
					}
				})
			}
		}
	}
}

// Concurrent calls of different sizes give each their own result, and leave no
// more tensors behind than four calls need.
func TestBLASConcurrently(t *testing.T) {
	dev := open(t, "cpu", backend.Config{})
	own := backend.BLAS(dev)
	var wg sync.WaitGroup
	for g := range 8 {
		a, b := random(uint64(g), 10+g, 20, g), random(uint64(g)+50, 20, 30-g, 0)
		c := random(uint64(g)+90, 10+g, 30-g, g%2)
		want := product(t, dev, blas.NoTrans, blas.NoTrans, 1, a, b, .5, c)
		wg.Go(func() {
			for range 50 {
				got := clone(c)
				gemm(own, blas.NoTrans, blas.NoTrans, 1, a, b, .5, got)
				if !sameBits(got.Data, want.Data) {
					t.Errorf("goroutine %d differs", g)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := dev.Stats().TensorsLive; n > 4*3 {
		t.Errorf("%d tensors are left", n)
	}
}

// Once its memory has grown, a Sgemm takes no more of the device's, and none
// of the host's beyond what the operation itself does.
func TestBLASReusesMemory(t *testing.T) {
	dev := open(t, "cpu", backend.Config{Threads: 1})
	own := backend.BLAS(dev)
	a, b, c := random(1, 30, 40, 2), random(2, 40, 20, 0), random(3, 30, 20, 1)
	call := func() { gemm(own, blas.NoTrans, blas.NoTrans, 1, a, b, .5, c) }
	call()
	live := dev.Stats()
	ctx := context.Background()
	s := backend.NewScope(ctx, dev)
	defer s.Close()
	op := &backend.MatMul{A: s.New(backend.Float32, 30, 40), B: s.New(backend.Float32, 40, 20), C: s.New(backend.Float32, 30, 20)}
	bare := testing.AllocsPerRun(50, func() {
		if err := dev.Run(ctx, op); err != nil {
			t.Fatal(err)
		}
	})
	if n := testing.AllocsPerRun(50, call); n > bare && !raceDetector {
		t.Errorf("a Sgemm allocates %v times, its MatMul %v", n, bare)
	}
	s.Close()
	if now := dev.Stats(); now.TensorsLive != live.TensorsLive || now.BytesLive != live.BytesLive {
		t.Errorf("device memory grew from %+v to %+v", live, now)
	}
}

// A program written for gonum, on a device.
func ExampleBLAS() {
	dev, err := backend.Open(context.Background(), "cpu", backend.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	blas32.Use(backend.BLAS(dev))
	defer blas32.Use(gonum.Implementation{})

	a := blas32.General{Rows: 2, Cols: 3, Stride: 3, Data: []float32{1, 2, 3, 4, 5, 6}}
	b := blas32.General{Rows: 2, Cols: 3, Stride: 3, Data: []float32{1, 0, 2, 0, 1, -1}}
	c := blas32.General{Rows: 2, Cols: 2, Stride: 2, Data: []float32{10, 20, 30, 40}}
	blas32.Gemm(blas.NoTrans, blas.Trans, 2, a, b, .5, c)
	fmt.Println(c.Data)
	// Output: [19 8 47 18]
}

func BenchmarkBLAS(b *testing.B) {
	dev := open(b, "cpu", backend.Config{})
	for _, n := range []int{8, 64, 512} {
		x, y, z := random(1, n, n, 0), random(2, n, n, 0), random(3, n, n, 0)
		for _, impl := range []struct {
			name string
			blas.Float32
		}{{"device", backend.BLAS(dev)}, {"gonum", gonum.Implementation{}}} {
			b.Run(fmt.Sprintf("%d/%s", n, impl.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					gemm(impl, blas.NoTrans, blas.NoTrans, 1, x, y, 0, z)
				}
				b.ReportMetric(2*float64(n)*float64(n)*float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
