//go:build gl && cgo

package gpu

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/go-gl/gl/v4.3-core/gl"

	"samebits/backend"
)

// driver runs operations on one OpenGL context. Run plans an operation and queues it for the thread that owns the
// context; Alloc, Read, Sync and large Writes wait for that thread. What fails in the queue is kept with the buffers it
// should have written (failure.go). A context given to Run bounds the operation, not the call alone: an operation that
// has not been given to the device when its context ends, or only in part, fails with the context's error, so that
// nothing waits for work that no one wants any more.
type driver struct {
	info    backend.Info
	fault   string // the planted error, empty but under verification
	thread  *thread
	context *contextInfo
	limits  limits

	// Used on the GL thread alone.
	programs *programCache
	running  string // the operation that is given to the device
	scratch  scratchPool
	dummy    buffer // bound where a tensor is absent
	pace     pace
	failures failures
	lost     error // set once the context is known to be lost
}

// limits are sizes of the context.
type limits struct {
	ssboBytes   int64 // the largest shader storage block
	sharedBytes int64 // shared memory of a work group
	invocations int64 // of a work group
	bindings    int64 // shader storage blocks of a compute shader
	groups      [3]int

	// loopIterations is how many iterations an invocation's loops make before this device ends them silently; 0 where
	// no such end was found. Kernels keep to maxIterations of loops.go whatever it is.
	loopIterations int64
}

// open starts a context on a device, probes its arithmetic and returns a driver that follows the profile asked for.
func open(dev deviceInfo, cfg backend.Config) (*driver, error) {
	th, glContext, err := openDevice(dev)
	if err != nil {
		return nil, err
	}
	d := &driver{thread: th, context: glContext, fault: cfg.Fault, programs: newProgramCache(nil)}
	d.failures.live = map[*buffer]bool{}
	d.info = backend.Info{
		Name: fmt.Sprintf("gl:%d", dev.index), Kind: "gl", Renderer: glContext.renderer, Driver: glContext.version,
		Software: glContext.software,
	}
	if err := d.prepare(cfg.Profile); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", glContext.renderer, joinErrors(err, th.close()), backend.ErrUnavailable)
	}
	return d, nil
}

// prepare reads the limits, runs the probe and fixes the defines that all programs share.
func (d *driver) prepare(request backend.ProfileRequest) error {
	err := d.do(func() error {
		d.limits = readLimits()
		d.dummy.bytes = 64
		return d.create(&d.dummy)
	})
	if err != nil {
		return err
	}
	found, err := d.probe()
	if err != nil {
		return fmt.Errorf("profile probe: %w", err)
	}
	if d.limits.loopIterations, err = d.measureLoops(); err != nil {
		return fmt.Errorf("loop probe: %w", err)
	}
	if n := d.limits.loopIterations; n != 0 && n < maxIterations {
		return fmt.Errorf("it ends loops silently after %d iterations, where kernels make %d", n, maxIterations)
	}
	profile, macDefine, reason := decideProfile(request, found)
	common := map[string]string{macDefine: "1"}
	if d.fault != "" {
		common[faultDefine(d.fault)] = "1"
	}
	d.programs = newProgramCache(common)
	d.info.Usable, d.info.Profile, d.info.Reason = true, &profile, reason
	d.info.Limits = map[string]int64{
		"max_ssbo_bytes": d.limits.ssboBytes, "max_shared_bytes": d.limits.sharedBytes,
		"max_workgroup_invocations": d.limits.invocations, "max_ssbo_bindings": d.limits.bindings,
		"max_workgroups_x": int64(d.limits.groups[0]), "max_workgroups_y": int64(d.limits.groups[1]),
		"max_workgroups_z": int64(d.limits.groups[2]), "float64": 0,
		"max_loop_iterations": d.limits.loopIterations,
	}
	if found.float64 {
		d.info.Limits["float64"] = 1
	}
	return nil
}

func readLimits() limits {
	get := func(name uint32) int64 {
		var v int64
		gl.GetInteger64v(name, &v)
		return v
	}
	l := limits{
		ssboBytes:   get(gl.MAX_SHADER_STORAGE_BLOCK_SIZE),
		sharedBytes: get(gl.MAX_COMPUTE_SHARED_MEMORY_SIZE),
		invocations: get(gl.MAX_COMPUTE_WORK_GROUP_INVOCATIONS),
		bindings:    get(gl.MAX_COMPUTE_SHADER_STORAGE_BLOCKS),
	}
	for i := range l.groups {
		var v int32
		gl.GetIntegeri_v(gl.MAX_COMPUTE_WORK_GROUP_COUNT, uint32(i), &v)
		l.groups[i] = int(v)
	}
	return l
}

// Info implements backend.Driver. The caller may change what it gets.
func (d *driver) Info() backend.Info {
	in := d.info
	in.Limits = maps.Clone(in.Limits)
	if in.Profile != nil {
		p := *in.Profile
		in.Profile = &p
	}
	return in
}

// do runs f on the GL thread, after all that was queued, and waits.
func (d *driver) do(f func() error) error { return d.doWithin(context.Background(), f) }

// doWithin is do, but does not begin f any more once ctx has ended.
func (d *driver) doWithin(ctx context.Context, f func() error) error {
	return d.thread.doWithin(ctx, func() error {
		if d.lost != nil {
			return d.lost
		}
		return f()
	})
}

// Run implements backend.Driver.
func (d *driver) Run(ctx context.Context, op backend.Op) error {
	planner, ok := operations[op.Name()]
	if !ok {
		return backend.ErrNotSupported
	}
	p := &plan{driver: d, ctx: ctx}
	if err := planner(p, op); err != nil {
		return err
	}
	if p.err != nil {
		return p.err
	}
	name, use := op.Name(), usesOf(op)
	return d.thread.post(ctx, func() {
		if err := d.execute(p, name, use); err != nil {
			d.fail(fmt.Errorf("%s on %s: %w", name, d.info.Name, err), use.written...)
		}
	})
}

// execute gives an operation to the device, on the GL thread, and sees to the marks of what it uses but for its own
// failure's.
func (d *driver) execute(p *plan, name string, use uses) error {
	if d.lost != nil {
		return d.lost
	}
	d.strays()
	for _, b := range use.read {
		if f := b.failed; f != nil && f.reported {
			return fmt.Errorf("an operand: %w", f.err)
		} else if f != nil { // the one failure is enough to report
			use.mark(f)
			return nil
		}
	}
	d.running = name
	err := p.issue()
	// Also where issue failed: what it leaves in GL's error state is this operation's.
	if glErr := d.glError(name); err == nil {
		err = glErr
	}
	if err == nil {
		use.clear()
	}
	return err
}

// Sync implements backend.Driver.
func (d *driver) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.doWithin(ctx, func() error {
		if err := d.finish(ctx); err != nil {
			return err
		}
		d.strays()
		return d.failures.take()
	})
}

// Close implements backend.Driver. The context takes its buffers and programs along. It returns the first failure that
// no one has seen.
func (d *driver) Close() error {
	var unseen error
	_ = d.thread.do(func() error { // a thread that is broken says so when it is closed
		unseen = d.failures.take()
		return nil
	})
	return joinErrors(unseen, d.thread.close())
}

const glContextLost = 0x0507 // OpenGL 4.5, KHR_robustness

// glError reads GL's error and the context's state, on the GL thread. The error says what was done when it showed up.
func (d *driver) glError(doing string) error {
	var err error
	// Bounded, because a lost context may never run dry.
	for range 16 {
		code := gl.GetError()
		if code == gl.NO_ERROR {
			break
		}
		if err == nil {
			err = fmt.Errorf("%s: %w", doing, glErrorCode(code))
		}
	}
	if lost := d.resetError(doing, errors.Is(err, backend.ErrContextLost)); lost != nil {
		return lost
	}
	return err
}

// resetError returns the error of a context that is known to be lost, or is found to be; known says that another sign
// shows it.
func (d *driver) resetError(doing string, known bool) error {
	if d.lost == nil && (d.context.resetStatus() != gl.NO_ERROR || known) { // the status says so once
		d.lost = fmt.Errorf("%s: %s was reset: %w", doing, d.info.Name, backend.ErrContextLost)
	}
	return d.lost
}

// glErrorCode turns a code of glGetError into an error. What is neither a lack of memory nor a lost context is a call
// that this implementation refuses although it should not, which no user can mend.
func glErrorCode(code uint32) error {
	switch code {
	case gl.OUT_OF_MEMORY:
		return backend.ErrOutOfMemory
	case glContextLost:
		return backend.ErrContextLost
	case gl.INVALID_ENUM:
		return fmt.Errorf("GL_INVALID_ENUM: %w", backend.ErrInternal)
	case gl.INVALID_VALUE:
		return fmt.Errorf("GL_INVALID_VALUE: %w", backend.ErrInternal)
	case gl.INVALID_OPERATION:
		return fmt.Errorf("GL_INVALID_OPERATION: %w", backend.ErrInternal)
	}
	return fmt.Errorf("GL error %#x: %w", code, backend.ErrInternal)
}
