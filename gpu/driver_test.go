//go:build gl && cgo

package gpu

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"samebits/backend"
	"samebits/backend/exact"
)

func TestDevicesDescribeThemselves(t *testing.T) {
	openGL(t, backend.ProfileFused)
	for _, p := range []backend.ProfileRequest{backend.ProfileFused, backend.ProfileSplit, backend.ProfileNative} {
		for _, in := range (family{}).Devices(context.Background(), backend.Config{Profile: p}) {
			if !in.Usable {
				t.Logf("%s: %s", in.Name, in.Reason)
				continue
			}
			t.Logf("%s: %s, %s, software %v, profile under %s: %v, %q, %v", in.Name, in.Renderer, in.Driver, in.Software, p, in.Profile, in.Reason, in.Limits)
			if in.Kind != "gl" || in.Renderer == "" || in.Driver == "" || in.Profile == nil || in.Limits["max_ssbo_bytes"] < 1<<24 ||
				in.Limits["max_workgroups_x"] < 65535 || in.Limits["max_shared_bytes"] < 32<<10 {
				t.Errorf("incomplete: %+v", in)
			}
			if strings.Contains(in.Renderer, "llvmpipe") {
				want := backend.Profile{Mac: exact.Fused, Subnormals: backend.KeepSubnormals, Precise: true, Emulated: true, Mode: backend.ExactMode}
				if p != backend.ProfileFused {
					want.Mac, want.Emulated = exact.Split, false
				}
				if *in.Profile != want || !in.Software {
					t.Errorf("llvmpipe under %s: %+v, want %+v", p, *in.Profile, want)
				}
				if n := in.Limits["max_loop_iterations"]; n < 65534 || n > 65536 {
					t.Errorf("llvmpipe ends loops after %d iterations, want 65,535", n)
				}
			}
		}
	}
}

func TestDecideProfile(t *testing.T) {
	good := probeResults{fused: true, precise: true, nearestEven: true, keep: true, float64: true, emulates: true}
	with := func(change func(*probeResults)) probeResults { r := good; change(&r); return r }
	splits := with(func(r *probeResults) { r.fused, r.split = false, true })
	exactly := func(mac exact.Mac, emulated bool) backend.Profile {
		return backend.Profile{Mac: mac, Subnormals: backend.KeepSubnormals, Precise: true, Emulated: emulated, Mode: backend.ExactMode}
	}
	bounded := func(p backend.Profile, change func(*backend.Profile)) backend.Profile {
		p.Mode = backend.BoundedMode
		if change != nil {
			change(&p)
		}
		return p
	}
	tests := []struct {
		name    string
		request backend.ProfileRequest
		found   probeResults
		want    backend.Profile
		define  string
		reason  string
	}{
		{"fuses", "", good, exactly(exact.Fused, false), "MAC_FUSED", ""},
		{"fuses, asked to split", backend.ProfileSplit, good, exactly(exact.Split, false), "MAC_SPLIT", ""},
		{"fuses, native", backend.ProfileNative, good, exactly(exact.Fused, false), "MAC_FUSED", ""},
		{"splits", backend.ProfileFused, splits, exactly(exact.Fused, true), "MAC_EMULATED", "fma emulated"},
		{"splits, native", backend.ProfileNative, splits, exactly(exact.Split, false), "MAC_SPLIT", ""},
		{"splits, no float64", backend.ProfileFused, with(func(r *probeResults) { r.fused, r.emulates = false, false }),
			bounded(exactly(exact.Split, false), nil), "MAC_SPLIT", "neither"},
		{"flushes", backend.ProfileFused, with(func(r *probeResults) { r.keep = false }),
			bounded(exactly(exact.Fused, false), func(p *backend.Profile) { p.Subnormals = backend.FlushSubnormals }), "MAC_FUSED", "flushes"},
		{"rounds otherwise", backend.ProfileSplit, with(func(r *probeResults) { r.nearestEven = false }),
			bounded(exactly(exact.Split, false), nil), "MAC_SPLIT", "nearest even"},
		{"ignores precise", backend.ProfileFused, with(func(r *probeResults) { r.precise = false }),
			bounded(exactly(exact.Fused, false), func(p *backend.Profile) { p.Precise = false }), "MAC_FUSED", "precise"},
	}
	for _, tt := range tests {
		got, define, reason := decideProfile(tt.request, tt.found)
		if got != tt.want || define != tt.define || !strings.Contains(reason, tt.reason) || (tt.reason == "") != (reason == "") {
			t.Errorf("%s: %+v by %s, %q; want %+v by %s, %q", tt.name, got, define, reason, tt.want, tt.define, tt.reason)
		}
	}
}

// The probe must see each thing it asks about: answers that are wrong in one respect change that result and no other.
func TestProbeCasesTellApart(t *testing.T) {
	answer := func(cases []*tried, f func(c *tried) uint32) []*tried {
		for _, c := range cases {
			c.got = f(c)
		}
		return cases
	}
	right := func(c *tried) uint32 { return c.want }
	flush := func(c *tried) uint32 {
		if c.want&0x7f800000 == 0 {
			return c.want & 0x80000000
		}
		return c.want
	}
	if !allRight(answer(subnormalCases(), right)) || allRight(answer(subnormalCases(), flush)) {
		t.Error("flushed results pass for kept ones")
	}
	if allRight(answer(emulatedCases(), func(c *tried) uint32 { return c.split })) || allRight(answer(emulatedCases(), flush)) {
		t.Error("a split or flushing mac passes for the emulated one")
	}
	for _, c := range macCases() {
		if c.want == c.split {
			t.Errorf("triple %08x %08x %08x tells nothing", c.a, c.b, c.c)
		}
	}
}

// A driver without one of the operations shows here, not at a user's.
func TestEveryOperationIsPlanned(t *testing.T) {
	for _, name := range backend.OpNames() {
		if operations[name] == nil {
			t.Errorf("no plan for %s", name)
		}
	}
	if len(operations) != len(backend.OpNames()) {
		t.Errorf("%d plans for %d operations", len(operations), len(backend.OpNames()))
	}
}

// More than 65,535 work groups run as one grid of two dimensions.
func TestGridIsFolded(t *testing.T) {
	dev := openGL(t, backend.ProfileSplit)
	const n = 65536*256 + 77
	x, err := dev.NewTensor(backend.Float32, 1, n)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	host := make([]float32, n)
	for i := range host {
		host[i] = float32(i)
	}
	if err := backend.Upload(context.Background(), x, host); err != nil {
		t.Fatal(err)
	}
	run(t, &backend.Map{Fn: backend.FnNeg, Y: x, A: x})
	got, err := backend.ToSlice[float32](context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i] != -host[i] {
			t.Fatalf("element %d is %v, want %v", i, got[i], -host[i])
		}
	}
}

func TestUnknownFaultIsRefused(t *testing.T) {
	_, err := (family{}).Open(context.Background(), 0, backend.Config{Fault: "no-such-fault"})
	if !errors.Is(err, backend.ErrArgument) {
		t.Errorf("got %v", err)
	}
}

func TestDeviceNumbersPastTheEnd(t *testing.T) {
	openGL(t, backend.ProfileSplit)
	if _, err := (family{}).Open(context.Background(), 99, backend.Config{}); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestCompileErrorsNameFileAndLine(t *testing.T) {
	d := openDriver(t)
	err := d.do(func() error {
		_, err := d.programs.get("probe", defines{"GROUP_SIZE": "nonsense"})
		return err
	})
	if !errors.Is(err, backend.ErrInternal) || errors.Is(err, backend.ErrNotSupported) || !strings.Contains(err.Error(), "compile probe GROUP_SIZE=nonsense MAC_SPLIT=1: probe.comp:") {
		t.Errorf("got %v", err)
	}
}

// openDriver opens the first device without the Device around it.
func openDriver(t *testing.T) *driver {
	t.Helper()
	openGL(t, backend.ProfileSplit) // skips or fails where there is none
	devs, err := enumerate()
	if err != nil {
		t.Fatal(err)
	}
	d, err := open(devs[0], backend.Config{Profile: backend.ProfileSplit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// After a reset every call says that the context is lost, and Close still ends the thread.
func TestLostContextIsReportedEverywhere(t *testing.T) {
	d := openDriver(t)
	ctx := context.Background()
	buf, err := d.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	if err := glErrorCode(glContextLost); !errors.Is(err, backend.ErrContextLost) {
		t.Errorf("GL_CONTEXT_LOST is %v", err)
	}
	if err := d.do(func() error {
		d.lost = fmt.Errorf("a test: %w", backend.ErrContextLost)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, allocErr := d.Alloc(64)
	for call, err := range map[string]error{
		"alloc": allocErr,
		"read":  d.Read(ctx, buf, 0, make([]byte, 4)),
		"write": d.Write(ctx, buf, 0, make([]byte, 2*smallWrite)),
		"sync":  d.Sync(ctx),
	} {
		if !errors.Is(err, backend.ErrContextLost) {
			t.Errorf("%s: %v", call, err)
		}
	}
	d.Free(buf)
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Devices on several goroutines at once, each with its own context, do not disturb each other.
func TestDevicesInParallel(t *testing.T) {
	openGL(t, backend.ProfileSplit)
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			ctx := context.Background()
			dev, err := backend.Open(ctx, "gl", backend.Config{Profile: backend.ProfileSplit})
			if err != nil {
				t.Error(err)
				return
			}
			defer dev.Close()
			x, err := backend.FromSlice(ctx, dev, 1, 1000, make([]float32, 1000))
			if err != nil {
				t.Error(err)
				return
			}
			one, err := backend.FromSlice(ctx, dev, 1, 1, []float32{float32(g + 1)})
			if err != nil {
				t.Error(err)
				return
			}
			for range 50 {
				if err := dev.Run(ctx, &backend.Map{Fn: backend.FnAdd, Y: x, A: x, B: one}); err != nil {
					t.Error(err)
				}
			}
			got, err := backend.ToSlice[float32](ctx, x)
			if err != nil || got[0] != float32(50*(g+1)) || got[999] != got[0] {
				t.Errorf("device %d: %v, %v", g, got[0], err)
			}
		}()
	}
	wg.Wait()
}

// Scratch is used again from operation to operation, and given back.
func TestScratchIsReused(t *testing.T) {
	d := openDriver(t)
	var first bufferID
	for i := range 3 {
		p := &plan{driver: d}
		p.scratch(5000)
		if err := d.do(p.issue); err != nil {
			t.Fatal(err)
		}
		if len(d.scratch.free) != 1 {
			t.Fatalf("round %d: %d buffers are kept", i, len(d.scratch.free))
		}
		if id := d.scratch.free[0].id; i == 0 {
			first = id
		} else if id != first {
			t.Errorf("round %d has buffer %d, not %d", i, id, first)
		}
	}
	if len(d.scratch.free) != 1 || d.scratch.held != 5000 {
		t.Errorf("%d buffers, %d bytes are kept", len(d.scratch.free), d.scratch.held)
	}
}

func TestTooLargeForABufferIsOutOfMemory(t *testing.T) {
	dev := openGL(t, backend.ProfileSplit)
	n := dev.Info().Limits["max_ssbo_bytes"]
	_, err := dev.NewTensor(backend.Uint32, 2, int(n/4))
	if !errors.Is(err, backend.ErrOutOfMemory) {
		t.Errorf("got %v", err)
	}
	// The device goes on.
	x, err := backend.FromSlice(context.Background(), dev, 1, 3, []uint32{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	got, err := backend.ToSlice[uint32](context.Background(), x)
	if err != nil || len(got) != 3 || got[2] != 3 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestFoldGroups(t *testing.T) {
	limit := [3]int{65535, 65535, 65535}
	for _, n := range []int{1, 7, 65535, 65536, 65537, 1 << 24, 1<<31 - 1} {
		x, y, z, err := foldGroups(n, limit)
		if err != nil || uint64(x)*uint64(y)*uint64(z) < uint64(n) || x > 65535 || y > 65535 || z > 65535 {
			t.Errorf("%d groups: %d×%d×%d, %v", n, x, y, z, err)
		}
	}
	if _, _, _, err := foldGroups(100, [3]int{2, 3, 4}); !errors.Is(err, backend.ErrNotSupported) {
		t.Errorf("100 groups in 2×3×4: %v", err)
	}
}
