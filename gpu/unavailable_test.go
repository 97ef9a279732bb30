//go:build !(gl && cgo)

package gpu

import (
	"context"
	"errors"
	"strings"
	"testing"

	"samebits/backend"
)

// A build without OpenGL names the backend, says why it cannot be opened and what changes that.
func TestBuildWithoutOpenGLSaysSo(t *testing.T) {
	ctx := context.Background()
	infos := absent{}.Devices(ctx, backend.Config{})
	if len(infos) != 1 || infos[0].Kind != "gl" || infos[0].Usable || infos[0].Profile != nil || infos[0].Limits == nil {
		t.Errorf("devices: %+v", infos)
	}
	_, err := backend.Open(ctx, "gl", backend.Config{})
	if !errors.Is(err, backend.ErrUnavailable) {
		t.Fatalf("open: %v", err)
	}
	for _, text := range []string{infos[0].Reason, err.Error()} {
		if !strings.Contains(text, "no OpenGL") || !strings.Contains(text, "`make`") || strings.Contains(text, "\n") {
			t.Errorf("%q does not say what is missing", text)
		}
	}
}
