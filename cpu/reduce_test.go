package cpu

import (
	"fmt"
	"math"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

// hardRows calls test with rows of every kind of hard numbers, zeros of both
// signs and a NaN at any place among them.
func hardRows(lengths []int, test func(what string, x []float32)) {
	for _, n := range lengths {
		for kind := range hardKinds {
			test(fmt.Sprintf("%d of kind %d", n, kind), numbers(uint64(n), n, kind))
		}
		zeros := make([]float32, n)
		for i := range zeros {
			zeros[i] = float32(math.Copysign(0, float64(i%3)-1))
		}
		test(fmt.Sprintf("%d zeros", n), zeros)
		below := filled(n, -1)
		below[n-1] = float32(math.Copysign(0, -1))
		test(fmt.Sprintf("%d below −0", n), below)
		for _, i := range []int{0, n / 2, n - 1} {
			x := numbers(uint64(i), n, 0)
			x[i] = math.Float32frombits(0xff800001) // a signalling NaN
			test(fmt.Sprintf("%d with a NaN at %d", n, i), x)
			x = numbers(uint64(i), n, 1)
			x[i] = float32(math.Inf(-1 + 2*(n%2)))
			test(fmt.Sprintf("%d with an infinity at %d", n, i), x)
		}
	}
}

var rowLengths = []int{1, 7, 8, 9, 31, 32, 40, 63, 64, 65, 100, 128, 200, 1027}

// Each row kernel gives the bits of its plain twin.
func TestReduceRowKernels(t *testing.T) {
	hardRows(rowLengths, func(what string, x []float32) {
		if got, want := blockSum(x), blockSumPlain(x); math.Float32bits(got) != math.Float32bits(want) {
			t.Errorf("%s: sum %x, want %x", what, got, want)
		}
		if got, want := maxAbsFinite(x), maxAbsFinitePlain(x); got != want {
			t.Errorf("%s: largest finite magnitude %x, want %x", what, got, want)
		}
		for _, flip := range []uint32{0, 1 << 31} {
			got, nan := largest(x, flip)
			want, wantNaN := largestPlain(x, flip)
			if nan != wantNaN || (!nan && got != want) {
				t.Errorf("%s: largest %v %v, want %v %v", what, got, nan, want, wantNaN)
			}
		}
		for i := 0; i < len(x); i += 1 + len(x)/17 {
			if got, want := indexOf(x, x[i]), indexOfPlain(x, x[i]); got != want {
				t.Errorf("%s: %v stands at %d, want %d", what, x[i], got, want)
			}
		}
	})
}

// Each column kernel gives the bits of its plain twin.
func TestReduceColumnKernels(t *testing.T) {
	for _, rows := range []int{1, 2, 3, 4, 5, 7, 8, 13} {
		hardRows([]int{1, 7, 8, 9, 40, 67}, func(what string, x []float32) {
			cols := len(x)
			v := exact.View[float32]{Rows: rows, Cols: cols, Stride: cols + 3}
			v.Data = numbers(uint64(rows), rows*v.Stride, 2)
			copy(v.Row(rows/2), x)
			what = fmt.Sprintf("row %d of %d is %s", rows/2, rows, what)
			got, want := numbers(1, cols, 0), numbers(1, cols, 0)
			addRows(got, v, 0, rows)
			addRowsPlain(want, v, 0, rows, 0)
			for j := range got {
				if math.Float32bits(exact.CanonNaN(got[j])) != math.Float32bits(exact.CanonNaN(want[j])) {
					t.Errorf("%s: sum of column %d is %v, want %v", what, j, got[j], want[j])
				}
			}
			j0 := cols / 3
			n := cols - j0
			a, b := make([]uint32, n), make([]uint32, n)
			maxAbsFiniteColumns(a, v, j0)
			maxAbsFiniteColumnsPlain(b, v, j0, 0)
			top, top2 := make([]float32, n), make([]float32, n)
			best, best2 := make([]int32, n), make([]int32, n)
			for _, flip := range []uint32{0, 1 << 31} {
				largestColumns(top, best, v, j0, flip)
				largestColumnsPlain(top2, best2, v, j0, 0, flip)
				for j := range n {
					if a[j] != b[j] || best[j] != best2[j] || math.Float32bits(top[j]) != math.Float32bits(top2[j]) {
						t.Fatalf("%s: column %d: %x, %v at %d, want %x, %v at %d", what, j, a[j], top[j], best[j], b[j], top2[j], best2[j])
					}
				}
			}
		})
	}
}

func BenchmarkReduce(b *testing.B) {
	for _, axis := range []backend.Axis{backend.AlongRow, backend.AlongColumn} {
		for _, red := range reductions {
			for _, s := range [][2]int{{16384, 10}, {2048, 64}, {64, 1024}, {4096, 1024}} {
				b.Run(fmt.Sprintf("%v/axis=%d/%dx%d", red, axis, s[0], s[1]), func(b *testing.B) {
					ctx := b.Context()
					dev, err := backend.Open(ctx, "cpu", backend.Config{Threads: 1})
					if err != nil {
						b.Fatal(err)
					}
					defer dev.Close()
					scope := backend.NewScope(ctx, dev)
					op := &backend.Reduce{X: backend.Put(scope, s[0], s[1], numbers(1, s[0]*s[1], 0)), Reduction: red, Axis: axis}
					kind, rows, cols := backend.Float32, s[0], 1
					if red == backend.ArgMax || red == backend.ArgMin {
						kind = backend.Int32
					}
					if axis == backend.AlongColumn {
						rows, cols = 1, s[1]
					}
					op.Y = scope.New(kind, rows, cols)
					if scope.Err() != nil {
						b.Fatal(scope.Err())
					}
					for b.Loop() {
						if err := dev.Run(ctx, op); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(s[0]*s[1]), "ns/element")
				})
			}
		}
	}
}
