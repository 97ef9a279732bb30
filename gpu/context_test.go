//go:build gl && cgo && linux

package gpu

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-gl/gl/v4.3-core/gl"

	"samebits/backend"
)

// openEGL opens a device of the given kind, hardware or not.
func openEGL(t testing.TB, kind string) (*thread, *contextInfo) {
	t.Helper()
	p := eglOnly(t)
	var devs []deviceInfo
	err := onThread(func() (err error) { devs, err = p.devices(); return err })
	if err != nil {
		noGL(t, "%v", err)
	}
	if kind == kindEGLSurfaceless {
		d, ok := p.lastResort()
		if !ok {
			noGL(t, "no EGL_MESA_platform_surfaceless")
		}
		devs = []deviceInfo{d}
	}
	for _, d := range hardwareFirst(devs) {
		if d.kind != kind {
			continue
		}
		th, info, err := openDevice(d)
		if err == nil {
			return th, info
		}
		t.Log(err)
	}
	noGL(t, "no %s opens", kind)
	return nil, nil
}

// eglOnly is the registered EGL provider.
func eglOnly(t testing.TB) *eglProvider {
	t.Helper()
	for _, p := range providers {
		if e, ok := p.(*eglProvider); ok {
			return e
		}
	}
	t.Skip("this build has no EGL")
	return nil
}

// onThread runs f on a locked thread of its own.
func onThread(f func() error) error {
	th := newThread(restoreFloatState)
	defer th.close()
	return th.do(f)
}

func TestContextOpens(t *testing.T) {
	for _, kind := range []string{kindEGLDevice, kindEGLSurfaceless} {
		t.Run(kind, func(t *testing.T) {
			th, info := openEGL(t, kind)
			t.Logf("%s: OpenGL %d.%d on %s (software %v, reports resets %v, %d extensions)", info.device, info.major,
				info.minor, info.renderer, info.software, info.losesContext, len(info.extensions))
			if info.hasExtension("GL_KHR_robustness") && info.atLeast(4, 5) && !info.losesContext {
				t.Error("robustness is offered, but the context does not report resets")
			}
			checkContext(t, th, info)
			if err := th.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkContext proves that the functions reach a context: a clear on the device reads back.
func checkContext(t *testing.T, th *thread, info *contextInfo) {
	t.Helper()
	if !info.atLeast(4, 3) || info.renderer == "" || info.glsl == "" || len(info.extensions) == 0 {
		t.Errorf("context describes itself as %+v", *info)
	}
	if strings.Contains(info.renderer, "llvmpipe") && !info.software {
		t.Error("llvmpipe is not called software")
	}
	const size = 64
	var got [size / 4]uint32
	err := th.do(func() error {
		if status := info.resetStatus(); status != gl.NO_ERROR {
			t.Errorf("reset status %#x of a new context", status)
		}
		var flags int32
		gl.GetIntegerv(gl.CONTEXT_PROFILE_MASK, &flags)
		if flags&gl.CONTEXT_CORE_PROFILE_BIT == 0 {
			t.Errorf("profile mask %#x is not core", flags)
		}
		var buf uint32
		gl.GenBuffers(1, &buf)
		gl.BindBuffer(gl.SHADER_STORAGE_BUFFER, buf)
		gl.BufferData(gl.SHADER_STORAGE_BUFFER, size, nil, gl.DYNAMIC_COPY)
		word := uint32(0x5A3EB175)
		gl.ClearBufferData(gl.SHADER_STORAGE_BUFFER, gl.R32UI, gl.RED_INTEGER, gl.UNSIGNED_INT, gl.Ptr(&word))
		gl.GetBufferSubData(gl.SHADER_STORAGE_BUFFER, 0, size, gl.Ptr(&got[0]))
		gl.DeleteBuffers(1, &buf)
		if e := gl.GetError(); e != gl.NO_ERROR {
			t.Errorf("gl error %#x", e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if v != 0x5A3EB175 {
			t.Fatalf("word %d is %#x after the clear", i, v)
		}
	}
}

func TestContextOpensAgainAndAgain(t *testing.T) {
	p := eglOnly(t)
	displays, holders, files := len(p.displays), glFunctions.holders, 0
	for i := 0; i < 20; i++ {
		a, infoA := openEGL(t, kindEGLSurfaceless)
		b, infoB := openEGL(t, kindEGLSurfaceless)
		if i%5 == 0 {
			checkContext(t, a, infoA)
			checkContext(t, b, infoB)
		}
		if err := a.close(); err != nil {
			t.Fatal(err)
		}
		checkContext(t, b, infoB) // still whole without its neighbour on the same display
		if err := b.close(); err != nil {
			t.Fatal(err)
		}
		if i == 4 {
			files = openFiles(t) // by now libraries and caches are open
		}
	}
	if after := openFiles(t); after > files {
		t.Errorf("%d files open after 20 rounds, %d after 5", after, files)
	}
	if len(p.displays) != displays || glFunctions.holders != holders {
		t.Errorf("%d displays and %d contexts are counted as open, %d and %d before", len(p.displays), glFunctions.holders,
			displays, holders)
	}
}

// openFiles counts the process' file descriptors; 0 where the system does not tell.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

func TestContextsInParallel(t *testing.T) {
	th, _ := openEGL(t, kindEGLSurfaceless) // skips or fails where there is none
	th.close()
	var wg sync.WaitGroup
	for g := 0; g < 6; g++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < 3; i++ {
				devs, err := candidates()
				if err != nil {
					t.Error(err)
					return
				}
				th, info, err := openDevice(devs[0])
				if err != nil {
					t.Error(err)
					return
				}
				checkContext(t, th, info)
				if err := th.close(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
}

func TestOpenTellsWhyEveryDeviceWasRefused(t *testing.T) {
	before := providers
	defer func() { providers = before }()
	providers = []provider{refuser{}}
	_, err := (family{}).Open(context.Background(), backend.AnyDevice, backend.Config{})
	if !errors.Is(err, errRefuser) || !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if strings.Count(err.Error(), errRefuser.Error()) != 3 {
		t.Errorf("three devices refuse, but the reasons are: %v", err)
	}
}

// refuser lists two devices and a last resort and opens none.
type refuser struct{}

var errRefuser = errors.New("not today")

func (refuser) name() string { return "refuser" }
func (r refuser) devices() ([]deviceInfo, error) {
	return []deviceInfo{{provider: r, kind: kindEGLDevice}, {provider: r, kind: kindEGLDevice}}, nil
}
func (refuser) open(deviceInfo) (glContext, error) { return nil, errRefuser }
func (r refuser) lastResort() (deviceInfo, bool) {
	return deviceInfo{provider: r, kind: kindEGLSurfaceless}, true
}

// The thread that opens a context keeps the floating-point state Go expects, whatever drivers do to it, and so do all
// others.
func TestFloatStateSurvives(t *testing.T) {
	if floatControlFlushing == floatControlDefault {
		t.Skip("no floating-point control register is known for this processor")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own := floatControl()
	if own != floatControlDefault {
		t.Fatalf("control register is %#x before, want %#x", own, floatControlDefault)
	}
	th, _ := openEGL(t, kindEGLSurfaceless)
	defer th.close()
	check := func(when string) {
		t.Helper()
		if err := th.do(func() error {
			if c := floatControl(); c != floatControlDefault {
				t.Errorf("%s: control register is %#x, want %#x", when, c, floatControlDefault)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	check("after opening")
	// What a library does that was built for fast arithmetic.
	if err := th.do(func() error {
		setFloatControl(floatControlFlushing)
		if c := floatControl(); c != floatControlFlushing {
			t.Errorf("flushing could not be switched on: %#x", c)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	check("after a job that switched flushing on")
	th.post(context.Background(), func() { setFloatControl(floatControlFlushing) })
	check("after a posted job that did")
	if c := floatControl(); c != own {
		t.Errorf("another thread's control register became %#x", c)
	}
}

// A library whose constructor switches flushing on, as one linked with -ffast-math does, leaves the thread that opens it
// as it was.
func TestFloatStateSurvivesALibrary(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the library is written for amd64")
	}
	dir := t.TempDir()
	source, library, mark := filepath.Join(dir, "fast.c"), filepath.Join(dir, "libEGL-fast.so"), filepath.Join(dir, "mark")
	const program = `
#include <stdio.h>
#include <xmmintrin.h>
__attribute__((constructor)) static void fast(void) {
	_mm_setcsr(_mm_getcsr() | 0x8040);
	FILE *f = fopen(MARK, "w");
	fprintf(f, "%x", _mm_getcsr() & 0x8040);
	fclose(f);
}
`
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("gcc", "-shared", "-fPIC", "-DMARK=\""+mark+"\"", "-o", library, source)
	if log, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	p := &eglProvider{libraries: []string{library}}
	err := onThread(func() error {
		_, err := p.devices()
		if c := floatControl(); c != floatControlDefault {
			t.Errorf("control register is %#x after opening the library, want %#x", c, floatControlDefault)
		}
		return err
	})
	if err == nil {
		t.Error("a library without EGL was accepted")
	}
	if text, err := os.ReadFile(mark); err != nil || string(text) != "8040" {
		t.Errorf("the library did not switch flushing on: %q, %v", text, err)
	}
}

func TestMissingLibraryIsNamed(t *testing.T) {
	p := &eglProvider{libraries: []string{"libEGL-absent.so.7", "libEGL-gone.so"}}
	var devs []deviceInfo
	err := onThread(func() (err error) { devs, err = listDevices([]provider{p}); return err })
	if len(devs) != 0 || !errors.Is(err, backend.ErrUnavailable) {
		t.Fatalf("got %v, %v", devs, err)
	}
	for _, want := range []string{"no OpenGL", "EGL", "libEGL-absent.so.7", "libEGL-gone.so", "No such file"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}

	// A library that opens but is no EGL.
	p = &eglProvider{libraries: []string{"libc.so.6"}}
	err = onThread(func() (err error) { _, err = p.devices(); return err })
	if err == nil || !strings.Contains(err.Error(), "libc.so.6 (has no eglGetProcAddress)") {
		t.Errorf("a library without EGL: %v", err)
	}
	if _, _, err := openDevice(deviceInfo{provider: p, kind: kindEGLDevice}); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("opening without a library: %v", err)
	}
}
