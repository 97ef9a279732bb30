//go:build !amd64

package cpu

// soundly runs f; see fpenv_amd64.go.
func soundly(f func()) { f() }
