package cpu

import (
	"unsafe"

	"samebits/backend"
)

// plants are the planted errors that stand around a kernel: they change what
// it is asked for, or what it leaves in memory. Each gets the operation and
// what runs it; an operation that an error does not touch runs as it is.
var plants = map[string]func(op backend.Op, run func(backend.Op) error) error{
	"matmul-transpose-ignored-square": asked(func(o *backend.MatMul) {
		o.TransA = o.TransA && o.A.Rows() != o.A.Cols()
	}),
	"matmul-conj-ignored": asked(func(o *backend.MatMul) { o.ConjA = false }),
	"matmul-alpha-per-tile": asked(func(o *backend.MatMul) {
		if _, _, k := o.Sizes(); k > 16 {
			alpha := o.Alpha.Or(1)
			o.Alpha = backend.ComplexScalar(alpha * alpha)
		}
	}),
	"matmul-batch-stale": left(func(o *backend.MatMul) func() {
		return func() {
			if o.C.DType() != backend.Float32 || o.C.Len() == 0 {
				return
			}
			for b := o.C.Batch() - 1; b > 0; b-- {
				stale, c := matrix[float32](o.C, 0), matrix[float32](o.C, b)
				for i := range c.Rows {
					for j, v := range stale.Row(i) {
						c.Row(i)[j] += v
					}
				}
			}
		}
	}),
	"matmul-odd-tail-skipped": left(func(o *backend.MatMul) func() { return keepOddTail(o.C) }),
	"matmul-writes-past-end": left(func(o *backend.MatMul) func() {
		return func() {
			l, size := o.C.Layout(), o.C.DType().Size()
			end := (l.Offset + (l.Batch-1)*l.BatchStride + (l.Rows-1)*l.Stride + l.Cols) * size
			if b := o.C.Buffer().(*buffer).bytes; o.C.Len() > 0 && end+size <= len(b) {
				copy(b[end:end+size], b[end-size:end])
			}
		}
	}),
	"matmul-input-overwritten": left(func(o *backend.MatMul) func() {
		return func() {
			if o.A.Len() > 0 {
				rowMemory(o.A, 0, 0)[0] ^= 1
			}
		}
	}),
	"qmatmul-zero-point-forgotten":           asked(func(o *backend.QMatMul) { o.ZeroB = 0 }),
	"softmax-temperature-ignored":            asked(func(o *backend.Softmax) { o.Temperature = backend.Factor{} }),
	"logsumexp-temperature-ignored":          asked(func(o *backend.LogSumExp) { o.Temperature = backend.Factor{} }),
	"withoutreplacement-temperature-ignored": asked(func(o *backend.WithoutReplacement) { o.Temperature = backend.Factor{} }),
	"categorical-draws-share-numbers": left(func(o *backend.Categorical) func() {
		return func() { spreadFirst(o.Index) }
	}),
	"fill-rows-share-numbers": left(func(o *backend.Fill) func() {
		return func() {
			for i := 1; i < o.Y.Rows() && o.Y.Len() > 0; i++ {
				copy(rowMemory(o.Y, 0, i), rowMemory(o.Y, 0, 0))
			}
		}
	}),
	"fill-streams-share-numbers": drawn(func(d *backend.Draws) { d.Sub = 0 }),
	"fill-steps-share-numbers":   drawn(func(d *backend.Draws) { d.Step &^= 1 }),
	"filter-edge-off-by-one": asked(func(o *backend.Filter) {
		if o.Kind == backend.FilterTopK && o.K > 1 {
			o.K = min(o.K, o.X.Cols()) - 1
			o.K = max(o.K, 1)
		}
	}),
	"nearest-index-without-base": left(func(o *backend.Nearest) func() { return func() { modulo(o.Index, 16) } }),
	"distances-l1-for-l2": func(op backend.Op, run func(backend.Op) error) error {
		wrong := func(m backend.Metric) backend.Metric {
			if m == backend.SquaredEuclidean || m == backend.Euclidean {
				return backend.Manhattan
			}
			return m
		}
		switch o := op.(type) {
		case *backend.Distances:
			c := *o
			c.Metric = wrong(c.Metric)
			return run(&c)
		case *backend.Nearest:
			c := *o
			c.Metric = wrong(c.Metric)
			return run(&c)
		case *backend.PairwiseSum:
			c := *o
			c.Metric = wrong(c.Metric)
			return run(&c)
		}
		return run(op)
	},
	"pairwisesum-label-forgotten": asked(func(o *backend.PairwiseSum) { o.Label = nil }),
	"scatter-weight-forgotten":    asked(func(o *backend.ScatterSum) { o.Weight = nil }),
	"map-relu-keeps-minus-zero": left(func(o *backend.Map) func() {
		const minusZero = 0x80000000
		var at [][3]int
		for b := 0; o.Fn == backend.FnRelu && b < o.A.Batch() && o.A.Len() == o.Y.Len(); b++ {
			for i := range o.A.Rows() {
				for j, bits := range wordsOf(rowMemory(o.A, b, i)) {
					if bits == minusZero {
						at = append(at, [3]int{b, i, j})
					}
				}
			}
		}
		return func() {
			for _, p := range at {
				wordsOf(rowMemory(o.Y, p[0], p[1]))[p[2]] = minusZero
			}
		}
	}),
	"reduce-index-without-base": left(func(o *backend.Reduce) func() {
		return func() {
			if o.Reduction == backend.ArgMax || o.Reduction == backend.ArgMin {
				modulo(o.Y, 64)
			}
		}
	}),
	"topk-one-late": left(func(o *backend.TopK) func() {
		return func() {
			for i := 0; i < o.Index.Rows() && o.Index.Cols() > 1; i++ {
				row := wordsOf(rowMemory(o.Index, 0, i))
				row[0], row[1] = row[1], row[0]
			}
		}
	}),
	"gather-row-after": left(func(o *backend.Gather) func() {
		return func() {
			for b := 0; b < o.Y.Batch() && o.Y.Len() > 0 && o.Y.Rows() > 1; b++ {
				copy(rowMemory(o.Y, b, o.Y.Rows()-1), rowMemory(o.Y, b, o.Y.Rows()-2))
			}
		}
	}),
	"copy-odd-tail-skipped": func(op backend.Op, run func(backend.Op) error) error {
		restore := func() {}
		switch o := op.(type) {
		case *backend.Copy:
			restore = keepOddTail(o.Y)
		case *backend.Transpose:
			restore = keepOddTail(o.Y)
		}
		err := run(op)
		restore()
		return err
	},
}

// plant runs an operation with this driver's planted error.
func (d *driver) plant(op backend.Op, run func(backend.Op) error) error {
	if p := plants[d.fault]; p != nil && !d.reference {
		return p(op, run)
	}
	return run(op)
}

// asked changes what operations of one type ask for.
func asked[O any, P interface {
	*O
	backend.Op
}](change func(P)) func(backend.Op, func(backend.Op) error) error {
	return func(op backend.Op, run func(backend.Op) error) error {
		o, ok := op.(P)
		if !ok {
			return run(op)
		}
		c := *o
		change(&c)
		return run(P(&c))
	}
}

// left changes what operations of one type leave in memory: look sees it
// before they run and returns what to do afterwards.
func left[P backend.Op](look func(P) func()) func(backend.Op, func(backend.Op) error) error {
	return func(op backend.Op, run func(backend.Op) error) error {
		o, ok := op.(P)
		if !ok {
			return run(op)
		}
		after := look(o)
		err := run(op)
		after()
		return err
	}
}

// drawn changes the position of all that draw.
func drawn(change func(*backend.Draws)) func(backend.Op, func(backend.Op) error) error {
	return func(op backend.Op, run func(backend.Op) error) error {
		switch o := op.(type) {
		case *backend.Fill:
			c := *o
			change(&c.Draws)
			return run(&c)
		case *backend.Categorical:
			c := *o
			change(&c.Draws)
			return run(&c)
		case *backend.GumbelSoftmax:
			c := *o
			change(&c.Draws)
			return run(&c)
		case *backend.WithoutReplacement:
			c := *o
			change(&c.Draws)
			return run(&c)
		}
		return run(op)
	}
}

// rowMemory is the memory of one row of a tensor that is not empty.
func rowMemory(t *backend.Tensor, b, i int) []byte {
	l, size := t.Layout(), t.DType().Size()
	start := (l.Offset + b*l.BatchStride + i*l.Stride) * size
	return t.Buffer().(*buffer).bytes[start : start+l.Cols*size]
}

// wordsOf is the memory of a row as words.
func wordsOf(row []byte) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(row))), len(row)/4)
}

// keepOddTail keeps the last row of an odd number, in every matrix of a batch,
// and returns what puts it back.
func keepOddTail(t *backend.Tensor) func() {
	if t.Len() == 0 || t.Rows()%2 == 0 {
		return func() {}
	}
	var kept [][]byte
	for b := range t.Batch() {
		kept = append(kept, append([]byte(nil), rowMemory(t, b, t.Rows()-1)...))
	}
	return func() {
		for b, row := range kept {
			copy(rowMemory(t, b, t.Rows()-1), row)
		}
	}
}

// spreadFirst copies the first index of each row over the row.
func spreadFirst(t *backend.Tensor) {
	for i := 0; i < t.Rows() && t.Len() > 0; i++ {
		row := wordsOf(rowMemory(t, 0, i))
		for j := range row {
			row[j] = row[0]
		}
	}
}

// modulo takes the indices of a tensor modulo n; −1 stays.
func modulo(t *backend.Tensor, n int32) {
	for b := 0; b < t.Batch() && t.Len() > 0; b++ {
		for i := range t.Rows() {
			row := wordsOf(rowMemory(t, b, i))
			for j, v := range row {
				if int32(v) >= 0 {
					row[j] = uint32(int32(v) % n)
				}
			}
		}
	}
}
