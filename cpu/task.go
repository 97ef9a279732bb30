package cpu

import (
	"context"
	"iter"
	"sync"

	"samebits/backend/exact"
)

// A closure that goes to another thread is allocated, one for every operation.
// Operations that keep what they work on in a reused call, and name their
// pieces of work as functions of it, allocate nothing.

// call is an operation, or a part of one, under way: T holds its operands.
type call[T any] struct {
	args T

	// What runs now, and the functions that run it, made once for all uses.
	ctx    context.Context // of the rows
	piece  func(args *T, from, to int)
	row    func(args *T, r int, s spreader) error
	pieces func(from, to int)
	rows   func(from, to int)
}

// calls keeps calls for reuse.
type calls[T any] struct{ pool sync.Pool }

func (p *calls[T]) take() *call[T] {
	if c, ok := p.pool.Get().(*call[T]); ok {
		return c
	}
	c := new(call[T])
	c.pieces = func(from, to int) { c.piece(&c.args, from, to) }
	c.rows = func(from, to int) {
		for r := from; r < to; r++ {
			if c.row(&c.args, r, spreader{ctx: c.ctx}) != nil {
				return // the context has ended, which parallel returns, too
			}
		}
	}
	return c
}

// give takes a call back, without the tensors' memory that it has held.
func (p *calls[T]) give(c *call[T]) {
	var none T
	c.args, c.ctx, c.piece, c.row = none, nil, nil, nil
	p.pool.Put(c)
}

// parallel is driver.parallel over pieces of the call.
func (c *call[T]) parallel(ctx context.Context, d *driver, n, grain int, piece func(args *T, from, to int)) error {
	c.piece = piece
	return d.parallel(ctx, n, grain, c.pieces)
}

// spreader says where the blocks of a row run: without a driver on the thread
// that has the row to itself, else on all of the driver's threads.
type spreader struct {
	ctx context.Context
	d   *driver
}

// spread runs pieces of exact.SumBlock over [0, n) until the context ends.
func (c *call[T]) spread(s spreader, n int, piece func(args *T, from, to int)) error {
	if s.d != nil {
		return c.parallel(s.ctx, s.d, n, exact.SumBlock, piece)
	}
	for from := 0; from < n; from += exact.SumBlock {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		piece(&c.args, from, min(from+exact.SumBlock, n))
	}
	return nil
}

// forRows calls row for each of n rows: on all threads at once, each row on
// one of them, or, where rows are fewer than threads and long, one after the
// other with a spreader over all threads.
func (c *call[T]) forRows(ctx context.Context, d *driver, n, cols int, row func(args *T, r int, s spreader) error) error {
	if n < d.threads && cols > exact.SumBlock {
		for r := range n {
			if err := row(&c.args, r, spreader{ctx, d}); err != nil {
				return err
			}
		}
		return nil
	}
	// Pieces of work of a block or, where there are many, of several, because a
	// row's kernel calls the next row into the cache.
	grain := max(1, exact.SumBlock/max(1, cols))
	grain = max(grain, min(4*grain, n/(8*d.threads)))
	c.ctx, c.row = ctx, row
	return d.parallel(ctx, n, grain, c.rows)
}

// longPiece is the number of elements of a row that a kernel takes in one go:
// some ten microseconds, in which neither the context is looked at nor, in
// assembly, the garbage collector gets a word in.
const longPiece = 4 * exact.SumBlock

// longPieces cuts [0, n) into pieces of longPiece elements. It stops when ctx
// ends; see ended.
func longPieces(ctx context.Context, n int) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for from := 0; from < n && !ended(ctx, n); from += longPiece {
			if !yield(from, min(from+longPiece, n)) {
				return
			}
		}
	}
}

// ended reports whether what is done to n elements may have been cut short. A
// short row is always finished, and asks for nothing.
func ended(ctx context.Context, n int) bool { return n > longPiece && ctx.Err() != nil }
