package backend

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

var ctx = context.Background()

func tensor(t *testing.T, d *Device, dt DType, dims ...int) *Tensor {
	t.Helper()
	batch := 1
	if len(dims) == 3 {
		batch, dims = dims[0], dims[1:]
	}
	x, err := d.NewBatch(dt, batch, dims[0], dims[1])
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestUploadDownloadThroughViews(t *testing.T) {
	d, _ := newNull(t)
	data := make([]float32, 5*7)
	for i := range data {
		data[i] = float32(i)
	}
	x, err := FromSlice(ctx, d, 5, 7, data)
	if err != nil {
		t.Fatal(err)
	}
	v, err := x.Slice(1, 4, 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ToSlice[float32](ctx, v)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{9, 10, 11, 16, 17, 18, 23, 24, 25}; !slices.Equal(got, want) {
		t.Fatalf("view holds %v, want %v", got, want)
	}
	if err := Upload(ctx, v, make([]float32, 9)); err != nil {
		t.Fatal(err)
	}
	whole, _ := ToSlice[float32](ctx, x)
	for i := range 5 {
		for j := range 7 {
			want := data[i*7+j]
			if i >= 1 && i < 4 && j >= 2 && j < 5 {
				want = 0
			}
			if whole[i*7+j] != want {
				t.Fatalf("element %d,%d is %v, want %v", i, j, whole[i*7+j], want)
			}
		}
	}
	if s := d.Stats(); s.BytesUp != 35*4+9*4 || s.BytesDown != 9*4+35*4 {
		t.Fatalf("stats %+v", s)
	}
}

func TestGeneralKeepsStride(t *testing.T) {
	d, _ := newNull(t)
	m := blas32.General{Rows: 2, Cols: 2, Stride: 3, Data: []float32{1, 2, -1, 3, 4}}
	x, err := FromGeneral(ctx, d, m)
	if err != nil {
		t.Fatal(err)
	}
	g, err := ToGeneral(ctx, x)
	if err != nil || !slices.Equal(g.Data, []float32{1, 2, 3, 4}) || g.Stride != 2 {
		t.Fatalf("got %+v, %v", g, err)
	}
	m.Data = m.Data[:4]
	if _, err := FromGeneral(ctx, d, m); !errors.Is(err, ErrShape) {
		t.Fatalf("short data: %v", err)
	}
}

func TestSizesThatOverflowAreRefused(t *testing.T) {
	d, drv := newNull(t)
	for _, dims := range [][3]int{{1, math.MaxInt / 2, math.MaxInt / 2}, {1, -1, 3}, {math.MaxInt / 4, math.MaxInt / 4, math.MaxInt / 4}, {0, -1, 1}} {
		if _, err := d.NewBatch(Float32, dims[0], dims[1], dims[2]); !errors.Is(err, ErrShape) {
			t.Errorf("%v: %v", dims, err)
		}
	}
	drv.limit = 1000
	if _, err := d.NewTensor(Float32, 100, 100); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("over the limit: %v", err)
	}
	if x, err := d.NewTensor(Float32, 0, math.MaxInt/16); err != nil || x.Len() != 0 {
		t.Errorf("empty tensor: %v", err)
	}
	if _, err := d.NewStrided(Float32, 1, 3, 4, 3); !errors.Is(err, ErrShape) {
		t.Errorf("stride below columns: %v", err)
	}
}

func TestCloseIsIdempotentAndFinal(t *testing.T) {
	d, drv := newNull(t)
	x := tensor(t, d, Float32, 2, 2)
	y := tensor(t, d, Float32, 2, 2)
	v, _ := x.Slice(0, 1, 0, 2)
	if err := v.Close(); err != nil || drv.live != 2 {
		t.Fatalf("closing a view freed memory: live %d, %v", drv.live, err)
	}
	x.Close()
	x.Close()
	if drv.live != 1 {
		t.Fatalf("live %d after closing one of two twice", drv.live)
	}
	if err := d.Run(ctx, &Copy{Y: y, X: x}); !errors.Is(err, ErrClosed) {
		t.Fatalf("closed operand: %v", err)
	}
	if _, err := ToSlice[float32](ctx, v); !errors.Is(err, ErrClosed) {
		t.Fatalf("view of closed tensor: %v", err)
	}
	d.Close()
	if err := d.Close(); err != nil || drv.closed != 1 {
		t.Fatalf("driver closed %d times, %v", drv.closed, err)
	}
	if err := y.Close(); err != nil || drv.live != 1 {
		t.Fatalf("tensor closed after its device: live %d, %v", drv.live, err)
	}
	if err := d.Run(ctx, &Copy{Y: y, X: y}); !errors.Is(err, ErrClosed) {
		t.Fatalf("closed device: %v", err)
	}
	if _, err := d.NewTensor(Float32, 1, 1); !errors.Is(err, ErrClosed) {
		t.Fatalf("new tensor on closed device: %v", err)
	}
}

func TestRunStopsAtContextAndDriverErrors(t *testing.T) {
	d, drv := newNull(t)
	x, y := tensor(t, d, Float32, 2, 2), tensor(t, d, Float32, 2, 2)
	done, cancel := context.WithCancel(ctx)
	cancel()
	if err := d.Run(done, &Copy{Y: y, X: x}); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
	drv.runErr = ErrNotSupported
	err := d.Run(ctx, &Copy{Y: y, X: x})
	if !errors.Is(err, ErrNotSupported) || !strings.Contains(err.Error(), "copy on null") {
		t.Fatalf("driver error: %v", err)
	}
	if len(drv.ran) != 0 || d.Stats().Ops != 0 {
		t.Fatalf("failed operations were counted")
	}
}

func TestEmptyOperationsDoNotReachTheDriver(t *testing.T) {
	d, drv := newNull(t)
	a, b, c := tensor(t, d, Float32, 0, 3), tensor(t, d, Float32, 3, 4), tensor(t, d, Float32, 0, 4)
	if err := d.Run(ctx, &MatMul{C: c, A: a, B: b}); err != nil || len(drv.ran) != 0 {
		t.Fatalf("ran %v, %v", drv.ran, err)
	}
	// An empty K still writes C.
	a, b, c = tensor(t, d, Float32, 2, 0), tensor(t, d, Float32, 0, 4), tensor(t, d, Float32, 2, 4)
	if err := d.Run(ctx, &MatMul{C: c, A: a, B: b}); err != nil || len(drv.ran) != 1 {
		t.Fatalf("ran %v, %v", drv.ran, err)
	}
}

func TestOverlapIsRefused(t *testing.T) {
	d, _ := newNull(t)
	x := tensor(t, d, Float32, 6, 8)
	slice := func(i0, i1, j0, j1 int) *Tensor {
		v, err := x.Slice(i0, i1, j0, j1)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	cases := []struct {
		name string
		y, x *Tensor
		ok   bool
	}{
		{"same", x, x, false},
		{"left and right half", slice(0, 6, 0, 4), slice(0, 6, 4, 8), true},
		{"columns share one", slice(0, 6, 0, 4), slice(0, 6, 3, 7), false},
		{"upper and lower half", slice(0, 3, 0, 8), slice(3, 6, 0, 8), true},
		{"rows share one", slice(0, 3, 0, 8), slice(2, 5, 0, 8), false},
		{"diagonal blocks", slice(0, 3, 0, 4), slice(3, 6, 4, 8), true},
	}
	for _, c := range cases {
		err := d.Run(ctx, &Copy{Y: c.y, X: c.x})
		if c.ok != (err == nil) || (!c.ok && !errors.Is(err, ErrShape)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := d.Run(ctx, &Map{Fn: FnExp, Y: x, A: x}); err != nil {
		t.Errorf("in place: %v", err)
	}
	if err := d.Run(ctx, &Map{Fn: FnAdd, Y: slice(0, 3, 0, 8), A: slice(1, 4, 0, 8), B: slice(0, 3, 0, 8)}); !errors.Is(err, ErrShape) {
		t.Errorf("shifted in place: %v", err)
	}
}

// TestOverlapAgainstElements compares the rectangle rule with a list of the
// elements themselves.
func TestOverlapAgainstElements(t *testing.T) {
	d, _ := newNull(t)
	x := tensor(t, d, Float32, 2, 5, 7)
	r := rand.New(rand.NewPCG(1, 2))
	elements := func(v *Tensor) map[int]bool {
		m := map[int]bool{}
		for b := range v.batch {
			for i := range v.rows {
				for j := range v.cols {
					m[v.offset+b*v.batchStride+i*v.stride+j] = true
				}
			}
		}
		return m
	}
	pick := func() *Tensor {
		i0, j0 := r.IntN(5), r.IntN(7)
		v, _ := x.Slice(i0, i0+1+r.IntN(5-i0), j0, j0+1+r.IntN(7-j0))
		if r.IntN(2) == 0 {
			v, _ = v.Matrix(r.IntN(2))
		}
		return v
	}
	found, precise := 0, 0
	for range 20000 {
		a, b := pick(), pick()
		share := false
		eb := elements(b)
		for e := range elements(a) {
			share = share || eb[e]
		}
		got := overlap(a, b)
		if share && !got {
			t.Fatalf("missed overlap of %+v and %+v", a.Layout(), b.Layout())
		}
		if share {
			found++
		} else if !got {
			precise++
		}
	}
	if found == 0 || precise == 0 {
		t.Fatalf("the sample shows nothing: %d overlaps, %d apart", found, precise)
	}
}

func TestOperandsOfOtherDevicesAreRefused(t *testing.T) {
	d, _ := newNull(t)
	e, _ := newNull(t)
	if err := d.Run(ctx, &Copy{Y: tensor(t, d, Int8, 2, 2), X: tensor(t, e, Int8, 2, 2)}); !errors.Is(err, ErrShape) {
		t.Fatal(err)
	}
	if err := d.Run(ctx, &Copy{Y: tensor(t, d, Int8, 2, 2)}); !errors.Is(err, ErrShape) {
		t.Fatal(err)
	}
}

func TestNilDeviceAndTensor(t *testing.T) {
	var d *Device
	_, err := d.NewTensor(Float32, 1, 1)
	for _, err := range []error{err, d.Run(ctx), d.Sync(ctx)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("nil device: %v", err)
		}
	}
	if err := d.Close(); err != nil || d.Info().Name != "" || d.Stats() != (Stats{}) || d.Profile() != (Profile{}) {
		t.Errorf("nil device: close %v", err)
	}
	if _, err := ToSlice[float32](ctx, nil); !errors.Is(err, ErrShape) {
		t.Errorf("nil tensor: %v", err)
	}
	if _, err := ToGeneral(ctx, nil); !errors.Is(err, ErrShape) {
		t.Errorf("nil tensor: %v", err)
	}
}

func TestInfoIsACopy(t *testing.T) {
	d, drv := newNull(t)
	drv.info.Limits = map[string]int64{"x": 1}
	d.info = drv.info
	in := d.Info()
	in.Limits["x"] = 2
	in.Profile.Mac = 1
	if d.Info().Limits["x"] != 1 || d.Profile().Mac != 0 {
		t.Error("a caller changed the device's description")
	}
}

func TestTransferTypeAndLength(t *testing.T) {
	d, _ := newNull(t)
	x := tensor(t, d, Float32, 2, 2)
	if err := Upload(ctx, x, make([]int32, 4)); !errors.Is(err, ErrShape) {
		t.Fatal(err)
	}
	if err := Download(ctx, make([]float32, 5), x); !errors.Is(err, ErrShape) {
		t.Fatal(err)
	}
	if err := Upload(ctx, nil, make([]float32, 5)); !errors.Is(err, ErrShape) {
		t.Fatal(err)
	}
}

func TestCheckingTakesNoMemory(t *testing.T) {
	d, drv := newNull(t)
	drv.ran = make([]string, 0, 4096)
	op := &MatMul{C: tensor(t, d, Float32, 4, 4), A: tensor(t, d, Float32, 4, 4), B: tensor(t, d, Float32, 4, 4), Bias: tensor(t, d, Float32, 1, 4)}
	ops := []Op{op}
	if n := testing.AllocsPerRun(100, func() {
		if err := d.Run(ctx, ops...); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("checking one product takes %v allocations", n)
	}
}
