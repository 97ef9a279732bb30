//go:build !amd64

package cpu

func flushing(f func()) { f() }
