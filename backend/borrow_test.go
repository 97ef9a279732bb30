package backend

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

// lender is a driver that works in host memory.
type lender struct{ *nullDriver }

func (l lender) Borrow(host []byte) Buffer { return host }

func TestBorrowGeneral(t *testing.T) {
	ctx := context.Background()
	m := blas32.General{Rows: 2, Cols: 3, Stride: 4, Data: []float32{1, 2, 3, -1, 4, 5, 6}}
	for _, name := range []string{"copied", "borrowed"} {
		dev, drv := newNull(t)
		if name == "borrowed" {
			dev = NewDevice(lender{drv}, Config{})
		}
		x, err := BorrowGeneral(ctx, dev, m)
		if err != nil {
			t.Fatal(err)
		}
		borrowed := name == "borrowed"
		if l := x.Layout(); l.Rows != 2 || l.Cols != 3 || (l.Stride == 4) != borrowed {
			t.Errorf("%s: layout %+v", name, l)
		}
		if s := dev.Stats(); (s.BytesUp == 0) != borrowed || (s.BytesLive == 0) != borrowed || s.TensorsLive != 1 {
			t.Errorf("%s: stats %+v", name, s)
		}
		if !borrowed {
			if got, err := ToSlice[float32](ctx, x); err != nil || !slices.Equal(got, []float32{1, 2, 3, 4, 5, 6}) {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		row, err := x.Slice(0, 1, 0, 3)
		if err != nil {
			t.Fatal(err)
		}
		y, err := dev.NewTensor(Float32, 1, 3)
		if err != nil {
			t.Fatal(err)
		}
		if err := dev.Run(ctx, &Copy{Y: row, X: y}); !errors.Is(err, ErrArgument) {
			t.Errorf("%s: writing a borrowed row: %v", name, err)
		}
		if err := dev.Run(ctx, &Copy{Y: y, X: row}); err != nil {
			t.Errorf("%s: reading a borrowed row: %v", name, err)
		}
		if err := Upload(ctx, row, []float32{7, 8, 9}); !errors.Is(err, ErrArgument) {
			t.Errorf("%s: upload to a borrowed row: %v", name, err)
		}
		if err := errors.Join(x.Close(), x.Close(), y.Close()); err != nil {
			t.Error(err)
		}
		if err := dev.Run(ctx, &Copy{Y: y, X: row}); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: reading after Close: %v", name, err)
		}
		if s := dev.Stats(); s.TensorsLive != 0 {
			t.Errorf("%s: %d tensors live", name, s.TensorsLive)
		}
		if _, err := BorrowGeneral(ctx, dev, blas32.General{Rows: 3, Cols: 3, Stride: 3, Data: m.Data}); !errors.Is(err, ErrShape) {
			t.Errorf("%s: too short a matrix: %v", name, err)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		if _, err := BorrowGeneral(ctx, dev, m); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: on a closed device: %v", name, err)
		}
	}
}

// A matrix whose extent passes an int is refused, whatever the product of its
// sizes wraps to.
func TestGeneralsThatOverflowAreRefused(t *testing.T) {
	dev, drv := newNull(t)
	lending := NewDevice(lender{drv}, Config{})
	const half = 1 << (bits.UintSize / 2)
	for _, m := range []blas32.General{
		{Rows: half + 1, Cols: 1, Stride: half, Data: make([]float32, 1)},
		{Rows: 9, Cols: 8, Stride: 1 << (bits.UintSize - 3), Data: make([]float32, 8)},
		{Rows: 3, Cols: 1, Stride: math.MaxInt, Data: make([]float32, 8)},
		{Rows: math.MaxInt, Cols: math.MaxInt, Stride: math.MaxInt, Data: make([]float32, 8)},
		{Rows: 1, Cols: math.MaxInt, Stride: math.MaxInt, Data: make([]float32, 8)},
	} {
		if _, err := BorrowGeneral(ctx, lending, m); !errors.Is(err, ErrShape) {
			t.Errorf("borrowed %d×%d, stride %d: %v", m.Rows, m.Cols, m.Stride, err)
		}
		if _, err := FromGeneral(ctx, dev, m); !errors.Is(err, ErrShape) {
			t.Errorf("copied %d×%d, stride %d: %v", m.Rows, m.Cols, m.Stride, err)
		}
	}
	// The stride of a single row says nothing.
	x, err := BorrowGeneral(ctx, lending, blas32.General{Rows: 1, Cols: 2, Stride: math.MaxInt, Data: []float32{1, 2}})
	if err != nil || x.Layout() != (Layout{Batch: 1, Rows: 1, Cols: 2, Stride: 2, BatchStride: 2}) {
		t.Errorf("a row: %v, %v", x, err)
	}
}

// A closed device holds no borrowed memory, however long its tensors live.
func TestCloseLetsBorrowedMemoryGo(t *testing.T) {
	_, drv := newNull(t)
	dev := NewDevice(lender{drv}, Config{})
	m := blas32.General{Rows: 1, Cols: 1, Stride: 1, Data: []float32{1}}
	x, errX := BorrowGeneral(ctx, dev, m)
	y, errY := BorrowGeneral(ctx, dev, m)
	if err := errors.Join(errX, errY, x.Close(), dev.Close()); err != nil {
		t.Fatal(err)
	}
	if x.mem.buf != nil || y.mem.buf != nil {
		t.Error("a closed tensor or device still holds the caller's slice")
	}
}
