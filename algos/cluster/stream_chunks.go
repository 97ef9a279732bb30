package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"unsafe"

	"gonum.org/v1/gonum/blas/blas32"

	"samebits/algos/dataset"
)

// chunk is some rows of a source.
type chunk struct {
	first int // number of the first row in the whole data set
	rows  blas32.General
	err   error
	slot  int

	release func() // or nil
}

// chunks reads the rows of a source ahead of their use, by one chunk.
type chunks struct {
	out    chan chunk
	free   chan int
	cancel context.CancelFunc
	done   chan struct{}
	digest hash.Hash // of the rows' values, or nil
}

// readChunks reads rows [from, to), size rows at a time. With digest they are
// hashed on the way. The caller calls close.
func readChunks(ctx context.Context, src dataset.Source, from, to, size int, digest bool) *chunks {
	ctx, cancel := context.WithCancel(ctx)
	c := &chunks{out: make(chan chunk), free: make(chan int, 2), cancel: cancel, done: make(chan struct{})}
	if digest {
		c.digest = sha256.New()
	}
	go func() {
		defer close(c.done)
		defer close(c.out)
		if err := c.read(ctx, src, from, to, size); err != nil {
			select {
			case c.out <- chunk{err: err}:
			case <-ctx.Done():
			}
		}
	}()
	return c
}

func (c *chunks) read(ctx context.Context, src dataset.Source, from, to, size int) error {
	_, inMemory := src.(*dataset.MatrixSource)
	viewer, canShow := src.(dataset.Viewer)
	var buffers [2][]float32
	for i := range buffers {
		c.free <- i
	}
	longest, place := min(size, to-from), -1
	for from < to {
		slot, err := take(ctx, c.free)
		if err != nil {
			return err
		}
		n := min(size, to-from)
		var rows blas32.General
		var release func()
		shown := false
		if canShow {
			if rows, release, shown, err = viewer.View(from, n); err != nil {
				return err
			}
		}
		if inMemory && c.digest != nil {
			if i, j, bad := notFinite(rows); bad {
				return fmt.Errorf("row %d, column %d is not finite: %w", from+i+1, j+1, ErrInput)
			}
		}
		if !shown {
			if place != from {
				if err := src.Seek(ctx, from); err != nil {
					return err
				}
			}
			if buffers[slot] == nil {
				buffers[slot] = make([]float32, longest*src.Cols())
			}
			rows = blas32.General{Rows: n, Cols: src.Cols(), Stride: src.Cols(), Data: buffers[slot]}
			got, err := src.Next(ctx, rows)
			if err == io.EOF || err == nil && got < n {
				return fmt.Errorf("the data ends after %d rows of %d: %w", from+got, src.Rows(), ErrInput)
			}
			if err != nil {
				return err
			}
			rows.Data, place = rows.Data[:n*rows.Cols], from+n
		}
		if c.digest != nil {
			hashRows(c.digest, rows)
		}
		select {
		case c.out <- chunk{first: from, rows: rows, slot: slot, release: release}:
		case <-ctx.Done():
			giveBack(release)
			return ctx.Err()
		}
		from += n
	}
	return nil
}

func take(ctx context.Context, free <-chan int) (int, error) {
	select {
	case slot := <-free:
		return slot, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func giveBack(release func()) {
	if release != nil {
		release()
	}
}

// hashRows adds the rows' values, little-endian, to a digest: for finite values
// that of dataset.SHA256Float32. Every processor that devices run beside is
// little-endian.
func hashRows(h hash.Hash, rows blas32.General) {
	for i := 0; i < rows.Rows; {
		n := 1
		if rows.Stride == rows.Cols {
			n = rows.Rows
		}
		part := rows.Data[i*rows.Stride : (i+n-1)*rows.Stride+rows.Cols]
		h.Write(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(part))), 4*len(part)))
		i += n
	}
}

// each calls f with every chunk, in order, and returns the digest of their
// values, where there is one. The rows hold until f returns.
func (c *chunks) each(ctx context.Context, f func(chunk) error) (string, error) {
	for ch := range c.out {
		if ch.err != nil {
			return "", errors.Join(ctx.Err(), ch.err)
		}
		err := f(ch)
		giveBack(ch.release)
		if err != nil {
			return "", err
		}
		c.free <- ch.slot
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if c.digest == nil {
		return "", nil
	}
	return hex.EncodeToString(c.digest.Sum(nil)), nil
}

// close ends the reading and waits for it: the source is free afterwards.
func (c *chunks) close() {
	c.cancel()
	for ch := range c.out { // a chunk that nobody takes
		giveBack(ch.release)
	}
	<-c.done
}

// digestRows hashes rows [from, to) of a source.
func digestRows(ctx context.Context, src dataset.Source, from, to, size int, seen func(rows int)) (string, error) {
	c := readChunks(ctx, src, from, to, size, true)
	defer c.close()
	return c.each(ctx, func(ch chunk) error { seen(ch.first + ch.rows.Rows - from); return nil })
}
