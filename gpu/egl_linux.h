// The part of EGL that opens an OpenGL context without a window, by function pointers from a library opened at run
// time. The types and numbers are those of Khronos' egl.h and eglext.h, repeated here so that no EGL header is needed.
#ifndef SAMEBITS_EGL_H
#define SAMEBITS_EGL_H

#include <stdint.h>

typedef int eglInt;
typedef unsigned eglEnum;

typedef struct {
	void *library;

	void *(*getProcAddress)(const char *);
	const char *(*queryString)(void *dpy, eglInt name);
	eglInt (*getError)(void);
	unsigned (*initialize)(void *dpy, eglInt *major, eglInt *minor);
	unsigned (*terminate)(void *dpy);
	unsigned (*bindAPI)(eglEnum api);
	unsigned (*chooseConfig)(void *dpy, const eglInt *attribs, void **configs, eglInt size, eglInt *n);
	void *(*createContext)(void *dpy, void *config, void *share, const eglInt *attribs);
	unsigned (*destroyContext)(void *dpy, void *ctx);
	void *(*createPbufferSurface)(void *dpy, void *config, const eglInt *attribs);
	unsigned (*destroySurface)(void *dpy, void *surface);
	unsigned (*makeCurrent)(void *dpy, void *draw, void *read, void *ctx);
	unsigned (*releaseThread)(void);

	// Extensions; NULL where the library has no such name.
	void *(*getPlatformDisplayEXT)(eglEnum platform, void *native, const eglInt *attribs);
	unsigned (*queryDevicesEXT)(eglInt max, void **devices, eglInt *n);
	const char *(*queryDeviceStringEXT)(void *device, eglInt name);
} sbEGL;

// sbHandle is an EGL handle as an integer: some implementations hand out small numbers, which a Go pointer must not hold.
typedef uintptr_t sbHandle;

// sbEGLOpen opens a library by name. It returns NULL and a message, to be freed by the caller, on failure.
sbEGL *sbEGLOpen(const char *name, char **message);

const char *sbEGLQueryString(sbEGL *e, sbHandle dpy, eglInt name);
eglInt sbEGLGetError(sbEGL *e);
sbHandle sbEGLPlatformDisplay(sbEGL *e, eglEnum platform, sbHandle native);
eglInt sbEGLQueryDevices(sbEGL *e, sbHandle *devices, eglInt max);
const char *sbEGLQueryDeviceString(sbEGL *e, sbHandle device, eglInt name);
int sbEGLInitialize(sbEGL *e, sbHandle dpy, eglInt *major, eglInt *minor);
int sbEGLTerminate(sbEGL *e, sbHandle dpy);
int sbEGLBindAPI(sbEGL *e, eglEnum api);
int sbEGLChooseConfig(sbEGL *e, sbHandle dpy, const eglInt *attribs, sbHandle *config);
sbHandle sbEGLCreateContext(sbEGL *e, sbHandle dpy, sbHandle config, const eglInt *attribs);
int sbEGLDestroyContext(sbEGL *e, sbHandle dpy, sbHandle ctx);
sbHandle sbEGLCreatePbuffer(sbEGL *e, sbHandle dpy, sbHandle config, const eglInt *attribs);
int sbEGLDestroySurface(sbEGL *e, sbHandle dpy, sbHandle surface);
int sbEGLMakeCurrent(sbEGL *e, sbHandle dpy, sbHandle surface, sbHandle ctx);
int sbEGLReleaseThread(sbEGL *e);
void *sbEGLProcAddress(sbEGL *e, const char *name);

// sbOpen and sbSymbol are dlopen and dlsym; sbOpen's message as above.
void *sbOpen(const char *name, char **message);
void *sbSymbol(void *library, const char *name);

#endif
