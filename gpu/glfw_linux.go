//go:build gl && cgo && glfw

package gpu

import (
	"errors"
	"os"
)

// displayServer says why there is none, if there is none.
func displayServer() error {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return errors.New("no display server: neither DISPLAY nor WAYLAND_DISPLAY is set")
	}
	return nil
}
