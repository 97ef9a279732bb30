//go:build !amd64

package cpu

// sound says that the thread computes as it must; see fpenv_amd64.go.
func sound() bool { return true }

// soundly runs f; see fpenv_amd64.go.
func soundly(f func()) { f() }
