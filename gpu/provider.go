// Package gpu is the OpenGL 4.3 backend: contexts, the one thread that owns each of them, and the kernels that run there.
//
// Without the build tag gl (and a C compiler) only the platform-independent part below is built, and no OpenGL device exists.
package gpu

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"unsafe"

	"samebits/backend"
)

// How the rest of the package uses contexts (build tag gl):
//
//	devs, err := candidates()          // []deviceInfo, position = N in "gl:N"; err names every library tried
//	th, info, err := openDevice(d)     // a thread with a current context and go-gl's functions loaded
//	err = th.do(func() error { ... })  // runs on the GL thread, after all that was posted before, and waits
//	err = th.post(ctx, func() { ... }) // runs in order on the GL thread, and sees to its errors itself
//	err = th.close()                   // waits for posted work, destroys the context, ends the thread; idempotent
//
// gl.* may be called inside do and post alone, and nothing inside them may call do, post or close of the same thread.
// What an implementation offers is decided by info.atLeast and info.hasExtension, never by a function pointer: libglvnd
// hands out a callable stub for any name.

// Kinds of context, as `samebits devices` prints them.
const (
	kindEGLDevice      = "egl-device"
	kindEGLSurfaceless = "egl-surfaceless"
	kindGLFW           = "glfw"
)

// A provider finds the devices that one platform library offers and opens contexts on them. Its methods, and those of
// the contexts it opens, are called on a locked thread only (see thread), because loading a library can change the
// floating-point state of the thread that loads it.
type provider interface {
	// name is the platform library in words: "EGL", "GLFW".
	name() string
	// devices lists what can be tried. An error is a *unavailableError where the library or its extensions are missing.
	devices() ([]deviceInfo, error)
	// open creates an OpenGL core context, version 4.3 or later, on a device that this provider listed, and makes it
	// current on the calling thread.
	open(deviceInfo) (glContext, error)
}

// A glContext is current on the thread that opened it from open to destroy.
type glContext interface {
	// getProcAddress resolves a GL function; nil where it does not exist. Non-nil proves nothing.
	getProcAddress(name string) unsafe.Pointer
	// loader identifies the library the addresses come from: two contexts with one loader share function pointers.
	loader() string
	// destroy releases the context from the thread and frees it. It is called once.
	destroy() error
}

// deviceInfo describes a device before a context is opened on it.
type deviceInfo struct {
	provider provider
	handle   uintptr // the provider's own

	index    int    // N in "gl:N"
	kind     string // one of the kinds above
	vendor   string // as the platform library tells without a context; may be empty
	renderer string // likewise
	node     string // device file, such as /dev/dri/card0; may be empty
	software bool   // known to be a processor in disguise; contextInfo.software is the last word

	lastResort bool // kept for when no other device opens
}

// String names the device for messages: "gl:0 egl-device NVIDIA L4".
func (d deviceInfo) String() string {
	s := fmt.Sprintf("gl:%d %s", d.index, d.kind)
	switch {
	case d.renderer != "":
		s += " " + d.renderer
	case d.node != "":
		s += " " + d.node
	}
	return s
}

// softwareNames are what software implementations call themselves in GL_RENDERER.
var softwareNames = []string{"llvmpipe", "softpipe", "swrast", "software rasterizer", "lavapipe", "swiftshader", "gdi generic"}

// isSoftware reports whether a GL_RENDERER string belongs to an implementation that runs on the processor.
func isSoftware(renderer string) bool {
	r := strings.ToLower(renderer)
	for _, name := range softwareNames {
		if strings.Contains(r, name) {
			return true
		}
	}
	return false
}

// hardwareFirst moves software devices behind the others, each kind in the order its library lists it.
func hardwareFirst(devs []deviceInfo) []deviceInfo {
	out := append([]deviceInfo(nil), devs...)
	sort.SliceStable(out, func(i, j int) bool { return !out[i].software && out[j].software })
	return out
}

// noOpenGL begins every reason for having no context.
const noOpenGL = "no OpenGL"

// An attempt is one thing that was tried on the way to a context, and why it did not lead there.
type attempt struct {
	what string // a library, an extension, a device
	err  error
}

// unavailableError says that no context can be had, and names all that was tried.
type unavailableError struct {
	why   string
	tried []attempt
}

// Error is one line: "no OpenGL: EGL: no library: tried libEGL.so.1 (cannot open ...)".
func (e *unavailableError) Error() string {
	var b strings.Builder
	b.WriteString(noOpenGL)
	if e.why != "" {
		b.WriteString(": " + e.why)
	}
	for i, a := range e.tried {
		sep := ", "
		if i == 0 {
			sep = ": tried "
		}
		// A nested reason need not repeat how it begins.
		why := strings.TrimPrefix(a.err.Error(), noOpenGL+": ")
		fmt.Fprintf(&b, "%s%s (%s)", sep, a.what, why)
	}
	return b.String()
}

// Unwrap lets errors.Is find backend.ErrUnavailable and whatever the attempts failed with.
func (e *unavailableError) Unwrap() []error {
	errs := []error{backend.ErrUnavailable}
	for _, a := range e.tried {
		errs = append(errs, a.err)
	}
	return errs
}

// add records why device d gave no context.
func (e *unavailableError) add(d deviceInfo, err error) {
	var one *unavailableError
	if errors.As(err, &one) && len(one.tried) == 1 {
		e.tried = append(e.tried, one.tried[0])
		return
	}
	e.tried = append(e.tried, attempt{d.String(), err})
}

// listDevices asks every provider, in order, and numbers what they list for "gl:N": a provider's hardware first, its
// software last, so that GLFW's window, where it is built in, does not move the numbers of the EGL devices. With no
// device at all it returns the *unavailableError that joins the providers' reasons. It is called on a locked thread.
func listDevices(providers []provider) ([]deviceInfo, error) {
	var devs []deviceInfo
	none := &unavailableError{}
	for _, p := range providers {
		list, err := p.devices()
		if err != nil {
			none.tried = append(none.tried, attempt{p.name(), err})
		}
		devs = append(devs, hardwareFirst(list)...)
	}
	if len(devs) == 0 {
		if len(none.tried) == 0 {
			none.why = "this build has no context provider for this system"
		}
		return nil, none
	}
	for i := range devs {
		devs[i].index = i
	}
	return devs, nil
}

// joinErrors is errors.Join on one line.
func joinErrors(errs ...error) error {
	var all error
	for _, err := range errs {
		switch {
		case err == nil:
		case all == nil:
			all = err
		default:
			all = fmt.Errorf("%w; %w", all, err)
		}
	}
	return all
}
