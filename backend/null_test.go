package backend

import (
	"context"
	"fmt"
	"testing"
)

// nullDriver stores bytes and counts operations; it does no arithmetic, so
// that the tests of this package see the Device alone.
type nullDriver struct {
	info   Info
	ran    []string
	limit  int64 // bytes; 0 for none
	live   int
	closed int
	runErr error
}

func newNull(t *testing.T) (*Device, *nullDriver) {
	t.Helper()
	p := Canonical()
	drv := &nullDriver{info: Info{Name: "null", Kind: "null", Usable: true, Profile: &p}}
	dev := NewDevice(drv, Config{})
	t.Cleanup(func() { dev.Close() })
	return dev, drv
}

func (d *nullDriver) Info() Info { return d.info }

func (d *nullDriver) Alloc(size int64) (Buffer, error) {
	if d.limit > 0 && size > d.limit {
		return nil, fmt.Errorf("%d bytes: %w", size, ErrOutOfMemory)
	}
	d.live++
	return make([]byte, size), nil
}

func (d *nullDriver) Free(Buffer) { d.live-- }

func (d *nullDriver) Write(_ context.Context, b Buffer, off int64, src []byte) error {
	copy(b.([]byte)[off:], src)
	return nil
}

func (d *nullDriver) Read(_ context.Context, b Buffer, off int64, dst []byte) error {
	copy(dst, b.([]byte)[off:])
	return nil
}

func (d *nullDriver) Run(_ context.Context, op Op) error {
	if d.runErr != nil {
		return d.runErr
	}
	d.ran = append(d.ran, op.Name())
	return nil
}

func (d *nullDriver) Sync(context.Context) error { return nil }
func (d *nullDriver) Close() error               { d.closed++; return nil }
