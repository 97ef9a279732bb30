//go:build !(gl && cgo)

package main

// withOpenGL says whether this program was built with the OpenGL backend.
const withOpenGL = false
