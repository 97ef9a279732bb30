//go:build !amd64

package cpu

// settle prepares the thread for computing; see fpenv_amd64.go. Elsewhere no
// library is known to change the mode.
func settle() uint32 { return 0 }

// unsettle undoes settle.
func unsettle(uint32) {}
