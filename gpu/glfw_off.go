//go:build gl && cgo && !windows && !glfw

package gpu

// builtWithGLFW says whether the GLFW provider, and on Linux its link to libX11, is part of this build.
const builtWithGLFW = false
