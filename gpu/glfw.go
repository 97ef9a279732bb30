//go:build gl && cgo && (windows || glfw)

package gpu

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/go-gl/glfw/v3.3/glfw"
)

// builtWithGLFW says whether the GLFW provider, and on Linux its link to libX11, is part of this build.
const builtWithGLFW = true

// glfwProvider opens the context of a hidden window, for Windows and for systems with a display server but no usable
// EGL. GLFW wants its windows handled by the thread that initialised it, while a context may be current on any thread:
// so one thread owns GLFW as long as a context is open, and each context has its own thread as everywhere.
type glfwProvider struct {
	mu       sync.Mutex
	owner    *thread // nil while no context is open
	contexts int     // open
}

func init() { providers = append(providers, &glfwProvider{}) }

func (p *glfwProvider) name() string { return "GLFW" }

// devices lists one device where there is a display server to ask. GLFW offers no choice among GPUs.
func (p *glfwProvider) devices() ([]deviceInfo, error) {
	if err := displayServer(); err != nil {
		return nil, &unavailableError{why: err.Error()}
	}
	return []deviceInfo{{provider: p, kind: kindGLFW}}, nil
}

type glfwContext struct {
	p      *glfwProvider
	window *glfw.Window
}

func (p *glfwProvider) open(d deviceInfo) (glContext, error) {
	// Without a display server go-gl's Init reports success, and the next call panics.
	if err := displayServer(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.acquire(); err != nil {
		return nil, err
	}
	c := &glfwContext{p: p}
	err := p.owner.do(guarded(func() (err error) {
		c.window, err = hiddenWindow()
		return err
	}))
	if err == nil {
		err = guarded(func() error { c.window.MakeContextCurrent(); return nil })()
	}
	restoreFloatState()
	if err != nil {
		return nil, joinErrors(err, c.release())
	}
	return c, nil
}

// hiddenWindow creates a window that is never shown, with a core context: with loss of context reported, else without.
func hiddenWindow() (*glfw.Window, error) {
	var refused error
	for _, robust := range []bool{true, false} {
		for _, minor := range []int{5, 4, 3} {
			glfw.DefaultWindowHints()
			glfw.WindowHint(glfw.Visible, glfw.False)
			glfw.WindowHint(glfw.ClientAPI, glfw.OpenGLAPI)
			glfw.WindowHint(glfw.ContextVersionMajor, 4)
			glfw.WindowHint(glfw.ContextVersionMinor, minor)
			glfw.WindowHint(glfw.OpenGLProfile, glfw.OpenGLCoreProfile)
			if robust {
				glfw.WindowHint(glfw.ContextRobustness, glfw.LoseContextOnReset)
			}
			window, err := glfw.CreateWindow(1, 1, "samebits", nil, nil)
			if window != nil {
				return window, nil
			}
			if err == nil { // a platform error, which go-gl logs and does not return
				err = errors.New("no window and no reason")
			}
			refused = fmt.Errorf("window with an OpenGL 4.3 core context: %w", err)
		}
	}
	return nil, refused
}

// acquire starts the thread that owns GLFW, for the first context.
func (p *glfwProvider) acquire() error {
	if p.owner == nil {
		owner := newThread(restoreFloatState)
		err := owner.do(guarded(func() error {
			if err := glfw.Init(); err != nil {
				return err
			}
			glfw.DefaultWindowHints() // panics if Init failed and did not say so
			return nil
		}))
		if err != nil {
			owner.close()
			return fmt.Errorf("glfw init: %w", err)
		}
		owner.atClose(guarded(func() error { glfw.Terminate(); return nil }))
		p.owner = owner
	}
	p.contexts++
	return nil
}

func (c *glfwContext) loader() string { return "GLFW" }

func (c *glfwContext) getProcAddress(name string) unsafe.Pointer { return glfw.GetProcAddress(name) }

func (c *glfwContext) destroy() error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.release()
}

// release undoes open as far as it came; the caller holds the provider's lock.
func (c *glfwContext) release() error {
	var errs []error
	if c.window != nil {
		errs = append(errs, guarded(func() error { glfw.DetachCurrentContext(); return nil })())
		errs = append(errs, c.p.owner.do(guarded(func() error { c.window.Destroy(); return nil })))
	}
	c.p.contexts--
	if c.p.contexts == 0 {
		errs = append(errs, c.p.owner.close())
		c.p.owner = nil
	}
	return joinErrors(errs...)
}

// guarded turns the panics with which go-gl reports most errors into errors.
func guarded(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				if e, ok := r.(error); ok {
					err = e
				} else {
					err = fmt.Errorf("%v", r)
				}
			}
		}()
		return f()
	}
}
