//go:build gl && cgo && linux && glfw

package gpu

import (
	"errors"
	"os"
	"strings"
	"testing"

	"samebits/backend"
)

func openGLFW() (*thread, *contextInfo, error) {
	for _, p := range providers {
		if g, ok := p.(*glfwProvider); ok {
			return openDevice(deviceInfo{provider: g, kind: kindGLFW})
		}
	}
	return nil, nil, errors.New("no GLFW provider is registered")
}

func TestGLFWContextOpens(t *testing.T) {
	if os.Getenv("DISPLAY") == "" {
		noGL(t, "DISPLAY is not set; run under xvfb-run")
	}
	for i := 0; i < 5; i++ {
		a, infoA, err := openGLFW()
		if err != nil {
			t.Fatal(err)
		}
		b, infoB, err := openGLFW()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			t.Logf("%s: OpenGL %d.%d on %s (reports resets %v)", infoA.device, infoA.major, infoA.minor, infoA.renderer,
				infoA.losesContext)
		}
		checkContext(t, a, infoA)
		if err := a.close(); err != nil {
			t.Error(err)
		}
		checkContext(t, b, infoB)
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestGLFWBesideEGL(t *testing.T) {
	if os.Getenv("DISPLAY") == "" {
		noGL(t, "DISPLAY is not set; run under xvfb-run")
	}
	window, windowInfo, err := openGLFW()
	if err != nil {
		t.Fatal(err)
	}
	defer window.close()
	offscreen, offscreenInfo := openEGL(t, kindEGLDevice)
	defer offscreen.close()
	checkContext(t, window, windowInfo)
	checkContext(t, offscreen, offscreenInfo)
}

func TestGLFWWithoutDisplay(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	_, _, err := openGLFW()
	if !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), "DISPLAY") {
		t.Errorf("no display: %v", err)
	}
	// A display that no server answers at: Init reports success there too.
	t.Setenv("DISPLAY", ":9876")
	_, _, err = openGLFW()
	if !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("an unreachable display: %v", err)
	}
}
