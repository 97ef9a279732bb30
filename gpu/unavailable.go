//go:build !(gl && cgo)

package gpu

import (
	"context"
	"fmt"

	"samebits/backend"
)

// notBuilt is why this build has no OpenGL, and what changes that.
const notBuilt = noOpenGL + ": this program was built without it; `make` builds it in where gcc, pkg-config and libgl-dev are installed (`make deps`)"

func init() {
	backend.Register("gl", absent{}, backend.Traits{Accelerator: true})
}

// absent stands in for the OpenGL devices in a build without them, so that "gl" is a known name that says why it
// cannot be opened.
type absent struct{}

// Devices implements backend.Backend.
func (absent) Devices(context.Context, backend.Config) []backend.Info {
	return []backend.Info{{Name: "gl", Kind: "gl", Reason: notBuilt, Limits: map[string]int64{}}}
}

// Open implements backend.Backend.
func (absent) Open(context.Context, int, backend.Config) (backend.Driver, error) {
	return nil, fmt.Errorf("%s: %w", notBuilt, backend.ErrUnavailable)
}
