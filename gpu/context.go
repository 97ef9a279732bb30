//go:build gl && cgo

package gpu

/*
#if defined(_WIN32)
#define SB_APIENTRY __stdcall
#else
#define SB_APIENTRY
#endif

typedef const unsigned char *(SB_APIENTRY *sbGetString)(unsigned name);

static const char *sbGLString(void *getString, unsigned name) {
	return (const char *)((sbGetString)getString)(name);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/go-gl/gl/v4.3-core/gl"
)

// providers holds what this build can open contexts with, in the order they are asked; each registers itself.
var providers []provider

// contextInfo says what an opened context is and can do.
type contextInfo struct {
	device deviceInfo

	vendor, renderer, version, glsl string // the strings of glGetString
	major, minor                    int    // OpenGL version
	software                        bool   // runs on the processor
	losesContext                    bool   // a reset is reported (LOSE_CONTEXT_ON_RESET): see resetStatus
	extensions                      extensionSet
}

// atLeast reports whether the context's OpenGL version is major.minor or later.
func (c *contextInfo) atLeast(major, minor int) bool {
	return c.major > major || c.major == major && c.minor >= minor
}

// hasExtension reports whether the context lists an extension, by its full name ("GL_ARB_buffer_storage").
func (c *contextInfo) hasExtension(name string) bool { return c.extensions.has(name) }

// resetStatus asks, on the GL thread, whether the context was lost: gl.NO_ERROR, gl.GUILTY_CONTEXT_RESET,
// gl.INNOCENT_CONTEXT_RESET or gl.UNKNOWN_CONTEXT_RESET. Without losesContext the answer is always gl.NO_ERROR.
func (c *contextInfo) resetStatus() uint32 {
	switch {
	case !c.losesContext:
		return gl.NO_ERROR
	case c.atLeast(4, 5):
		return gl.GetGraphicsResetStatus()
	case c.hasExtension("GL_KHR_robustness"):
		return gl.GetGraphicsResetStatusKHR()
	default:
		return gl.GetGraphicsResetStatusARB()
	}
}

// extensionSet is a list of extensions, by name.
type extensionSet map[string]bool

func newExtensionSet(list string) extensionSet {
	set := extensionSet{}
	for _, name := range strings.Fields(list) {
		set[name] = true
	}
	return set
}

func (s extensionSet) has(name string) bool { return s[name] }

// enumerate lists the devices on which a context may be opened, at the positions N that "gl:N" counts. None has been
// opened yet, and opening may fail. The error is an *unavailableError.
func enumerate() ([]deviceInfo, error) {
	t := newThread(restoreFloatState)
	defer t.close()
	var devs []deviceInfo
	err := t.do(func() (err error) {
		devs, err = listDevices(providers)
		return err
	})
	return devs, err
}

// openDevice starts a thread, opens a context of OpenGL 4.3 or later on the device there, and loads go-gl's functions.
// The error wraps backend.ErrUnavailable.
func openDevice(d deviceInfo) (*thread, *contextInfo, error) {
	t := newThread(restoreFloatState)
	var info *contextInfo
	err := t.do(func() error {
		ctx, err := d.provider.open(d)
		if err != nil {
			return err
		}
		restoreFloatState()
		info, err = loadFunctions(ctx, d)
		if err != nil {
			return joinErrors(err, ctx.destroy())
		}
		t.atClose(func() error {
			glFunctions.release()
			return ctx.destroy()
		})
		return nil
	})
	if err != nil {
		t.close()
		return nil, nil, &unavailableError{tried: []attempt{{d.String(), err}}}
	}
	return t, info, nil
}

// candidates lists the devices and, after them, what a provider keeps as a last resort, for when none of them opens.
func candidates() ([]deviceInfo, error) {
	devs, err := enumerate()
	if err != nil {
		return nil, err
	}
	listed := map[string]bool{}
	for _, d := range devs {
		listed[d.kind] = true
	}
	for _, p := range providers {
		if l, ok := p.(interface{ lastResort() (deviceInfo, bool) }); ok {
			if d, ok := l.lastResort(); ok && !listed[d.kind] {
				d.index, d.lastResort = len(devs), true
				devs = append(devs, d)
			}
		}
	}
	return devs, nil
}

// functionTable guards go-gl's function pointers, which are variables of its package and so shared by all contexts.
type functionTable struct {
	mu      sync.Mutex
	loader  string
	sample  [3]unsafe.Pointer
	holders int // open contexts
}

var glFunctions functionTable

// acquire loads the pointers through ctx, or shares those already loaded for another open context. Contexts of two
// loaders can be open together only where both give the same addresses, as under libglvnd.
func (f *functionTable) acquire(ctx glContext) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	sample := [3]unsafe.Pointer{
		ctx.getProcAddress("glDispatchCompute"), ctx.getProcAddress("glGetString"), ctx.getProcAddress("glBufferSubData"),
	}
	same := f.sample == sample
	if f.holders > 0 && !same {
		return fmt.Errorf("the functions that %s loaded are in use by an open context", f.loader)
	}
	if !same {
		if err := gl.InitWithProcAddrFunc(ctx.getProcAddress); err != nil {
			return fmt.Errorf("no function %w", err)
		}
		f.loader, f.sample = ctx.loader(), sample
	}
	f.holders++
	return nil
}

func (f *functionTable) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holders--
}

// loadFunctions checks that ctx is a context at all, and new enough, loads go-gl's functions and describes it. It runs
// on the thread where ctx is current.
func loadFunctions(ctx glContext, d deviceInfo) (info *contextInfo, err error) {
	getString := ctx.getProcAddress("glGetString")
	if getString == nil {
		return nil, errors.New("no glGetString")
	}
	text := func(name uint32) string { return C.GoString(C.sbGLString(getString, C.uint(name))) }
	info = &contextInfo{
		device:   d,
		vendor:   text(gl.VENDOR),
		renderer: text(gl.RENDERER),
		version:  text(gl.VERSION),
		glsl:     text(gl.SHADING_LANGUAGE_VERSION),
	}
	if info.version == "" {
		return nil, errors.New("glGetString answers nothing: there is no context behind the functions")
	}
	if n, _ := fmt.Sscanf(info.version, "%d.%d", &info.major, &info.minor); n != 2 {
		return nil, fmt.Errorf("not desktop OpenGL: version %q", info.version)
	}
	if !info.atLeast(4, 3) {
		return nil, fmt.Errorf("OpenGL %d.%d on %s; 4.3 is needed", info.major, info.minor, info.renderer)
	}
	if err := glFunctions.acquire(ctx); err != nil {
		return nil, err
	}

	info.extensions = extensionSet{}
	var n int32
	gl.GetIntegerv(gl.NUM_EXTENSIONS, &n)
	for i := int32(0); i < n; i++ {
		info.extensions[gl.GoStr(gl.GetStringi(gl.EXTENSIONS, uint32(i)))] = true
	}
	info.software = d.software || isSoftware(info.renderer)
	if info.atLeast(4, 5) || info.hasExtension("GL_KHR_robustness") || info.hasExtension("GL_ARB_robustness") {
		var strategy int32
		gl.GetIntegerv(gl.RESET_NOTIFICATION_STRATEGY, &strategy)
		info.losesContext = strategy == gl.LOSE_CONTEXT_ON_RESET
	}
	// The first error found later must be the caller's own. Bounded, because a lost context may never run dry.
	for i := 0; i < 16 && gl.GetError() != gl.NO_ERROR; i++ {
	}
	return info, nil
}
