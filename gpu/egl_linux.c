//go:build gl && cgo

#include "egl_linux.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *sbOpen(const char *name, char **message) {
	// Never closed: drivers leave thread-local destructors behind that must stay mapped.
	void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	if (library == NULL) {
		const char *why = dlerror();
		*message = strdup(why != NULL ? why : "cannot be opened");
	}
	return library;
}

void *sbSymbol(void *library, const char *name) { return dlsym(library, name); }

sbEGL *sbEGLOpen(const char *name, char **message) {
	void *library = sbOpen(name, message);
	if (library == NULL) {
		return NULL;
	}
	sbEGL *e = calloc(1, sizeof *e);
	if (e == NULL) {
		*message = strdup("out of memory");
		return NULL;
	}
	e->library = library;

	struct {
		const char *name;
		void *slot;
	} core[] = {
		{"eglGetProcAddress", &e->getProcAddress},
		{"eglQueryString", &e->queryString},
		{"eglGetError", &e->getError},
		{"eglInitialize", &e->initialize},
		{"eglTerminate", &e->terminate},
		{"eglBindAPI", &e->bindAPI},
		{"eglChooseConfig", &e->chooseConfig},
		{"eglCreateContext", &e->createContext},
		{"eglDestroyContext", &e->destroyContext},
		{"eglCreatePbufferSurface", &e->createPbufferSurface},
		{"eglDestroySurface", &e->destroySurface},
		{"eglMakeCurrent", &e->makeCurrent},
		{"eglReleaseThread", &e->releaseThread},
	};
	for (size_t i = 0; i < sizeof core / sizeof core[0]; i++) {
		void *p = dlsym(library, core[i].name);
		if (p == NULL) {
			char text[80];
			snprintf(text, sizeof text, "has no %s", core[i].name);
			*message = strdup(text);
			free(e);
			return NULL;
		}
		memcpy(core[i].slot, &p, sizeof p);
	}

	// Extension functions are not exported; the caller asks the extension list before it uses them.
	struct {
		const char *name;
		void *slot;
	} extension[] = {
		{"eglGetPlatformDisplayEXT", &e->getPlatformDisplayEXT},
		{"eglQueryDevicesEXT", &e->queryDevicesEXT},
		{"eglQueryDeviceStringEXT", &e->queryDeviceStringEXT},
	};
	for (size_t i = 0; i < sizeof extension / sizeof extension[0]; i++) {
		void *p = e->getProcAddress(extension[i].name);
		memcpy(extension[i].slot, &p, sizeof p);
	}
	return e;
}

const char *sbEGLQueryString(sbEGL *e, sbHandle dpy, eglInt name) { return e->queryString((void *)dpy, name); }
eglInt sbEGLGetError(sbEGL *e) { return e->getError(); }

sbHandle sbEGLPlatformDisplay(sbEGL *e, eglEnum platform, sbHandle native) {
	return e->getPlatformDisplayEXT != NULL ? (sbHandle)e->getPlatformDisplayEXT(platform, (void *)native, NULL) : 0;
}

eglInt sbEGLQueryDevices(sbEGL *e, sbHandle *devices, eglInt max) {
	eglInt n = 0;
	if (e->queryDevicesEXT == NULL || !e->queryDevicesEXT(max, (void **)devices, &n)) {
		return -1;
	}
	return n;
}

const char *sbEGLQueryDeviceString(sbEGL *e, sbHandle device, eglInt name) {
	return e->queryDeviceStringEXT != NULL ? e->queryDeviceStringEXT((void *)device, name) : NULL;
}

int sbEGLInitialize(sbEGL *e, sbHandle dpy, eglInt *major, eglInt *minor) {
	return (int)e->initialize((void *)dpy, major, minor);
}

int sbEGLTerminate(sbEGL *e, sbHandle dpy) { return (int)e->terminate((void *)dpy); }
int sbEGLBindAPI(sbEGL *e, eglEnum api) { return (int)e->bindAPI(api); }

int sbEGLChooseConfig(sbEGL *e, sbHandle dpy, const eglInt *attribs, sbHandle *config) {
	eglInt n = 0;
	return e->chooseConfig((void *)dpy, attribs, (void **)config, 1, &n) && n > 0;
}

sbHandle sbEGLCreateContext(sbEGL *e, sbHandle dpy, sbHandle config, const eglInt *attribs) {
	return (sbHandle)e->createContext((void *)dpy, (void *)config, NULL, attribs);
}

int sbEGLDestroyContext(sbEGL *e, sbHandle dpy, sbHandle ctx) { return (int)e->destroyContext((void *)dpy, (void *)ctx); }

sbHandle sbEGLCreatePbuffer(sbEGL *e, sbHandle dpy, sbHandle config, const eglInt *attribs) {
	return (sbHandle)e->createPbufferSurface((void *)dpy, (void *)config, attribs);
}

int sbEGLDestroySurface(sbEGL *e, sbHandle dpy, sbHandle surface) {
	return (int)e->destroySurface((void *)dpy, (void *)surface);
}

int sbEGLMakeCurrent(sbEGL *e, sbHandle dpy, sbHandle surface, sbHandle ctx) {
	return (int)e->makeCurrent((void *)dpy, (void *)surface, (void *)surface, (void *)ctx);
}

int sbEGLReleaseThread(sbEGL *e) { return (int)e->releaseThread(); }
void *sbEGLProcAddress(sbEGL *e, const char *name) { return e->getProcAddress(name); }
