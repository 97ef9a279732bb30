//go:build gl && cgo

package gpu

// go-gl links libGL for one symbol, glXGetProcAddress, which would make every program that holds this package need
// libGL (and, through it, libX11) to start. A hidden definition here satisfies the reference first, and --as-needed then
// leaves libGL out of the program. Both must stand in the package that imports go-gl: the flags of a package come
// before those of what it imports, and --as-needed acts on the libraries after it.

/*
#cgo linux LDFLAGS: -Wl,--as-needed -ldl

#include <dlfcn.h>
#include <stddef.h>

typedef void (*sbProc)(void);

// As GLX defines it, for whoever calls go-gl's own Init; NULL where there is no libGL.
__attribute__((visibility("hidden"))) sbProc glXGetProcAddress(const unsigned char *name) {
	static sbProc (*real)(const unsigned char *);
	if (real == NULL) {
		void *libGL = dlopen("libGL.so.1", RTLD_LAZY | RTLD_LOCAL);
		if (libGL != NULL) {
			*(void **)&real = dlsym(libGL, "glXGetProcAddress");
		}
	}
	return real != NULL ? real(name) : NULL;
}
*/
import "C"
