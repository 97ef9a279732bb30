//go:build gl && cgo

package gpu

import (
	"context"
	"fmt"
	"math"

	"github.com/go-gl/gl/v4.3-core/gl"

	"samebits/backend"
)

// How to add an operation:
//
//  1. shaders/<name>.comp: `#include "tensor.glsl"` and, after contract.glsl, what else it needs. Buffers are std430 at
//     bindings 0, 1, ...; everything else arrives in uniforms, so that one program serves all shapes. Its main begins
//     with `if (idleGroup()) return;`. Floats that are written go through ct_canon_bits into a uint buffer.
//  2. gpu/<name>.go (build tag gl && cgo) with
//     func init() { register(planSoftmax) }
//     func planSoftmax(p *plan, op *backend.Softmax) error {
//         part := p.scratch(4 * int64(op.X.Rows()))
//         p.run(step{
//             shader:  "softmax",
//             defines: defines{"LOG": "1"},                  // variants; few, each costs a compilation
//             buffers: []*buffer{p.of(op.Y), p.of(op.X), part}, // bindings 0, 1, 2; p.of(nil) binds a dummy
//             uniforms: uniforms{
//                 "Y_at": p.at(op.Y), "X_at": p.at(op.X),   // uvec4: offset, batch, row, column stride
//                 "cols": op.X.Cols(),                       // uint; int32, float32, [2]float32, [2]uint32 pass too
//             },
//             groups: op.X.Batch() * op.X.Rows(), // or invocations: n, for one element an invocation
//         })
//         return nil
//     }
//
// A plan is made on the caller's goroutine and holds no GL: its steps are issued in order on the GL thread later, with
// a barrier after each, so that a step sees what all before it wrote. An int uniform, or an index, that passes 2³¹−1
// makes the plan fail with ErrNotSupported, and scratch that passes the largest buffer with ErrOutOfMemory.
//
// Software renderers end an invocation's loops silently: llvmpipe after 65,535 iterations, those of all its loops
// together. A kernel therefore makes at most maxIterations (loops.go) in one dispatch and goes on in the next; a device
// that ends loops sooner is refused when it is opened. What was measured is p.driver.limits.loopIterations, 0 for no
// end, and "max_loop_iterations" among the device's limits.
//
// A planted error named "matmul-k-tail-dropped" (fault.go) is seen by every shader as FAULT_MATMUL_K_TAIL_DROPPED and by
// the host as p.fault("matmul-k-tail-dropped").

// operations maps an operation's name to what plans it; each operation's file adds its own.
var operations = map[string]func(*plan, backend.Op) error{}

// register adds an operation. O's Name must not look at its receiver.
func register[O backend.Op](f func(*plan, O) error) {
	var none O
	operations[none.Name()] = func(p *plan, op backend.Op) error { return f(p, op.(O)) }
}

type (
	defines  map[string]string
	uniforms map[string]any
)

// A step is one dispatch of a compute shader.
type step struct {
	shader   string    // shaders/<shader>.comp
	defines  defines   // this variant's
	buffers  []*buffer // at bindings 0, 1, ...
	uniforms uniforms

	// One of the two says how much work there is; a step without any does nothing.
	groups      int // work groups
	invocations int // of one element each: as many groups as hold them
}

// A plan is an operation as steps.
type plan struct {
	driver    *driver
	ctx       context.Context // ends what is left of the plan; nil for one that no one ends
	steps     []step
	scratches []*buffer
	err       error
}

// run adds a step.
func (p *plan) run(s step) {
	if s.groups == 0 && s.invocations == 0 {
		return
	}
	p.index(s.groups)
	p.index(s.invocations)
	u := uniforms{}
	for name, v := range s.uniforms {
		if n, ok := v.(int); ok {
			v = p.index(n)
		}
		u[name] = v
	}
	s.uniforms = u
	p.steps = append(p.steps, s)
}

// scratch returns memory that lives from the plan's first step to its last, with any content. More than a shader
// reaches makes the plan fail with ErrOutOfMemory.
func (p *plan) scratch(bytes int64) *buffer {
	b := &buffer{bytes: roundUpToWord(max(bytes, wordBytes))}
	if err := p.driver.fits(b.bytes); err != nil && p.err == nil {
		p.err = fmt.Errorf("scratch of %w", err)
	}
	p.scratches = append(p.scratches, b)
	return b
}

// of returns the buffer of a tensor; nil and empty tensors have a dummy that no kernel may touch.
func (p *plan) of(t *backend.Tensor) *buffer {
	if t == nil || t.Buffer() == nil {
		return &p.driver.dummy
	}
	return t.Buffer().(*buffer)
}

// at says where a tensor's elements stand, as the uvec4 of tensor.glsl. A batch of one has batch stride 0 and so serves
// every b.
func (p *plan) at(t *backend.Tensor) [4]uint32 {
	if t == nil || t.Len() == 0 {
		return [4]uint32{}
	}
	l := t.Layout()
	p.index(l.Offset + (l.Batch-1)*l.BatchStride + (l.Rows-1)*l.Stride + l.Cols)
	at := [4]uint32{uint32(l.Offset), uint32(l.BatchStride), uint32(l.Stride), 1}
	if l.Batch == 1 {
		at[1] = 0
	}
	return at
}

// stretched is at with stride 0 along every dimension in which t has one element, so that it serves all of a larger
// tensor's.
func (p *plan) stretched(t *backend.Tensor) [4]uint32 {
	at := p.at(t)
	if t != nil && t.Rows() == 1 {
		at[2] = 0
	}
	if t != nil && t.Cols() == 1 {
		at[3] = 0
	}
	return at
}

// transposed swaps rows and columns.
func transposed(at [4]uint32) [4]uint32 { return [4]uint32{at[0], at[1], at[3], at[2]} }

// index checks that a count or position fits the shaders' 31 bits.
func (p *plan) index(n int) uint32 {
	if (n < 0 || n > math.MaxInt32) && p.err == nil {
		p.err = fmt.Errorf("index %d passes 2³¹−1: %w", n, backend.ErrNotSupported)
	}
	return uint32(n)
}

// fault reports whether the planted error is switched on.
func (p *plan) fault(name string) bool { return p.driver.fault == name }

// issue gives the plan's steps to the device, on the GL thread.
func (p *plan) issue() error {
	d, ctx := p.driver, p.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	defer func() {
		for _, b := range p.scratches {
			d.scratch.give(b)
		}
	}()
	for _, b := range p.scratches {
		if err := d.scratch.take(d, b); err != nil {
			return err
		}
	}
	for _, s := range p.steps {
		if err := d.beforeDispatch(ctx); err != nil {
			return err
		}
		if err := d.issue(s); err != nil {
			return err
		}
	}
	return nil
}

// issue dispatches one step, on the GL thread.
func (d *driver) issue(s step) error {
	prog, err := d.programs.get(s.shader, s.defines)
	if err != nil {
		return err
	}
	prog.ops[d.running] = true
	gl.UseProgram(uint32(prog.id))
	for i, b := range s.buffers {
		gl.BindBufferBase(gl.SHADER_STORAGE_BUFFER, uint32(i), uint32(b.id))
	}
	for name, v := range s.uniforms {
		if err := prog.set(name, v); err != nil {
			return err
		}
	}
	groups := s.groups
	if s.invocations > 0 {
		groups = ceilDiv(s.invocations, prog.groupSize)
	}
	if err := prog.set("groups", uint32(groups)); err != nil {
		return err
	}
	x, y, z, err := foldGroups(groups, d.limits.groups)
	if err != nil {
		return fmt.Errorf("shader %s: %w", s.shader, err)
	}
	gl.DispatchCompute(x, y, z)
	// What follows may read or overwrite it in a shader, or through the host's calls.
	gl.MemoryBarrier(gl.SHADER_STORAGE_BARRIER_BIT | gl.BUFFER_UPDATE_BARRIER_BIT)
	return nil
}

// foldGroups spreads n work groups over a grid that holds at least as many, within the device's limits.
func foldGroups(n int, limit [3]int) (x, y, z uint32, err error) {
	fx := min(n, limit[0])
	rows := (n + fx - 1) / fx
	fy := min(rows, limit[1])
	fz := (rows + fy - 1) / fy
	if fz > limit[2] {
		return 0, 0, 0, fmt.Errorf("%d work groups: %w", n, backend.ErrNotSupported)
	}
	return uint32(fx), uint32(fy), uint32(fz), nil
}

// ceilDiv is ⌈n/d⌉ for n ≥ 0, d > 0.
func ceilDiv(n, d int) int { return (n + d - 1) / d }
