//go:build !linux

package main

// ownSeconds is known on Linux alone, as is the use of all processors.
func ownSeconds() (seconds float64, known bool) { return 0, false }
