//go:build gl && cgo

package gpu

import (
	"context"
	"fmt"
	"time"

	"github.com/go-gl/gl/v4.3-core/gl"

	"samebits/backend"
)

// fenceSlice is how long the GL thread waits for the device before it looks whether its caller still does.
const fenceSlice = 20 * time.Millisecond

// A pace keeps the device close behind the thread: at most dispatchesAhead·(fencesAhead+1) dispatches are given to it
// and not finished, which is enough to keep it busy, and little to wait for when the work is given up.
type pace struct {
	fences     []uintptr // of GL, one after dispatchesAhead dispatches each, oldest first
	dispatches int       // since the last fence
}

const (
	dispatchesAhead = 8
	fencesAhead     = 2
)

// beforeDispatch waits, on the GL thread, until one more dispatch may be given to the device.
func (d *driver) beforeDispatch(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := &d.pace
	if p.dispatches == dispatchesAhead {
		p.fences = append(p.fences, gl.FenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0))
		p.dispatches = 0
	}
	for len(p.fences) > fencesAhead {
		if err := d.waitFence(ctx, p.fences[0]); err != nil {
			return err
		}
		gl.DeleteSync(p.fences[0])
		p.fences = p.fences[1:]
	}
	p.dispatches++
	return nil
}

// finish waits, on the GL thread, until the device has done all it was given, or ctx ends.
func (d *driver) finish(ctx context.Context) error {
	fence := gl.FenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0)
	defer gl.DeleteSync(fence)
	return d.waitFence(ctx, fence)
}

// waitFence waits in slices until the device has passed a fence, or ctx ends.
func (d *driver) waitFence(ctx context.Context, fence uintptr) error {
	for {
		switch gl.ClientWaitSync(fence, gl.SYNC_FLUSH_COMMANDS_BIT, uint64(fenceSlice)) {
		case gl.ALREADY_SIGNALED, gl.CONDITION_SATISFIED:
			return nil
		case gl.TIMEOUT_EXPIRED:
		default:
			if err := d.glError("waiting for the device"); err != nil {
				return err
			}
			return fmt.Errorf("waiting for the device: %w", backend.ErrInternal)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.resetError("waiting for the device", false); err != nil { // it may never pass the fence
			return err
		}
	}
}
