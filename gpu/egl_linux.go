//go:build gl && cgo

package gpu

/*
#include <stdlib.h>
#include "egl_linux.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unsafe"
)

// Numbers from Khronos' egl.h and eglext.h.
const (
	eglNone                = 0x3038
	eglVendor              = 0x3053
	eglVersion             = 0x3054
	eglExtensions          = 0x3055
	eglSurfaceType         = 0x3033
	eglPbufferBit          = 0x0001
	eglRenderableType      = 0x3040
	eglOpenGLBit           = 0x0008
	eglOpenGLAPI           = 0x30A2
	eglWidth               = 0x3057
	eglHeight              = 0x3056
	eglPlatformDevice      = 0x313F // EGL_EXT_platform_device
	eglPlatformSurfaceless = 0x31DD // EGL_MESA_platform_surfaceless
	eglDRMDeviceFile       = 0x3233 // EGL_EXT_device_drm
	eglRendererName        = 0x335F // EGL_EXT_device_query_name

	eglContextMajor           = 0x3098
	eglContextMinor           = 0x30FB
	eglContextProfileMask     = 0x30FD
	eglContextCoreProfile     = 0x0001
	eglContextFlagsKHR        = 0x30FC
	eglContextFlagRobustKHR   = 0x0004
	eglContextRobustAccess    = 0x31B2 // EGL 1.5
	eglContextRobustAccessEXT = 0x30BF // EGL_EXT_create_context_robustness
	eglContextResetStrategy   = 0x31BD // EGL 1.5 and EGL_KHR_create_context
	eglContextResetStratEXT   = 0x3138
	eglLoseContextOnReset     = 0x31BF
)

// eglProvider opens contexts through EGL, without a window and with or without a display server: on the devices that
// EGL_EXT_device_enumeration lists, or on Mesa's surfaceless platform where it lists none.
type eglProvider struct {
	libraries []string // names to try, in order

	// mu serialises opening, closing and listing: a display is shared by all its contexts, and the last one out
	// terminates it.
	mu       sync.Mutex
	lib      *eglLibrary
	displays map[C.sbHandle]int // contexts open on each initialised display
}

func init() {
	providers = append(providers, &eglProvider{libraries: []string{"libEGL.so.1", "libEGL.so"}})
}

func (p *eglProvider) name() string { return "EGL" }

// eglLibrary is an opened libEGL and what it can do before there is a display.
type eglLibrary struct {
	name       string
	egl        *C.sbEGL
	extensions extensionSet
	core       []unsafe.Pointer // libraries with the core GL functions, where eglGetProcAddress may lack these
}

// load opens the first library that can be opened. A failure is not remembered.
func (p *eglProvider) load() (*eglLibrary, error) {
	if p.lib != nil {
		return p.lib, nil
	}
	defer restoreFloatState()
	fail := &unavailableError{why: "no EGL library"}
	for _, name := range p.libraries {
		cname := C.CString(name)
		var message *C.char
		e := C.sbEGLOpen(cname, &message)
		C.free(unsafe.Pointer(cname))
		if e == nil {
			fail.tried = append(fail.tried, attempt{name, errors.New(loaderMessage(name, message))})
			continue
		}
		lib := &eglLibrary{name: name, egl: e}
		lib.extensions = newExtensionSet(C.GoString(C.sbEGLQueryString(e, 0, eglExtensions)))
		if !lib.extensions.has("EGL_KHR_client_get_all_proc_addresses") {
			lib.core = openCoreGL()
		}
		p.lib = lib
		p.displays = map[C.sbHandle]int{}
		return lib, nil
	}
	return nil, fail
}

// openCoreGL opens what exports the core GL functions, for an EGL whose eglGetProcAddress knows extensions only.
func openCoreGL() []unsafe.Pointer {
	var libs []unsafe.Pointer
	for _, name := range []string{"libOpenGL.so.0", "libGL.so.1"} {
		cname := C.CString(name)
		var message *C.char
		if lib := C.sbOpen(cname, &message); lib != nil {
			libs = append(libs, lib)
		}
		C.free(unsafe.Pointer(message))
		C.free(unsafe.Pointer(cname))
	}
	return libs
}

// loaderMessage takes over a C message and drops the library's name, which dlerror repeats.
func loaderMessage(name string, message *C.char) string {
	s := C.GoString(message)
	C.free(unsafe.Pointer(message))
	return strings.TrimPrefix(s, name+": ")
}

// devices lists the EGL devices, or the surfaceless platform where there is none.
func (p *eglProvider) devices() ([]deviceInfo, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer restoreFloatState()
	lib, err := p.load()
	if err != nil {
		return nil, err
	}
	devs, deviceErr := p.platformDevices(lib)
	if len(devs) > 0 {
		return devs, nil
	}
	surfaceless, surfacelessErr := p.surfaceless(lib)
	if surfacelessErr != nil {
		return nil, &unavailableError{why: lib.name, tried: []attempt{
			{"the device platform", deviceErr},
			{"the surfaceless platform", surfacelessErr},
		}}
	}
	return []deviceInfo{surfaceless}, nil
}

// platformDevices lists the devices of EGL_EXT_device_enumeration.
func (p *eglProvider) platformDevices(lib *eglLibrary) ([]deviceInfo, error) {
	if !lib.extensions.has("EGL_EXT_platform_device") || !lib.extensions.has("EGL_EXT_platform_base") {
		return nil, errors.New("not offered: no EGL_EXT_platform_device")
	}
	if !lib.extensions.has("EGL_EXT_device_enumeration") && !lib.extensions.has("EGL_EXT_device_base") {
		return nil, errors.New("not offered: no EGL_EXT_device_enumeration")
	}
	var handles [64]C.sbHandle
	n := C.sbEGLQueryDevices(lib.egl, &handles[0], C.eglInt(len(handles)))
	if n < 0 {
		return nil, fmt.Errorf("eglQueryDevicesEXT: %w", p.lastError(lib))
	}
	if n == 0 {
		return nil, errors.New("no device, or no driver for any")
	}
	var devs []deviceInfo
	for _, h := range handles[:n] {
		// A name may be asked for only under the extension that defines it; else the error would stay behind.
		text := func(extension string, name C.eglInt, in extensionSet) string {
			if !in.has(extension) {
				return ""
			}
			return C.GoString(C.sbEGLQueryDeviceString(lib.egl, h, name))
		}
		ext := newExtensionSet(C.GoString(C.sbEGLQueryDeviceString(lib.egl, h, eglExtensions)))
		renderer := text("EGL_EXT_device_query_name", eglRendererName, ext)
		devs = append(devs, deviceInfo{
			provider: p,
			handle:   uintptr(h),
			kind:     kindEGLDevice,
			vendor:   text("EGL_EXT_device_query_name", eglVendor, ext),
			renderer: renderer,
			node:     text("EGL_EXT_device_drm", eglDRMDeviceFile, ext),
			software: ext.has("EGL_MESA_device_software") || isSoftware(renderer),
		})
	}
	C.sbEGLGetError(lib.egl) // a driver's complaint about a name it lacks must not be taken for a later call's
	return devs, nil
}

// surfaceless is the one device of EGL_MESA_platform_surfaceless: whatever Mesa picks.
func (p *eglProvider) surfaceless(lib *eglLibrary) (deviceInfo, error) {
	if !lib.extensions.has("EGL_MESA_platform_surfaceless") || !lib.extensions.has("EGL_EXT_platform_base") {
		return deviceInfo{}, errors.New("not offered: no EGL_MESA_platform_surfaceless")
	}
	return deviceInfo{provider: p, kind: kindEGLSurfaceless}, nil
}

// lastResort adds the surfaceless platform for when none of the listed devices opens.
func (p *eglProvider) lastResort() (deviceInfo, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lib, err := p.load()
	if err != nil {
		return deviceInfo{}, false
	}
	d, err := p.surfaceless(lib)
	return d, err == nil
}

// eglContext is a context that is current on the thread that opened it.
type eglContext struct {
	p       *eglProvider
	lib     *eglLibrary
	display C.sbHandle
	surface C.sbHandle // 0 with EGL_KHR_surfaceless_context
	context C.sbHandle
}

// open creates a context on the device, with robustness where it is offered, and makes it current.
func (p *eglProvider) open(d deviceInfo) (glContext, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer restoreFloatState()
	lib, err := p.load()
	if err != nil {
		return nil, err
	}
	platform := C.eglEnum(eglPlatformDevice)
	if d.kind == kindEGLSurfaceless {
		platform = eglPlatformSurfaceless
	}
	display := C.sbEGLPlatformDisplay(lib.egl, platform, C.sbHandle(d.handle))
	if display == 0 {
		return nil, fmt.Errorf("eglGetPlatformDisplay: %w", p.lastError(lib))
	}
	var major, minor C.eglInt
	if C.sbEGLInitialize(lib.egl, display, &major, &minor) == 0 {
		return nil, fmt.Errorf("eglInitialize: %w", p.lastError(lib))
	}
	p.displays[display]++
	c := &eglContext{p: p, lib: lib, display: display}
	if err := c.create(int(major)*10 + int(minor)); err != nil {
		return nil, joinErrors(err, c.release())
	}
	return c, nil
}

// create makes the context, the surface where one is needed, and makes both current. version is EGL's, as 14 or 15.
func (c *eglContext) create(version int) error {
	egl := c.lib.egl
	extensions := newExtensionSet(C.GoString(C.sbEGLQueryString(egl, c.display, eglExtensions)))
	if version < 15 && !extensions.has("EGL_KHR_create_context") {
		return errors.New("the display offers no core contexts: no EGL_KHR_create_context")
	}
	if C.sbEGLBindAPI(egl, eglOpenGLAPI) == 0 {
		return fmt.Errorf("eglBindAPI(EGL_OPENGL_API): %w", c.p.lastError(c.lib))
	}
	needSurface := !extensions.has("EGL_KHR_surfaceless_context")
	config, err := c.config(extensions, needSurface)
	if err != nil {
		return err
	}

	var refused error
	for _, attribs := range contextAttributes(version, extensions) {
		c.context = C.sbEGLCreateContext(egl, c.display, config, &attribs[0])
		if c.context != 0 {
			break
		}
		refused = fmt.Errorf("eglCreateContext for OpenGL 4.3 core: %w", c.p.lastError(c.lib))
	}
	if c.context == 0 {
		return refused
	}
	if needSurface {
		attribs := []C.eglInt{eglWidth, 1, eglHeight, 1, eglNone}
		c.surface = C.sbEGLCreatePbuffer(egl, c.display, config, &attribs[0])
		if c.surface == 0 {
			return fmt.Errorf("eglCreatePbufferSurface: %w", c.p.lastError(c.lib))
		}
	}
	if C.sbEGLMakeCurrent(egl, c.display, c.surface, c.context) == 0 {
		return fmt.Errorf("eglMakeCurrent: %w", c.p.lastError(c.lib))
	}
	return nil
}

// config picks any framebuffer configuration that OpenGL can use; compute shaders draw nothing.
func (c *eglContext) config(extensions extensionSet, needSurface bool) (C.sbHandle, error) {
	surfaceTypes := []C.eglInt{eglPbufferBit, 0}
	if needSurface {
		surfaceTypes = surfaceTypes[:1]
	}
	for _, surfaceType := range surfaceTypes {
		attribs := []C.eglInt{eglSurfaceType, surfaceType, eglRenderableType, eglOpenGLBit, eglNone}
		var config C.sbHandle
		if C.sbEGLChooseConfig(c.lib.egl, c.display, &attribs[0], &config) != 0 {
			return config, nil
		}
	}
	if !needSurface && (extensions.has("EGL_KHR_no_config_context") || extensions.has("EGL_MESA_configless_context")) {
		return 0, nil // EGL_NO_CONFIG_KHR
	}
	return 0, fmt.Errorf("eglChooseConfig: no configuration for OpenGL: %w", c.p.lastError(c.lib))
}

// contextAttributes lists what to ask for, best first: with robustness, else without; 4.5, else 4.4, else 4.3. A driver
// may answer a request with any later version that is compatible.
func contextAttributes(version int, extensions extensionSet) [][]C.eglInt {
	var robust [][]C.eglInt
	if version >= 15 {
		robust = append(robust, []C.eglInt{eglContextRobustAccess, 1, eglContextResetStrategy, eglLoseContextOnReset})
	}
	if extensions.has("EGL_EXT_create_context_robustness") {
		robust = append(robust, []C.eglInt{eglContextRobustAccessEXT, 1, eglContextResetStratEXT, eglLoseContextOnReset})
	}
	if extensions.has("EGL_KHR_create_context") {
		robust = append(robust, []C.eglInt{
			eglContextFlagsKHR, eglContextFlagRobustKHR, eglContextResetStrategy, eglLoseContextOnReset})
	}
	robust = append(robust, nil)

	var all [][]C.eglInt
	for _, r := range robust {
		for _, minor := range []C.eglInt{5, 4, 3} {
			a := []C.eglInt{eglContextMajor, 4, eglContextMinor, minor, eglContextProfileMask, eglContextCoreProfile}
			all = append(all, append(append(a, r...), eglNone))
		}
	}
	return all
}

func (c *eglContext) loader() string { return c.lib.name }

func (c *eglContext) getProcAddress(name string) unsafe.Pointer {
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	for _, lib := range c.lib.core {
		if p := C.sbSymbol(lib, cname); p != nil {
			return p
		}
	}
	return C.sbEGLProcAddress(c.lib.egl, cname)
}

func (c *eglContext) destroy() error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	defer restoreFloatState()
	return c.release()
}

// release undoes open as far as it came; the caller holds the provider's lock. The display is terminated with its last
// context: until then its device memory would stay allocated.
func (c *eglContext) release() error {
	egl := c.lib.egl
	var errs []error
	check := func(ok C.int, call string) {
		if ok == 0 {
			errs = append(errs, fmt.Errorf("%s: %w", call, c.p.lastError(c.lib)))
		}
	}
	if c.context != 0 {
		check(C.sbEGLMakeCurrent(egl, c.display, 0, 0), "eglMakeCurrent")
		check(C.sbEGLDestroyContext(egl, c.display, c.context), "eglDestroyContext")
	}
	if c.surface != 0 {
		check(C.sbEGLDestroySurface(egl, c.display, c.surface), "eglDestroySurface")
	}
	c.p.displays[c.display]--
	if c.p.displays[c.display] == 0 {
		delete(c.p.displays, c.display)
		check(C.sbEGLTerminate(egl, c.display), "eglTerminate")
	}
	C.sbEGLReleaseThread(egl)
	return joinErrors(errs...)
}

// eglError is a code of eglGetError.
type eglError C.eglInt

func (e eglError) Error() string {
	names := []string{"EGL_SUCCESS", "EGL_NOT_INITIALIZED", "EGL_BAD_ACCESS", "EGL_BAD_ALLOC", "EGL_BAD_ATTRIBUTE",
		"EGL_BAD_CONFIG", "EGL_BAD_CONTEXT", "EGL_BAD_CURRENT_SURFACE", "EGL_BAD_DISPLAY", "EGL_BAD_MATCH",
		"EGL_BAD_NATIVE_PIXMAP", "EGL_BAD_NATIVE_WINDOW", "EGL_BAD_PARAMETER", "EGL_BAD_SURFACE", "EGL_CONTEXT_LOST"}
	const first = 0x3000
	if i := int(e) - first; i >= 0 && i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("EGL error %#x", int(e))
}

// lastError reads and clears the calling thread's EGL error.
func (p *eglProvider) lastError(lib *eglLibrary) error { return eglError(C.sbEGLGetError(lib.egl)) }
