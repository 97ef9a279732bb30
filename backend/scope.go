package backend

import (
	"context"
	"errors"
)

// Scope owns tensors that are closed together, as the scratch of one
// computation is. Its first error sticks: after it, New returns nil and Run
// does nothing, so that a sequence of steps is checked once at its end.
type Scope struct {
	dev     *Device
	ctx     context.Context
	tensors []*Tensor
	err     error
}

// NewScope returns an empty scope on dev whose operations run under ctx.
func NewScope(ctx context.Context, dev *Device) *Scope { return &Scope{dev: dev, ctx: ctx} }

// Err returns the scope's first error.
func (s *Scope) Err() error { return s.err }

// Fail records err as the scope's error unless it has one.
func (s *Scope) Fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// New returns a rows×cols tensor that the scope owns; see [Device.NewTensor].
func (s *Scope) New(dtype DType, rows, cols int) *Tensor {
	if s.err != nil {
		return nil
	}
	t, err := s.dev.newBatch(s.ctx, dtype, 1, rows, cols)
	return s.own(t, err)
}

// Run runs operations; see [Device.Run].
func (s *Scope) Run(ops ...Op) {
	if s.err == nil {
		s.err = s.dev.Run(s.ctx, ops...)
	}
}

func (s *Scope) own(t *Tensor, err error) *Tensor {
	if err != nil {
		s.Fail(err)
		return nil
	}
	s.tensors = append(s.tensors, t)
	return t
}

// Put returns a tensor that the scope owns and that holds a copy of data.
func Put[T Element](s *Scope, rows, cols int, data []T) *Tensor {
	if s.err != nil {
		return nil
	}
	t, err := FromSlice(s.ctx, s.dev, rows, cols, data)
	return s.own(t, err)
}

// Get returns a copy of t's elements; see [ToSlice].
func Get[T Element](s *Scope, t *Tensor) []T {
	if s.err != nil {
		return nil
	}
	data, err := ToSlice[T](s.ctx, t)
	s.Fail(err)
	return data
}

// Set overwrites t's elements; see [Upload].
func Set[T Element](s *Scope, t *Tensor, data []T) {
	if s.err == nil {
		s.err = Upload(s.ctx, t, data)
	}
}

// View returns rows [i0, i1) and columns [j0, j1) of t; see [Tensor.Slice].
func (s *Scope) View(t *Tensor, i0, i1, j0, j1 int) *Tensor {
	if s.err != nil {
		return nil
	}
	v, err := t.Slice(i0, i1, j0, j1)
	s.Fail(err)
	return v
}

// Reshape returns a view of t of another shape; see [Tensor.Reshape].
func (s *Scope) Reshape(t *Tensor, rows, cols int) *Tensor {
	if s.err != nil {
		return nil
	}
	v, err := t.Reshape(1, rows, cols)
	s.Fail(err)
	return v
}

// Close closes every tensor of the scope and returns the joined errors of closing.
func (s *Scope) Close() error {
	var errs []error
	for _, t := range s.tensors {
		errs = append(errs, t.Close())
	}
	s.tensors = nil
	return errors.Join(errs...)
}
